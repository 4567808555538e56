// What stands between a connection and its sockets: `socket.client`.
"use strict";

class Client {
  constructor(server, conn) {
    this.server = server;
    this.conn = conn;
  }

  get id() {
    return this.conn.id;
  }

  get request() {
    return this.conn.request;
  }
}

module.exports = { Client };
