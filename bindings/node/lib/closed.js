// Replaces the native engine after its last event: it has no sockets, and calls have no effect. A program may therefore
// still emit after it has closed the server, as with socket.io.
"use strict";

const ANSWERED = 0;

class ClosedEngine {
  // `stat` is that of the native engine: its metrics stay readable.
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
