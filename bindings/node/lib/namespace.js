// A namespace: sockets that share rooms, middlewares and listeners.
"use strict";

const { EventEmitter } = require("node:events");
const { Adapter } = require("./adapter");
const { BroadcastOperator } = require("./broadcast-operator");
const { runChain } = require("./chain");
const { Socket } = require("./socket");
const { unavailable } = require("./unavailable");

const emitLocally = EventEmitter.prototype.emit;

class Namespace extends EventEmitter {
  constructor(server, name, dispatcher) {
    super();
    this.server = server;
    this.name = name;
    this.sockets = new Map();
    this._middlewares = [];
    // The sockets that have onAnyOutgoing() listeners.
    this._observed = new Set();
    this.adapter = new Adapter(this);
    this._attach(dispatcher);
  }

  // Registers the namespace with an engine: at construction, and again when a closed server listens again.
  _attach(dispatcher) {
    this._dispatcher = dispatcher;
    this._index = dispatcher.namespace(this);
    if (this._middlewares.length > 0) this._native.hook(this._index, "middleware", true);
    this.adapter._attached();
  }

  get _native() {
    return this._dispatcher.native;
  }

  use(middleware) {
    this._middlewares.push(middleware);
    this._native.hook(this._index, "middleware", true);
    return this;
  }

  emit(ev, ...args) {
    return this._operator().emit(ev, ...args);
  }

  emitWithAck(ev, ...args) {
    return this._operator().emitWithAck(ev, ...args);
  }

  send(...args) {
    this.emit("message", ...args);
    return this;
  }

  write(...args) {
    return this.send(...args);
  }

  to(room) {
    return this._operator().to(room);
  }

  in(room) {
    return this.to(room);
  }

  except(room) {
    return this._operator().except(room);
  }

  compress(compress) {
    return this._operator().compress(compress);
  }

  get volatile() {
    return this._operator().volatile;
  }

  get local() {
    return this._operator().local;
  }

  timeout(timeout) {
    return this._operator().timeout(timeout);
  }

  allSockets() {
    return this._operator().allSockets();
  }

  fetchSockets() {
    return this._operator().fetchSockets();
  }

  socketsJoin(room) {
    this._operator().socketsJoin(room);
  }

  socketsLeave(room) {
    this._operator().socketsLeave(room);
  }

  disconnectSockets(close = false) {
    this._operator().disconnectSockets(close);
  }

  // ---- called by the dispatcher

  _make(handle, id, conn, dispatcher) {
    return new Socket(this, handle, id, conn, dispatcher);
  }

  _admit(socket, answer) {
    runChain(this._middlewares, socket, (error) => {
      if (!error) return answer(true);
      const message = String(error.message ?? "");
      let data;
      try {
        data = JSON.stringify(error.data);
      } finally {
        // If `data` cannot be serialized, the middleware gets the exception; the client is rejected in any case.
        answer(false, message, data);
      }
    });
  }

  _connected(socket) {
    socket.connected = true;
    this.sockets.set(socket.id, socket);
    emitLocally.call(this, "connect", socket);
    emitLocally.call(this, "connection", socket);
  }

  _emitReserved(ev, ...args) {
    emitLocally.call(this, ev, ...args);
  }

  _operator() {
    return new BroadcastOperator(this);
  }
}

unavailable("Namespace", Namespace, ["serverSideEmit", "serverSideEmitWithAck"]);

module.exports = { Namespace };
