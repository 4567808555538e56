// The native half, built from ../src at installation.
"use strict";

const { createEngine, layout } = require("../bellwire.node");

module.exports = { createEngine, layout: layout() };
