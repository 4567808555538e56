// `socket.conn`, and sessions of an Engine.IO server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { beside, besideEngine, raw, serve, serveEngine } from "./support.mjs";

for (const transports of [["websocket"], ["polling"]]) {
  beside(`a client can reconnect after the server has closed its transport, ${transports}`, async (t, { Server }) => {
    const { io, client } = serve(t, {}, Server);
    const main = client("/", { transports, reconnection: true, reconnectionDelay: 1 });
    const other = main.io.socket("/other").connect();
    t.after(() => other.disconnect());
    const [[socket], [second]] = await Promise.all([once(io, "connection"), once(io.of("/other"), "connection")]);
    if (!main.connected) await once(main, "connect");
    if (!other.connected) await once(other, "connect");
    const told = [];
    for (const one of [socket, second]) {
      one.on("disconnecting", (reason) => told.push(["disconnecting", reason, one.rooms.size]));
      one.on("disconnect", (reason) => told.push(["disconnect", reason]));
    }
    const heard = [];
    main.on("last", (...args) => heard.push(args));
    const left = [once(main, "disconnect"), once(other, "disconnect"), once(second, "disconnect"), once(socket.conn, "close")];
    const returned = once(main, "connect");
    for (let i = 0; i < 3; i++) socket.emit("last", i);
    socket.conn.close();
    assert.equal(socket.conn.readyState, "closing");
    socket.conn.close();
    const [[mainReason], [otherReason], , [closeReason]] = await Promise.all(left);
    assert.deepEqual([mainReason, otherReason, closeReason], ["transport close", "transport close", "forced close"]);
    assert.deepEqual(told, [
      ["disconnecting", "forced close", 1],
      ["disconnect", "forced close"],
      ["disconnecting", "forced close", 1],
      ["disconnect", "forced close"],
    ]);
    assert.deepEqual(heard, [[0], [1], [2]]);
    assert.deepEqual([socket.connected, socket.conn.readyState], [false, "closed"]);
    socket.conn.close();
    await returned;
  });
}

beside("the transport can be closed while a middleware is pending", async (t, { Server }) => {
  const { io, client } = serve(t, {}, Server);
  io.use((socket) => socket.conn.close());
  const reason = await new Promise((resolve) => client().io.on("close", resolve));
  assert.deepEqual([reason, io.sockets.sockets.size], ["transport close", 0]);
});

beside("the transport can be closed after its sockets are disconnected", async (t, { Server }) => {
  const { io, port } = serve(t, {}, Server);
  io.on("connection", (socket) => {
    socket.on("disconnect", () => setTimeout(() => socket.conn.close(), 5));
    socket.disconnect();
  });
  const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  await fetch(`${url}&sid=${sid}`, { method: "POST", body: "40" });
  const heard = [];
  while (heard.at(-1) !== "1") heard.push(...(await (await fetch(`${url}&sid=${sid}`)).text()).split("\x1e"));
  // The response to the first poll may be a noop packet.
  assert.deepEqual(heard.slice(1).filter((packet) => packet !== "6"), ["41", "1"]);
  assert.equal((await fetch(`${url}&sid=${sid}`)).status, 400);
});

