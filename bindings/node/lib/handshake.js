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
function makeRequest({ method, url, headers, address, port }) {
  const socket = { remoteAddress: address, remotePort: port };
  return { method, url, headers, socket, connection: socket, httpVersion: "1.1" };
}

module.exports = { parseHandshake, makeRequest };
