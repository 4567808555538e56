// The load tests' server on socket.io: `node server.mjs [--port N]`.
// What the events do is written down in `tests/load/README.md`; every peer does the same.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    threads: { type: "string", default: "1" }, // there is one, whatever is asked for
  },
});

const http = createServer();
const io = new Server(http, { serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (x) => socket.emit("echo", x));
  socket.on("ack", (x, ack) => ack(x));
  socket.on("bin", (x) => socket.emit("bin", x));
  socket.on("bcast", (x) => io.emit("bcast", x));
  socket.on("room", (room, x) => io.to(room).emit("room", x));
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack(true);
  });
});

http.listen({ port: Number(values.port), host: "127.0.0.1", backlog: 1024 }, () => {
  console.log(`listening on ${http.address().port}`);
});

// The process ends when the process that started it has ended.
process.stdin.resume().on("close", () => process.exit(0));
