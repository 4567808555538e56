// From the options of a program to the JSON that the engine checks.
"use strict";

// A client that does not read is put out: the program that emits to it cannot look after each.
const DEFAULTS = { sendBufferPolicy: "disconnect" };

// `host` is ours, the rest is the engine's.
function readOptions(options, protocol) {
  const { host = "", ...rest } = options;
  refuseCode(rest, "");
  const engine = { ...DEFAULTS, ...rest.engine, protocol };
  return { host, json: JSON.stringify({ ...rest, engine }) };
}

// What JSON cannot say would be lost without a word.
function refuseCode(value, path) {
  if (typeof value === "function" || value instanceof RegExp) {
    throw new TypeError(`option "${path}" is a function or a regular expression, which this version does not take`);
  }
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) refuseCode(value[key], path === "" ? key : `${path}.${key}`);
}

// The port that a program means by a number, or by text such as that of an environment variable.
function readPort(value) {
  if (typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value))) return Number(value);
  return undefined;
}

module.exports = { readOptions, readPort };
