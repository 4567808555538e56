// The engine of a server as programs know it: `io.engine`.
"use strict";

const { EventEmitter } = require("node:events");
const { makeRequest } = require("./handshake");

class Engine extends EventEmitter {
  constructor(dispatcher) {
    super();
    this._native = dispatcher.native;
    // Refused requests are told only while somebody listens.
    super.on("newListener", (name) => {
      if (name === "connection_error") this._native.hearConnectionErrors(true);
    });
  }

  get clientsCount() {
    return this._native.stat("clients_count");
  }

  // A number of the engine by its name; undefined when there is none.
  stat(name) {
    return this._native.stat(name);
  }

  _connectionError({ code, message, context, req }) {
    const request = makeRequest(req.method, req.url, req.headers, req.address, req.port);
    this.emit("connection_error", { code, message, context, req: request });
  }
}

module.exports = { Engine };
