// A program that declares no events.
import type { AddressInfo } from "node:net";
import { Server, type Socket, EngineServer } from "bellwire";

const io = new Server(0);
const { port } = io.httpServer.address() as AddressInfo;

io.of("/news").use((socket, next) => (socket.handshake.auth.ok ? next() : next(new Error("no"))));
io.on("connection", (socket: Socket) => {
  socket.on("anything", (a, b, ack) => ack(a, b));
  socket.onAny((event, ...args) => console.log(event, args));
  socket.volatile.emit("x", 1, Buffer.from("y"));
  socket.broadcast.except(["a", "b"]).emit("x");
  io.emit("x", port);
  io.timeout(10).emit("x", (error: Error | null, answers: unknown[]) => error ?? answers);
});
io.engine.on("connection_error", ({ code, message }) => console.log(code, message));
io.close().then(() => {});

new EngineServer(0).on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
