// What programs of socket.io may ask for, and this version does not have: they are told so, and by name.
"use strict";

const { EventEmitter } = require("node:events");

function refuse(what) {
  throw Object.assign(new Error(`${what} is not in this version of bellwire`), { code: "ERR_BELLWIRE_UNSUPPORTED" });
}

// Methods of a class, and properties that programs set.
function unavailable(owner, { prototype }, names) {
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get: () => () => refuse(`${owner}.${name}`),
      set: () => refuse(`${owner}.${name}`),
    });
  }
}

// An emitter of which programs expect events that never come. The class has them as `missingEvents`, and its name for
// programs as `owner`.
class PartialEmitter extends EventEmitter {
  on(name, listener) {
    this._check(name);
    return super.on(name, listener);
  }

  addListener(name, listener) {
    return this.on(name, listener);
  }

  prependListener(name, listener) {
    this._check(name);
    return super.prependListener(name, listener);
  }

  _check(name) {
    const { owner, missingEvents } = this.constructor;
    if (missingEvents.includes(name)) refuse(`the event "${name}" of ${owner}`);
  }
}

module.exports = { PartialEmitter, refuse, unavailable };
