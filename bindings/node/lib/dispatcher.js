// Drains the engine's events and hands each to the object it is about. One dispatcher is one engine; the objects know it
// as `_dispatcher`, and the engine knows them by integers.
"use strict";

const { restore } = require("./binary");
const { Connection } = require("./connection");
const kinds = require("./kinds");
const { createEngine, layout } = require("./native");

// So many events are handled before timers and sockets of the process get their turn.
const MOST = 256;

// What listens stays, also when the program does not hold it.
const listening = new Set();

class Dispatcher {
  constructor(owner, options) {
    this.owner = owner;
    this.native = createEngine(options, waker(new WeakRef(this)));
    this.sockets = [];
    this.namespaces = [];
    this.connections = new Map();
    this.operations = new Map();
    this.lastOperation = 0;
    this.closed = undefined;
    // A drain has at most one record for each event and one for each socket that was released.
    this.words = new Uint32Array(layout.head + 2 * MOST * layout.stride);
    this.attachments = [];
    this.again = () => this.drain();
  }

  listen(host, port) {
    const bound = this.native.listen(host, port);
    listening.add(this);
    return bound;
  }

  listenUnix(path) {
    this.native.listenUnix(path);
    listening.add(this);
  }

  // Calls back when everybody has left; a call after that calls back at once.
  close(deadline) {
    this.closed ??= new Promise((resolve) => {
      this.shutdown = resolve;
      listening.add(this);
      this.native.close(deadline);
    });
    return this.closed;
  }

  namespace(namespace) {
    const index = this.native.of(namespace.name);
    this.namespaces[index] = namespace;
    return index;
  }

  // A number under which the engine will tell how it ended.
  operation(end) {
    do {
      this.lastOperation = (this.lastOperation + 1) >>> 0;
    } while (this.operations.has(this.lastOperation));
    this.operations.set(this.lastOperation, end);
    return this.lastOperation;
  }

  drain() {
    const { words } = this;
    const text = this.native.drain(MOST, words, this.attachments);
    const end = layout.head + words[0] * layout.stride;
    const more = words[1] === 1;
    const attachments = new Attachments(this.attachments);
    for (let at = layout.head; at < end; at += layout.stride) {
      try {
        this.dispatch(at, text, attachments);
      } catch (error) {
        // The next event is not this one's fault; the program hears of it as of any other exception.
        process.nextTick(() => {
          throw error;
        });
      }
    }
    if (more) setImmediate(this.again);
  }

  dispatch(at, text, attachments) {
    const { words } = this;
    const handle = words[at + 1];
    const start = words[at + 4];
    const middle = words[at + 5];
    const end = words[at + 6];
    const socket = this.sockets[handle];
    switch (words[at]) {
      case kinds.MESSAGE:
      case kinds.MESSAGE_WITH_ACK: {
        const taken = attachments.take(words[at + 7]);
        if (!socket?.connected) return;
        let args = JSON.parse(text.slice(middle, end));
        if (taken !== undefined) args = restore(args, taken);
        if (words[at] === kinds.MESSAGE_WITH_ACK) args.push(socket._ack(words[at + 2], words[at + 3]));
        socket._receive(text.slice(start, middle), args);
        return;
      }
      case kinds.CONNECTION: {
        const namespace = this.namespaces[words[at + 2]];
        const joined = socket ?? this.make(namespace, handle, text.slice(start, middle), words[at + 7]);
        namespace._connected(joined);
        return;
      }
      case kinds.MIDDLEWARE: {
        const namespace = this.namespaces[words[at + 2]];
        const question = words[at + 3];
        const asking = this.make(namespace, handle, text.slice(start, middle), words[at + 7]);
        namespace._admit(asking, (accepted, message, data) => this.native.answer(question, accepted, message, data));
        return;
      }
      case kinds.DISCONNECTING:
        socket?._disconnecting(text.slice(start, middle));
        return;
      case kinds.DISCONNECT:
        if (socket === undefined) return;
        try {
          socket._disconnected(text.slice(start, middle));
        } finally {
          // Its handshake can be looked at later, too.
          socket._readOrigin();
          this.native.letGo(handle);
          this.forget(socket);
        }
        return;
      case kinds.RELEASED:
        // The engine has dropped it, and may have given the handle to another one already.
        if (socket !== undefined) this.forget(socket);
        return;
      case kinds.TEXT:
        socket?._message(text.slice(middle, end));
        return;
      case kinds.BINARY:
        socket?._message(attachments.take(words[at + 7])[0]);
        return;
      case kinds.UPGRADE:
        socket?.conn._upgraded(text.slice(start, middle));
        return;
      case kinds.ACKED: {
        const replies = attachments.takeReplies(JSON.parse(text.slice(middle, end)));
        const ended = this.operations.get(words[at + 2]);
        this.operations.delete(words[at + 2]);
        ended?.(words[at + 3], replies);
        return;
      }
      case kinds.ROOM:
        this.namespaces[words[at + 2]].adapter._changed(
          words[at + 3],
          text.slice(start, middle),
          text.slice(middle, end),
        );
        return;
      case kinds.CONNECTION_ERROR:
        this.owner._connectionError(JSON.parse(text.slice(start, middle)));
        return;
      case kinds.FAULT:
        process.emitWarning(text.slice(start, middle), "BellwireWarning");
        return;
      case kinds.SHUTDOWN:
        this.native.stop();
        listening.delete(this);
        this.shutdown?.();
        return;
    }
  }

  make(namespace, handle, id, number) {
    let conn = this.connections.get(number);
    if (conn === undefined) {
      conn = new Connection(number);
      this.connections.set(number, conn);
    }
    const socket = namespace._make(handle, id, conn);
    this.sockets[handle] = socket;
    conn._sockets.add(socket);
    return socket;
  }

  // The engine is done with it, and so are we; the program may keep it.
  forget(socket) {
    this.sockets[socket._handle] = undefined;
    socket._forgotten();
    const { conn } = socket;
    conn._sockets.delete(socket);
    if (conn._sockets.size === 0) this.connections.delete(conn._number);
  }
}

// The engine must not keep the dispatcher: one that never listened may go.
function waker(reference) {
  return () => reference.deref()?.drain();
}

// The attachments of a batch, in the order of its records.
class Attachments {
  constructor(list) {
    this.list = list;
    this.next = 1;
    this.offset = 0;
  }

  take(count) {
    if (count === 0) return undefined;
    const taken = [];
    for (let i = 0; i < count; i++) {
      const item = this.list[this.next];
      this.list[this.next++] = undefined;
      if (typeof item === "number") {
        taken.push(Buffer.from(this.list[0], this.offset, item));
        this.offset += item;
      } else {
        taken.push(item);
      }
    }
    return taken;
  }

  // How many attachments a reply has, then its arguments, and so on.
  takeReplies(flat) {
    const replies = [];
    for (let i = 0; i < flat.length; i += 2) {
      const taken = this.take(flat[i]);
      replies.push(taken === undefined ? flat[i + 1] : restore(flat[i + 1], taken));
    }
    return replies;
  }
}

module.exports = { Dispatcher };
