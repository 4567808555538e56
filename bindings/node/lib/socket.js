// A client in a namespace.
"use strict";

const { EventEmitter } = require("node:events");
const { AnyListeners } = require("./any-listeners");
const { separate, stringify } = require("./binary");
const { BroadcastOperator } = require("./broadcast-operator");
const { runChain } = require("./chain");
const { parseHandshake } = require("./handshake");
const { checkName } = require("./reserved");

const emitLocally = EventEmitter.prototype.emit;
const ANSWERED = 0;
const TIMED_OUT = 1;
const FULL = 4;

class Socket extends EventEmitter {
  constructor(nsp, handle, id, conn, dispatcher) {
    super();
    this.nsp = nsp;
    this.id = id;
    this.conn = conn;
    this.connected = false;
    this.recovered = false;
    this.data = {};
    this._handle = handle;
    // The dispatcher of this connection. That of the namespace is another one if the server was closed and listens again.
    this._dispatcher = dispatcher;
    this._native = dispatcher.native;
    this._gone = false;
    this._flags = undefined;
    this._middlewares = undefined;
    this._incoming = undefined;
    this._outgoing = undefined;
    this._origin = undefined;
    this._warned = false;
  }

  get server() {
    return this.nsp.server;
  }

  get adapter() {
    return this.nsp.adapter;
  }

  get client() {
    return this.conn.client;
  }

  get handshake() {
    return this._readOrigin().handshake;
  }

  get request() {
    return this._readOrigin().request;
  }

  get disconnected() {
    return !this.connected;
  }

  get rooms() {
    return new Set(this._gone ? [] : this._native.rooms(this._handle));
  }

  // ---- sending

  emit(ev, ...args) {
    const name = checkName(ev);
    const flags = this._takeFlags();
    const ack = typeof args[args.length - 1] === "function" ? args.pop() : undefined;
    const binary = separate(args);
    const json = stringify(binary === undefined ? args : binary.args);
    this._outgoing?.call(this, ev, args);
    if (ack !== undefined) this._emitWithAck(flags?.timeout, ack, name, json, binary?.attachments);
    else if (this.connected) this._native.emit(this._handle, flags?.volatile === true, name, json, binary?.attachments);
    return true;
  }

  emitWithAck(ev, ...args) {
    const mayFail = this._flags?.timeout !== undefined;
    return new Promise((resolve, reject) => {
      const ended = mayFail ? (error, value) => (error ? reject(error) : resolve(value)) : resolve;
      this.emit(ev, ...args, ended);
    });
  }

  send(...args) {
    this.emit("message", ...args);
    return this;
  }

  write(...args) {
    return this.send(...args);
  }

  compress(compress) {
    return this._setFlag("compress", compress);
  }

  timeout(timeout) {
    return this._setFlag("timeout", timeout);
  }

  get volatile() {
    return this._setFlag("volatile", true);
  }

  get broadcast() {
    return new BroadcastOperator(this.nsp, [], [this.id], this._takeFlags());
  }

  get local() {
    return this.broadcast.local;
  }

  to(room) {
    return this.broadcast.to(room);
  }

  in(room) {
    return this.to(room);
  }

  except(room) {
    return this.broadcast.except(room);
  }

  // ---- rooms

  join(rooms) {
    if (this._gone) return;
    for (const room of Array.isArray(rooms) ? rooms : [rooms]) this._native.join(this._handle, String(room));
  }

  leave(room) {
    if (!this._gone) this._native.leave(this._handle, String(room));
  }

  // ---- leaving

  disconnect(close = false) {
    if (!this.connected) return this;
    const leaving = close ? [...this.conn._sockets].filter((socket) => socket.connected) : [this];
    for (const socket of leaving) socket._disconnecting("server namespace disconnect");
    this._native.disconnect(this._handle, close);
    for (const socket of leaving) socket._disconnected("server namespace disconnect");
    return this;
  }

  // ---- listening

  use(middleware) {
    this._middlewares = [...(this._middlewares ?? []), middleware];
    return this;
  }

  onAny(listener) {
    (this._incoming ??= new AnyListeners()).append(listener);
    return this;
  }

  prependAny(listener) {
    (this._incoming ??= new AnyListeners()).prepend(listener);
    return this;
  }

  offAny(listener) {
    this._incoming?.remove(listener);
    return this;
  }

