import { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import {
  Answer,
  DefaultEventsMap,
  EventArgs,
  EventName,
  EventNameWithAck,
  EventsMap,
  ForMany,
  TypedEmitter,
  WithoutAck,
  WithTimeout,
} from "./events";

import type { Handshake, HandshakeRequest } from "./handshake";
import type { ServerOptions } from "./options";

export { DefaultEventsMap, EventsMap };
export * from "./handshake";
export * from "./options";

/** The name of a room. Other values are converted with `String()`. */
export type Room = string;

/**
 * The id of a {@link Socket}: random, and unique within the server. Each socket is a member of the room with its own id.
 */
export type SocketId = string;

/**
 * An event as a middleware registered with {@link Socket.use} receives it: the name, then the arguments, then the
 * acknowledgement function if the client asked for one. A middleware may modify the array in place.
 */
export type Event = [string, ...any[]];

/** An error that a middleware passes to `next`. The client receives its `message` and `data` in `connect_error`. */
export interface ExtendedError extends Error {
  /** Details for the client. Must be serializable as JSON. */
  data?: any;
}

/** Why a socket was disconnected. The values are those of socket.io. */
export type DisconnectReason =
  | "transport error"
  | "transport close"
  | "forced close"
  | "ping timeout"
  | "parse error"
  | "server shutting down"
  | "forced server close"
  | "client namespace disconnect"
  | "server namespace disconnect";

/**
 * What ended a connection, in more detail than the {@link DisconnectReason}. Passed to `disconnect`, `disconnecting` and
 * `close` listeners as the second argument when the details are known. `message` describes the cause in words.
 */
export interface DisconnectCause extends Error {
  /**
   * The kind of cause: a `limit` was exceeded, a `deadline` passed, data could not be decoded (`parse`), the client
   * violated the protocol (`violation`), or the network connection broke (`transport`).
   */
  kind: "limit" | "deadline" | "parse" | "violation" | "transport";
  /** The name of the option whose limit or deadline was exceeded. */
  option?: string;
  /** The value of that option. */
  limit?: number;
  /** The value that was compared with the limit. */
  seen?: number;
}

/**
 * A rejected request, as listeners for `connection_error` receive it. Codes, messages and context are those of engine.io.
 */
export interface ConnectionError {
  /** The Engine.IO error code, 0 to 5. */
  code: number;
  /** The message for this code, for example `"Unsupported protocol version"`. */
  message: string;
  /** Details, for example `{ protocol: 3 }`. */
  context: Record<string, unknown>;
  /** The rejected request. */
  req: HandshakeRequest;
}

/**
 * Where the server listens: the part of Node's `http.Server` that applies here. Emits `listening` and `close`.
 */
export interface HttpServer extends EventEmitter {
  /** Whether the server is listening. */
  readonly listening: boolean;
  /** The address of the latest TCP listener, or the path of the Unix socket; `null` when the server does not listen. */
  address(): AddressInfo | string | null;
  /** Closes the server like {@link Server.close}. `callback` is called when all clients are disconnected. */
  close(callback?: () => void): this;
}

/** Response headers that a listener adds. An array adds one header field per item. */
export type ResponseHeaders = Record<string, string | string[]>;

/** Events and counters of the engine: `io.engine`. */
export interface Engine extends EventEmitter {
  /** Number of open sessions. */
  readonly clientsCount: number;
  /**
   * The value of a metric by its name, for example `"messages_received_total"`; `undefined` if the name is unknown. The names
   * are those served under {@link EngineOptions.metricsPath}, without the prefix `bellwire_`.
   */
  stat(name: string): number | undefined;
  /** A request was rejected. */
  on(ev: "connection_error", listener: (error: ConnectionError) => void): this;
  /**
   * A response is about to be sent; the listener may add header fields. `initial_headers` is emitted for the first response of
   * a session only, `headers` for each response.
   */
  on(ev: "initial_headers" | "headers", listener: (headers: ResponseHeaders, req: HandshakeRequest) => void): this;
  /** The library emits no other events. */
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** The connection of a client and its server: `socket.client`. */
export interface Client {
  /** The id of the session. The client also knows this id; treat it as a secret. */
  readonly id: string;
  /** The connection of this client. */
  readonly conn: Connection;
  /** The server of this client. */
  readonly server: Server | EngineServer;
  /** The request that opened the connection. */
  readonly request: HandshakeRequest;
}

/** The Engine.IO session that carries one or more sockets of a client: `socket.conn`. */
export interface Connection extends EventEmitter {
  /** The id of the session. The client also knows this id; treat it as a secret. */
  readonly id: string;
  /** The client of this connection. */
  readonly client: Client;
  /** The current transport. */
  readonly transport: {
    /** The name of the transport. */
    readonly name: "polling" | "websocket";
  };
  /** The version of the Engine.IO protocol: 4. */
  readonly protocol: number;
  /** The state of the connection. */
  readonly readyState: "open" | "closing" | "closed";
  /** The request that opened the connection. */
  readonly request: HandshakeRequest;
  /** The IP address of the client. Respects {@link EngineOptions.trustProxy}. */
  readonly remoteAddress: string;
  /**
   * Sends the queued messages, then closes the connection. All its sockets are disconnected with the reason
   * `"forced close"`; the client may reconnect.
   */
  close(): void;
  /** The connection was upgraded to WebSocket. */
  on(ev: "upgrade", listener: (transport: { name: "websocket" }) => void): this;
  /**
   * The send buffer was full: `count` messages, broadcasts included, were not queued since the previous `dropped` event.
   */
  on(ev: "dropped", listener: (count: number) => void): this;
  /** The connection ended while it still had a socket. */
  on(ev: "close", listener: (reason: DisconnectReason, description?: DisconnectCause) => void): this;
  /**
   * The library emits no other events. A listener for an event that only engine.io emits throws `ERR_BELLWIRE_UNSUPPORTED`.
   */
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** The rooms of a namespace: `nsp.adapter`. Each property returns a new snapshot. */
export interface Adapter extends EventEmitter {
  /** The ids of the sockets in each room. */
  readonly rooms: Map<Room, Set<SocketId>>;
  /** The rooms of each socket. */
  readonly sids: Map<SocketId, Set<Room>>;
  /** The rooms of a socket; `undefined` if the socket is not connected. */
  socketRooms(id: SocketId): Set<Room> | undefined;
  /** The ids of the sockets in at least one of these rooms; of all sockets if the set is empty. */
  sockets(rooms: Set<Room>): Promise<Set<SocketId>>;
  /** A room received its first member or lost its last one. Emitted asynchronously, after the call that caused it. */
  on(ev: "create-room" | "delete-room", listener: (room: Room) => void): this;
  /** A socket joined or left a room. Emitted asynchronously, after the call that caused it. */
  on(ev: "join-room" | "leave-room", listener: (room: Room, id: SocketId) => void): this;
  /** The library emits no other events. */
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** A socket as {@link Server.fetchSockets} returns it. With one server, this is the {@link Socket} itself. */
export interface RemoteSocket<EmitEvents, SocketData> {
  /** The id of the socket. */
  readonly id: SocketId;
  /** What the client sent when it connected. */
  readonly handshake: Handshake;
  /** The rooms of the socket, its own id included. */
  readonly rooms: Set<Room>;
  /** Data of the program about this client. */
  readonly data: SocketData;
  /** Sends an event to this client. */
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<EmitEvents, Name>): boolean;
  /** Adds the socket to one or more rooms. */
  join(room: Room | Room[]): void;
  /** Removes the socket from a room. */
  leave(room: Room): void;
  /** Disconnects the socket; `close` (default `false`) closes its whole connection. */
  disconnect(close?: boolean): this;
}

/**
 * The targets of a broadcast and how it is sent. Immutable: each modifier returns a new operator. Without rooms, the target
 * is every socket of the namespace.
 */
export declare class BroadcastOperator<EmitEvents = DefaultEventsMap, SocketData = any> {
  private constructor();
  /** Adds one or more rooms to the target. A socket in several of the rooms receives the event once. */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** The same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** Excludes the sockets in one or more rooms. */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** Accepted for compatibility; compression is not in this version. */
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData>;
  /** How long to wait for acknowledgements, in milliseconds. Default: 1. */
  timeout(ms: number): BroadcastOperator<EmitEvents, SocketData>;
  /** Drops the event for clients that are not ready to receive it. Ignored for events with an acknowledgement. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData>;
  /** Restricts the broadcast to this server. No effect in this version, which has no other adapters. */
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  /**
   * Sends an event to the target. If the last argument is a function, it is called with `null` and the answers once every
   * client has acknowledged the event, or with an error and the answers so far after the {@link timeout}.
   *
   * @throws Error if `ev` is a reserved name, or if the arguments cannot be serialized as JSON.
   */
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<ForMany<EmitEvents>, Name>): boolean;
  /**
   * Sends an event to the target and resolves with the answers once every client has acknowledged it. Rejects after the
   * {@link timeout}; the answers so far are in the `responses` property of the error.
   */
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>[]>;
  /** The ids of the sockets of the target. */
  allSockets(): Promise<Set<SocketId>>;
  /** The sockets of the target. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]>;
  /** Adds the sockets of the target to one or more rooms. */
  socketsJoin(room: Room | Room[]): void;
  /** Removes the sockets of the target from one or more rooms. */
  socketsLeave(room: Room | Room[]): void;
  /** Disconnects the sockets of the target; `close` (default `false`) closes their whole connections. */
  disconnectSockets(close?: boolean): void;
}

/** The events that the library itself emits on a {@link Socket}. */
export interface SocketReservedEvents {
  /** The socket is disconnected and has left its rooms. */
  disconnect: (reason: DisconnectReason, description?: DisconnectCause) => void;
  /** The socket is about to be disconnected; its rooms can still be read. */
  disconnecting: (reason: DisconnectReason, description?: DisconnectCause) => void;
  /** A middleware registered with {@link Socket.use} rejected an event. */
  error: (error: Error) => void;
}

/** A listener for any event: the first argument is the name of the event. */
type AnyListener = (...args: any[]) => void;

/**
 * A client in a namespace. A client that joined several namespaces has one socket in each; they share a {@link Connection}.
 */
export declare class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends TypedEmitter<ListenEvents, EmitEvents, SocketReservedEvents> {
  private constructor();
  /** The id of the socket: random, different from the id of the connection. */
  readonly id: SocketId;
  /** The namespace of the socket. */
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The server of the socket. */
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connection that carries the socket. */
  readonly conn: Connection;
  /** The connection and its server. */
  readonly client: Client;
  /** The adapter of the namespace. */
  readonly adapter: Adapter;
  /** The request that opened the connection. */
  readonly request: HandshakeRequest;
  /** What the client sent when it connected. Stays readable after the socket is disconnected. */
  readonly handshake: Handshake;
  /** Whether the socket is connected. */
  readonly connected: boolean;
  /** The opposite of `connected`. */
  readonly disconnected: boolean;
  /** Always `false`: connection state recovery is not in this version. */
  readonly recovered: boolean;
  /** The rooms of the socket, its own id included; empty after the socket is disconnected. Each read returns a new set. */
  readonly rooms: Set<Room>;
  /** Data of the program about this client. Initially `{}`. */
  data: SocketData;
  /**
   * Sends an event and resolves with the first argument of the client's acknowledgement. Rejects only after {@link timeout}:
   * if the client does not answer in time, is disconnected, or has too many acknowledgements pending. Without a timeout
   * the promise then stays pending.
   */
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>>;
  /** Sends the event `message`. */
  send(...args: any[]): this;
  /** The same as {@link send}. */
  write(...args: any[]): this;
  /** Accepted for compatibility; compression is not in this version. */
  compress(compress: boolean): this;
  /**
   * Sets how long the next emit waits for its acknowledgement, in milliseconds. The acknowledgement function then receives an
   * error or `null` as its first argument.
   */
  timeout(ms: number): Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData>;
  /** The next emit is dropped if the client is not ready to receive it. */
  get volatile(): this;
  /** All sockets of the namespace except this one. */
  get broadcast(): BroadcastOperator<EmitEvents, SocketData>;
  /** The same as {@link broadcast}, restricted to this server. */
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  /** The sockets in one or more rooms, except this one. */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** The same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** All sockets of the namespace except this one and those in one or more rooms. */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /**
   * Adds the socket to one or more rooms; takes effect before the call returns.
   *
   * @throws Error with the code `ERR_BELLWIRE_FULL` if {@link EngineOptions.maxRooms} is exceeded.
   */
  join(rooms: Room | Room[]): void;
  /** Removes the socket from a room; takes effect before the call returns. */
  leave(room: Room): void;
  /**
   * Disconnects the socket. Messages emitted before are sent first. `close` (default `false`) closes the whole connection,
   * which disconnects its sockets in other namespaces too.
   */
  disconnect(close?: boolean): this;
  /**
   * Adds a middleware for incoming events. It calls `next()` to pass the event on; `next(error)` drops the event and emits
   * `error` on this socket.
   */
  use(middleware: (event: Event, next: (error?: Error) => void) => void): this;
  /** Adds a listener for all incoming events. It is called before the listeners for the event's name. */
  onAny(listener: AnyListener): this;
  /** Like {@link onAny}, but puts the listener first. */
  prependAny(listener: AnyListener): this;
  /** Removes a listener added with {@link onAny}; without an argument, all of them. */
  offAny(listener?: AnyListener): this;
  /** The listeners added with {@link onAny}. */
  listenersAny(): AnyListener[];
  /** Adds a listener for all events sent to this client, broadcasts included. */
  onAnyOutgoing(listener: AnyListener): this;
  /** Like {@link onAnyOutgoing}, but puts the listener first. */
  prependAnyOutgoing(listener: AnyListener): this;
  /** Removes a listener added with {@link onAnyOutgoing}; without an argument, all of them. */
  offAnyOutgoing(listener?: AnyListener): this;
  /** The listeners added with {@link onAnyOutgoing}. */
  listenersAnyOutgoing(): AnyListener[];
}

/** The events that the library itself emits on a {@link Namespace} or {@link Server}. */
export interface NamespaceReservedEvents<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {
  /** The same as `connection`. */
  connect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  /** A client connected to the namespace: all middlewares accepted it. */
  connection: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  /** A namespace other than `/` was created with {@link Server.of}. Emitted on the server and its namespace `/`. */
  new_namespace: (namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

/** The methods that {@link Namespace} and {@link Server} share. A server applies them to its namespace `/`. */
declare class Broadcaster<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends TypedEmitter<
  ServerSideEvents,
  ForMany<EmitEvents>,
  NamespaceReservedEvents<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
> {
  /**
   * Adds a middleware that runs for each connecting client. It calls `next()` to accept the client; `next(error)` rejects the
   * client, which receives the error's `message` and `data`.
   */
  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: ExtendedError) => void,
    ) => void,
  ): this;
  /** Sends an event to all sockets; see {@link BroadcastOperator.emitWithAck}. */
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>[]>;
  /** Sends the event `message` to all sockets. */
  send(...args: any[]): this;
  /** The same as {@link send}. */
  write(...args: any[]): this;
  /** The sockets in one or more rooms. */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** The same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** All sockets except those in one or more rooms. */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  /** Accepted for compatibility; compression is not in this version. */
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData>;
  /** All sockets, waiting this long for acknowledgements, in milliseconds. */
  timeout(ms: number): BroadcastOperator<EmitEvents, SocketData>;
  /** All sockets; the event is dropped for clients that are not ready to receive it. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData>;
  /** All sockets of this server. */
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  /** The ids of all sockets. */
  allSockets(): Promise<Set<SocketId>>;
  /** All sockets. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]>;
  /** Adds all sockets to one or more rooms. */
  socketsJoin(room: Room | Room[]): void;
  /** Removes all sockets from one or more rooms. */
  socketsLeave(room: Room | Room[]): void;
  /** Disconnects all sockets; `close` (default `false`) closes their whole connections. */
  disconnectSockets(close?: boolean): void;
}

/** A namespace: sockets that share rooms, middlewares and listeners. Created with {@link Server.of}. */
export declare class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Broadcaster<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  private constructor();
  /** The name; begins with `/`. */
  readonly name: string;
  /** The server of the namespace. */
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connected sockets by their ids. */
  readonly sockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>;
  /** The rooms of the namespace. */
  readonly adapter: Adapter;
}

