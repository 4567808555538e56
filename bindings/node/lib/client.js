// `socket.client`: a connection together with its server.
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
