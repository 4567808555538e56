// Plain Engine.IO: sessions that send texts and bytes, without events, rooms and namespaces.
"use strict";

const { EventEmitter } = require("node:events");
const { Dispatcher } = require("./dispatcher");
const { Engine } = require("./engine");
const { parseHandshake } = require("./handshake");
const { HttpServer } = require("./http-server");
const { readOptions, readPort } = require("./options");

const CLOSE_MS = 1000;

class EngineServer extends EventEmitter {
  constructor(where, options = {}) {
    super();
    if (where !== null && typeof where === "object") [where, options] = [undefined, where];
    const { host, json } = readOptions({ path: "/engine.io", ...options }, "engine.io");
    this._host = host;
    this._dispatcher = new Dispatcher(this, json);
    this._sessions = new Sessions(this, this._dispatcher);
    this._engine = new Engine(this._dispatcher);
    this.httpServer = new HttpServer(() => this.close());
    this._engine.on("connection_error", (error) => this.emit("connection_error", error));
    if (where !== undefined && where !== null) this.listen(where);
  }

  get clients() {
    return Object.fromEntries(this._sessions.clients);
  }

  get clientsCount() {
    return this._engine.clientsCount;
  }

  listen(where, { host = this._host } = {}) {
    const port = readPort(where);
    if (port === undefined) throw new TypeError("a port is needed");
    this.httpServer._listens(host, this._dispatcher.listen(host, port));
    return this;
  }

  close(callback) {
    const first = this._dispatcher.closed === undefined;
    const closed = this._dispatcher.close(CLOSE_MS);
    if (first) closed.then(() => this.httpServer._closed());
    if (callback !== undefined) closed.then(() => callback());
    return closed;
  }

  _connectionError(error) {
    this._engine._connectionError(error);
  }
}

// The one namespace of a plain server.
class Sessions {
  constructor(server, dispatcher) {
    this.name = "/";
    this.clients = new Map();
    this._server = server;
    this._native = dispatcher.native;
    dispatcher.namespace(this);
  }

  _make(handle, id, conn) {
    return new EngineSocket(this, handle, id, conn);
  }

  _connected(socket) {
    socket.readyState = "open";
    this.clients.set(socket.id, socket);
    conn(socket);
    this._server.emit("connection", socket);
  }
}

// The session hears what its connection hears.
function conn(socket) {
  socket.conn.on("upgrade", (transport) => socket.emit("upgrade", transport));
}

class EngineSocket extends EventEmitter {
  constructor(sessions, handle, id, connection) {
    super();
    this.id = id;
    this.conn = connection;
    this.readyState = "opening";
    this._handle = handle;
    this._sessions = sessions;
    this._native = sessions._native;
    this._origin = undefined;
  }

  get request() {
    return this._readOrigin().request;
  }

  get remoteAddress() {
    return this.request.socket.remoteAddress;
  }

  get transport() {
    return this.conn.transport;
  }

  // A text, or bytes.
  send(data) {
    if (this.readyState !== "open") return this;
    if (typeof data === "string") this._native.sendText(this._handle, data);
    else if (ArrayBuffer.isView(data)) {
      this._native.sendBinary(this._handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    } else this._native.sendBinary(this._handle, new Uint8Array(data));
    return this;
  }

  write(data) {
    return this.send(data);
  }

  close() {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this._native.disconnect(this._handle, true);
  }

  _message(data) {
    if (this.readyState === "open") this.emit("message", data);
  }

  _disconnecting() {}

  _disconnected(reason) {
    this.readyState = "closed";
    this._sessions.clients.delete(this.id);
    this.emit("close", reason);
  }

  _forgotten() {
    this._handle = 0;
  }

  _readOrigin() {
    return (this._origin ??= parseHandshake(this._native.handshake(this._handle)));
  }

  _transport() {
    return this._handle === 0 ? undefined : this._native.transport(this._handle);
  }
}

module.exports = { EngineServer, EngineSocket };
