// Runs middlewares in order. Each receives the subject and a function `next`, to be called now or later.
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