/** A Socket.IO server. */
export declare class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Broadcaster<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  /** Creates a server that does not listen yet. */
  constructor(options?: ServerOptions);
  /**
   * Creates a server that listens on a port or on the path of a Unix socket; see {@link listen}. With `undefined`, the server
   * does not listen yet.
   */
  constructor(where: number | string | undefined, options?: ServerOptions);
  /** The namespace `/`. */
  readonly sockets: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** Events and counters of the engine. */
  readonly engine: Engine;
  /** Where the server listens. */
  readonly httpServer: HttpServer;
  /**
   * Starts listening on a port (0 selects a free one) or on the path of a Unix socket. When the call returns, clients can
   * connect and `httpServer.address()` is known. May be called several times, also after {@link close}.
   *
   * @param options `host` overrides {@link ServerOptions.host}.
   * @throws Error with the code `EADDRINUSE`, `EACCES` or `ERR_BELLWIRE_IO` if the address cannot be used.
   */
  listen(where: number | string, options?: { host?: string }): this;
  /** The same as {@link listen}. Attaching to an `http.Server` is not in this version. */
  attach(where: number | string, options?: { host?: string }): this;
  /**
   * Serves `content` in response to GET requests for exactly this path. `undefined` removes the path.
   */
  serve(path: string, contentType: string, content: string | Uint8Array | undefined): this;
  /**
   * Returns the namespace with this name and creates it on first use. A missing leading `/` is added.
   *
   * @param listener Added as a listener for `connection`.
   * @throws TypeError if `name` is not a string: namespaces by pattern or function are not in this version.
   */
  of(
    name: string,
    listener?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /**
   * Stops listening and disconnects every client with the reason `"server shutting down"`. Queued messages are sent first,
   * for at most one second. Resolves when all clients are disconnected. Afterwards the server does not keep the process
   * alive.
   */
  close(callback?: () => void): Promise<void>;
}

