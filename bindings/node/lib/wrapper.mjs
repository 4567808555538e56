import bellwire from "./index.js";

export const { Server, Namespace, Socket, BroadcastOperator, EngineServer, EngineSocket } = bellwire;
