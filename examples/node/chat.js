// The server of a chat with rooms. It also serves the page in examples/chat.
//
//   node chat.js [--port N] [--host H]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Server } from "bellwire";

const { port, host } = parseArgs({
  options: { port: { type: "string", default: "3000" }, host: { type: "string", default: "127.0.0.1" } },
}).values;
const file = (path) => readFileSync(new URL(`../${path}`, import.meta.url));

const io = new Server({ host });
const lines = new Map([
  ["lobby", []],
  ["music", []],
]);

const people = (room) => [...io.sockets.sockets.values()].filter((socket) => socket.data.room === room);

// Sends the size of each room to all clients, and the names of the people in a room to that room.
function show(room) {
  io.emit(
    "rooms",
    [...lines.keys()].map((name) => ({ name, count: people(name).length })),
  );
  if (room !== undefined)
    io.to(room).emit(
      "people",
      people(room)
        .map((socket) => socket.data.name)
        .sort(),
    );
}

io.use((socket, next) => {
  const name = String(socket.handshake.auth.name ?? "")
    .trim()
    .slice(0, 20);
  if (name === "") return next(new Error("name missing"));
  if ([...io.sockets.sockets.values()].some((other) => other.data.name === name)) return next(new Error("name taken"));
  socket.data.name = name;
  next();
});

io.on("connection", (socket) => {
  const { data } = socket;

  socket.on("join", (wanted, ack) => {
    const room = String(wanted).slice(0, 24);
    const before = data.room;
    if (before !== undefined) socket.leave(before);
    if (!lines.has(room)) lines.set(room, []);
    socket.join(room);
    data.room = room;
    if (before !== undefined && before !== room) show(before);
    show(room);
    ack?.({ room, lines: lines.get(room) });
  });

  socket.on("say", (said, ack) => {
    if (data.room === undefined) return;
    const line = { name: data.name, text: String(said?.text).slice(0, 500), picture: said?.picture, at: Date.now() };
    const history = lines.get(data.room);
    history.push(line);
    if (history.length > 50) history.shift();
    io.to(data.room).emit("line", line);
    ack?.();
  });

  socket.on("typing", () => {
    if (data.room !== undefined) socket.volatile.to(data.room).emit("typing", data.name);
  });

  socket.on("disconnect", () => show(data.room));
});

io.serve("/", "text/html; charset=utf-8", file("chat/index.html"));
io.serve("/chat.js", "text/javascript; charset=utf-8", file("chat/chat.js"));
io.serve("/chat.css", "text/css; charset=utf-8", file("chat/chat.css"));
io.serve("/socket.io.js", "text/javascript; charset=utf-8", file("arena/node_modules/socket.io-client/dist/socket.io.min.js"));

io.listen(port);
console.log(`chat on http://${host}:${io.httpServer.address().port}`);
