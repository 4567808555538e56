// Arguments of emits, acknowledgements and `next`: what the client receives, and the effect of arguments that cannot be
// serialized.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { beside, besideEngine, serve, serveEngine } from "./support.mjs";

const bytes = Buffer.from("bytes");

class ReturnsItself {
  constructor() {
    this.data = bytes;
  }
  toJSON() {
    return this;
  }
}

class ReturnsFresh {
  constructor(count = 0) {
    Object.assign(this, { count, data: bytes });
  }
  toJSON() {
    return new ReturnsFresh(this.count + 1);
  }
}

const ownFresh = () => ({ plain: true, toJSON: ownFresh });

const SENT = {
  "toJSON that returns this": [new ReturnsItself(), { data: bytes }],
  "an own toJSON that returns this": [{ data: bytes, toJSON() { return this; } }, { data: bytes }],
  "toJSON that returns a fresh object": [new ReturnsFresh(), { count: 1, data: bytes }],
  "an own toJSON that returns a fresh object": [ownFresh(), { plain: true }],
  "toJSON in depth": [{ a: new ReturnsFresh(), b: [new ReturnsItself()] }, { a: { count: 1, data: bytes }, b: [{ data: bytes }] }],
  "toJSON that returns bytes": [{ toJSON: () => bytes }, bytes],
  "toJSON that returns an array": [{ toJSON: () => [bytes, { toJSON: () => bytes }] }, [bytes, bytes]],
  "toJSON beside bytes": [[{ toJSON: () => 5 }, { toJSON: () => undefined }, { toJSON: null }, bytes], [5, null, { toJSON: null }, bytes]],
  "dates": [[new Date(0), new Date(NaN), bytes], ["1970-01-01T00:00:00.000Z", null, bytes]],
  "inherited members": [[Object.create({ data: bytes }), bytes], [{}, bytes]],
  "an inherited cycle": [Object.create(Object.assign({}, { get self() { return this; } }), { own: { value: 1, enumerable: true } }), { own: 1 }],
  "an inherited getter that throws": [Object.create({ get bad() { throw new Error("inherited"); } }), {}],
  "what JSON leaves out": [[() => 1, Symbol("x"), undefined, { f() {}, u: undefined }, bytes], [null, null, null, {}, bytes]],
};

for (const [name, [value, expected]] of Object.entries(SENT)) {
  beside(`what arrives: ${name}`, async (t, { Server }) => {
    const { io, pair } = serve(t, {}, Server);
    const { client, socket } = await pair();
    const heard = [];
    client.on("x", (...args) => heard.push(args));
    socket.emit("x", value);
    io.emit("x", value, 1);
    client.on("ask", (ack) => ack());
    await socket.emitWithAck("ask");
    assert.deepEqual(heard, [[expected], [expected, 1]]);
    socket.on("reply", (ack) => ack(value));
    assert.deepEqual(await client.emitWithAck("reply"), expected);
  });
}

test("an own toJSON that returns a fresh object keeps its attachment", async (t) => {
  // Differs from the official server, which sends the JSON form of the Buffer here.
  const { pair } = serve(t);
  const { client, socket } = await pair();
  const fresh = () => ({ data: bytes, toJSON: fresh });
  socket.emit("x", fresh());
  assert.deepEqual(await once(client, "x"), [{ data: bytes }]);
});

