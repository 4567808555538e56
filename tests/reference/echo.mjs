// The official socket.io 4 server (or, with --raw, engine.io) doing what
// examples/*/echo.* do. A black-box test of official behaviour has to pass
// against this program first: that is how we know the test is true.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";
import * as engine from "engine.io";
import { handlers } from "./handlers.mjs";

const parser = createRequire(import.meta.url)("socket.io-parser");

const settings = readArguments(process.argv.slice(2));
const httpServer = createServer((request, response) => {
  response.writeHead(404).end();
});
const log = makeLog(2000);
const close = settings.raw ? serveRaw() : serveSocketIo();

httpServer.listen(settings.host === "" ? { port: settings.port } : { port: settings.port, host: settings.host }, () =>
  console.log(`listening on ${httpServer.address().port}`),
);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => close(() => process.exit(0)));
}

function readArguments(args) {
  const settings = { port: 0, host: "127.0.0.1", options: {}, raw: false };
  while (args.length > 0) {
    const name = args.shift();
    if (name === "--raw") settings.raw = true;
    else if (name === "--port") settings.port = Number(args.shift());
    else if (name === "--host") settings.host = args.shift();
    else if (name === "--options") settings.options = JSON.parse(args.shift());
    else if (name === "--delivery")
      args.shift(); // A Node program has one way.
    else throw new Error(`unknown argument ${name}`);
  }
  return settings;
}

// A ring of the newest lines.
function makeLog(size) {
  const lines = [];
  return {
    lines,
    add(...words) {
      lines.push(words.join(" "));
      if (lines.length > size) lines.shift();
    },
  };
}

// What Bellwire calls "engine" has no counterpart here but for the number of
// attachments, which the official parser also limits.
function officialOptions() {
  const { engine: own = {}, ...options } = settings.options;
  if (own.maxAttachments !== undefined) {
    const maxAttachments = own.maxAttachments;
    class Decoder extends parser.Decoder {
      constructor() {
        super({ maxAttachments });
      }
    }
    options.parser = { Encoder: parser.Encoder, Decoder };
  }
  return options;
}

function serveSocketIo() {
  const io = new Server(httpServer, officialOptions());
  io.engine.on("connection_error", ({ code, message, context }) =>
    log.add("connection_error", code, message, JSON.stringify(context)),
  );
  handlers(io, log);
  return (done) => io.close(done);
}

function serveRaw() {
  const options = officialOptions();
  const server = engine.attach(httpServer, options);
  server.on("connection_error", ({ code, message, context }) =>
    log.add("connection_error", code, message, JSON.stringify(context)),
  );
  server.on("connection", (socket) => {
    log.add("connection", socket.id);
    socket.on("upgrade", (transport) => log.add("upgrade", socket.id, transport.name));
    socket.on("close", (reason) => log.add("disconnect", socket.id, reason));
    socket.on("message", (data) => {
      if (data === "close") socket.close();
      else if (data === "log") socket.send(JSON.stringify(log.lines));
      else socket.send(data ?? "");
    });
  });
  return (done) => {
    server.close();
    httpServer.close(done);
    httpServer.closeIdleConnections();
  };
}
