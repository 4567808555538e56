// Origins that only the program can tell apart: by regular expressions or by a function. The engine then names every
// origin in its answers, and requests of those that the program does not want are refused, so that their pages get no
// session to read. A WebSocket has no CORS, here as elsewhere.
"use strict";

// What the engine is to do, and a test for requests when it cannot do it alone.
function splitCors(cors) {
  if (typeof cors !== "object" || cors === null || !needsProgram(cors.origin)) return { cors };
  return { cors: { ...cors, origin: true }, allows: (request, done) => judge(cors.origin, request, done) };
}

function needsProgram(origin) {
  return typeof origin === "function" || origin instanceof RegExp || (Array.isArray(origin) && origin.some(needsProgram));
}

function judge(origin, request, done) {
  const from = request.headers.origin;
  const isWebSocket = request.url.includes("transport=websocket");
  if (from === undefined || isWebSocket) return done(true);
  if (typeof origin !== "function") return done(matches(origin, from));
  origin(from, (error, allowed) => done(!error && matches(allowed, from)));
}

function matches(rule, from) {
  if (Array.isArray(rule)) return rule.some((one) => matches(one, from));
  if (rule instanceof RegExp) return new RegExp(rule).test(from);
  return rule === true || rule === "*" || rule === from;
}

module.exports = { splitCors };
