// Converts the options of a server to the JSON that the engine reads and checks.
"use strict";

const { splitCors } = require("./cors");
const { readLog } = require("./log");
const { refuse } = require("./unavailable");

// The engine's own default makes emit() throw for a slow client, which programs written for socket.io do not expect.
const DEFAULTS = { sendBufferPolicy: "disconnect" };

// `host`, the log and callbacks are handled in JavaScript, all other options in the engine.
function readOptions(options, protocol) {
  const { host = "", allowRequest, log, logLevel, cors: wanted, ...rest } = options;
  const { cors, allows } = splitCors(wanted);
  if (cors !== undefined) rest.cors = cors;
  refuseCode(rest, "");
  const engine = { ...DEFAULTS, ...rest.engine, protocol };
  return {
    host,
    json: JSON.stringify({ ...rest, engine }),
    log: readLog(log, logLevel),
    allowRequest: both(allowRequest ?? undefined, allows),
  };
}

// Combines the CORS rule and the `allowRequest` option into one `allowRequest` function.
function both(allowRequest, allows) {
  if (allowRequest !== undefined && typeof allowRequest !== "function") {
    throw new TypeError(`option "allowRequest" takes a function, not ${typeof allowRequest}`);
  }
  if (allows === undefined) return allowRequest;
  return (request, answer) =>
    allows(request, (allowed) => {
      if (!allowed) answer("the origin is not allowed", false);
      else if (allowRequest === undefined) answer(null, true);
      else allowRequest(request, answer);
    });
}

// Rejects values that JSON.stringify would drop silently.
function refuseCode(value, path) {
  if (typeof value === "function" || value instanceof RegExp) {
    refuse(`a function or a regular expression as option "${path}"`);
  }
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) refuseCode(value[key], path === "" ? key : `${path}.${key}`);
}

module.exports = { readOptions };
