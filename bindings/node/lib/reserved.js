// Event names that programs cannot emit, because the library emits them itself.
"use strict";

const RESERVED = new Set(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]);

function checkName(name) {
  if (RESERVED.has(name)) throw new Error(`"${name}" is a reserved event name`);
  return typeof name === "string" ? name : String(name);
}

module.exports = { checkName };
