// The process of a server: when it ends, the effect of exceptions, blocked and terminated threads, and leaks.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { eventually, folder, run, serve } from "./support.mjs";

test("a process ends after close, and not before", async () => {
  const { code, out, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1" });
    setTimeout(() => { console.log("still here"); io.close(() => console.log("closed")); }, 100).unref();
  `);
  assert.deepEqual([code, out, err], [0, "still here\nclosed\n", ""]);
});

test("a server that does not listen keeps nothing alive", async () => {
  const { code, err } = await run(`new Server().on("connection", () => {});`);
  assert.deepEqual([code, err], [0, ""]);
});

test("a listening server stays alive without references to it", async () => {
  const { out } = await run(
    `
    function listen() {
      const io = new Server(0, { host: "127.0.0.1" });
      io.on("connection", (socket) => socket.emit("hi"));
      return io.httpServer.address().port;
    }
    const port = listen();
    setTimeout(() => {
      gc();
      const c = connect("http://127.0.0.1:" + port, { transports: ["websocket"] });
      c.on("hi", () => { console.log("hi"); process.exit(0); });
    }, 10);
  `,
    { args: ["--expose-gc"] },
  );
  assert.equal(out, "hi\n");
});

test("SIGINT and SIGTERM end the process", async () => {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    const ended = await run(`new Server(0, { host: "127.0.0.1" }); console.log("ready");`, { signal });
    assert.equal(ended.signal, signal);
  }
});

test("process.exit() under load ends cleanly", async () => {
  const { code, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1" });
    let count = 0;
    io.on("connection", (socket) => socket.on("x", () => { socket.emit("y"); if (++count === 1000) process.exit(7); }));
    const c = client(io);
    c.on("connect", () => { for (let i = 0; i < 2000; i++) c.emit("x"); });
  `);
  assert.deepEqual([code, err], [7, ""]);
});

test("an exception of one handler does not lose the next event", async () => {
  const { code, out, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1" });
    const errors = [];
    process.on("uncaughtException", (error) => errors.push(error.message));
    io.on("connection", (socket) => {
      socket.on("throw", (n) => { throw new Error("number " + n); });
      socket.on("end", (ack) => ack());
    });
    const c = client(io);
    for (let i = 0; i < 3; i++) c.emit("throw", i);
    c.emit("end", () => { console.log(errors.join()); c.disconnect(); io.close(); });
  `);
  assert.deepEqual([code, out, err], [0, "number 0,number 1,number 2\n", ""]);
});

test("an uncaught exception of a handler ends the process", async () => {
  const { code, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1" });
    io.on("connection", () => { throw new Error("of the handler"); });
    client(io);
  `);
  assert.equal(code, 1);
  assert.match(err, /of the handler/);
});

test("a handler that blocks loses no client and no event", async (t) => {
  // The clients run in another thread, because this one is blocked.
  const { io, port } = serve(t, { pingInterval: 200, pingTimeout: 2500 });
  const reasons = [];
  let blocked = 0;
  const done = new Promise((resolve) => {
    io.on("connection", (socket) => {
      socket.on("disconnect", (reason) => reasons.push(reason));
      socket.on("block", () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
        blocked++;
      });
      socket.on("after", (n) => n === 99 && resolve(blocked));
    });
  });
  const worker = new Worker(
    `const { workerData } = require("node:worker_threads");
     const { io } = require(workerData.client);
     const socket = io("http://127.0.0.1:" + workerData.port, { transports: ["websocket"], reconnection: false });
     socket.emit("block");
     for (let i = 0; i < 100; i++) socket.emit("after", i);`,
    { eval: true, workerData: { port, client: `${folder}node_modules/socket.io-client` } },
  );
  assert.equal(await done, 1);
  assert.deepEqual(reasons, []);
  assert.equal(io.sockets.sockets.size, 1);
  await worker.terminate();
});

test("messages of a handler are delivered while the handler runs", async (t) => {
  const { io, port } = serve(t);
  const heard = new Int32Array(new SharedArrayBuffer(4));
  const waits = [];
  const done = new Promise((resolve) => {
    io.on("connection", (socket) => {
      // Several events in one drain: their handlers' messages are normally sent together after the drain.
      socket.on("say", (n) => {
        socket.emit("said", n);
        // The client runs in another thread and reports through shared memory.
        if (n % 100 === 50) waits.push(Atomics.wait(heard, 0, n / 100 - 0.5, 10_000));
        if (n === 299) resolve();
      });
    });
  });
  const worker = new Worker(
    `const { workerData } = require("node:worker_threads");
     const { io } = require(workerData.client);
     const socket = io("http://127.0.0.1:" + workerData.port, { transports: ["websocket"], reconnection: false });
     socket.on("said", (n) => {
       if (n % 100 !== 50) return;
       Atomics.add(workerData.heard, 0, 1);
       Atomics.notify(workerData.heard, 0);
     });
     for (let i = 0; i < 300; i++) socket.emit("say", i);`,
    { eval: true, workerData: { port, heard, client: `${folder}node_modules/socket.io-client` } },
  );
  await done;
  assert.ok(waits.every((ended) => ended !== "timed-out"), waits.join());
  await worker.terminate();
});

test("when a program does not drain, the engine stops reading and loses no event", async (t) => {
  const { io, pair } = serve(t, { engine: { pollQueueEvents: 64 } });
  const { client, socket } = await pair();
  const seen = [];
  socket.on("x", (n) => seen.push(n));
  for (let i = 0; i < 5000; i++) client.emit("x", i, "x".repeat(1000));
  await eventually("all events", () => seen.length === 5000);
  assert.deepEqual(seen, [...seen.keys()]);
  assert.equal(io.engine.clientsCount, 1);
});

