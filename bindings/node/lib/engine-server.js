// An Engine.IO server: sessions that exchange text and binary messages, without events, rooms and namespaces.
"use strict";

const { isBinary, toBytes } = require("./binary");
const { Dispatcher } = require("./dispatcher");
const { Engine } = require("./engine");
const { parseHandshake } = require("./handshake");
const { HttpServer } = require("./http-server");
const { readOptions } = require("./options");
const { PartialEmitter, refuse } = require("./unavailable");

class EngineServer extends Engine {
  static owner = "EngineServer";
  static missingEvents = ["drain", "flush"];

  constructor(where, options = {}) {
    if (where !== null && typeof where === "object") [where, options] = [undefined, where];
    const { host, json, log, allowRequest } = readOptions({ path: "/engine.io", ...options }, "engine.io");
    const dispatcher = new Dispatcher(json, log);
    super(dispatcher, allowRequest);
    this._host = host;
    this._json = json;
    this._log = log;
    this._sessions = new Sessions(this, dispatcher);
    this.httpServer = new HttpServer(dispatcher);
    if (where !== undefined && where !== null) this.listen(where);
  }

  get clients() {
    return Object.fromEntries(this._sessions.clients);
  }

  listen(where, { host = this._host } = {}) {
    if (this._dispatcher.closed !== undefined) this._reopen();
    this.httpServer._listen(where, host);
    return this;
  }

  // A closed server that listens again gets a new engine.
  _reopen() {
    const dispatcher = new Dispatcher(this._json, this._log);
    this._sessions._attach(dispatcher);
    this._attach(dispatcher);
    this.httpServer = new HttpServer(dispatcher);
  }

  close(callback) {
    return this.httpServer._closeAll(callback);
  }
}

// Takes the place of a namespace: the dispatcher reports all sessions to it.
class Sessions {
  constructor(server, dispatcher) {
    this.name = "/";
    this.clients = new Map();
    this.server = server;
    this._attach(dispatcher);
  }

  _attach(dispatcher) {
    dispatcher.namespace(this);
  }

  _make(handle, id, conn, dispatcher) {
    return new EngineSocket(this, handle, id, conn, dispatcher.native);
  }

  _connected(socket) {
    socket.readyState = "open";
    this.clients.set(socket.id, socket);
    socket.conn.on("upgrade", (transport) => socket.emit("upgrade", transport));
    this.server.emit("connection", socket);
  }
}

class EngineSocket extends PartialEmitter {
  static owner = "EngineSocket";
  static missingEvents = ["packet", "packetCreate", "drain", "flush", "heartbeat", "upgrading"];

  constructor(sessions, handle, id, connection, native) {
    super();
    this.id = id;
    this.conn = connection;
    this.readyState = "opening";
    this.protocol = 4;
    this._handle = handle;
    this._sessions = sessions;
    this._native = native;
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

  get server() {
    return this._sessions.server;
  }

  // Sends a text or binary message. `options` is ignored: its only member in engine.io concerns compression, which is not in
  // this version.
  send(data, options, callback) {
    if (typeof options === "function" || typeof callback === "function") refuse("a callback of EngineSocket.send()");
    if (this.readyState !== "open") return this;
    if (isBinary(data)) this._native.sendBinary(this._handle, toBytes(data));
    else this._native.sendText(this._handle, String(data || ""));
    return this;
  }

  write(data, options, callback) {
    return this.send(data, options, callback);
  }

  close() {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this._native.disconnect(this._handle, true);
  }

  _message(data) {
    if (this.readyState !== "open") return;
    this.emit("data", data);
    this.emit("message", data);
  }

  _disconnecting() {}

  _disconnected(reason, cause) {
    this.readyState = "closed";
    this._sessions.clients.delete(this.id);
    this.emit("close", reason, cause);
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
