// Sockets, with the official client.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { eventually, serve } from "./support.mjs";

test("joining and leaving rooms takes effect before the call returns", async (t) => {
  const { pair } = serve(t);
  const { socket } = await pair();
  assert.deepEqual(socket.rooms, new Set([socket.id]));
  socket.join("a");
  socket.join(["b", "c"]);
  assert.deepEqual([...socket.rooms], [socket.id, "a", "b", "c"]);
  socket.leave("b");
  assert.equal(socket.rooms.has("b"), false);
  assert.deepEqual(socket.nsp.adapter.rooms.get("a"), new Set([socket.id]));
  assert.deepEqual(socket.nsp.adapter.sids.get(socket.id), new Set([socket.id, "a", "c"]));
});

test("every JSON value and every kind of binary value is transferred", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  socket.on("echo", (...args) => args.pop()(...args));
  const large = Buffer.alloc(100_000, "x");
  const args = [1, "한국어 😀\u2028", null, true, [[], {}], { a: { b: [Buffer.from("small"), large] } }, Buffer.alloc(0)];
  const answer = await new Promise((resolve) => client.emit("echo", ...args, (...values) => resolve(values)));
  assert.deepEqual(answer, args);
  client.once("kinds", (...values) => client.emit("got", values));
  const got = once(socket, "got");
  const view = new Uint16Array([1, 2]);
  socket.emit("kinds", new Uint8Array([1]), view.buffer, new DataView(view.buffer, 2), { toJSON: () => "json" }, undefined);
  const [[bytes, buffer, data, json, nothing]] = await got;
  assert.deepEqual([...bytes], [1]);
  assert.deepEqual([...buffer], [1, 0, 2, 0]);
  assert.deepEqual([...data], [2, 0]);
  assert.deepEqual([json, nothing], ["json", null]);
});

test("event names are distinguished, for any number and kind of names", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const odd = ["", "0", "42", "__proto__", "constructor", "한국어 😀", 'a "quoted" one', "long ".repeat(100)];
  const names = [...odd, ...Array.from({ length: 3000 }, (_, i) => `name-${i}`), ...odd, "name-7"];
  const seen = [];
  socket.onAny((name, index) => seen.push([index, name]));
  names.forEach((name, index) => client.emit(name, index));
  await eventually("all events", () => seen.length === names.length);
  assert.deepEqual(seen, names.map((name, index) => [index, name]));
});

test("arguments of many events in one drain are not mixed up", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const seen = [];
  socket.on("x", (...args) => seen.push(args));
  const sent = Array.from({ length: 500 }, (_, i) => [[], [i], [[i], "한", null], [{ i }, "]", "[,"]][i % 4]);
  for (const args of sent) client.emit("x", ...args);
  await eventually("all events", () => seen.length === sent.length);
  assert.deepEqual(seen, sent);
});

test("arguments that JSON cannot express become null", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const got = once(client, "two");
  const heard = [];
  client.on("one", (...args) => heard.push(args));
  for (const value of [undefined, Symbol("x"), NaN, { toJSON: () => undefined }]) socket.emit("one", value);
  socket.emit("one");
  socket.emit("two", undefined, Infinity);
  assert.deepEqual(await got, [null, null]);
  assert.deepEqual(heard, [[null], [null], [null], [null], []]);
  assert.throws(() => socket.emit("one", 1n), TypeError);
});

test("attachments of many events in one drain are not mixed up", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const seen = [];
  socket.on("data", (index, first, second) => {
    seen.push([index, first.length, second.length, first[0], second[0]]);
    if (seen.length === 300) socket.emit("all");
  });
  const expected = [];
  for (let i = 0; i < 300; i++) {
    const sizes = [i % 7, (i % 3) * 2048];
    client.emit("data", i, Buffer.alloc(sizes[0], i), Buffer.alloc(sizes[1], i + 1));
    expected.push([i, ...sizes, sizes[0] ? i % 256 : undefined, sizes[1] ? (i + 1) % 256 : undefined]);
  }
  await once(client, "all");
  assert.deepEqual(seen, expected);
});

test("acknowledgements arrive, time out, or fail after a disconnect", async (t) => {
  const { io, pair } = serve(t);
  const { client, socket } = await pair();
  client.on("ask", (x, ack) => ack(x + 1, Buffer.from("b")));
  assert.equal(await socket.emitWithAck("ask", 1), 2);
  assert.equal(await socket.timeout(5000).emitWithAck("ask", 2), 3);
  await assert.rejects(socket.timeout(20).emitWithAck("nobody"), /operation has timed out/);
  const other = await pair();
  other.client.on("ask", (x, ack) => ack(x * 10));
  assert.deepEqual((await io.timeout(5000).emitWithAck("ask", 1)).sort(), [10, 2]);
  assert.deepEqual(await io.to("empty").timeout(5000).emitWithAck("ask", 1), []);
  other.client.off("ask");
  await assert.rejects(io.timeout(100).emitWithAck("ask", 1), (error) => {
    assert.deepEqual(error.responses, [2]);
    return /operation has timed out/.test(error.message);
  });
  const left = socket.timeout(5000).emitWithAck("nobody");
  client.disconnect();
  await assert.rejects(left, /socket has been disconnected/);
});

