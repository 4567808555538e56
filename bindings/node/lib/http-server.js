// The listener as programs know it: the part of an http.Server that tells where it listens, and closes it.
"use strict";

const { EventEmitter } = require("node:events");
const { isIPv6 } = require("node:net");

class HttpServer extends EventEmitter {
  constructor(close) {
    super();
    this.listening = false;
    this._close = close;
    this._address = null;
  }

  address() {
    return this._address;
  }

  close(callback) {
    if (callback !== undefined) this.once("close", callback);
    this._close();
    return this;
  }

  _listens(host, port) {
    const address = host === "" ? "::" : host;
    this._address = { address, family: isIPv6(address) ? "IPv6" : "IPv4", port };
    this.listening = true;
    process.nextTick(() => this.emit("listening"));
  }

  _closed() {
    this.listening = false;
    this._address = null;
    this.emit("close");
  }
}

module.exports = { HttpServer };
