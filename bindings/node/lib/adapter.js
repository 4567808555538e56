// `nsp.adapter`: the rooms of a namespace and their members as maps, and events about changes.
"use strict";

const { EventEmitter } = require("node:events");

const EVENTS = ["create-room", "join-room", "leave-room", "delete-room"];

class Adapter extends EventEmitter {
  constructor(nsp) {
    super();
    this.nsp = nsp;
    // The engine reports changes of rooms only while an event has a listener.
    super.on("newListener", (name) => {
      if (EVENTS.includes(name) && !this._listens()) nsp._native.hook(nsp._index, "rooms", true);
    });
    super.on("removeListener", (name) => {
      if (EVENTS.includes(name) && !this._listens()) nsp._native.hook(nsp._index, "rooms", false);
    });
  }

  _listens() {
    return EVENTS.some((name) => this.listenerCount(name) > 0);
  }

  // Called when the namespace has been registered with a new engine.
  _attached() {
    if (this._listens()) this.nsp._native.hook(this.nsp._index, "rooms", true);
  }

  // Map from each socket id to the rooms of the socket.
  get sids() {
    return new Map([...this.nsp.sockets.values()].map((socket) => [socket.id, socket.rooms]));
  }

  // Map from each room to the ids of its sockets.
  get rooms() {
    const rooms = new Map();
    for (const [id, joined] of this.sids) {
      for (const room of joined) {
        if (!rooms.has(room)) rooms.set(room, new Set());
        rooms.get(room).add(id);
      }
    }
    return rooms;
  }

  socketRooms(id) {
    return this.nsp.sockets.get(id)?.rooms;
  }

  sockets(rooms) {
    return this.nsp.in([...rooms]).allSockets();
  }

  _changed(change, room, id) {
    if (id === "") this.emit(EVENTS[change], room);
    else this.emit(EVENTS[change], room, id);
  }
}

module.exports = { Adapter };
