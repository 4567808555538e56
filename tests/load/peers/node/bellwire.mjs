// The load tests' server on Bellwire's package for Node: `node bellwire.mjs [--port N] [--threads N]`.
// What the events do is written down in `tests/load/README.md`; every peer does the same.

import { parseArgs } from "node:util";
import { Server } from "../../../../bindings/node/lib/wrapper.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    threads: { type: "string", default: "1" },
  },
});

const io = new Server({ host: "127.0.0.1", engine: { workerThreads: Number(values.threads) } });

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

io.listen(Number(values.port));
console.log(`listening on ${io.httpServer.address().port}`);

// The process ends when the process that started it has ended.
process.stdin.resume().on("close", () => process.exit(0));
