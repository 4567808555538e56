// The connection beneath one or more sockets: `socket.conn`.
"use strict";

const { EventEmitter } = require("node:events");

// After these the connection itself goes on.
const OF_THE_NAMESPACE = new Set(["client namespace disconnect", "server namespace disconnect"]);

class Connection extends EventEmitter {
  constructor(number) {
    super();
    this._number = number;
    this._sockets = new Set();
    this._name = undefined;
    this.readyState = "open";
    this.protocol = 4;
  }

  get transport() {
    for (const socket of this._sockets) {
      const name = socket._transport();
      if (name !== undefined) this._name = name;
    }
    return { name: this._name };
  }

  get request() {
    for (const socket of this._sockets) return socket.request;
    return undefined;
  }

  get remoteAddress() {
    return this.request?.socket.remoteAddress;
  }

  // Closes the connection with all its sockets.
  close() {
    for (const socket of this._sockets) return void socket.disconnect(true);
  }

  // Each socket tells of the one upgrade.
  _upgraded(name) {
    if (this._told === name) return;
    this._told = this._name = name;
    this.emit("upgrade", { name });
  }

  _socketLeft(reason) {
    if (this.readyState === "closed" || OF_THE_NAMESPACE.has(reason)) return;
    this.readyState = "closed";
    this.emit("close", reason);
  }
}

module.exports = { Connection };
