// The event handlers of the echo server for one namespace.

const ROOM_CHANGES = ["create-room", "join-room", "leave-room", "delete-room"];

export function serveNamespace(io, name, log) {
  const nsp = io.of(name);
  if (name === "/auth") nsp.use(admit);
  for (const change of ROOM_CHANGES) nsp.adapter.on(change, (...words) => log.add(change, name, ...words));
  let onceHandled = false;
  nsp.on("connection", (socket) => {
    logSocket(nsp, socket, log);
    if (name !== "/plain") checkPackets(nsp, socket, log);
    countEvents(nsp, socket);
    socket.emit("auth", socket.handshake.auth);
    echoMessages(socket);
    manageRooms(nsp, socket);
    broadcast(nsp, socket);
    tellAboutItself(io, nsp, socket, log);
    socket.on("once-event", (...args) => {
      if (!onceHandled) socket.emit("once-back", ...args);
      onceHandled = true;
    });
  });
}

function admit(socket, next) {
  const { token } = socket.handshake.auth;
  if (token === "secret") next();
  else if (token === "later") setTimeout(next, 50);
  else if (token !== "never") next(Object.assign(new Error("unauthorized"), { data: { code: 4001 } }));
}

function logSocket(nsp, socket, log) {
  log.add("connection", nsp.name, socket.id);
  socket.on("disconnecting", (reason) => {
    log.add("disconnecting", nsp.name, socket.id, reason, [...socket.rooms].sort().join(","));
  });
  socket.on("disconnect", (reason) => log.add("disconnect", nsp.name, socket.id, reason));
  socket.conn.on("dropped", () => log.add("dropped", nsp.name, socket.id));
  socket.conn.on("upgrade", ({ name }) => log.add("upgrade", socket.id, name));
}

function checkPackets(nsp, socket, log) {
  socket.use(([event], next) => {
    if (event === "forbidden") {
      log.add("forbidden", nsp.name, socket.id);
      next(new Error("forbidden"));
    } else if (event === "held") setTimeout(next, 50);
    else next();
  });
}

function countEvents(nsp, socket) {
  let received = 0;
  let sent = 0;
  if (nsp.name === "/") {
    socket.onAny(() => received++);
    socket.onAnyOutgoing(() => sent++);
  }
  socket.on("any-count", (ack) => ack(received));
  socket.on("outgoing-count", (ack) => ack(sent));
}

function echoMessages(socket) {
  socket.on("message", (...args) => {
    if (typeof args.at(-1) === "function") args.pop();
    socket.emit("message-back", ...args);
  });
  socket.on("message-with-ack", (...args) => args.pop()(...args));
  socket.on("message-with-bytes", (...args) => socket.emit("message-with-bytes-back", ...args, Buffer.from([1, 2, 3])));
  socket.on("held", (x) => socket.emit("held-back", x));
  socket.on("volatile-many", (n) => {
    for (let i = 0; i < n; i++) socket.volatile.emit("volatile", i);
    socket.emit("volatile-done");
  });
  socket.on("call", (timeout, ...rest) => {
    const ack = rest.pop();
    if (timeout === 0) socket.emit("question", ...rest, (...reply) => ack("ok", reply));
    else socket.timeout(timeout).emit("question", ...rest, (error, ...reply) => ack(error ? "timeout" : "ok", reply));
  });
}

function manageRooms(nsp, socket) {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    ack();
  });
  socket.on("rooms", (ack) => ack([...socket.rooms].sort()));
  socket.on("set-data", (data, ack) => {
    socket.data = data;
    ack();
  });
  socket.on("fetch", async (to, ack) => {
    const found = await audience(nsp, socket, to).fetchSockets();
    const described = found.map(({ id, rooms, data }) => ({ id, rooms: [...rooms].sort(), data }));
    ack(described.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
}

function broadcast(nsp, socket) {
  socket.on("broadcast", (to, ...payload) => audience(nsp, socket, to).emit("broadcast", ...payload));
  socket.on("broadcast-ack", (to, payload, ack) => {
    const answered = (error, replies) => ack(error ? "timeout" : "ok", replies);
    audience(nsp, socket, to).timeout(to.timeout).emit("question", payload, answered);
  });
  socket.on("sockets-join", (to, room, ack) => {
    audience(nsp, socket, to).socketsJoin(room);
    ack();
  });
  socket.on("sockets-leave", (to, room, ack) => {
    audience(nsp, socket, to).socketsLeave(room);
    ack();
  });
  socket.on("disconnect-sockets", (to, close, ack) => {
    ack();
    audience(nsp, socket, to).disconnectSockets(close);
  });
}

function tellAboutItself(io, nsp, socket, log) {
  socket.on("log", (ack) => ack(log.lines));
  socket.on("transport", (ack) => ack(socket.conn.transport.name));
  socket.on("handshake", (ack) => ack(socket.handshake));
  socket.on("find", (sid, ack) => ack(nsp.sockets.has(sid)));
  socket.on("disconnect-me", (close) => socket.disconnect(close));
  socket.on("stat", (name, ack) => ack(io.engine.stat(name) ?? -1));
  socket.on("block", (ms, ack) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    if (typeof ack === "function") ack();
  });
}

function audience(nsp, socket, { rooms = [], except = [], self = true, volatile = false }) {
  const to = (self ? nsp : socket).to(rooms).except(except);
  return volatile ? to.volatile : to;
}
