// Members and events of socket.io that this version does not have. Using one throws an error that names it.
"use strict";

const { EventEmitter } = require("node:events");

function refuse(what) {
  throw Object.assign(new Error(`${what} is not in this version of bellwire`), { code: "ERR_BELLWIRE_UNSUPPORTED" });
}

// Defines members of a class that throw when they are called or assigned.
function unavailable(owner, { prototype }, names) {
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get: () => () => refuse(`${owner}.${name}`),
      set: () => refuse(`${owner}.${name}`),
    });
  }
}

// An EventEmitter that throws when a listener is added for an event that is never emitted. A subclass lists these events in
// `missingEvents`, and its name for error messages in `owner`.
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
