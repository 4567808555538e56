// The server: listening, options, accepting requests, responses, and members that this version does not have.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EngineServer, Server } from "../lib/wrapper.mjs";
import { run, serve } from "./support.mjs";

test("the port is known when the constructor returns", (t) => {
  const { io, port } = serve(t);
  assert.ok(port > 0);
  assert.deepEqual(io.httpServer.address(), { address: "127.0.0.1", family: "IPv4", port });
  assert.equal(io.httpServer.listening, true);
});

test("a port in use throws an error with Node's code", (t) => {
  const { io, port } = serve(t);
  assert.throws(() => io.listen(port), { code: "EADDRINUSE" });
});

test("a server listens on a Unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bellwire-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");
  const { io } = serve(t);
  io.listen(path);
  const [answer] = await once(get({ socketPath: path, path: "/socket.io/?EIO=4&transport=polling" }), "response");
  assert.equal(answer.statusCode, 200);
  answer.resume();
});

test("attaching to an http.Server throws an error that says why", async () => {
  assert.throws(() => new Server(createServer()), /cannot be attached to/);
});

test("an invalid option throws an error that names it", async (t) => {
  assert.throws(() => new Server({ pingIntervall: 1 }), /pingIntervall.*pingInterval/s);
  assert.throws(() => new Server({ cookie: { name: () => "io" } }), /"cookie.name"/);
  assert.throws(() => new Server({ cors: (req, callback) => callback(null, {}) }), /"cors"/);
  assert.throws(() => new Server({ allowRequest: true }), /"allowRequest"/);
  assert.throws(() => new Server({}).of(/pattern/), TypeError);
});

