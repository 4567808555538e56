// The echo server that the black-box tests connect to. Each event has one effect that a client can observe.
//
//   node echo.js [--port N] [--host H] [--options JSON] [--raw]

import { EngineServer, Server } from "bellwire";
import { serveNamespace } from "./echo-events.js";

const settings = readArguments(process.argv.slice(2));
const log = makeLog(2000);
const server = settings.raw ? serveRaw() : serveSocketIo();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => server.close());
server.listen(settings.port);
console.log(`listening on ${server.httpServer.address().port}`);

function readArguments(args) {
  const settings = { port: 0, host: "127.0.0.1", options: {}, raw: false };
  while (args.length > 0) {
    const name = args.shift();
    if (name === "--raw") settings.raw = true;
    else if (name === "--port") settings.port = Number(args.shift());
    else if (name === "--host") settings.host = args.shift();
    else if (name === "--options") settings.options = JSON.parse(args.shift());
    else if (name === "--delivery")
      args.shift(); // Node has one delivery mode.
    else throw new Error(`unknown argument ${name}`);
  }
  return settings;
}

// The newest lines of the log; older ones are removed.
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

function serveSocketIo() {
  const io = new Server({ host: settings.host, ...settings.options });
  io.engine.on("connection_error", ({ code, message, context }) =>
    log.add("connection_error", code, message, JSON.stringify(context)),
  );
  for (const name of ["/", "/custom", "/auth", "/plain"]) serveNamespace(io, name, log);
  return io;
}

function serveRaw() {
  const server = new EngineServer({ host: settings.host, ...settings.options });
  server.on("connection_error", ({ code, message, context }) =>
    log.add("connection_error", code, message, JSON.stringify(context)),
  );
  server.on("connection", (socket) => {
    log.add("connection", socket.id);
    socket.on("upgrade", ({ name }) => log.add("upgrade", socket.id, name));
    socket.on("close", (reason) => log.add("disconnect", socket.id, reason));
    socket.on("message", (data) => {
      if (data === "close") socket.close();
      else if (data === "log") socket.send(JSON.stringify(log.lines));
      else socket.send(data);
    });
  });
  return server;
}