test("only the first acknowledgement of an event is sent", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  socket.on("ask", (ack) => {
    ack(1);
    ack(2);
  });
  assert.equal(await client.emitWithAck("ask"), 1);
  assert.equal(await client.emitWithAck("ask"), 1);
});

test("emitting a reserved name throws", async (t) => {
  const { io, pair } = serve(t);
  const { socket } = await pair();
  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
    assert.throws(() => socket.emit(name), { message: `"${name}" is a reserved event name` });
    assert.throws(() => io.emit(name), /reserved/);
  }
});

test("an event named error does not throw without a listener", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  client.emit("error", "of a client");
  socket.on("then", (ack) => ack());
  await client.emitWithAck("then");
});

test("a broadcast reaches its rooms and no other sockets", async (t) => {
  const { io, pair } = serve(t);
  const pairs = [await pair(), await pair(), await pair()];
  const heard = pairs.map(() => []);
  pairs.forEach(({ client }, index) => client.on("say", (word) => heard[index].push(word)));
  const [a, b, c] = pairs.map(({ socket }) => socket);
  a.join("ab");
  b.join("ab");
  io.emit("say", "all");
  io.to("ab").emit("say", "ab");
  io.to("ab").except(b.id).emit("say", "a");
  a.broadcast.emit("say", "not a");
  a.to("ab").emit("say", "b");
  io.in([b.id, c.id]).emit("say", "b and c");
  const ab = io.to("ab");
  ab.to(c.id);
  ab.emit("say", "ab again");
  await Promise.all(pairs.map(({ client, socket }) => (socket.emit("end"), once(client, "end"))));
  assert.deepEqual(heard, [
    ["all", "ab", "a", "ab again"],
    ["all", "ab", "not a", "b", "b and c", "ab again"],
    ["all", "not a", "b and c"],
  ]);
  io.in("ab").socketsJoin(["x", "y"]);
  io.in("x").socketsLeave("y");
  assert.deepEqual([...b.rooms], [b.id, "ab", "x"]);
  a.data.name = "A";
  const found = await io.in("x").except(b.id).fetchSockets();
  assert.deepEqual(found.map(({ id, data }) => [id, data.name]), [[a.id, "A"]]);
});

test("middlewares of a namespace inspect, change and reject sockets", async (t) => {
  const { io, client, pair } = serve(t);
  const nsp = io.of("/guarded");
  nsp.use((socket, next) => {
    socket.data.from = "middleware";
    socket.join("early");
    next();
  });
  nsp.use((socket, next) => {
    const { pass } = socket.handshake.auth;
    setImmediate(() => next(pass ? undefined : Object.assign(new Error("no"), { data: { code: 7 } })));
  });
  const { socket } = await pair("/guarded", { auth: { pass: true } });
  assert.equal(socket.data.from, "middleware");
  assert.deepEqual(socket.rooms, new Set([socket.id, "early"]));
  const [error] = await once(client("/guarded"), "connect_error");
  assert.deepEqual([error.message, error.data], ["no", { code: 7 }]);
  assert.equal(nsp.sockets.size, 1);
});

test("middlewares of a socket inspect, change and reject events", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const errors = [];
  socket.on("error", (error) => errors.push(error.message));
  socket.use((event, next) => (event[0] === "bad" ? next(new Error("refused")) : next()));
  socket.use((event, next) => {
    if (event[0] === "number") event[1] += 1;
    next();
  });
  socket.on("bad", () => assert.fail("it was refused"));
  socket.on("number", (number, ack) => ack(number));
  client.emit("bad");
  assert.equal(await client.emitWithAck("number", 1), 2);
  assert.deepEqual(errors, ["refused"]);
});

test("catch-all listeners run in order, in both directions", async (t) => {
  const { io, pair } = serve(t);
  const { client, socket } = await pair();
  const seen = [];
  const second = (name, ...args) => seen.push(["second", name, ...args.filter((arg) => typeof arg !== "function")]);
  socket.onAny(second);
  socket.prependAny((name) => seen.push(["first", name]));
  socket.onAnyOutgoing((name, ...args) => seen.push(["out", name, ...args]));
  socket.on("x", (_, ack) => ack());
  await client.emitWithAck("x", 1);
  socket.offAny(second);
  await client.emitWithAck("x", 2);
  socket.emit("y", 3);
  io.emit("z", 4);
  socket.offAnyOutgoing();
  io.emit("z", 5);
  assert.deepEqual(seen, [["first", "x"], ["second", "x", 1], ["first", "x"], ["out", "y", 3], ["out", "z", 4]]);
  assert.equal(socket.listenersAny().length, 1);
});

