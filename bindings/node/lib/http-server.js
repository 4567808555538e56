// `io.httpServer`: the part of the http.Server interface that concerns listening and closing.
"use strict";

const { EventEmitter } = require("node:events");
const { isIPv6 } = require("node:net");

// How long clients have to receive their queued messages when the server closes.
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

  // Stops listening and disconnects all clients. Afterwards the server does not keep the process alive.
  close(callback) {
    if (callback !== undefined) this.once("close", callback);
    this._closeAll();
    return this;
  }

  // Listens on a port or a Unix socket, in addition to earlier ones.
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
      throw new TypeError(
        "listen() takes a port, or the path of a Unix socket, which contains a slash; " +
          "an http.Server cannot be attached to in this version",
      );
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

// The port as a number, from a number or a string of digits such as an environment variable; undefined for other values.
function readPort(value) {
  if (typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value))) return Number(value);
  return undefined;
}

module.exports = { HttpServer };