beside("a request has its query parameters, as in engine.io", async (t, { Server }) => {
  const asked = [];
  const allowRequest = (req, callback) => {
    asked.push(req._query.token);
    callback(null, true);
  };
  const { io, port, pair } = serve(t, { allowRequest }, Server);
  const { socket } = await pair("/", { query: { token: "a b&c", other: "안녕" } });
  const { EIO, transport, token, other } = socket.request._query;
  assert.deepEqual([EIO, transport, token, other, asked], ["4", "websocket", "a b&c", "안녕", ["a b&c"]]);
  assert.equal(socket.handshake.query.token, "a b&c");
  assert.equal(socket.request._query, socket.request._query);
  const told = once(io.engine, "connection_error");
  await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=3&transport=polling&x=1`);
  assert.equal((await told)[0].req._query.x, "1");
});

besideEngine("an Engine.IO session emits data and message, as in engine.io", async (t, options) => {
  const { server, pair } = serveEngine(t, options);
  const { client, socket } = await pair();
  const heard = [];
  socket.on("data", (data) => heard.push(["data", String(data)]));
  socket.on("message", (data) => heard.push(["message", String(data)]));
  const closed = once(socket, "close");
  client.send("text");
  client.send(Buffer.from("bytes"));
  client.on("message", () => client.close());
  socket.on("message", (data) => String(data) === "bytes" && socket.send("end"));
  assert.equal((await closed)[0], "transport close");
  assert.deepEqual(heard, [["data", "text"], ["message", "text"], ["data", "bytes"], ["message", "bytes"]]);
  assert.deepEqual([socket.protocol, socket.server], [4, server]);
});

test("an Engine.IO session throws for listeners of events that it never emits", async (t) => {
  const { pair } = serveEngine(t);
  const { socket } = await pair();
  const code = "ERR_BELLWIRE_UNSUPPORTED";
  for (const name of ["packet", "packetCreate", "drain", "flush", "heartbeat", "upgrading"]) {
    for (const add of ["on", "once", "addListener", "prependListener", "prependOnceListener"]) {
      assert.throws(() => socket[add](name, () => {}), { code, message: new RegExp(`"${name}" of EngineSocket`) });
    }
  }
  assert.throws(() => socket.send("x", () => {}), { code });
  assert.throws(() => socket.write("x", {}, () => {}), { code });
});

test("the cause of a disconnect names the limit that was exceeded", async (t) => {
  const { io, pair } = serve(t, { maxHttpBufferSize: 1000 });
  const { client, socket } = await pair();
  const told = [once(socket, "disconnecting"), once(socket, "disconnect"), once(socket.conn, "close")];
  client.emit("x", "x".repeat(2000));
  for (const [reason, cause] of await Promise.all(told)) {
    assert.equal(typeof reason, "string");
    assert.ok(cause instanceof Error);
    assert.deepEqual([cause.kind, cause.option, cause.limit], ["limit", "maxHttpBufferSize", 1000]);
  }
  // A regular disconnect has no cause.
  const other = await pair();
  const left = once(other.socket, "disconnect");
  other.client.disconnect();
  assert.deepEqual(await left, ["client namespace disconnect", undefined]);
  assert.equal(other.socket.adapter, io.of("/").adapter);
});

test("a client that does not read is disconnected with a cause", async (t) => {
  const { io, port } = serve(t, { engine: { sendBufferHigh: 10_000, sendBufferLow: 1000, sendBufferMax: 100_000, sendBufferGrace: 60_000 } });
  const joined = once(io, "connection");
  const client = raw(t, port);
  client.send("40");
  const [socket] = await joined;
  client.socket.pause();
  const left = once(socket, "disconnect");
  const ticker = setInterval(() => socket.emit("x", Buffer.alloc(50_000)), 1);
  t.after(() => clearInterval(ticker));
  const [reason, cause] = await left;
  assert.equal(reason, "transport error");
  assert.equal(cause?.kind, "limit");
  assert.match(cause.option, /^engine\.sendBuffer/);
});

beside("a client that reads receives a large burst", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const { client, socket } = await pair();
  const text = "x".repeat(10_000);
  let heard = 0;
  const all = new Promise((resolve) => client.on("x", (n) => ++heard && n === 999 && resolve()));
  const left = once(socket, "disconnect").then((end) => assert.fail(String(end)));
  for (let i = 0; i < 1000; i++) io.emit("x", i, text);
  await Promise.race([all, left]);
  assert.equal(heard, 1000);
  left.catch(() => {});
});

test("messages dropped because of a full send buffer are reported", async (t) => {
  const engine = { sendBufferMax: 100_000, sendBufferHigh: 50_000, sendBufferLow: 10_000, sendBufferPolicy: "drop" };
  const { io, port } = serve(t, { engine });
  const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  const connected = once(io, "connection");
  await fetch(`${url}&sid=${sid}`, { method: "POST", body: "40" });
  const [socket] = await connected;
  let dropped = 0;
  socket.conn.on("dropped", (count) => (dropped += count));
  for (let n = 0; n < 100; n++) io.emit("big", n, "x".repeat(10_000));
  let got = 0;
  while (got === 0) {
    const body = await (await fetch(`${url}&sid=${sid}`)).text();
    got += body.split("\x1e").filter((packet) => packet.startsWith('42["big"')).length;
  }
  while (got + dropped < 100) await once(socket.conn, "dropped");
  assert.equal(got + dropped, 100);
  assert.ok(dropped > 80, `${dropped}`);
});
