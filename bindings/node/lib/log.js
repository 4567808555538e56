// Where the engine's log goes: to the `log` option, or to stderr with NODE_DEBUG=bellwire. Without either, errors and
// warnings become warnings of the process.
"use strict";

const { debuglog } = require("node:util");

const LEVELS = ["off", "error", "warn", "info", "debug", "trace"];
const [, , WARN, INFO, DEBUG] = LEVELS.keys();
const debug = debuglog("bellwire");

function readLog(log, logLevel) {
  if (log !== undefined && typeof log !== "function") throw new TypeError(`option "log" takes a function, not ${typeof log}`);
  const wanted = logLevel === undefined ? undefined : LEVELS.indexOf(logLevel);
  if (wanted < 0) throw new TypeError(`option "logLevel" takes one of ${LEVELS.join(", ")}, not ${String(logLevel)}`);
  if (log !== undefined) return { level: wanted ?? INFO, write: (line) => log(line) };
  if (debug.enabled) return { level: wanted ?? DEBUG, write: (line) => debug("%s %s", line.target, line.message) };
  return { level: Math.min(wanted ?? WARN, WARN), write: warn };
}

// Lines of the server itself are skipped: the program learns of these problems through exceptions and events.
function warn({ target, message }) {
  if (target !== "bellwire::server") process.emitWarning(message, "BellwireWarning");
}

module.exports = { LEVELS, WARN, readLog };
