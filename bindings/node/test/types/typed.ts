// A program that declares its events. Lines that must not compile are marked.
import { Server, type Socket } from "bellwire";

interface ClientToServer {
  chat: (text: string) => void;
  sum: (a: number, b: number, ack: (sum: number) => void) => void;
}

interface ServerToClient {
  chat: (from: string, text: string) => void;
  ask: (question: string, ack: (answer: number) => void) => void;
}

interface Data {
  name: string;
}

const io = new Server<ClientToServer, ServerToClient, Record<string, never>, Data>(3000, {
  pingInterval: 1000,
  cors: { origin: ["https://example.org", /\.example\.org$/] },
  allowRequest: (req, callback) => callback(null, req.headers.host !== undefined),
});

io.on("connection", async (socket) => {
  const name: string = socket.data.name;
  socket.on("chat", (text) => io.to("room").emit("chat", name, text.toUpperCase()));
  socket.on("sum", (a, b, ack) => ack(a + b));
  socket.on("disconnect", (reason) => reason === "ping timeout");
  socket.emit("ask", "how many?", (answer) => answer.toFixed());
  socket.timeout(100).emit("ask", "how many?", (error, answer) => error ?? answer.toFixed());
  const answer: number = await socket.emitWithAck("ask", "how many?");
  const answers: number[] = await io.timeout(100).emitWithAck("ask", "how many?");
  socket.to("room").timeout(100).emit("ask", "all", (error, all) => error ?? all.map((one) => one + answer + answers.length));
  const rooms: Set<string> = socket.rooms;
  const names: string[] = (await io.fetchSockets()).map((other) => other.data.name);
  for (const room of rooms) socket.join([room, ...names]);

  // @ts-expect-error clients do not send this event
  socket.on("shout", () => {});
  // @ts-expect-error the argument must be a string
  socket.emit("chat", "me", 1);
  // @ts-expect-error the server does not send this event
  io.emit("sum", 1, 2);
  // @ts-expect-error this event has no acknowledgement
  await socket.emitWithAck("chat", "me", "text");
  // @ts-expect-error data.name must be a string
  socket.data.name = 1;
});

io.use((socket, next) => {
  socket.data.name = String(socket.handshake.auth.name);
  next(Object.assign(new Error("no"), { data: { code: 1 } }));
});

io.engine.on("initial_headers", (headers, req) => (headers["x-url"] = req.url));

// @ts-expect-error this method is not in this version
io.serverSideEmit("x");

// @ts-expect-error this option does not exist
new Server(0, { pingIntervall: 1 });

export const typed: (socket: Socket<ClientToServer, ServerToClient>) => string = (socket) => socket.id;
