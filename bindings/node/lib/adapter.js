// Rooms and members of a namespace as maps, and the events about them: `nsp.adapter`.
"use strict";

const { EventEmitter } = require("node:events");

const EVENTS = ["create-room", "join-room", "leave-room", "delete-room"];

class Adapter extends EventEmitter {
  constructor(nsp) {
    super();
    this.nsp = nsp;
    // The engine tells of rooms only while somebody listens.
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

  // Its namespace is a part of another native half.
  _attached() {
    if (this._listens()) this.nsp._native.hook(this.nsp._index, "rooms", true);
  }

  // The rooms of each socket.
  get sids() {
    return new Map([...this.nsp.sockets.values()].map((socket) => [socket.id, socket.rooms]));
  }

  // The sockets in each room.
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
