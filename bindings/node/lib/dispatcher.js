// Drains the events of one engine and passes each to the object that it concerns. Sockets, namespaces and operations are
// identified by integers; the dispatcher maps these to objects.
"use strict";

const { restore } = require("./binary");
const { ClosedEngine } = require("./closed");
const { Connection } = require("./connection");
const kinds = require("./kinds");
const { LEVELS, WARN } = require("./log");
const { createEngine, layout } = require("./native");

// How many events are handled before control returns to Node's event loop.
const MAX_EVENTS = 256;

// The outcome of an operation that has timed out.
const TIMED_OUT = 1;

// Keeps dispatchers that listen or close alive even if the program does not keep a reference to the server.
const listening = new Set();

class Dispatcher {
  constructor(options, log) {
    this.log = log;
    // The `io.engine` object, which handles events about requests.
    this.engine = undefined;
    this.native = createEngine(options, waker(new WeakRef(this)), log.level);
    this.sockets = [];
    this.namespaces = [];
    this.connections = new Map();
    this.operations = new Map();
    this.lastOperation = 0;
    this.closed = undefined;
    this.hasStopped = false;
    // A drain returns at most one record per event, one per event name, one per released socket, and one per log line.
    this.words = new Uint32Array(layout.head + 4 * MAX_EVENTS * layout.stride);
    this.parts = [];
    // Event names by their numbers.
    this.names = [];
    // Events handled since control last returned to Node's event loop.
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

  // Closes the engine. The promise resolves when all clients are disconnected; further calls return the same promise.
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

  // Assigns a number to an operation and calls `start` with it. The engine reports the outcome under this number, and `end`
  // is called with it. If `start` returns false or throws, the operation was not started and `end` is never called. Returns
  // the result of `start`.
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

  // Handles the outcome of an operation. Outcomes of unknown operations are ignored.
  ended(operation, outcome, replies) {
    const end = this.operations.get(operation);
    this.operations.delete(operation);
    end?.(outcome, replies);
  }

  // Ends all pending operations as timed out, because a stopped engine reports no outcomes.
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

  // Emits a warning of the process, unless the log level excludes warnings.
  warn(text) {
    if (this.log.level >= WARN) process.emitWarning(text, "BellwireWarning");
  }

  // Called by the engine when events wait. Node may call this repeatedly without running timers and I/O in between.
  rung() {
    if (this.willDrain) return;
    if (this.handled < MAX_EVENTS) this.drain();
    else this.drainNextTurn();
  }

  // Schedules one drain at most: several would each reschedule themselves in every iteration of the event loop.
  drainNextTurn() {
    if (this.willDrain) return;
    this.willDrain = true;
    setImmediate(this.again);
  }

  drain() {
    const { words, native } = this;
    // The wake-up was already scheduled when the engine stopped.
    if (this.hasStopped) return;
    const text = native.drain(Math.max(1, MAX_EVENTS - this.handled), words, this.parts);
    this.handled += words[0];
    const end = layout.head + words[0] * layout.stride;
    const more = words[1] === 1;
    const batch = new Batch(words, text, this.parts);
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
    this.dispatchSocketEvent(kind, at, socket, batch);
  }

  dispatchSocketEvent(kind, at, socket, batch) {
    const { words } = this;
    switch (kind) {
      case kinds.CONNECTION: {
        const namespace = this.namespaces[words[at + 2]];
        namespace._connected(socket ?? this.make(namespace, words[at + 1], batch.first(at), words[at + 7]));
        return;
      }
      case kinds.MIDDLEWARE: {
        const namespace = this.namespaces[words[at + 2]];
        const asking = this.make(namespace, words[at + 1], batch.first(at), words[at + 7]);
        namespace._admit(asking, this.answer(words[at + 3]));
        return;
      }
      case kinds.DISCONNECTING:
        socket?._disconnecting(batch.first(at), causeOf(batch.second(at)));
        return;
      case kinds.DISCONNECT:
        if (socket !== undefined) this.disconnected(socket, batch.first(at), causeOf(batch.second(at)));
        return;
      case kinds.RELEASED:
        // The engine has released the socket, so its handle may be reused by a later record.
        if (socket !== undefined) this.forget(socket);
        return;
      case kinds.TEXT:
        socket?._message(batch.second(at));
        return;
      case kinds.BINARY:
        socket?._message(batch.takeAttachments(words[at + 7])[0]);
        return;
      case kinds.UPGRADE:
        socket?.conn._upgraded(batch.first(at));
        return;
      case kinds.DROPPED:
        socket?.conn.emit("dropped", words[at + 2]);
        return;
      default:
        this.dispatchServerEvent(kind, at, batch);
    }
  }

  dispatchServerEvent(kind, at, batch) {
    const { words } = this;
    switch (kind) {
      case kinds.NAME:
        this.names[words[at + 2]] = internalized(decoded(batch.first(at), words[at + 7]));
        return;
      case kinds.ACKED: {
        const replies = batch.takeReplies(JSON.parse(batch.second(at)));
        this.ended(words[at + 2], words[at + 3], replies);
        return;
      }
      case kinds.ROOM: {
        const room = decoded(batch.first(at), words[at + 7]);
        this.namespaces[words[at + 2]].adapter._changed(words[at + 3], room, batch.second(at));
        return;
      }
      case kinds.CONNECTION_ERROR:
        this.engine._connectionError(JSON.parse(batch.first(at)));
        return;
      case kinds.ALLOW_REQUEST:
        this.engine._admit(JSON.parse(batch.first(at)), this.answer(words[at + 3]));
        return;
      case kinds.HEADERS:
        this.engine._addHeaders(JSON.parse(batch.first(at)), words[at + 2] === 1, this.answer(words[at + 3]));
        return;
      case kinds.FAULT:
        this.warn(batch.first(at));
        return;
      case kinds.LOG:
        // All engines of the process share one level: the highest that one of them requests.
        if (words[at + 2] > this.log.level) return;
        this.log.write({ level: LEVELS[words[at + 2]], target: batch.first(at), message: batch.second(at) });
        return;
      case kinds.SHUTDOWN:
        this.stopped();
        return;
    }
  }

  // Reports that a socket was disconnected, then releases the socket.
  disconnected(socket, reason, cause) {
    try {
      socket._disconnected(reason, cause);
    } finally {
      // The connection stays readable after its last socket is released.
      socket.conn._remember(socket);
      this.native.letGo(socket._handle);
      this.forget(socket);
    }
  }

  // The engine has closed: no event follows.
  stopped() {
    this.native.stop();
    this.hasStopped = true;
    this.native = new ClosedEngine(this, this.native.stat);
    listening.delete(this);
    this.endAll();
    this.shutdown?.();
  }

  // Returns the function that answers a question of the engine.
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

  // Removes a socket that the engine has released. The program may still hold a reference to the object.
  forget(socket) {
    this.sockets[socket._handle] = undefined;
    socket._forgotten();
    const { conn } = socket;
    conn._sockets.delete(socket);
    if (conn._sockets.size === 0) this.connections.delete(conn._number);
  }
}

// Rethrows an exception of a handler as an uncaught exception, so that the remaining events of the batch are still handled.
function throwLater(error) {
  process.nextTick(() => {
    throw error;
  });
}

// The wake-up callback for the engine. It holds a weak reference, so that a server that never listened can be collected.
function waker(reference) {
  return () => reference.deref()?.rung();
}

// The DisconnectCause from its JSON; undefined if only the reason is known.
function causeOf(json) {
  if (json === "") return undefined;
  const { text, ...cause } = JSON.parse(json);
  return Object.assign(new Error(text), cause);
}

// A string that contains unpaired surrogates cannot be encoded as UTF-8 and is passed as JSON.
function decoded(text, isJson) {
  return isJson === 1 ? JSON.parse(text) : text;
}

// Returns the string internalized by V8, which makes looking up listeners by this name faster.
function internalized(name) {
  return Object.keys({ [name]: 0 })[0];
}

// The records of a drain, and what they refer to. `parts` holds the JSON of all arguments, one ArrayBuffer with the contents
// of all small attachments, and then one item per attachment: the length of a small one, the Buffer of a large one.
class Batch {
  constructor(words, text, parts) {
    this.words = words;
    this.text = text;
    this.parts = parts;
    this.args = parts[0] === "" ? undefined : JSON.parse(parts[0]);
    this.nextArg = 0;
    this.nextPart = 2;
    this.offset = 0;
  }

  // The first of the two strings of the record at this position.
  first(at) {
    return this.text.slice(this.words[at + 4], this.words[at + 5]);
  }

  // The second of the two strings of the record at this position.
  second(at) {
    return this.text.slice(this.words[at + 5], this.words[at + 6]);
  }

  takeArgs(count, attachments) {
    const first = this.nextArg;
    this.nextArg += count;
    // Most messages have exactly one argument.
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

  // `flat` alternates between the number of attachments of a reply and its arguments.
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
