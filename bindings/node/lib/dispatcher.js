// Drains the engine's events and hands each to the object it is about. One dispatcher is one engine; the objects know it
// as `_dispatcher`, and the engine knows them by integers.
"use strict";

const { restore } = require("./binary");
const { ClosedEngine } = require("./closed");
const { Connection } = require("./connection");
const kinds = require("./kinds");
const { LEVELS, WARN } = require("./log");
const { createEngine, layout } = require("./native");

// So many events are handled before timers and sockets of the process get their turn.
const MOST = 256;

// The outcome of an operation whose time has passed.
const TIMED_OUT = 1;

// What listens stays, also when the program does not hold it.
const listening = new Set();

class Dispatcher {
  constructor(options, log) {
    this.log = log;
    // Who is asked and told about requests.
    this.engine = undefined;
    this.native = createEngine(options, waker(new WeakRef(this)), log.level);
    this.sockets = [];
    this.namespaces = [];
    this.connections = new Map();
    this.operations = new Map();
    this.lastOperation = 0;
    this.closed = undefined;
    this.hasStopped = false;
    // A drain has at most one record for each event, one for its name, one for each socket that was released, and lines.
    this.words = new Uint32Array(layout.head + 4 * MOST * layout.stride);
    this.parts = [];
    // Of events, by their numbers.
    this.names = [];
    // Since timers and sockets of the process had their turn.
    this.handled = 0;
    this.willDrain = false;
    this.again = () => {
      this.willDrain = false;
      this.handled = 0;
      this.drain();
    };
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

  // Starts an operation with a number under which the engine will tell how it ended. What `start` returns is returned; if
  // that is false, or it throws, the engine does not know the operation, and it never ends.
  operate(end, start) {
    do {
      this.lastOperation = (this.lastOperation + 1) >>> 0;
    } while (this.operations.has(this.lastOperation));
    const operation = this.lastOperation;
    this.operations.set(operation, end);
    let started = false;
    try {
      started = start(operation);
    } finally {
      if (started === false) this.operations.delete(operation);
    }
    return started;
  }

  // How an operation ended; of one that is not waited for any more, nothing happens.
  ended(operation, outcome, replies) {
    const end = this.operations.get(operation);
    this.operations.delete(operation);
    end?.(outcome, replies);
  }

  // Ends all operations that are open, as if their time had passed: the engine does not tell of them any more.
  endAll() {
    const open = [...this.operations.values()];
    this.operations.clear();
    for (const end of open) {
      try {
        end(TIMED_OUT, []);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  // Warns the process, unless the program wants less than warnings.
  warn(text) {
    if (this.log.level >= WARN) process.emitWarning(text, "BellwireWarning");
  }

  // Node calls this again without a turn in between while the engine rings.
  rung() {
    if (this.willDrain) return;
    if (this.handled < MOST) this.drain();
    else this.drainNextTurn();
  }

  // Once: each of several would go on to drain in every turn.
  drainNextTurn() {
    if (this.willDrain) return;
    this.willDrain = true;
    setImmediate(this.again);
  }

  drain() {
    const { words, native } = this;
    // A ring of the bell that was on its way when the engine closed.
    if (this.hasStopped) return;
    const text = native.drain(Math.max(1, MOST - this.handled), words, this.parts);
    this.handled += words[0];
    const end = layout.head + words[0] * layout.stride;
    const more = words[1] === 1;
    const batch = new Batch(text, this.parts);
    for (let at = layout.head; at < end; at += layout.stride) {
      try {
        this.dispatch(at, batch);
      } catch (error) {
        throwLater(error);
      }
    }
    native.flush();
    if (more) this.drainNextTurn();
  }

  dispatch(at, batch) {
    const { words } = this;
    const kind = words[at];
    const socket = this.sockets[words[at + 1]];
    if (kind === kinds.MESSAGE || kind === kinds.MESSAGE_WITH_ACK) {
      const args = batch.takeArgs(words[at + 5], words[at + 7]);
      if (!socket?.connected) return;
      if (kind === kinds.MESSAGE_WITH_ACK) args.push(socket._ack(words[at + 2], words[at + 3]));
      socket._receive(this.names[words[at + 4]], args);
      return;
    }
    this.dispatchOther(kind, at, socket, batch);
  }

  dispatchOther(kind, at, socket, batch) {
    const { words } = this;
    const { text } = batch;
    const handle = words[at + 1];
    const start = words[at + 4];
    const middle = words[at + 5];
    const end = words[at + 6];
    switch (kind) {
      case kinds.NAME:
        this.names[words[at + 2]] = internalized(decoded(text.slice(start, middle), words[at + 7]));
        return;
      case kinds.CONNECTION: {
        const namespace = this.namespaces[words[at + 2]];
        const joined = socket ?? this.make(namespace, handle, text.slice(start, middle), words[at + 7]);
        namespace._connected(joined);
        return;
      }
      case kinds.MIDDLEWARE: {
        const namespace = this.namespaces[words[at + 2]];
        const asking = this.make(namespace, handle, text.slice(start, middle), words[at + 7]);
        namespace._admit(asking, this.answer(words[at + 3]));
        return;
      }
      case kinds.DISCONNECTING:
        socket?._disconnecting(text.slice(start, middle), causeOf(text.slice(middle, end)));
        return;
      case kinds.DISCONNECT:
        if (socket === undefined) return;
        try {
          socket._disconnected(text.slice(start, middle), causeOf(text.slice(middle, end)));
        } finally {
          // What can be looked at later, too.
          socket.conn._remember(socket);
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
        socket?._message(batch.takeAttachments(words[at + 7])[0]);
        return;
      case kinds.UPGRADE:
        socket?.conn._upgraded(text.slice(start, middle));
        return;
      case kinds.DROPPED:
        socket?.conn.emit("dropped", words[at + 2]);
        return;
      case kinds.ACKED: {
        const replies = batch.takeReplies(JSON.parse(text.slice(middle, end)));
        this.ended(words[at + 2], words[at + 3], replies);
        return;
      }
      case kinds.ROOM:
        this.namespaces[words[at + 2]].adapter._changed(
          words[at + 3],
          decoded(text.slice(start, middle), words[at + 7]),
          text.slice(middle, end),
        );
        return;
      case kinds.CONNECTION_ERROR:
        this.engine._connectionError(JSON.parse(text.slice(start, middle)));
        return;
      case kinds.ALLOW_REQUEST:
        this.engine._admit(JSON.parse(text.slice(start, middle)), this.answer(words[at + 3]));
        return;
      case kinds.HEADERS:
        this.engine._addHeaders(JSON.parse(text.slice(start, middle)), words[at + 2] === 1, this.answer(words[at + 3]));
        return;
      case kinds.FAULT:
        this.warn(text.slice(start, middle));
        return;
      case kinds.LOG:
        // Another engine of the process may want to hear more.
        if (words[at + 2] > this.log.level) return;
        this.log.write({
          level: LEVELS[words[at + 2]],
          target: text.slice(start, middle),
          message: text.slice(middle, end),
        });
        return;
      case kinds.SHUTDOWN:
        this.native.stop();
        this.hasStopped = true;
        this.native = new ClosedEngine(this, this.native.stat);
        listening.delete(this);
        this.endAll();
        this.shutdown?.();
        return;
    }
  }

  // Answers a question of the engine.
  answer(question) {
    return (...decision) => this.native.answer(question, ...decision);
  }

  make(namespace, handle, id, number) {
    let conn = this.connections.get(number);
    if (conn === undefined) {
      conn = new Connection(number, namespace.server, this);
      this.connections.set(number, conn);
    }
    const socket = namespace._make(handle, id, conn, this);
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

// An exception of one handler does not keep the next event from its handlers; the process gets it as an uncaught one.
function throwLater(error) {
  process.nextTick(() => {
    throw error;
  });
}

// The engine must not keep the dispatcher: one that never listened may go.
function waker(reference) {
  return () => reference.deref()?.rung();
}

// What ended a connection, when there is more to say than the reason.
function causeOf(json) {
  if (json === "") return undefined;
  const { text, ...cause } = JSON.parse(json);
  return Object.assign(new Error(text), cause);
}

// A text that UTF-8 cannot hold comes as JSON.
function decoded(text, isJson) {
  return isJson === 1 ? JSON.parse(text) : text;
}

// A property's key is looked up faster when its string is the one that the engine of JavaScript itself keeps.
function internalized(name) {
  return Object.keys({ [name]: 0 })[0];
}

// What a drain has brought besides numbers. The parts are the JSON of all arguments, the memory of all small
// attachments, and of each attachment its length, if it is small, or its Buffer.
class Batch {
  constructor(text, parts) {
    this.text = text;
    this.parts = parts;
    this.args = parts[0] === "" ? undefined : JSON.parse(parts[0]);
    this.nextArg = 0;
    this.nextPart = 2;
    this.offset = 0;
  }

  takeArgs(count, attachments) {
    const first = this.nextArg;
    this.nextArg += count;
    // One is the usual number.
    const args = count === 1 ? [this.args[first]] : count === 0 ? [] : this.args.slice(first, first + count);
    return attachments === 0 ? args : restore(args, this.takeAttachments(attachments));
  }

  takeAttachments(count) {
    const taken = [];
    for (let i = 0; i < count; i++) {
      const part = this.parts[this.nextPart];
      this.parts[this.nextPart++] = undefined;
      if (typeof part === "number") {
        taken.push(Buffer.from(this.parts[1], this.offset, part));
        this.offset += part;
      } else {
        taken.push(part);
      }
    }
    return taken;
  }

  // How many attachments a reply has, then its arguments, and so on.
  takeReplies(flat) {
    const replies = [];
    for (let i = 0; i < flat.length; i += 2) {
      const args = flat[i + 1];
      replies.push(flat[i] === 0 ? args : restore(args, this.takeAttachments(flat[i])));
    }
    return replies;
  }
}

module.exports = { Dispatcher };