function nested(depth) {
  let value = [];
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const cycle = { data: bytes };
cycle.cycle = { cycle };
const arrays = [];
arrays.push(arrays);

const REFUSED = {
  "a cycle": [cycle, RangeError],
  "a cycle of arrays": [arrays, RangeError],
  "toJSON without end": [{ toJSON() { return { again: this }; } }, RangeError],
  "too much depth": [nested(1e6), RangeError],
  "a getter that throws": [{ get x() { throw new Error("of the getter"); } }, /of the getter/],
  "toJSON that throws": [{ data: bytes, toJSON() { throw new Error("of toJSON"); } }, /of toJSON/],
  "a proxy that throws": [new Proxy({}, { ownKeys() { throw new Error("of the proxy"); } }), /of the proxy/],
  "a bigint": [1n, TypeError],
  "a bigint beside bytes": [[1n, bytes], TypeError],
};

for (const [name, [value, error]] of Object.entries(REFUSED)) {
  beside(`an argument that cannot be serialized throws in the caller: ${name}`, async (t, { Server }) => {
    const { io, pair } = serve(t, {}, Server);
    const { client, socket } = await pair();
    assert.throws(() => socket.emit("x", value), error);
    assert.throws(() => io.emit("x", value), error);
    assert.throws(() => socket.to("room").emit("x", value), error);
    await assert.rejects(socket.emitWithAck("x", value), error);
    // The acknowledgement can still be called.
    socket.on("ask", (ack) => {
      assert.throws(() => ack(value), error);
      ack("answer");
      ack("second answer");
    });
    assert.equal(await client.emitWithAck("ask"), "answer");
  });
}

beside("a rejected client receives the message and data of the error", async (t, { Server }) => {
  const { io, client } = serve(t, {}, Server);
  let refusal;
  io.use((socket, next) => next(refusal));
  const told = async (error) => {
    refusal = error;
    const [{ message, data }] = await once(client(), "connect_error");
    return [message, data];
  };
  const withData = (data) => Object.assign(new Error("no"), { data });
  assert.deepEqual(await told(new Error()), ["", undefined]);
  assert.deepEqual(await told(new Error("no")), ["no", undefined]);
  assert.deepEqual(await told(withData({ code: 7 })), ["no", { code: 7 }]);
  assert.deepEqual(await told(withData(null)), ["no", null]);
  assert.deepEqual(await told(withData(0)), ["no", 0]);
  assert.deepEqual(await told(withData(() => {})), ["no", undefined]);
  assert.deepEqual(await told("a string"), ["", undefined]);
  assert.deepEqual(await told({ message: "an object" }), ["an object", undefined]);
});

test("a rejection whose data cannot be serialized throws in the middleware and rejects the client", async (t) => {
  const { io, client } = serve(t);
  const thrown = new Promise((resolve) => {
    io.use((socket, next) => {
      try {
        next(Object.assign(new Error("no"), { data: 1n }));
      } catch (error) {
        resolve(error);
      }
    });
  });
  const [error] = await once(client(), "connect_error");
  assert.deepEqual([error.message, error.data], ["no", undefined]);
  assert.ok((await thrown) instanceof TypeError);
});

beside("views of shared memory are sent with their content at the time of the emit", async (t, { Server }) => {
  const { pair } = serve(t, {}, Server);
  const { client, socket } = await pair();
  const memory = new SharedArrayBuffer(6);
  new Uint8Array(memory).set([0, 1, 2, 3, 4, 5]);
  const views = [new Uint8Array(memory, 1, 2), new Uint16Array(memory, 2, 2), new DataView(memory, 5), Buffer.from(memory, 0, 1)];
  socket.emit("views", ...views);
  const heard = await once(client, "views");
  assert.deepEqual(heard.map((view) => [...view]), [[1, 2], [2, 3, 4, 5], [5], [0]]);
});

besideEngine("an Engine.IO session sends text, bytes and values that convert to text", async (t, options) => {
  const { pair } = serveEngine(t, options);
  const { client, socket } = await pair();
  const memory = new SharedArrayBuffer(2);
  new Uint8Array(memory).set([7, 8]);
  const heard = [];
  const all = new Promise((resolve) => {
    client.on("message", (data) => {
      // The client reports an empty text as undefined.
      heard.push(typeof (data ?? "") === "string" ? (data ?? "") : [...Buffer.from(data)]);
      if (data === "end") resolve();
    });
  });
  const texts = ["text", "", 5, 0, null, undefined, true, ["a", "b"]];
  const binary = [Buffer.from([1]), new Uint16Array([2]), new Uint8Array([3]).buffer, new Uint8Array(memory, 1)];
  for (const data of [...texts, ...binary, "end"]) socket.send(data);
  await all;
  assert.deepEqual(heard, ["text", "", "5", "", "", "", "true", "a,b", [1], [2, 0], [3], [8], "end"]);
});
