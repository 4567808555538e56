// `socket.conn`: the session that carries one or more sockets.
"use strict";

const { Client } = require("./client");
const { PartialEmitter } = require("./unavailable");

// After a disconnect for one of these reasons, the connection stays open.
const NAMESPACE_REASONS = new Set(["client namespace disconnect", "server namespace disconnect"]);

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

  // The id of the session. The client knows it too; it must be kept secret from other clients.
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

  // Sends the queued messages, then closes the connection. All sockets are disconnected with the reason "forced close"; the
  // client may reconnect.
  close() {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this._dispatcher.native.closeSession(this.id);
  }

  // The engine reports an upgrade once per socket; listeners are called once.
  _upgraded(name) {
    if (this._reportedUpgrade === name) return;
    this._reportedUpgrade = this._transportName = name;
    this.emit("upgrade", { name });
  }

  _socketLeft(reason, cause) {
    if (this.readyState === "closed" || NAMESPACE_REASONS.has(reason)) return;
    this.readyState = "closed";
    this.emit("close", reason, cause);
  }

  // The request and session id, read from any of the sockets.
  _readOrigin() {
    for (const socket of this._sockets) this._origin ??= socket._readOrigin();
    return this._origin;
  }

  // Saves what can only be read through a socket, before the socket is released.
  _remember(socket) {
    this._origin = socket._readOrigin();
    this._transportName = socket._transport() ?? this._transportName;
  }
}

module.exports = { Connection };
