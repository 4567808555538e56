// Leaks: neither the engine nor JavaScript keeps anything of 100 000 connections or 100 000 events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { folder, run } from "./support.mjs";

// Runs in a separate process, in which the test can trigger garbage collection.
const PROGRAM = `
  const { once } = require("node:events");
  const { Worker } = require("node:worker_threads");
  const path = require("node:os").tmpdir() + "/bellwire-" + process.pid;
  const io = new Server({ engine: { maxPendingAcks: 200_000 } }).listen(path);
  const count = { made: 0, freed: 0 };
  const registry = new FinalizationRegistry(() => count.freed++);
  const watch = (object) => {
    count.made++;
    registry.register(object);
  };
  io.use((socket, next) => {
    watch(socket);
    next(socket.handshake.auth.no ? new Error("no") : undefined);
  });
  io.on("connection", (socket) => {
    watch(socket.conn);
    socket.join("room");
    socket.on("x", (data, ack) => {
      watch(data);
      ack(data);
      socket.emitWithAck("never answered");
    });
  });
  // The objects that the engine and the JavaScript classes still hold.
  const left = () => [io.engine.clientsCount, io.engine.stat("known_sockets"), io.engine.stat("known_connections"),
    io.engine.stat("known_questions"), io.sockets.sockets.size, io.of("/").adapter.rooms.size,
    io._dispatcher.connections.size, io._dispatcher.operations.size].join();
  const settled = async () => {
    for (let i = 0; i < 2000 && !(count.freed === count.made && left() === "0,0,0,0,0,0,0,0"); i++) {
      gc();
      // Sockets that the engine has dropped are released in the next drain.
      io._dispatcher.drain();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return [count.made, count.freed, left()].join(" ");
  };
  // The minimum of several measurements, because V8's own memory, such as compiled code, varies.
  const heap = async () => {
    let least = Infinity;
    for (let i = 0; i < 5; i++) {
      gc();
      least = Math.min(least, process.memoryUsage().heapUsed);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return least;
  };
  const visitors = async (total) => {
    const worker = new Worker(${JSON.stringify(`${folder}test/visitors.cjs`)}, { workerData: { path, total } });
    await once(worker, "exit");
  };
`;

test("100 000 connections leave nothing behind", async () => {
  const { code, out, err } = await run(
    `${PROGRAM}
    (async () => {
      await visitors(2000);
      await settled();
      const before = await heap();
      count.made = count.freed = 0;
      await visitors(100_000);
      console.log(await settled());
      const grown = (await heap()) - before;
      // V8's own memory varies by about 2 MB; leaking the smallest object per connection would exceed this limit.
      console.log(grown < 4_000_000 ? "no larger" : "larger by " + grown);
      io.close();
    })();`,
    { args: ["--expose-gc"] },
  );
  // One socket per client; for the nine in ten that are accepted, also a connection and an argument.
  assert.deepEqual([code, out, err], [0, "280000 280000 0,0,0,0,0,0,0,0\nno larger\n", ""]);
});

test("100 000 events leave nothing behind", async () => {
  const { code, out, err } = await run(
    `${PROGRAM}
    const c = connect("ws://localhost", { agent: new (require("node:http").Agent)({ socketPath: path }), transports: ["websocket"] });
    (async () => {
      await once(io, "connection");
      for (let round = 0; round < 100; round++) {
        for (let i = 1; i < 1000; i++) c.emit("x", { i, text: "some text" }, () => {});
        await c.emitWithAck("x", { round });
      }
      c.disconnect();
      console.log(await settled());
      io.close();
    })();`,
    { args: ["--expose-gc"] },
  );
  // A socket, a connection, and the arguments.
  assert.deepEqual([code, out, err], [0, "100002 100002 0,0,0,0,0,0,0,0\n", ""]);
});
