// The server: its namespaces and its listeners.
"use strict";

const { EventEmitter } = require("node:events");
const { isBinary, toBytes } = require("./binary");
const { Dispatcher } = require("./dispatcher");
const { Engine } = require("./engine");
const { HttpServer } = require("./http-server");
const { Namespace } = require("./namespace");
const { readOptions } = require("./options");
const { unavailable } = require("./unavailable");

// Methods that the server forwards to its namespace "/".
const DELEGATED = [
  ...["use", "send", "write", "to", "in", "except", "compress", "timeout", "emitWithAck"],
  ...["allSockets", "fetchSockets", "socketsJoin", "socketsLeave", "disconnectSockets"],
];
const EMITTER = [
  ...["emit", "on", "once", "off", "addListener", "removeListener", "removeAllListeners"],
  ...["prependListener", "prependOnceListener", "listeners", "rawListeners", "listenerCount", "eventNames"],
  ...["setMaxListeners", "getMaxListeners"],
];

class Server extends EventEmitter {
  constructor(where, options = {}) {
    super();
    // An object with an `on` method is an http.Server, which listen() rejects; other objects are options.
    if (where !== null && typeof where === "object" && typeof where.on !== "function") {
      [where, options] = [undefined, where];
    }
    const { host, json, log, allowRequest } = readOptions(options, "socket.io");
    this._host = host;
    this._json = json;
    this._log = log;
    this._dispatcher = new Dispatcher(json, log);
    this._nsps = new Map();
    // The arguments of serve(), by path.
    this._pages = new Map();
    this.engine = new Engine(this._dispatcher, allowRequest);
    this.httpServer = new HttpServer(this._dispatcher);
    this.sockets = this.of("/");
    if (where !== undefined && where !== null) this.listen(where);
  }

  // Listens on a port or a Unix socket. May be called several times, also after close(). The port is known on return.
  listen(where, options = {}) {
    const { host = this._host, ...more } = options;
    if (Object.keys(more).length > 0) throw new TypeError(`listen() takes only the option "host", not ${Object.keys(more).join(", ")}`);
    if (this._dispatcher.closed !== undefined) this._reopen();
    this.httpServer._listen(where, host);
    return this;
  }

  // A closed server that listens again gets a new engine.
  _reopen() {
    const dispatcher = new Dispatcher(this._json, this._log);
    for (const nsp of this._nsps.values()) nsp._attach(dispatcher);
    for (const page of this._pages.values()) dispatcher.native.serve(...page);
    this.engine._attach(dispatcher);
    this.httpServer = new HttpServer(dispatcher);
    this._dispatcher = dispatcher;
  }

  attach(where, options) {
    return this.listen(where, options);
  }

  // Serves content in response to GET requests for exactly this path; `undefined` removes the path.
  serve(path, contentType, content) {
    const body = isBinary(content) ? toBytes(content) : content === undefined ? undefined : Buffer.from(content);
    this._dispatcher.native.serve(path, contentType, body);
    if (body === undefined) this._pages.delete(path);
    else this._pages.set(path, [path, contentType, body]);
    return this;
  }

  of(name, listener) {
    if (typeof name !== "string") throw new TypeError("of() takes a string: namespaces by pattern or function are not in this version");
    let full = name.startsWith("/") ? name : `/${name}`;
    let nsp = this._nsps.get(full);
    if (nsp === undefined) {
      // Names of namespaces are UTF-8 on the wire, so unpaired surrogates become U+FFFD.
      full = Buffer.from(full).toString();
      nsp = this._nsps.get(full);
    }
    if (nsp === undefined) {
      nsp = new Namespace(this, full, this._dispatcher);
      this._nsps.set(full, nsp);
      if (full !== "/") this.sockets._emitReserved("new_namespace", nsp);
    }
    if (listener !== undefined) nsp.on("connect", listener);
    return nsp;
  }

  // Stops listening and disconnects all clients. Afterwards the server does not keep the process alive.
  close(callback) {
    return this.httpServer._closeAll(callback);
  }

  get volatile() {
    return this.sockets.volatile;
  }

  get local() {
    return this.sockets.local;
  }
}

for (const name of [...DELEGATED, ...EMITTER]) {
  Server.prototype[name] = function (...args) {
    const result = this.sockets[name](...args);
    return result === this.sockets ? this : result;
  };
}

const MISSING = ["adapter", "attachApp", "bind", "connectTimeout", "path", "serveClient", "serverSideEmit", "serverSideEmitWithAck"];
unavailable("Server", Server, MISSING);

module.exports = { Server };
