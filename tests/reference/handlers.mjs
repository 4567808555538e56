// The events of the echo contract, on every namespace of an official server.

const NAMESPACES = ["/", "/custom", "/auth"];

export function handlers(io, log) {
  for (const name of NAMESPACES) {
    const nsp = io.of(name);
    if (name === "/auth") nsp.use(authenticate);
    for (const change of ["create-room", "join-room", "leave-room", "delete-room"]) {
      nsp.adapter.on(change, (...words) => log.add(change, name, ...words));
    }
    let onceHandled = false;
    nsp.on("connection", (socket) => {
      connection(io, nsp, socket, log);
      socket.on("once-event", (...args) => {
        if (onceHandled) return;
        onceHandled = true;
        socket.emit("once-back", ...args);
      });
    });
  }
}

function authenticate(socket, next) {
  const { token } = socket.handshake.auth;
  if (token === "secret") next();
  else if (token === "later") setTimeout(next, 50);
  else if (token !== "never") {
    const error = new Error("unauthorized");
    error.data = { code: 4001 };
    next(error);
  }
}

function connection(io, nsp, socket, log) {
  const where = [nsp.name, socket.id];
  log.add("connection", ...where);
  socket.on("disconnecting", (reason) => log.add("disconnecting", ...where, reason, [...socket.rooms].sort().join(",")));
  socket.on("disconnect", (reason) => log.add("disconnect", ...where, reason));
  const upgraded = (transport) => log.add("upgrade", socket.id, transport.name);
  socket.conn.on("upgrade", upgraded);

  let received = 0;
  let sent = 0;
  if (nsp.name === "/") {
    socket.onAny(() => received++);
    socket.onAnyOutgoing(() => sent++);
  }
  socket.use(([event], next) => {
    if (event === "forbidden") {
      log.add("forbidden", ...where);
      next(new Error("forbidden"));
    } else if (event === "held") setTimeout(next, 50);
    else next();
  });

  socket.emit("auth", socket.handshake.auth);
  messages(socket);
  rooms(nsp, socket);
  broadcasts(nsp, socket);
  socket.on("any-count", (ack) => ack(received));
  socket.on("outgoing-count", (ack) => ack(sent));
  socket.on("log", (ack) => ack(log.lines));
  socket.on("transport", (ack) => ack(socket.conn.transport.name));
  socket.on("handshake", (ack) => ack(socket.handshake));
  socket.on("find", (sid, ack) => ack(nsp.sockets.has(sid)));
  socket.on("disconnect-me", (close) => socket.disconnect(close));
  socket.on("stat", (name, ack) => ack(stat(io, name)));
  socket.on("block", (ms, ack) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    ack();
  });
}

function messages(socket) {
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
    else {
      socket.timeout(timeout).emit("question", ...rest, (error, ...reply) => ack(error ? "timeout" : "ok", reply));
    }
  });
}

function rooms(nsp, socket) {
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
    const found = await target(nsp, socket, to).fetchSockets();
    const described = found.map(({ id, rooms, data }) => ({ id, rooms: [...rooms].sort(), data }));
    ack(described.sort((a, b) => (a.id < b.id ? -1 : 1)));
  });
}

function broadcasts(nsp, socket) {
  socket.on("broadcast", (to, ...payload) => target(nsp, socket, to).emit("broadcast", ...payload));
  socket.on("broadcast-ack", (to, payload, ack) =>
    target(nsp, socket, to)
      .timeout(to.timeout)
      .emit("question", payload, (error, replies) => ack(error ? "timeout" : "ok", replies)),
  );
  socket.on("sockets-join", (to, room, ack) => {
    target(nsp, socket, to).socketsJoin(room);
    ack();
  });
  socket.on("sockets-leave", (to, room, ack) => {
    target(nsp, socket, to).socketsLeave(room);
    ack();
  });
  socket.on("disconnect-sockets", (to, close, ack) => {
    ack();
    target(nsp, socket, to).disconnectSockets(close);
  });
}

function target(nsp, socket, { rooms = [], except = [], self = true, volatile = false }) {
  let to = (self ? nsp : socket).to(rooms).except(except);
  if (volatile) to = to.volatile;
  return to;
}

function stat(io, name) {
  switch (name) {
    case "clients_count":
      return io.engine.clientsCount;
    case "sockets_count":
      return [...io._nsps.values()].reduce((sum, nsp) => sum + nsp.sockets.size, 0);
    default:
      return -1;
  }
}
