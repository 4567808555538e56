// From the options of a program to the JSON that the engine checks.
"use strict";

const { splitCors } = require("./cors");
const { readLog } = require("./log");
const { refuse } = require("./unavailable");

// A client that does not read is put out: the program that emits to it cannot look after each.
const DEFAULTS = { sendBufferPolicy: "disconnect" };

// `host` and what only the program can decide is ours, the rest is the engine's.
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

// One question to the program for its two tests.
function both(allowRequest, allows) {
  if (allowRequest !== undefined && typeof allowRequest !== "function") {
    throw new TypeError('option "allowRequest" takes a function');
  }
  if (allows === undefined) return allowRequest;
  return (request, answer) =>
    allows(request, (allowed) => {
      if (!allowed) answer("the origin is not allowed", false);
      else if (allowRequest === undefined) answer(null, true);
      else allowRequest(request, answer);
    });
}

// What JSON cannot say would be lost without a word.
function refuseCode(value, path) {
  if (typeof value === "function" || value instanceof RegExp) {
    refuse(`a function or a regular expression as option "${path}"`);
  }
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) refuseCode(value[key], path === "" ? key : `${path}.${key}`);
}

module.exports = { readOptions };
