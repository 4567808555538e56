// What a closed engine does: nothing, to no sockets. It takes the place of the native half after the last event, so that a
// program may go on to emit, as with the official server.
"use strict";

const ANSWERED = 0;

class ClosedEngine {
  // Its numbers can still be read.
  constructor(dispatcher, stat) {
    this.stat = stat;
    this._dispatcher = dispatcher;
  }

  of() {
    return this._dispatcher.namespaces.length;
  }

  sockets() {
    return [];
  }

  broadcastWithAck(index, rooms, except, operation) {
    process.nextTick(() => this._dispatcher.ended(operation, ANSWERED, []));
  }

  broadcast() {}
  joinAll() {}
  leaveAll() {}
  disconnectAll() {}
  hook() {}
  hookServer() {}
  serve() {}
  answer() {}
  closeSession() {}
  close() {}
}

module.exports = { ClosedEngine };
