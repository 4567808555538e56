// The connection beneath one or more sockets: `socket.conn`.
"use strict";

const { Client } = require("./client");
const { PartialEmitter } = require("./unavailable");

// After these the connection itself goes on.
const OF_THE_NAMESPACE = new Set(["client namespace disconnect", "server namespace disconnect"]);

class Connection extends PartialEmitter {
  static owner = "socket.conn";
  static missingEvents = ["packet", "packetCreate", "message", "data", "drain", "flush", "heartbeat", "upgrading"];

  constructor(number, server, dispatcher) {
    super();
    this._dispatcher = dispatcher;
    this.client = new Client(server, this);
    this.readyState = "open";
    this.protocol = 4;
    this._number = number;
    this._sockets = new Set();
    this._transportName = undefined;
    this._origin = undefined;
  }

  // The session's id, which the client knows, too: a secret of the two.
  get id() {
    return this._readOrigin().session;
  }

  get transport() {
    for (const socket of this._sockets) this._transportName = socket._transport() ?? this._transportName;
    return { name: this._transportName };
  }

  get request() {
    return this._readOrigin().request;
  }

  get remoteAddress() {
    return this.request.socket.remoteAddress;
  }

  // Closes the transport: what waits is sent, all sockets leave with the reason "forced close", and the client may return.
  close() {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this._dispatcher.native.closeSession(this.id);
  }

  // Each socket tells of the one upgrade.
  _upgraded(name) {
    if (this._told === name) return;
    this._told = this._transportName = name;
    this.emit("upgrade", { name });
  }

  _socketLeft(reason, cause) {
    if (this.readyState === "closed" || OF_THE_NAMESPACE.has(reason)) return;
    this.readyState = "closed";
    this.emit("close", reason, cause);
  }

  // What any of its sockets came with.
  _readOrigin() {
    for (const socket of this._sockets) this._origin ??= socket._readOrigin();
    return this._origin;
  }

  // A socket is about to be forgotten.
  _remember(socket) {
    this._origin = socket._readOrigin();
    this._transportName = socket._transport() ?? this._transportName;
  }
}

module.exports = { Connection };
