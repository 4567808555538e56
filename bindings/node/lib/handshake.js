// `socket.handshake` and `socket.request`, which are read from the engine on first use.
"use strict";

// Used if the client was disconnected during a middleware and the engine has released the socket.
const EMPTY = JSON.stringify({ auth: {}, query: {}, session: "", request: { method: "GET", url: "", headers: {} } });

function parseHandshake(json = EMPTY) {
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

  // The query parameters, parsed on first use. Like in engine.io, a program may replace them.
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
