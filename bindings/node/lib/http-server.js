// The listener as programs know it: the part of an http.Server that tells where it listens, and closes it.
"use strict";

const { EventEmitter } = require("node:events");
const { isIPv6 } = require("node:net");

// Clients have this long to hear that the server closes.
const CLOSE_MS = 1000;

class HttpServer extends EventEmitter {
  constructor(dispatcher) {
    super();
    this.listening = false;
    this._dispatcher = dispatcher;
    this._address = null;
  }

  address() {
    return this._address;
  }

  // Puts everybody out and stops listening. The process may end afterwards.
  close(callback) {
    if (callback !== undefined) this.once("close", callback);
    this._closeAll();
    return this;
  }

  // On a port, or on a Unix socket; more than one is possible.
  _listen(where, host) {
    const port = readPort(where);
    if (port !== undefined) {
      const address = host === "" ? "::" : host;
      const bound = this._dispatcher.listen(host, port);
      this._address = { address, family: isIPv6(address) ? "IPv6" : "IPv4", port: bound };
    } else if (typeof where === "string" && where.includes("/")) {
      this._dispatcher.listenUnix(where);
      this._address ??= where;
    } else {
      throw new TypeError("a port or the path of a Unix socket is needed; an http.Server cannot be attached to in this version");
    }
    this.listening = true;
    process.nextTick(() => this.emit("listening"));
  }

  _closeAll(callback) {
    const first = this._dispatcher.closed === undefined;
    const closed = this._dispatcher.close(CLOSE_MS);
    if (first) {
      closed.then(() => {
        this.listening = false;
        this._address = null;
        this.emit("close");
      });
    }
    if (callback !== undefined) closed.then(() => callback());
    return closed;
  }
}

// The port that a program means by a number, or by text such as that of an environment variable.
function readPort(value) {
  if (typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value))) return Number(value);
  return undefined;
}

module.exports = { HttpServer };
