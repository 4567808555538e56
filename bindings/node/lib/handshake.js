// What a client came with: `socket.handshake` and `socket.request`, read when somebody looks.
"use strict";

// Of a client that left while it was being admitted, nothing may be left to read.
const NOTHING = JSON.stringify({ auth: {}, query: {}, request: { method: "GET", url: "", headers: {} } });

function parseHandshake(json = NOTHING) {
  const { auth, query, time, issued, secure, xdomain, request } = JSON.parse(json);
  const { method, url, headers, address, port } = request;
  return {
    handshake: { headers, time, address, xdomain, secure, issued, url, query, auth },
    request: makeRequest(method, url, headers, address, port),
  };
}

// The parts of an http.IncomingMessage that describe the request.
function makeRequest(method, url, headers, remoteAddress, remotePort) {
  const socket = { remoteAddress, remotePort };
  return { method, url, headers, socket, connection: socket, httpVersion: "1.1" };
}

module.exports = { parseHandshake, makeRequest };
