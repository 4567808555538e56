// Shared by the tests: a server on a free port, official clients, and programs in separate processes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineServer, Server } from "../lib/wrapper.mjs";
import { Socket as EngineClient } from "engine.io-client";
import { io as connect } from "socket.io-client";
import { WebSocket } from "ws";

export const folder = fileURLToPath(new URL("..", import.meta.url));

// The official package, as the reference for the behaviour of this one.
const reference = createRequire(new URL("../../../tests/reference/package.json", import.meta.url));
const official = reference("socket.io");
const officialEngine = reference("engine.io");

// Declares a test that both packages must pass. The class of the server is in its options.
export function beside(name, run) {
  for (const [kind, Kind] of [["bellwire", Server], ["socket.io", official.Server]]) {
    test(`${name} (${kind})`, (t) => run(t, { Server: Kind, official: Kind === official.Server }));
  }
}

// Starts a server; returns it with a function that connects clients. All are closed when the test ends.
export function serve(t, options = {}, Kind = Server) {
  const io = new Kind(0, Kind === Server ? { host: "127.0.0.1", ...options } : options);
  const { port } = io.httpServer.address();
  const clients = [];
  t.after(async () => {
    for (const client of clients) client.disconnect();
    await io.close();
  });
  const client = (nsp = "/", more = {}) => {
    const url = `http://127.0.0.1:${port}${nsp}`;
    const made = connect(url, { transports: ["websocket"], forceNew: true, reconnection: false, ...more });
    clients.push(made);
    return made;
  };
  // Connects a client; returns it with its socket.
  const pair = async (nsp = "/", more = {}) => {
    const made = client(nsp, more);
    const [socket] = await Promise.race([
      once(io.of(nsp), "connection"),
      once(made, "connect_error").then(([error]) => Promise.reject(error)),
    ]);
    if (!made.connected) await once(made, "connect");
    return { client: made, socket };
  };
  return { io, port, client, pair };
}

// Declares a test that both Engine.IO servers must pass.
export function besideEngine(name, run) {
  for (const [kind, official] of [["bellwire", false], ["engine.io", true]]) test(`${name} (${kind})`, (t) => run(t, { official }));
}

// Starts an Engine.IO server; returns it with a function that opens a client and returns its socket.
export function serveEngine(t, { official = false, ...options } = {}) {
  const server = official
    ? officialEngine.listen(0, options)
    : new EngineServer(0, { host: "127.0.0.1", ...options });
  const { port } = server.httpServer.address();
  const clients = [];
  t.after(async () => {
    for (const client of clients) client.close();
    server.close();
    if (official) server.httpServer.close();
  });
  const pair = async (more = {}) => {
    const client = new EngineClient(`http://127.0.0.1:${port}`, { path: "/engine.io", transports: ["websocket"], ...more });
    clients.push(client);
    const [[socket]] = await Promise.all([once(server, "connection"), once(client, "open")]);
    return { client, socket };
  };
  return { server, port, pair };
}

// A WebSocket that sends and receives raw packets.
export function raw(t, port, path = "/socket.io") {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}/?EIO=4&transport=websocket`);
  t.after(() => socket.terminate());
  const heard = [];
  let waiting;
  socket.on("message", (data, isBinary) => {
    heard.push(isBinary ? data : String(data));
    waiting?.();
  });
  const send = (data) => (socket.readyState === WebSocket.OPEN ? socket.send(data) : socket.once("open", () => socket.send(data)));
  const next = async () => {
    while (heard.length === 0) await new Promise((resolve) => (waiting = resolve));
    return heard.shift();
  };
  return { socket, send, next };
}

// Runs a program in which `Server` and `connect` are defined. Returns its exit status and output.
export async function run(program, { signal, args = [], timeout = 120_000 } = {}) {
  const head = `
    const { Server, EngineServer } = require(${JSON.stringify(folder)});
    const { io: connect } = require(${JSON.stringify(`${folder}node_modules/socket.io-client`)});
    const client = (io, more) => connect("http://127.0.0.1:" + io.httpServer.address().port,
      { transports: ["websocket"], reconnection: false, ...more });
  `;
  const child = spawn(process.execPath, [...args, "-e", head + program], { stdio: ["ignore", "pipe", "pipe"] });
  const deadline = setTimeout(() => child.kill("SIGKILL"), timeout);
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => {
    out += data;
    if (signal !== undefined && out.includes("ready")) child.kill(signal);
  });
  child.stderr.on("data", (data) => (err += data));
  const [code, ended] = await once(child, "close");
  clearTimeout(deadline);
  return { code, signal: ended, out, err };
}

// Waits until a condition holds.
export async function eventually(what, condition) {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
