// What a client came with: `socket.handshake` and `socket.request`, read when somebody looks.
"use strict";

// Of a client that left while it was being admitted, nothing may be left to read.
const NOTHING = JSON.stringify({ auth: {}, query: {}, session: "", request: { method: "GET", url: "", headers: {} } });

function parseHandshake(json = NOTHING) {
  const { auth, query, session, time, issued, secure, xdomain, request } = JSON.parse(json);
  return {
    session,
    handshake: { headers: request.headers, time, address: request.address, xdomain, secure, issued, url: request.url, query, auth },
    request: makeRequest(request),
  };
}

// The parts of an http.IncomingMessage that describe the request.
class HandshakeRequest {
  constructor({ method, url, headers, address, port }) {
    const socket = { remoteAddress: address, remotePort: port };
    Object.assign(this, { method, url, headers, socket, connection: socket, httpVersion: "1.1" });
  }

  // The parameters of the URL, as engine.io has them there; a program may put others in their place.
  get _query() {
    return (this._query = Object.fromEntries(new URL(this.url, "http://localhost").searchParams));
  }

  set _query(query) {
    Object.defineProperty(this, "_query", { value: query, writable: true, configurable: true });
  }
}

function makeRequest(parts) {
  return new HandshakeRequest(parts);
}

module.exports = { parseHandshake, makeRequest };
