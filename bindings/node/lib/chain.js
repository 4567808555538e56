// A chain of middlewares: each gets a subject and a `next`, and may call it now or later.
"use strict";

function runChain(middlewares, subject, done) {
  const chain = middlewares.slice();
  const step = (at) => {
    if (at === chain.length) return done();
    chain[at](subject, (error) => (error ? done(error) : step(at + 1)));
  };
  step(0);
}

module.exports = { runChain };
