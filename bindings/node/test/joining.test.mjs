// Clients that disconnect while they connect: the program gets either both events, connection and disconnect, or neither.
import assert from "node:assert/strict";
import { beside, eventually, raw, serve } from "./support.mjs";

const CLIENTS = 200;

// What a middleware waits for before it accepts a client.
const PAUSES = {
  none: (next) => next(),
  "a microtask": (next) => Promise.resolve().then(() => next()),
  "a turn": (next) => setImmediate(next),
  "some milliseconds": (next, index) => setTimeout(next, index % 5),
  "until it has left": (next, index, socket) => socket.conn.on("close", () => next()),
};

for (const [name, pause] of Object.entries(PAUSES)) {
  beside(`a client that disconnects while it connects is reported once or never, middleware: ${name}`, async (t, { Server }) => {
    const { io, port } = serve(t, {}, Server);
    const told = new Map();
    const tell = (socket, what) => told.set(socket, [...(told.get(socket) ?? []), what]);
    let asked = 0;
    const seen = new Promise((resolve) => {
      io.use((socket, next) => {
        if (socket.handshake.auth.last) resolve(socket);
        else next();
      });
    });
    io.use((socket, next) => {
      socket.on("disconnecting", () => tell(socket, "disconnecting"));
      socket.on("disconnect", () => tell(socket, "disconnect"));
      pause(next, asked++, socket);
    });
    io.on("connection", (socket) => {
      tell(socket, "connection");
      socket.join("room");
    });
    const left = [];
    for (let i = 0; i < CLIENTS; i++) {
      const client = raw(t, port);
      left.push(new Promise((resolve) => client.socket.on("close", resolve)));
      client.send("40");
      client.socket.once("open", () => (i % 2 === 0 ? client.socket.terminate() : client.socket.close()));
    }
    await Promise.all(left);
    const whole = (events) => events.join() === "connection,disconnecting,disconnect";
    const settled = () => io.engine.clientsCount === 0 && io.sockets.sockets.size === 0 && [...told.values()].every(whole);
    // Events are in order: those of earlier clients precede the middleware of a later client.
    raw(t, port).send('40{"last":true}');
    const last = await seen;
    last.conn.close();
    await eventually("no client, and whole lives", settled);
    const lives = [...told.values()];
    assert.ok(lives.every(whole));
    if (name === "until it has left") assert.deepEqual(lives, []);
    assert.equal(io.of("/").adapter.rooms.size, 0);
  });
}
