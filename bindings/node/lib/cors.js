// Origin rules that JavaScript has to evaluate: regular expressions and functions. The engine then names the origin of each
// request in its response, and requests from origins that the rule does not allow are rejected before a session is created.
// WebSocket requests are not affected, because CORS does not apply to them.
"use strict";

// Returns the `cors` option for the engine and, if JavaScript has to evaluate the rule, the function `allows`.
function splitCors(cors) {
  if (typeof cors !== "object" || cors === null || !needsJavaScript(cors.origin)) return { cors };
  return { cors: { ...cors, origin: true }, allows: (request, done) => judge(cors.origin, request, done) };
}

function needsJavaScript(origin) {
  return typeof origin === "function" || origin instanceof RegExp || (Array.isArray(origin) && origin.some(needsJavaScript));
}

function judge(origin, request, done) {
  const from = request.headers.origin;
  const isWebSocket = request.url.includes("transport=websocket");
  if (from === undefined || isWebSocket) return done(true);
  if (typeof origin !== "function") return done(matches(origin, from));
  origin(from, (error, allowed) => done(!error && matches(allowed, from)));
}

function matches(rule, from) {
  if (Array.isArray(rule)) return rule.some((item) => matches(item, from));
  if (rule instanceof RegExp) return new RegExp(rule).test(from);
  return rule === true || rule === "*" || rule === from;
}

module.exports = { splitCors };
