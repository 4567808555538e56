// What the tests share: a server on a free port, clients of the official kind, and programs in processes of their own.
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

// The official package: what its users see, the users of this package see too.
const reference = createRequire(new URL("../../../tests/reference/package.json", import.meta.url));
const official = reference("socket.io");
const officialEngine = reference("engine.io");

// A test that both packages have to pass. It gets the server's class in its options.
export function beside(name, run) {
  for (const [kind, Kind] of [["bellwire", Server], ["socket.io", official.Server]]) {
    test(`${name} (${kind})`, (t) => run(t, { Server: Kind, official: Kind === official.Server }));
  }
}

// A server and a way to get clients, all closed when the test ends.
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
  // A client that is connected, and its socket.
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

// The same about plain Engine.IO.
export function besideEngine(name, run) {
  for (const [kind, official] of [["bellwire", false], ["engine.io", true]]) test(`${name} (${kind})`, (t) => run(t, { official }));
}

// A server of plain Engine.IO, and a way to get a client that is open and its socket.
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

// A WebSocket that sends and hears packets as they are.
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

// Runs a program that finds `Server` and `connect` in place; what it wrote, and how it ended.
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
    if (Date.now() > end) throw new Error(`it did not come to ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
