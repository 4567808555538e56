// What the tests share: a server on a free port, clients of the official kind, and programs in processes of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Server } from "../lib/wrapper.mjs";
import { io as connect } from "socket.io-client";

export const folder = fileURLToPath(new URL("..", import.meta.url));

// A server and a way to get clients, all closed when the test ends.
export function serve(t, options = {}) {
  const io = new Server(0, { host: "127.0.0.1", ...options });
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

// Runs a program that finds `Server` and `connect` in place; what it wrote, and how it ended.
export async function run(program, { signal, args = [] } = {}) {
  const head = `
    const { Server, EngineServer } = require(${JSON.stringify(folder)});
    const { io: connect } = require(${JSON.stringify(`${folder}node_modules/socket.io-client`)});
    const client = (io, more) => connect("http://127.0.0.1:" + io.httpServer.address().port,
      { transports: ["websocket"], reconnection: false, ...more });
  `;
  const child = spawn(process.execPath, [...args, "-e", head + program], { stdio: ["ignore", "pipe", "pipe"] });
  const deadline = setTimeout(() => child.kill("SIGKILL"), 120_000);
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