test("timers and I/O of the process run while many events are handled", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  let [handled, turns, ticks, most, before] = [0, 0, 0, 0, 0];
  socket.on("x", () => {
    for (const end = performance.now() + 0.05; performance.now() < end; );
    handled++;
  });
  const timer = setInterval(() => ticks++, 1);
  // Node runs these once per iteration of the event loop.
  let immediate;
  const turn = () => {
    most = Math.max(most, handled - before);
    before = handled;
    turns++;
    immediate = setImmediate(turn);
  };
  turn();
  for (let i = 0; i < 5000; i++) client.emit("x");
  await eventually("all events", () => handled === 5000);
  clearInterval(timer);
  clearImmediate(immediate);
  // At most 256 events of the previous iteration, after its callbacks, and 256 of this one.
  assert.ok(most <= 512, `${most} events in one turn`);
  assert.ok(turns >= 10 && ticks >= 10, `${turns} turns, ${ticks} ticks`);
});

test("a worker can be terminated under load, and a new one works", async () => {
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       const { Server } = require(workerData.folder);
       const { io: connect } = require(workerData.folder + "node_modules/socket.io-client");
       const io = new Server(0, { host: "127.0.0.1" });
       let count = 0;
       io.on("connection", (socket) => socket.on("x", () => { socket.emit("x"); if (++count === 500) parentPort.postMessage(count); }));
       for (let i = 0; i < 4; i++) {
         const c = connect("http://127.0.0.1:" + io.httpServer.address().port, { transports: ["websocket"], forceNew: true });
         c.on("connect", () => { for (let n = 0; n < 50; n++) c.emit("x"); });
         c.on("x", () => c.emit("x"));
       }`,
      { eval: true, workerData: { folder } },
    );
    await once(worker, "message");
    assert.equal(await worker.terminate(), 1);
  }
});

// BELLWIRE_TERMINATIONS=1000 runs more of them, by hand.
const TERMINATIONS = Number(process.env.BELLWIRE_TERMINATIONS ?? 24);

test(`${TERMINATIONS} workers terminated under load leak nothing`, async () => {
  const { code, out, err } = await run(
    `
    const { once } = require("node:events");
    const { readdirSync } = require("node:fs");
    const { Worker } = require("node:worker_threads");
    const total = ${TERMINATIONS};
    const now = () => ({ fds: readdirSync("/proc/self/fd").length, threads: readdirSync("/proc/self/task").length });
    const round = async () => {
      const worker = new Worker(
        \`const { parentPort, workerData } = require("node:worker_threads");
          const { Server } = require(workerData);
          const io = new Server(0, { host: "127.0.0.1" });
          io.use((socket, next) => socket.handshake.auth.wait || next());
          io.on("connection", (socket) => socket.on("x", () => socket.emit("x")));
          parentPort.postMessage(io.httpServer.address().port);\`,
        { eval: true, workerData: ${JSON.stringify(folder)} },
      );
      const [port] = await once(worker, "message");
      const clients = [0, 1, 2].map((n) =>
        connect("http://127.0.0.1:" + port, { transports: ["websocket"], forceNew: true, reconnection: false, auth: { wait: n === 2 } }));
      await new Promise((resolve) => {
        let count = 0;
        for (const c of clients.slice(0, 2)) {
          c.on("connect", () => { for (let i = 0; i < 20; i++) c.emit("x"); });
          c.on("x", () => { c.emit("x"); if (++count === 100) resolve(); });
        }
      });
      await worker.terminate();
      for (const c of clients) c.disconnect();
    };
    const settled = async (most) => {
      for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) {
        if (now().fds <= most.fds && now().threads <= most.threads) return true;
      }
      return false;
    };
    (async () => {
      const idle = now();
      // The first workers fill caches of Node and V8, which do not count.
      const first = Math.min(100, total / 4);
      for (let i = 0; i < first; i++) await round();
      // Node keeps some descriptors open after its first worker and its first client.
      await settled({ fds: idle.fds + 4, threads: idle.threads });
      const [before, rss] = [now(), process.memoryUsage.rss()];
      for (let i = first; i < total; i++) await round();
      const flat = await settled(before);
      const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
      if (process.env.BELLWIRE_TERMINATIONS) console.error(JSON.stringify({ idle, before, after: now(), grown }));
      console.log(flat ? "flat" : JSON.stringify([before, now()]), grown < 100 ? "no larger" : grown);
      process.exit(0);
    })();
  `,
    { timeout: 3_600_000 },
  );
  if (process.env.BELLWIRE_TERMINATIONS) console.log(err);
  assert.deepEqual([code, out], [0, "flat no larger\n"], err);
});

test("servers in different threads are independent", async (t) => {
  const { pair } = serve(t);
  const { socket } = await pair();
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const { Server } = require(workerData);
     const io = new Server(0, { host: "127.0.0.1" });
     parentPort.postMessage([...io.sockets.sockets.keys()]);
     io.close();`,
    { eval: true, workerData: folder },
  );
  const [[sockets]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  assert.deepEqual(sockets, []);
  assert.equal(socket.connected, true);
});

test("a server that never listened is collected with its last reference", async () => {
  const { code, out, err } = await run(
    `
    const { readdirSync } = require("node:fs");
    const threads = () => readdirSync("/proc/self/task").length;
    new Server();
    const before = threads();
    for (let i = 0; i < 20; i++) new Server();
    const timer = setInterval(() => {
      gc();
      if (threads() <= before) { console.log("gone"); clearInterval(timer); }
    }, 5);
  `,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual([code, out, err], [0, "gone\n", ""]);
});
