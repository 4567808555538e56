// The catch-all listeners of a socket for one direction, in the order of their calls.
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

  // Removes a listener; without an argument, all of them.
  remove(listener) {
    if (listener === undefined) {
      this.list = [];
      return;
    }
    const at = this.list.indexOf(listener);
    if (at >= 0) this.list = this.list.filter((_, index) => index !== at);
  }

  // Changes replace the list, so a listener may add and remove listeners during this loop.
  call(socket, ev, args) {
    for (const listener of this.list) listener.call(socket, ev, ...args);
  }
}

module.exports = { AnyListeners };
