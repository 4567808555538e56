// The targets of a broadcast and its modifiers. Immutable: each modifier returns a new operator.
"use strict";

const { separate, stringify } = require("./binary");
const { checkName } = require("./reserved");

const ANSWERED = 0;
const FULL = 4;
const TOO_MANY_PENDING =
  'a client did not get the event: it has as many pending acknowledgements as the option "engine.maxPendingAcks" allows';

class BroadcastOperator {
  constructor(nsp, rooms = [], except = [], flags = {}) {
    this._nsp = nsp;
    this._rooms = rooms;
    this._except = except;
    this._flags = flags;
  }

  to(room) {
    return new BroadcastOperator(this._nsp, add(this._rooms, room), this._except, this._flags);
  }

  in(room) {
    return this.to(room);
  }

  except(room) {
    return new BroadcastOperator(this._nsp, this._rooms, add(this._except, room), this._flags);
  }

  compress(compress) {
    return this._with({ compress });
  }

  get volatile() {
    return this._with({ volatile: true });
  }

  get local() {
    return this._with({ local: true });
  }

  timeout(timeout) {
    return this._with({ timeout });
  }

  emit(ev, ...args) {
    const name = checkName(ev);
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    const binary = separate(args);
    const json = stringify(binary === undefined ? args : binary.args);
    const attachments = binary?.attachments;
    const { _nsp: nsp, _rooms: rooms, _except: except } = this;
    this._notifyOutgoing(ev, args);
    if (ack === undefined) {
      nsp._native.broadcast(nsp._index, this._flags.volatile === true, rooms, except, name, json, attachments);
      return true;
    }
    const end = (outcome, replies) => {
      const responses = replies.map((reply) => reply[0]);
      if (outcome === ANSWERED) ack.call(this, null, responses);
      else ack.call(this, new Error(outcome === FULL ? TOO_MANY_PENDING : "operation has timed out"), responses);
    };
    const timeout = Math.max(1, Math.trunc(this._flags.timeout ?? 1));
    nsp._dispatcher.operate(end, (operation) =>
      nsp._native.broadcastWithAck(nsp._index, rooms, except, operation, timeout, name, json, attachments),
    );
    return true;
  }

  emitWithAck(ev, ...args) {
    return new Promise((resolve, reject) => {
      this.emit(ev, ...args, (error, responses) => {
        if (error === null) resolve(responses);
        else reject(Object.assign(error, { responses }));
      });
    });
  }

  allSockets() {
    return this.fetchSockets().then((sockets) => new Set(sockets.map((socket) => socket.id)));
  }

  // Async, so that an exception becomes a rejection.
  async fetchSockets() {
    return this._select();
  }

  socketsJoin(room) {
    this._nsp._native.joinAll(this._nsp._index, this._rooms, this._except, add([], room));
  }

  socketsLeave(room) {
    this._nsp._native.leaveAll(this._nsp._index, this._rooms, this._except, add([], room));
  }

  disconnectSockets(close = false) {
    const nsp = this._nsp;
    const { _rooms: rooms, _except: except } = this;
    for (const socket of this._select()) socket.disconnect(close);
    // Includes sockets that the engine has accepted but whose connection event JavaScript has not handled yet.
    nsp._native.disconnectAll(nsp._index, rooms, except, close);
  }

  _with(flag) {
    return new BroadcastOperator(this._nsp, this._rooms, this._except, { ...this._flags, ...flag });
  }

  _select() {
    const { _native: native, _index: index, _dispatcher: dispatcher } = this._nsp;
    return native
      .sockets(index, this._rooms, this._except)
      .map((handle) => dispatcher.sockets[handle])
      .filter((socket) => socket?.connected);
  }

  // Calls the onAnyOutgoing() listeners of the targets. Selecting the targets is skipped if no socket has such a listener.
  _notifyOutgoing(ev, args) {
    if (this._nsp._observed.size === 0) return;
    for (const socket of this._select()) socket._notifyOutgoing(ev, args);
  }
}

function add(list, room) {
  const names = (Array.isArray(room) ? room : [room]).map(String);
  return [...new Set([...list, ...names])];
}

module.exports = { BroadcastOperator };