  listenersAny() {
    return this._incoming?.list.slice() ?? [];
  }

  onAnyOutgoing(listener) {
    this._observe().append(listener);
    return this;
  }

  prependAnyOutgoing(listener) {
    this._observe().prepend(listener);
    return this;
  }

  offAnyOutgoing(listener) {
    this._outgoing?.remove(listener);
    if (this._outgoing?.list.length === 0) this.nsp._observed.delete(this);
    return this;
  }

  listenersAnyOutgoing() {
    return this._outgoing?.list.slice() ?? [];
  }

  // ---- called by the dispatcher and the namespace

  _receive(name, args) {
    this._incoming?.call(this, name, args);
    if (this._middlewares === undefined) return this._deliver(name, args);
    const event = [name, ...args];
    runChain(this._middlewares, event, (error) => {
      if (error) return this._deliver("error", [error]);
      // A middleware may have changed the event.
      if (this.connected) this._deliver(event[0], event.slice(1));
    });
  }

  _deliver(name, args) {
    // A client may send an event named "error". Without a listener, EventEmitter would throw.
    if (name === "error" && this.listenerCount("error") === 0) return;
    emitLocally.call(this, name, ...args);
  }

  // The function that acknowledges an event of the client. Only its first call has an effect.
  _ack(low, high) {
    let sent = false;
    return (...args) => {
      if (sent) return;
      // Throws if an argument cannot be serialized. The function can then be called again.
      const binary = separate(args);
      const json = stringify(binary === undefined ? args : binary.args);
      sent = true;
      if (this.connected) this._native.acknowledge(this._handle, low, high, json, binary?.attachments);
    };
  }

  _disconnecting(reason, cause) {
    if (this.connected) emitLocally.call(this, "disconnecting", reason, cause);
  }

  _disconnected(reason, cause) {
    if (!this.connected) return;
    this._leave();
    emitLocally.call(this, "disconnect", reason, cause);
    this.conn._socketLeft(reason, cause);
  }

  _leave() {
    this.connected = false;
    this._gone = true;
    this.nsp.sockets.delete(this.id);
    this.nsp._observed.delete(this);
  }

  // Called when the engine has released the socket.
  _forgotten() {
    this._leave();
    this._handle = 0;
  }

  _readOrigin() {
    return (this._origin ??= parseHandshake(this._native.handshake(this._handle)));
  }

  _transport() {
    return this._handle === 0 ? undefined : this._native.transport(this._handle);
  }

  _notifyOutgoing(ev, args) {
    this._outgoing?.call(this, ev, args);
  }

  // ---- private

  _emitWithAck(timeout, ack, name, json, attachments) {
    const mayFail = timeout !== undefined;
    const ms = mayFail ? Math.max(1, Math.trunc(timeout)) : 0;
    const end = (outcome, replies) => {
      if (outcome === ANSWERED) ack.apply(this, mayFail ? [null, ...replies[0]] : replies[0]);
      else if (mayFail) ack.call(this, failure(outcome));
      else if (outcome === FULL) this._warn(failure(outcome));
    };
    const start = (operation) => this._native.emitWithAck(this._handle, operation, ms, name, json, attachments);
    if (this.connected && this._dispatcher.operate(end, start)) return;
    if (mayFail) setTimeout(() => ack.call(this, failure(TIMED_OUT)), ms);
  }

  // Reports an event that was not sent and whose callback takes no error. A promise without a timeout is not rejected
  // either: an unhandled rejection would end programs that do not expect one here.
  _warn(error) {
    if (this._warned) return;
    this._warned = true;
    this._dispatcher.warn(`socket ${this.id}: ${error.message}; further events that are not sent are not reported`);
  }

  _setFlag(name, value) {
    this._flags = { ...this._flags, [name]: value };
    return this;
  }

  _takeFlags() {
    const flags = this._flags;
    this._flags = undefined;
    return flags;
  }

  _observe() {
    if (!this._gone) this.nsp._observed.add(this);
    return (this._outgoing ??= new AnyListeners());
  }
}

function failure(outcome) {
  if (outcome === FULL) {
    return new Error(
      'the event was not sent: the client has as many pending acknowledgements as the option "engine.maxPendingAcks" allows',
    );
  }
  return new Error(outcome === TIMED_OUT ? "operation has timed out" : "socket has been disconnected");
}

module.exports = { Socket };
