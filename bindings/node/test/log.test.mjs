// Diagnostics: the cause of a disconnect, the log and its levels.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { Server } from "../lib/wrapper.mjs";
import { folder, serve, serveEngine } from "./support.mjs";

const SENTENCE = "Max payload size exceeded (maxHttpBufferSize is 1000)";

function logged(t, options) {
  const lines = [];
  const waiting = new Set();
  const log = (line) => {
    lines.push(line);
    for (const look of waiting) look();
  };
  // Resolves with the first line that contains this text.
  const line = (part) =>
    new Promise((resolve) => {
      const look = () => {
        const found = lines.find(({ message }) => message.includes(part));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { ...serve(t, { log, ...options }), lines, line };
}

test("a disconnect has a cause and a line in the log", { timeout: 60_000 }, async (t) => {
  const { io, line, lines, port, client } = logged(t, { maxHttpBufferSize: 1000, logLevel: "debug" });
  const ends = [];
  io.on("connection", (socket) => {
    socket.on("disconnecting", (reason, description) => ends.push([reason, description]));
    socket.on("disconnect", (reason, description) => ends.push([reason, description]));
  });
  const lost = client();
  await once(lost, "connect");
  const { id } = lost;
  lost.emit("large", "x".repeat(2000));
  await line(`${id} disconnected from / from 127.0.0.1:`);
  const dropped = await line(`transport error: ${SENTENCE}`);
  assert.equal(dropped.level, "debug");
  assert.match(dropped.target, /^bellwire::(session|socket)$/);
  assert.equal(ends.length, 2);
  for (const [reason, description] of ends) {
    assert.equal(reason, "transport error");
    assert.ok(description instanceof Error);
    assert.equal(description.message, "Max payload size exceeded");
    assert.deepEqual(
      [description.kind, description.option, description.limit],
      ["limit", "maxHttpBufferSize", 1000],
    );
  }
  const left = client();
  await once(left, "connect");
  const leftId = left.id;
  left.disconnect();
  await line(`${leftId} disconnected from /`);
  assert.equal(ends.length, 4);
  assert.deepEqual(ends[3], ["client namespace disconnect", undefined]);
  await new Promise((resolve) => {
    request({ port, host: "127.0.0.1", path: "/socket.io/?EIO=1&transport=polling", agent: false }, (response) => {
      response.resume().on("end", resolve);
    }).end();
  });
  const refused = await line("refused GET");
  assert.equal(refused.target, "bellwire::http");
  assert.match(refused.message, /from 127\.0\.0\.1:\d+: 5 "Unsupported protocol version"/);
  await io.close();
  await line("closed");
  assert.ok(lines.some(({ level, message }) => level === "info" && message.includes("maxHttpBufferSize=1000")));
});

test("each server gets its own lines, up to its level", { timeout: 60_000 }, async (t) => {
  const loud = logged(t, { logLevel: "debug" });
  const quiet = logged(t, {});
  for (const { client } of [loud, quiet]) {
    const one = client();
    await once(one, "connect");
    one.disconnect();
  }
  await loud.line(" disconnected from / from ");
  await quiet.io.close();
  await loud.io.close();
  const counted = loud.lines.filter(({ message }) => message.includes(" disconnected from / from "));
  assert.equal(counted.length, 1);
  assert.ok(quiet.lines.every(({ level }) => level === "info"));
});

test("a disconnect of an Engine.IO session has a cause", { timeout: 60_000 }, async (t) => {
  const { pair } = serveEngine(t, { pingInterval: 50, pingTimeout: 50 });
  const { client, socket } = await pair();
  // From here on, the client does not answer pings.
  client.write = client.sendPacket = client._sendPacket = () => client;
  const [reason, description] = await once(socket, "close");
  assert.equal(reason, "ping timeout");
  assert.deepEqual([description.kind, description.option, description.limit], ["deadline", "pingTimeout", 50]);
});

test("options of the log are checked", () => {
  assert.throws(() => new Server({ log: "stderr" }), /option "log" takes a function/);
  assert.throws(() => new Server({ logLevel: "loud" }), /option "logLevel" takes one of off, error/);
});

test("logLevel also applies to warnings of the process", () => {
  const program = (options) => `
    const { Server } = require(${JSON.stringify(folder)});
    const connect = require(${JSON.stringify(`${folder}node_modules/socket.io-client`)}).io;
    const io = new Server(0, { host: "127.0.0.1", engine: { maxPendingAcks: 1 }, ...${JSON.stringify(options)} });
    connect("http://127.0.0.1:" + io.httpServer.address().port, { transports: ["websocket"], reconnection: false });
    io.on("connection", async (socket) => {
      // The engine and the package warn about the second emit; the third one gets an error.
      for (let i = 0; i < 2; i++) socket.emit("x", () => {});
      await socket.timeout(60_000).emitWithAck("x").catch(() => {});
      io.close();
    });
  `;
  const run = (options, NODE_DEBUG = "") =>
    spawnSync(process.execPath, ["-e", program(options)], { env: { ...process.env, NODE_DEBUG }, timeout: 30_000 }).stderr.toString();
  for (const options of [{}, { logLevel: "warn" }, { logLevel: "debug" }]) {
    const told = run(options).match(/BellwireWarning: .*maxPendingAcks/g);
    assert.equal(told?.length, 2, JSON.stringify(options));
  }
  assert.equal(run({ logLevel: "off" }), "");
  assert.equal(run({ logLevel: "error" }), "");
  assert.equal(run({ logLevel: "off" }, "bellwire"), "");
  assert.match(run({ logLevel: "info" }, "bellwire"), /bellwire::server listening/);
  assert.doesNotMatch(run({ logLevel: "info" }, "bellwire"), /bellwire::socket .* connected/);
});

test("NODE_DEBUG=bellwire writes to stderr", () => {
  const program = `
    const { Server } = require(${JSON.stringify(folder)});
    const io = new Server(0, { host: "127.0.0.1" });
    io.close();
  `;
  const run = (NODE_DEBUG) =>
    spawnSync(process.execPath, ["-e", program], { env: { ...process.env, NODE_DEBUG }, timeout: 30_000 });
  assert.match(run("bellwire").stderr.toString(), /BELLWIRE \d+: bellwire::server listening on port \d+/);
  assert.equal(run("").stderr.toString(), "");
});
