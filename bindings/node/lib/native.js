// The native addon, built from ../src during installation.
"use strict";

const { createEngine, layout } = require("../bellwire.node");

module.exports = { createEngine, layout: layout() };
