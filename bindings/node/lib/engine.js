// The engine of a server as programs know it: `io.engine`. Refused requests and responses are told of only while somebody
// listens, since each costs a turn of the program.
"use strict";

const { makeRequest } = require("./handshake");
const { PartialEmitter, unavailable } = require("./unavailable");

const HOOKS = { connection_error: "connectionError", initial_headers: "headers", headers: "headers" };

class Engine extends PartialEmitter {
  static owner = "io.engine";
  static missingEvents = ["connection", "drain", "flush"];

  constructor(dispatcher, allowRequest) {
    super();
    this._allowRequest = allowRequest;
    this._attach(dispatcher);
    // When it is told, a new listener is not there yet, and an old one is no longer.
    this.on("newListener", (name) => {
      if (name in HOOKS) this._native.hookServer(HOOKS[name], true);
    });
    this.on("removeListener", (name) => {
      if (name in HOOKS) this._native.hookServer(HOOKS[name], this._listensFor(HOOKS[name]));
    });
  }

  // Binds it to this native half: the first, or another one after the server has closed.
  _attach(dispatcher) {
    this._dispatcher = dispatcher;
    dispatcher.engine = this;
    if (this._allowRequest !== undefined) this._native.hookServer("allowRequest", true);
    for (const hook of new Set(Object.values(HOOKS))) if (this._listensFor(hook)) this._native.hookServer(hook, true);
  }

  _listensFor(hook) {
    return Object.keys(HOOKS).some((name) => HOOKS[name] === hook && this.listenerCount(name) > 0);
  }

  get _native() {
    return this._dispatcher.native;
  }

  get clientsCount() {
    return this._native.stat("clients_count");
  }

  // A number of the engine by its name; undefined when there is none.
  stat(name) {
    return this._native.stat(name);
  }

  _connectionError({ code, message, context, req }) {
    this.emit("connection_error", { code, message, context, req: makeRequest(req) });
  }

  // May this request open a session?
  _admit(req, decide) {
    const answer = (refusal, allowed) => {
      const message = typeof refusal === "string" ? refusal : refusal?.message;
      decide(allowed === true, message);
    };
    try {
      this._allowRequest(makeRequest(req), answer);
    } catch (error) {
      answer(undefined, false);
      throw error;
    }
  }

  // Which headers does this response get besides?
  _addHeaders(req, isFirst, decide) {
    const headers = {};
    const request = makeRequest(req);
    try {
      if (isFirst) this.emit("initial_headers", headers, request);
      this.emit("headers", headers, request);
    } finally {
      const flat = [];
      for (const [name, value] of Object.entries(headers)) for (const one of [value].flat()) flat.push(name, String(one));
      decide(true, undefined, undefined, flat);
    }
  }
}

unavailable("io.engine", Engine, ["use", "generateId", "handleRequest", "handleUpgrade", "attach"]);

module.exports = { Engine };
