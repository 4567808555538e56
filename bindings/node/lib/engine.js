// `io.engine`: events about requests, and metrics. The engine reports rejected requests and responses only while there are
// listeners, because each report costs a round trip to the JavaScript thread.
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
    // "newListener" is emitted before the listener is added, "removeListener" after the listener is removed.
    this.on("newListener", (name) => {
      if (name in HOOKS) this._native.hookServer(HOOKS[name], true);
    });
    this.on("removeListener", (name) => {
      if (name in HOOKS) this._native.hookServer(HOOKS[name], this._listensFor(HOOKS[name]));
    });
  }

  // Connects this object to an engine: at construction, and again when a closed server listens again.
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

  // The value of a metric; undefined if the name is unknown.
  stat(name) {
    return this._native.stat(name);
  }

  _connectionError({ code, message, context, req }) {
    this.emit("connection_error", { code, message, context, req: makeRequest(req) });
  }

  // Asks `allowRequest` whether a request may open a session.
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

  // Asks the listeners for header fields to add to a response.
  _addHeaders(req, isFirst, decide) {
    const headers = {};
    const request = makeRequest(req);
    try {
      if (isFirst) this.emit("initial_headers", headers, request);
      this.emit("headers", headers, request);
    } finally {
      const flat = [];
      for (const [name, value] of Object.entries(headers)) for (const item of [value].flat()) flat.push(name, String(item));
      decide(true, undefined, undefined, flat);
    }
  }
}

unavailable("io.engine", Engine, ["use", "generateId", "handleRequest", "handleUpgrade", "attach"]);

module.exports = { Engine };