/** A session of an {@link EngineServer}. */
export declare class EngineSocket extends EventEmitter {
  private constructor();
  /** The id of the session. The client also knows this id; treat it as a secret. */
  readonly id: string;
  /** The connection of this session. */
  readonly conn: Connection;
  /** The request that opened the session. */
  readonly request: HandshakeRequest;
  /** The IP address of the client. Respects {@link EngineOptions.trustProxy}. */
  readonly remoteAddress: string;
  /** The current transport. */
  readonly transport: {
    /** The name of the transport. */
    readonly name: "polling" | "websocket";
  };
  /** The version of the Engine.IO protocol: 4. */
  readonly protocol: number;
  /** The server of this session. */
  readonly server: EngineServer;
  /** The state of the session. */
  readonly readyState: "opening" | "open" | "closing" | "closed";
  /** Sends a text or binary message. Does nothing if the session is not open. */
  send(data: string | ArrayBufferView | ArrayBuffer): this;
  /** The same as {@link send}. */
  write(data: string | ArrayBufferView | ArrayBuffer): this;
  /** Sends the queued messages, then closes the session. */
  close(): void;
  /** The client sent a message: a string, or a `Buffer` if the message is binary. */
  on(ev: "message" | "data", listener: (data: string | Buffer) => void): this;
  /** The session ended. */
  on(ev: "close", listener: (reason: DisconnectReason, description?: DisconnectCause) => void): this;
  /** The session was upgraded to WebSocket. */
  on(ev: "upgrade", listener: (transport: { name: string }) => void): this;
  /**
   * The library emits no other events. A listener for an event that only engine.io emits throws `ERR_BELLWIRE_UNSUPPORTED`.
   */
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** An Engine.IO server: sessions that exchange text and binary messages, without events, rooms and namespaces. */
export declare class EngineServer extends EventEmitter {
  /** Creates a server that does not listen yet. */
  constructor(options?: ServerOptions);
  /** Creates a server that listens on a port or on the path of a Unix socket; see {@link listen}. */
  constructor(where: number | string | undefined, options?: ServerOptions);
  /** The open sessions by their ids. */
  readonly clients: Record<string, EngineSocket>;
  /** Number of open sessions. */
  readonly clientsCount: number;
  /** The value of a metric by its name; see {@link Engine.stat}. */
  stat(name: string): number | undefined;
  /** Where the server listens. */
  readonly httpServer: HttpServer;
  /** Starts listening; see {@link Server.listen}. */
  listen(where: number | string, options?: { host?: string }): this;
  /** Stops listening and closes every session; see {@link Server.close}. */
  close(callback?: () => void): Promise<void>;
  /** A client opened a session. */
  on(ev: "connection", listener: (socket: EngineSocket) => void): this;
  /** A request was rejected. */
  on(ev: "connection_error", listener: (error: ConnectionError) => void): this;
  /** A response is about to be sent; the listener may add header fields. See {@link Engine.on}. */
  on(ev: "initial_headers" | "headers", listener: (headers: ResponseHeaders, req: HandshakeRequest) => void): this;
  /** The library emits no other events. */
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}
