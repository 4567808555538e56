// The exports of the package.
"use strict";

const { BroadcastOperator } = require("./broadcast-operator");
const { EngineServer, EngineSocket } = require("./engine-server");
const { Namespace } = require("./namespace");
const { Server } = require("./server");
const { Socket } = require("./socket");

// `require("bellwire")(3000)` works like `new Server(3000)`.
module.exports = (where, options) => new Server(where, options);
Object.assign(module.exports, { Server, Namespace, Socket, BroadcastOperator, EngineServer, EngineSocket });