test("rejected requests are reported to connection_error listeners", async (t) => {
  const { io, port } = serve(t);
  const told = once(io.engine, "connection_error");
  const answer = await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=3&transport=polling`);
  assert.equal(answer.status, 400);
  const [{ code, message, context, req }] = await told;
  assert.deepEqual([code, message, context], [5, "Unsupported protocol version", { protocol: 3 }]);
  assert.equal(req.method, "GET");
});

test("pages are served on the port of the engine", async (t) => {
  const { io, port } = serve(t);
  io.serve("/", "text/html; charset=utf-8", "<h1>안녕</h1>");
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual([answer.status, await answer.text()], [200, "<h1>안녕</h1>"]);
  io.serve("/", "text/html", undefined);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
});

test("clients of a closing server get the reason", async (t) => {
  const { io, pair } = serve(t);
  const { socket } = await pair();
  const left = once(socket, "disconnect");
  const closed = once(io.httpServer, "close");
  await Promise.all([io.close(), new Promise((resolve) => io.close(resolve))]);
  assert.equal((await left)[0], "server shutting down");
  await closed;
  assert.equal(io.httpServer.listening, false);
});

const poll = (port, headers = {}) => fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`, { headers });

test("allowRequest decides who may open a session", async (t) => {
  const asked = [];
  const { port, client } = serve(t, {
    allowRequest: (req, callback) => {
      asked.push(req.method);
      const { pass } = req.headers;
      if (pass === "later") setImmediate(callback, null, true);
      else if (pass === "error") callback(new Error("not you"), false);
      else callback("no pass", pass === "yes");
    },
  });
  for (const [pass, status, text] of [
    ["yes", 200],
    ["later", 200],
    ["none", 403, { code: 4, message: "no pass" }],
    ["error", 403, { code: 4, message: "not you" }],
  ]) {
    const answer = await poll(port, { pass });
    assert.equal(answer.status, status, pass);
    if (text !== undefined) assert.deepEqual(await answer.json(), text);
  }
  assert.deepEqual(asked, Array(4).fill("GET"));
  const [error] = await once(client("/", { extraHeaders: { pass: "no" } }), "connect_error");
  assert.match(error.message, /websocket error/);
});

test("an exception of allowRequest rejects the request and is an uncaught exception", async () => {
  const { code, out, err } = await run(`
    const io = new Server(0, { host: "127.0.0.1", allowRequest: () => { throw new Error("of allowRequest"); } });
    const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
    fetch("http://127.0.0.1:" + io.httpServer.address().port + "/socket.io/?EIO=4&transport=polling")
      .then(async (answer) => console.log(answer.status, await answer.text(), (await thrown).message))
      .then(() => io.close());
  `);
  assert.deepEqual([code, out, err], [0, '403 {"code":4,"message":"Forbidden"} of allowRequest\n', ""]);
});

test("cors.origin may be a regular expression or a function", async (t) => {
  const allowed = async (origin, from) => {
    const { port } = serve(t, { cors: { origin, credentials: true } });
    const answer = await poll(port, from === undefined ? {} : { origin: from });
    assert.equal(answer.headers.get("access-control-allow-credentials"), "true");
    if (answer.status === 403) return false;
    assert.equal(answer.headers.get("access-control-allow-origin"), from ?? null);
    return answer.status === 200;
  };
  const [good, bad] = ["https://a.example", "https://b.example"];
  const asked = [];
  const ask = (origin, callback) => {
    asked.push(origin);
    setImmediate(callback, origin === bad ? new Error("no") : null, /a\.example$/);
  };
  for (const rule of [/a\.example$/g, [/nowhere/, good], ask]) {
    assert.deepEqual([await allowed(rule, good), await allowed(rule, bad), await allowed(rule)], [true, false, true]);
  }
  assert.deepEqual(asked, [good, bad]);
  const { pair } = serve(t, { cors: { origin: /nowhere/ }, allowRequest: (req, callback) => callback(null, true) });
  const { socket } = await pair("/", { extraHeaders: { origin: bad } });
  assert.equal(socket.handshake.headers.origin, bad);
});

test("listeners add headers to responses", async (t) => {
  const { io, port, pair } = serve(t);
  const seen = [];
  const both = (headers, req) => {
    seen.push([req.method, "first" in headers]);
    headers["set-cookie"] = ["a=1", "b=2"];
  };
  const first = (headers) => (headers.first = 1);
  io.engine.on("initial_headers", first).on("headers", both);
  const answer = await poll(port);
  assert.equal(answer.headers.get("first"), "1");
  assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
  const { sid } = JSON.parse((await answer.text()).slice(1));
  const post = await fetch(`${answer.url}&sid=${sid}`, { method: "POST", body: "40" });
  assert.deepEqual([post.headers.get("first"), post.headers.getSetCookie()], [null, ["a=1", "b=2"]]);
  const { client } = await pair();
  assert.equal(client.connected, true);
  assert.deepEqual(seen, [["GET", true], ["POST", false], ["GET", true]]);
  io.engine.off("initial_headers", first).off("headers", both);
  assert.equal((await poll(port)).headers.get("first"), null);
});

test("socket.conn has the session id that the client knows", async (t) => {
  const { io, client } = serve(t);
  const main = client();
  const other = main.io.socket("/other").connect();
  const [[socket], [second]] = await Promise.all([once(io, "connection"), once(io.of("/other"), "connection")]);
  assert.equal(socket.conn.id, main.io.engine.id);
  assert.notEqual(socket.conn.id, socket.id);
  assert.equal(socket.client, second.client);
  const { conn, server, id, request } = socket.client;
  assert.deepEqual([conn, server, id], [socket.conn, io, socket.conn.id]);
  assert.equal(request.headers.host, socket.handshake.headers.host);
  assert.equal(conn.remoteAddress, "127.0.0.1");
  const closed = once(conn, "close");
  other.disconnect();
  main.io.engine.close();
  assert.equal((await closed)[0], "transport close");
  assert.deepEqual([conn.readyState, conn.id, conn.transport.name], ["closed", id, "websocket"]);
});

test("an Engine.IO server reports its requests", async (t) => {
  const server = new EngineServer(0, { host: "127.0.0.1", allowRequest: (req, callback) => callback("full", false) });
  t.after(() => server.close());
  const refused = once(server, "connection_error");
  const answer = await fetch(`http://127.0.0.1:${server.httpServer.address().port}/engine.io/?EIO=4&transport=polling`);
  assert.deepEqual(await answer.json(), { code: 4, message: "full" });
  assert.equal((await refused)[0].code, 4);
});

test("using a feature that this version does not have throws an error that names it", async (t) => {
  const { io, pair } = serve(t);
  const { socket } = await pair();
  const code = "ERR_BELLWIRE_UNSUPPORTED";
  for (const [name, call] of [
    ["Server.serverSideEmit", () => io.serverSideEmit("x")],
    ["Server.adapter", () => io.adapter(class {})],
    ["Namespace.serverSideEmitWithAck", () => io.of("/x").serverSideEmitWithAck("x")],
    ["io.engine.use", () => io.engine.use(() => {})],
    ["io.engine.generateId", () => (io.engine.generateId = () => "id")],
    ['event "connection" of io.engine', () => io.engine.on("connection", () => {})],
    ['event "packet" of socket.conn', () => socket.conn.once("packet", () => {})],
    ['event "drain" of socket.conn', () => socket.conn.prependListener("drain", () => {})],
  ]) {
    assert.throws(call, (error) => error.code === code && error.message.includes(`${name} is not in this version`), name);
  }
  for (const option of ["adapter", "parser", "connectionStateRecovery", "perMessageDeflate", "serveClient", "allowEIO3"]) {
    assert.throws(() => new Server({ [option]: option === "parser" ? {} : true }), (error) => error.message.includes(option), option);
  }
});
