// After close(): calls on the server have no effect, and the server can listen again.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { EngineServer } from "../lib/wrapper.mjs";
import { io as connect } from "socket.io-client";
import { beside, eventually, run, serve } from "./support.mjs";

// Calls that a timer of a program may make after the server has closed.
async function useAll(io, socket) {
  const target = [io, io.of("/"), io.to("room"), io.of("/made-later"), socket.to("room"), socket.broadcast];
  for (const one of target) {
    assert.equal(one.emit("tick", Buffer.from("x")), true);
    one.timeout(1000).volatile.emit("tick");
    assert.deepEqual(await one.timeout(60_000).emitWithAck("tick"), []);
    assert.deepEqual(await one.fetchSockets(), []);
    one.socketsJoin("other");
    one.socketsLeave(["other"]);
    one.disconnectSockets();
    one.disconnectSockets(true);
  }
  io.send("x").write("x");
  io.use((_, next) => next());
  io.of("/").adapter.on("join-room", () => {});
  io.engine.on("connection_error", () => {});
  assert.equal(io.engine.clientsCount, 0);
  assert.deepEqual([io.sockets.sockets.size, io.of("/").adapter.rooms.size], [0, 0]);
  socket.emit("tick");
  socket.join("room");
  socket.leave("room");
  assert.deepEqual([...socket.rooms], []);
  assert.deepEqual([socket.connected, socket.disconnect(true)], [false, socket]);
  await assert.rejects(socket.timeout(1).emitWithAck("tick"));
}

beside("calls on a closed server have no effect", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const { socket } = await pair();
  socket.join("room");
  const left = once(socket, "disconnect");
  await io.close();
  assert.equal((await left)[0], "server shutting down");
  await useAll(io, socket);
});

beside("a broadcast that waits for acknowledgements when the server closes ends once", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const { client, socket } = await pair();
  const asked = once(client, "q");
  const ends = [];
  const all = ["a", "b"].map(
    (name) => new Promise((resolve) => io.timeout(500).emit("q", (error, replies) => resolve(ends.push([name, error?.message, replies])))),
  );
  const promise = assert.rejects(io.timeout(500).emitWithAck("q"), { message: "operation has timed out", responses: [] });
  const one = assert.rejects(socket.timeout(500).emitWithAck("q"));
  await asked;
  await io.close();
  await Promise.all([...all, promise, one]);
  assert.deepEqual(ends, ["a", "b"].map((name) => [name, "operation has timed out", []]));
});

test("when the server closes, an exception of one callback does not prevent the other callbacks", async () => {
  const { code, out, err } = await run(`
    process.on("uncaughtException", (error) => console.log(error.message));
    const io = new Server(0, { host: "127.0.0.1" });
    const c = client(io);
    c.once("q", async () => {
      await io.close();
      console.log("closed");
    });
    io.on("connection", () => {
      io.timeout(60_000).emit("q", () => { throw new Error("thrown"); });
      // A callback that emits uses the closed server.
      io.timeout(60_000).emit("q", (error) => io.timeout(60_000).emit("q", (none, replies) => {
        console.log(error.message, none, replies.length);
      }));
    });
  `);
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(out.trim().split("\n").sort(), ["closed", "operation has timed out null 0", "thrown"]);
});

test("a server that never listened can be closed and used", async (t) => {
  const { Server } = await import("../lib/wrapper.mjs");
  const io = new Server();
  await io.close();
  io.emit("tick");
  assert.deepEqual(await io.fetchSockets(), []);
  assert.equal(io.serve("/", "text/plain", "x"), io);
  await new Promise((resolve) => io.close(resolve));
});

