// Strings with unpaired surrogates, which JSON and JavaScript allow and UTF-8 cannot encode.
import assert from "node:assert/strict";
import { once } from "node:events";
import { beside, raw, serve } from "./support.mjs";

const [HIGH, LOW] = ["\ud83d", "\ude00"];
const TEXTS = [`a${HIGH}`, `${LOW}b`, `${LOW}${HIGH}`, `${HIGH}${HIGH}${LOW}`, HIGH, LOW, "\ufffd", "\ufffd\u{10ffff}", "\u{10ffff}", "plain"];

beside("unpaired surrogates are transferred in data, acknowledgements and auth", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const auth = Object.fromEntries(TEXTS.map((text, index) => [`k${index}${text}`, text]));
  const { client, socket } = await pair("/", { auth });
  assert.deepEqual(socket.handshake.auth, auth);
  socket.on("echo", (...args) => args.pop()(...args));
  client.on("echo", (...args) => args.pop()(...args));
  for (const more of [[], [Buffer.from("x")]]) {
    const values = [TEXTS, auth, ...more];
    assert.deepEqual(await new Promise((resolve) => client.emit("echo", ...values, (...back) => resolve(back))), values);
    assert.deepEqual(await new Promise((resolve) => socket.emit("echo", ...values, (...back) => resolve(back))), values);
    const heard = once(client, "all");
    io.emit("all", ...values);
    assert.deepEqual(await heard, values);
  }
});

beside("unpaired surrogates are transferred in event names", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const { client, socket } = await pair();
  const seen = [];
  const answer = (name) => (ack) => ack(`answer to ${name}`);
  for (const text of TEXTS) {
    socket.on(text, answer(text));
    client.on(text, answer(text));
  }
  socket.onAny((name) => seen.push(name));
  for (const text of [...TEXTS, ...TEXTS]) {
    assert.equal(await client.emitWithAck(text), `answer to ${text}`);
    assert.equal(await socket.emitWithAck(text), `answer to ${text}`);
    assert.deepEqual(await io.timeout(20_000).emitWithAck(text), [`answer to ${text}`]);
  }
  assert.deepEqual(seen, [...TEXTS, ...TEXTS]);
});

beside("rooms whose names differ in unpaired surrogates are different rooms", async (t, { Server }) => {
  const { io, pair } = serve(t, {}, Server);
  const seen = [];
  for (const name of ["create-room", "join-room", "leave-room", "delete-room"]) {
    io.of("/").adapter.on(name, (room, id) => TEXTS.includes(room) && seen.push([name, room, id]));
  }
  const { client, socket } = await pair();
  const heard = [];
  client.on("say", (text) => heard.push(text));
  for (const text of TEXTS) {
    socket.join(text);
    assert.deepEqual([...socket.rooms], [socket.id, text]);
    assert.equal(io.of("/").adapter.rooms.get(text)?.size, 1);
    for (const other of TEXTS) io.to(other).emit("say", [text, other]);
    for (const other of TEXTS) io.except(other).emit("say", [text, "not", other]);
    assert.equal((await io.in(text).fetchSockets()).length, 1);
    socket.leave(text);
    assert.deepEqual([...socket.rooms], [socket.id]);
    io.socketsJoin(text);
    assert.ok(socket.rooms.has(text));
    io.in(text).socketsLeave([text]);
    assert.ok(!socket.rooms.has(text));
  }
  client.on("ask", (ack) => ack());
  await socket.emitWithAck("ask");
  const expected = TEXTS.flatMap((text) => [
    [text, text],
    ...TEXTS.filter((other) => other !== text).map((other) => [text, "not", other]),
  ]);
  assert.deepEqual(heard, expected);
  const events = (text) => [["create-room", text, undefined], ["join-room", text, socket.id], ["leave-room", text, socket.id], ["delete-room", text, undefined]];
  assert.deepEqual(seen, TEXTS.flatMap((text) => [...events(text), ...events(text)]));
});

beside("an object that looks like a placeholder is forwarded unchanged", async (t, { Server }) => {
  const { io, port } = serve(t, {}, Server);
  io.on("connection", (socket) => {
    socket.on("relay", (value, ack) => {
      socket.emit("relayed", value, Buffer.from("bytes"));
      io.emit("relayed", value);
      io.to("nowhere").emit("relayed", value, Buffer.from("bytes"));
      ack(value, Buffer.from("bytes"));
    });
  });
  const client = raw(t, port);
  assert.match(await client.next(), /^0/);
  client.send("40");
  assert.match(await client.next(), /^40/);
  for (const value of ['{"_placeholder":true,"num":99}', '{"_placeholder":true}', '{"_placeholder":true,"num":-1}', '{"num":0,"_placeholder":true}']) {
    client.send(`421["relay",${value}]`);
    const own = '{"_placeholder":true,"num":0}';
    const heard = [];
    for (let i = 0; i < 5; i++) heard.push(await client.next());
    assert.deepEqual(heard, [
      `451-["relayed",${value},${own}]`,
      Buffer.from("bytes"),
      `42["relayed",${value}]`,
      `461-1[${value},${own}]`,
      Buffer.from("bytes"),
    ]);
  }
});