test("a disconnect by the server takes effect before the call returns", async (t) => {
  const { io, pair } = serve(t);
  const { client, socket } = await pair();
  socket.join("a");
  const seen = [];
  socket.on("disconnecting", (reason) => seen.push(["disconnecting", reason, [...socket.rooms]]));
  socket.on("disconnect", (reason) => seen.push(["disconnect", reason, [...socket.rooms], socket.connected]));
  const gone = once(client, "disconnect");
  socket.disconnect();
  assert.deepEqual(seen, [
    ["disconnecting", "server namespace disconnect", [socket.id, "a"]],
    ["disconnect", "server namespace disconnect", [], false],
  ]);
  assert.equal(io.sockets.sockets.size, 0);
  assert.equal((await gone)[0], "io server disconnect");
  socket.emit("nobody");
  socket.join("b");
  assert.deepEqual(socket.rooms, new Set());
});

test("closing the connection disconnects its sockets in all namespaces", async (t) => {
  const { io, client } = serve(t);
  const main = client();
  const other = main.io.socket("/other").connect();
  const [[socket], [second]] = await Promise.all([once(io, "connection"), once(io.of("/other"), "connection")]);
  assert.equal(socket.conn, second.conn);
  const reasons = [];
  for (const one of [socket, second]) one.on("disconnect", (reason) => reasons.push(reason));
  socket.disconnect(true);
  assert.deepEqual(reasons, ["server namespace disconnect", "server namespace disconnect"]);
  await eventually("no connection", () => io.engine.clientsCount === 0 && !other.connected);
});

test("the handshake stays readable after a disconnect", async (t) => {
  const { pair } = serve(t);
  const { client, socket } = await pair("/", { auth: { a: 1 }, query: { q: "2" }, extraHeaders: { "x-test": "3" } });
  const gone = once(socket, "disconnect");
  client.disconnect();
  assert.equal((await gone)[0], "client namespace disconnect");
  const { auth, query, headers, address, url, secure, xdomain } = socket.handshake;
  assert.deepEqual([auth, query.q, headers["x-test"], address], [{ a: 1 }, "2", "3", "127.0.0.1"]);
  assert.ok(url.startsWith("/socket.io/?"));
  assert.deepEqual([secure, xdomain], [false, false]);
  assert.equal(socket.request.headers["x-test"], "3");
});

test("the connection emits upgrade", async (t) => {
  const { io, client } = serve(t);
  const upgraded = new Promise((resolve) => {
    io.on("connection", (socket) => socket.conn.on("upgrade", ({ name }) => resolve([name, socket.conn.transport.name])));
  });
  client("/", { transports: ["polling", "websocket"] });
  assert.deepEqual(await upgraded, ["websocket", "websocket"]);
});

test("an event that is not sent because of maxPendingAcks is reported", async (t) => {
  const { pair } = serve(t, { engine: { maxPendingAcks: 2 } });
  const { client, socket } = await pair();
  // The engine emits a warning of its own.
  const warnings = [];
  const note = (warning) => warnings.push(`${warning.name}: ${warning.message}`);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  for (let i = 0; i < 2; i++) socket.emit("never answered", () => {});
  const refused = { message: /not sent.*maxPendingAcks/ };
  await assert.rejects(socket.timeout(60_000).emitWithAck("x"), refused);
  // Without a timeout, the promise stays pending: a rejection could end the process.
  socket.emitWithAck("x").then(() => assert.fail("the event was sent"));
  for (let i = 0; i < 3; i++) socket.emit("x", () => assert.fail("the event was sent"));
  const says = (text) => /^BellwireWarning: .*not sent.*maxPendingAcks/.test(text);
  await eventually("a warning", () => warnings.some(says));
  client.on("x", () => assert.fail("the event was sent"));
  client.on("end", (ack) => client.disconnect());
  const left = once(socket, "disconnect");
  socket.emit("end");
  await left;
});

test("an emit that throws does not keep its callback", async (t) => {
  const engine = { sendBufferMax: 100_000, sendBufferHigh: 50_000, sendBufferLow: 10_000, sendBufferPolicy: "error" };
  const { io, port } = serve(t, { engine });
  const { operations } = io._dispatcher;
  // A polling client receives nothing until it sends a request.
  const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  const connected = once(io, "connection");
  await fetch(`${url}&sid=${sid}`, { method: "POST", body: "40" });
  const [socket] = await connected;
  let sent = 0;
  const send = () => socket.timeout(60_000).emit("x", "x".repeat(10_000), () => {}) && sent++;
  assert.throws(() => {
    while (sent < 100) send();
  }, /send buffer/);
  assert.throws(send, /send buffer/);
  assert.throws(() => socket.emit("x", "x".repeat(10_000), () => {}), /send buffer/);
  assert.equal(operations.size, sent);
  assert.throws(() => io.timeout(1n).emit("x", () => {}), TypeError);
  assert.equal(operations.size, sent);
});