beside("a closed server listens again and keeps its namespaces, middlewares, listeners and pages", async (t, { Server }) => {
  const { io } = serve(t, { allowRequest: (req, callback) => callback(null, req.headers.no === undefined) }, Server);
  const seen = [];
  io.use((socket, next) => (socket.handshake.auth.no ? next(new Error("no")) : next()));
  io.of("/chat").adapter.on("join-room", (room) => room === "early" && seen.push(room));
  io.of("/chat").on("connection", (socket) => {
    socket.join("early");
    socket.on("ask", (ack) => ack("answer"));
  });
  for (let round = 1; round <= 3; round++) {
    const url = `http://127.0.0.1:${io.httpServer.address().port}`;
    const options = { transports: ["websocket"], forceNew: true, reconnection: false };
    const client = connect(`${url}/chat`, options);
    assert.equal(await client.emitWithAck("ask"), "answer");
    assert.equal((await once(connect(url, { ...options, auth: { no: true } }), "connect_error"))[0].message, "no");
    assert.equal((await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers: { no: "1" } })).status, 403);
    assert.equal(seen.length, round);
    assert.deepEqual((await io.of("/chat").in("early").fetchSockets()).length, 1);
    const { port } = io.httpServer.address();
    await io.close();
    await eventually("no client", () => !client.connected);
    io.listen(round === 2 ? port : 0);
    // The port is free as soon as the server has closed.
    if (round === 2) assert.equal(io.httpServer.address().port, port);
  }
});

test("a server can listen again before its clients are disconnected", async (t) => {
  const { io, pair } = serve(t);
  io.serve("/page", "text/plain", "page");
  const { client, socket } = await pair();
  const reasons = [];
  socket.on("disconnect", (reason) => reasons.push(reason));
  const first = io.close();
  io.listen(0);
  const url = `http://127.0.0.1:${io.httpServer.address().port}`;
  const again = connect(url, { transports: ["websocket"], forceNew: true, reconnection: false });
  t.after(() => again.disconnect());
  const [later] = await once(io, "connection");
  assert.equal(await (await fetch(`${url}/page`)).text(), "page");
  await first;
  await eventually("the first client has left", () => !client.connected);
  assert.deepEqual(reasons, ["server shutting down"]);
  assert.deepEqual((await io.fetchSockets()).map(({ id }) => id), [later.id]);
  const heard = once(again, "hello");
  io.emit("hello", 1);
  assert.deepEqual(await heard, [1]);
});

test("an Engine.IO server can be used after it has closed, and listens again", async (t) => {
  const server = new EngineServer(0, { host: "127.0.0.1" });
  t.after(() => server.close());
  await server.close();
  server.on("connection_error", () => {});
  assert.deepEqual([server.clientsCount, server.clients], [0, {}]);
  server.listen(0);
  const told = once(server, "connection_error");
  const answer = await fetch(`http://127.0.0.1:${server.httpServer.address().port}/engine.io/?EIO=3&transport=polling`);
  assert.equal(answer.status, 400);
  assert.equal((await told)[0].code, 5);
});

test("a timer that emits does not change how a process ends", async () => {
  const { code, out, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1" });
    const ticker = setInterval(() => io.emit("tick"), 1);
    const c = client(io);
    let after = 0;
    c.once("tick", () => process.kill(process.pid, "SIGTERM"));
    process.once("SIGTERM", async () => {
      await io.close();
      const end = setInterval(() => {
        if (++after < 10) return;
        clearInterval(end);
        clearInterval(ticker);
        console.log("ended");
      }, 1);
    });
  `);
  assert.deepEqual([code, out, err], [0, "ended\n", ""]);
});

test("a server that was closed many times leaves no thread behind", async () => {
  const { code, out, err } = await run(`
    const { readdirSync } = require("node:fs");
    const count = () => [readdirSync("/proc/self/task").length, readdirSync("/proc/self/fd").length];
    const io = new Server({ host: "127.0.0.1" });
    (async () => {
      let before;
      for (let round = 0; round < 20; round++) {
        io.listen(0);
        const c = client(io, { forceNew: true });
        await new Promise((resolve) => io.once("connection", resolve));
        await io.close();
        if (round === 2) before = count();
      }
      const timer = setInterval(() => {
        if (count().some((now, index) => now > before[index])) return;
        clearInterval(timer);
        console.log("gone");
      }, 5);
    })();
  `);
  assert.deepEqual([code, out, err], [0, "gone\n", ""]);
});
