// Runs scenarios with socket.io-client:
//
//   node driver.mjs URL polling|websocket|upgrade SCENARIO.json…
//
// Prints `ok NAME` or `not ok NAME: why` for each.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Manager } from "socket.io-client";

const PATIENCE_MS = 10_000;
const [url, mode, ...files] = process.argv.slice(2);
const transports = mode === "upgrade" ? ["polling", "websocket"] : [mode];

async function run(scenario, nsp) {
  const clients = new Map();
  for (const [name, options] of Object.entries(scenario.clients)) {
    const manager = options.with
      ? clients.get(options.with).manager
      : new Manager(url, { transports, reconnection: false, autoConnect: false });
    clients.set(name, new Client(manager, options.nsp ?? nsp, options.auth, scenario.answers ?? {}));
  }
  try {
    for (const step of scenario.steps) {
      for (let i = 0; i < (step.times ?? 1); i++) await perform(step, i, clients);
    }
  } finally {
    for (const client of clients.values()) client.manager._close();
  }
}

class Client {
  constructor(manager, nsp, auth, answers) {
    this.manager = manager;
    this.events = new Queue();
    this.socket = manager.socket(nsp, { auth });
    this.socket.onAny((...event) => {
      if (typeof event.at(-1) === "function") {
        const ack = event.pop();
        ack(...restored(answers[event[0]] ?? []));
      }
      this.events.push(event);
    });
    this.socket.on("connect", () => this.events.push({ connected: true }));
    this.socket.on("connect_error", ({ message, data }) =>
      this.events.push(data === undefined ? { refused: { message } } : { refused: { message, data } }),
    );
    this.socket.on("disconnect", (reason) => this.events.push({ disconnected: reason }));
  }
}

class Queue {
  items = [];
  waiting = [];
  push(item) {
    const next = this.waiting.shift();
    if (next) next(item);
    else this.items.push(item);
  }
  async shift(what) {
    if (this.items.length > 0) return this.items.shift();
    return within(new Promise((resolve) => this.waiting.push(resolve)), what);
  }
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in time: ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function perform(step, i, clients) {
  const client = clients.get(step.client);
  const { socket, events, manager } = client;
  const fill = (value) => restored(value, i, clients);
  if (step.connect) {
    if (step.auth) socket.auth = step.auth;
    socket.connect();
  }
  if (step.connected) {
    same(await events.shift("connect"), { connected: true });
    same(await events.shift("auth"), ["auth", fill(step.connected)]);
  }
  if (step.refused) same(await events.shift("connect_error"), { refused: step.refused });
  if (step.emit) socket.emit(...fill(step.emit));
  if (step.call) {
    const reply = await within(
      new Promise((resolve) => socket.emit(...fill(step.call), (...reply) => resolve(reply))),
      JSON.stringify(step.call),
    );
    if (step.reply) same(reply, fill(step.reply));
  }
  if (step.expect) same(await events.shift(JSON.stringify(step.expect)), fill(step.expect));
  if (step.transport) await transport(manager, mode === "upgrade" ? "websocket" : mode);
  if (step.disconnect) {
    socket.disconnect();
    same(await events.shift("disconnect"), { disconnected: "io client disconnect" });
  }
  if (step.disconnected) {
    const { disconnected } = await events.shift("disconnect");
    const reasons = { server: ["io server disconnect"], transport: ["transport close", "transport error"] };
    if (!reasons[step.disconnected].includes(disconnected)) throw new Error(`disconnected: ${disconnected}`);
  }
  if (step.closed) await closed(manager, events);
}

// The connection has ended without unexpected events.
async function closed({ engine }, events) {
  if (engine.readyState !== "closed") {
    await within(new Promise((resolve) => engine.once("close", resolve)), "close");
  }
  // The client emits a packet in the tick after the one in which it arrived.
  await new Promise((resolve) => setImmediate(resolve));
  same(events.items, []);
}

async function transport(manager, wanted) {
  const engine = manager.engine;
  if (engine.transport.name === wanted) return;
  await within(new Promise((resolve) => engine.once("upgrade", resolve)), "upgrade");
  same(engine.transport.name, wanted);
}

// {"$binary": base64} becomes a Buffer, "$n" the number of the round, "$id a"
// the id of client a, "$mode" the transport's name.
function restored(value, i, clients) {
  const walk = (value) => {
    if (value === "$n") return i;
    if (value === "$transport") return mode === "upgrade" ? "websocket" : mode;
    if (typeof value === "string" && value.startsWith("$id ")) return clients.get(value.slice(4)).socket.id;
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
    if (typeof value.$repeat === "string") return value.$repeat.repeat(value.count);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value);
}

function same(actual, expected) {
  const shown = (value) => JSON.stringify(value)?.slice(0, 500);
  if (!isDeepStrictEqual(plain(actual), plain(expected))) {
    throw new Error(`expected ${shown(expected)}, got ${shown(actual)}`);
  }
}

// Binary arrives as Buffer or ArrayBuffer, depending on the transport.
function plain(value) {
  if (value instanceof ArrayBuffer) return { $binary: Buffer.from(value).toString("base64") };
  if (Buffer.isBuffer(value)) return { $binary: value.toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

let failed = false;
for (const file of files) {
  const scenario = JSON.parse(readFileSync(file));
  if ((scenario.only ?? "js") !== "js") continue;
  for (const nsp of scenario.namespaces ?? ["/"]) {
    const name = `${scenario.name} in ${nsp}`;
    try {
      for (let i = 0; i < (scenario.runs ?? 1); i++) await run(scenario, nsp);
      console.log(`ok ${name}`);
    } catch (error) {
      failed = true;
      console.log(`not ok ${name}: ${error.message}`);
    }
  }
}
process.exit(failed ? 1 : 0);
