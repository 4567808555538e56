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
    // The sockets with listeners for what is sent.
    this._observed = new Set();
    this.adapter = new Adapter(this);
    this._attach(dispatcher);
  }

  // Makes it a part of this native half: the first, or another one after the server has closed.
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
    return this._everybody().emit(ev, ...args);
  }

  emitWithAck(ev, ...args) {
    return this._everybody().emitWithAck(ev, ...args);
  }

  send(...args) {
    this.emit("message", ...args);
    return this;
  }

  write(...args) {
    return this.send(...args);
  }

  to(room) {
    return this._everybody().to(room);
  }

  in(room) {
    return this.to(room);
  }

  except(room) {
    return this._everybody().except(room);
  }

  compress(compress) {
    return this._everybody().compress(compress);
  }

  get volatile() {
    return this._everybody().volatile;
  }

  get local() {
    return this._everybody().local;
  }

  timeout(timeout) {
    return this._everybody().timeout(timeout);
  }

  allSockets() {
    return this._everybody().allSockets();
  }

  fetchSockets() {
    return this._everybody().fetchSockets();
  }

  socketsJoin(room) {
    this._everybody().socketsJoin(room);
  }

  socketsLeave(room) {
    this._everybody().socketsLeave(room);
  }

  disconnectSockets(close = false) {
    this._everybody().disconnectSockets(close);
  }

  // ---- what the dispatcher calls

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
        // Data that JSON cannot hold throws in the middleware; the client is refused in any case.
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

  _everybody() {
    return new BroadcastOperator(this);
  }
}

unavailable("Namespace", Namespace, ["serverSideEmit", "serverSideEmitWithAck"]);

module.exports = { Namespace };
