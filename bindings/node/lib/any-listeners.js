// Listeners for all events of one direction, in order.
"use strict";

class AnyListeners {
  constructor() {
    this.list = [];
  }

  append(listener) {
    this.list = [...this.list, listener];
  }

  prepend(listener) {
    this.list = [listener, ...this.list];
  }

  // Without a listener all are removed.
  remove(listener) {
    if (listener === undefined) {
      this.list = [];
      return;
    }
    const at = this.list.indexOf(listener);
    if (at >= 0) this.list = this.list.filter((_, index) => index !== at);
  }

  // The list is never changed in place, so a listener may add and remove.
  call(socket, ev, args) {
    for (const listener of this.list) listener.call(socket, ev, ...args);
  }
}

module.exports = { AnyListeners };
