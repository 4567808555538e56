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

export { DefaultEventsMap, EventsMap };

export type Room = string;
export type SocketId = string;

/** An event as a packet middleware sees it: name, arguments, acknowledgement. */
export type Event = [string, ...any[]];

/** An error of a middleware; the client gets its message and data. */
export interface ExtendedError extends Error {
  data?: any;
}

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

/** What ended a connection, when there is more to say than the reason; the message is in words. */
export interface DisconnectCause extends Error {
  kind: "limit" | "deadline" | "parse" | "violation" | "transport";
  /** The option that was exceeded, its value, and what was compared with it. */
  option?: string;
  limit?: number;
  seen?: number;
}

/** The request that opened a connection. */
export interface HandshakeRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  httpVersion: string;
  socket: { remoteAddress: string; remotePort: number };
  connection: { remoteAddress: string; remotePort: number };
  /** The parameters of the URL. */
  _query: Record<string, string>;
}

export interface Handshake {
  headers: Record<string, string>;
  time: string;
  address: string;
  xdomain: boolean;
  secure: boolean;
  issued: number;
  url: string;
  query: Record<string, string>;
  auth: { [key: string]: any };
}

export type OriginRule = boolean | string | RegExp | (boolean | string | RegExp)[];

export interface CorsOptions {
  /** By a function or an expression: what it does not want gets no session by polling. */
  origin?: OriginRule | ((origin: string, callback: (error: Error | null, allowed?: OriginRule) => void) => void);
  methods?: string | string[];
  allowedHeaders?: string | string[];
  exposedHeaders?: string | string[];
  credentials?: boolean;
  maxAge?: number;
  preflightContinue?: boolean;
  optionsSuccessStatus?: number;
}

export interface CookieOptions {
  name?: string;
  path?: string;
  domain?: string;
  httpOnly?: boolean;
  secure?: boolean;
  sameSite?: boolean | "strict" | "lax" | "none";
  maxAge?: number;
  [attribute: string]: unknown;
}

/** The engine's own options; sizes are bytes, times milliseconds. */
export interface EngineOptions {
  workerThreads?: number;
  pollQueueEvents?: number;
  pollQueueBytes?: number;
  /** The most open connections (HTTP and WebSocket), and the most sessions. 0 = no limit. */
  maxConnections?: number;
  maxHeaderBytes?: number;
  maxHeaders?: number;
  maxAttachments?: number;
  maxJsonDepth?: number;
  maxPacketsPerPayload?: number;
  maxFragments?: number;
  maxNamespaces?: number;
  maxPendingAcks?: number;
  maxRooms?: number;
  /** Above so many bytes a client is not read; one that takes nothing for `sendBufferGrace` loses messages. */
  sendBufferHigh?: number;
  sendBufferLow?: number;
  /** Above so many bytes any client loses messages. */
  sendBufferMax?: number;
  sendBufferGrace?: number;
  /** A client that takes nothing of what waits for it for so long is disconnected. */
  sendTimeout?: number;
  maxAuthBytes?: number;
  errorCloseTimeout?: number;
  /** What happens to a client that does not read: "disconnect" unless told otherwise. */
  sendBufferPolicy?: "error" | "drop" | "disconnect";
  backlog?: number;
  tcpNodelay?: boolean;
  reusePort?: boolean;
  trustProxy?: number;
  deferredTimeout?: number;
  messageTimeout?: number;
  headerTimeout?: number;
  bodyTimeout?: number;
  /** A client takes some of an HTTP answer within this time, in milliseconds. */
  writeTimeout?: number;
  /** Refuse requests, WebSockets included, of pages whose origin `cors` does not allow. */
  checkOrigin?: boolean;
  closeTimeout?: number;
  metricsPath?: string;
}

/** "debug" has one line for each connect, upgrade, refusal and close, with its cause; "trace" has packets. */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug" | "trace";

/** A line of the engine's log. */
export interface LogLine {
  level: LogLevel;
  /** The part of the engine: "bellwire::http". */
  target: string;
  message: string;
}

export interface ServerOptions {
  /** Where to listen: an IP address or "localhost"; all interfaces unless told otherwise. */
  host?: string;
  path?: string;
  addTrailingSlash?: boolean;
  connectTimeout?: number;
  pingInterval?: number;
  pingTimeout?: number;
  upgradeTimeout?: number;
  maxHttpBufferSize?: number;
  transports?: ("polling" | "websocket")[];
  allowUpgrades?: boolean;
  initialPacket?: string;
  cookie?: boolean | string | CookieOptions;
  cors?: boolean | CorsOptions;
  /** Whether a request may open a session. */
  allowRequest?: (
    req: HandshakeRequest,
    callback: (error: string | Error | null | undefined, allowed: boolean) => void,
  ) => void;
  /**
   * Called with each line of the engine's log up to `logLevel`. Without it, NODE_DEBUG=bellwire writes them to stderr;
   * without that either, those at "warn" and "error" become warnings of the process.
   */
  log?: (line: LogLine) => void;
  /**
   * The default is "info" with `log`, "debug" with NODE_DEBUG=bellwire, and "warn" otherwise. "off" and
   * "error" also stop the package's warnings of the process.
   */
  logLevel?: LogLevel;
  serveClient?: false;
  engine?: EngineOptions;
}

/** A refused request. */
export interface ConnectionError {
  code: number;
  message: string;
  context: Record<string, unknown>;
  req: HandshakeRequest;
}

/** The listener, as far as programs ask a http.Server about it. */
export interface HttpServer extends EventEmitter {
  readonly listening: boolean;
  address(): AddressInfo | string | null;
  close(callback?: () => void): this;
}

/** Response headers that a listener adds; an array is a header for each of its items. */
export type ResponseHeaders = Record<string, string | string[]>;

/** What a server of either protocol tells of its requests. */
export interface Engine extends EventEmitter {
  readonly clientsCount: number;
  /** A number of the engine, such as "messages_received_total"; undefined when there is none of that name. */
  stat(name: string): number | undefined;
  on(ev: "connection_error", listener: (error: ConnectionError) => void): this;
  on(ev: "initial_headers" | "headers", listener: (headers: ResponseHeaders, req: HandshakeRequest) => void): this;
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** What stands between a connection and its sockets. */
export interface Client {
  readonly id: string;
  readonly conn: Connection;
  readonly server: Server | EngineServer;
  readonly request: HandshakeRequest;
}

/** What carries one or more sockets of a client. */
export interface Connection extends EventEmitter {
  /** The id of the session, which the client knows too. */
  readonly id: string;
  readonly client: Client;
  readonly transport: { readonly name: "polling" | "websocket" };
  readonly protocol: number;
  readonly readyState: "open" | "closing" | "closed";
  readonly request: HandshakeRequest;
  readonly remoteAddress: string;
  /** Closes the transport, without a word to the namespaces: the client may connect again. */
  close(): void;
  on(ev: "upgrade", listener: (transport: { name: "websocket" }) => void): this;
  /** So many messages for the client, broadcasts included, found no room in its send buffer since the last such event. */
  on(ev: "dropped", listener: (count: number) => void): this;
  on(ev: "close", listener: (reason: DisconnectReason, description?: DisconnectCause) => void): this;
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** The rooms of a namespace and their members, as they are when asked. */
export interface Adapter extends EventEmitter {
  readonly rooms: Map<Room, Set<SocketId>>;
  readonly sids: Map<SocketId, Set<Room>>;
  socketRooms(id: SocketId): Set<Room> | undefined;
  sockets(rooms: Set<Room>): Promise<Set<SocketId>>;
  on(ev: "create-room" | "delete-room", listener: (room: Room) => void): this;
  on(ev: "join-room" | "leave-room", listener: (room: Room, id: SocketId) => void): this;
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** A socket that was fetched; on one server it is the socket itself. */
export interface RemoteSocket<EmitEvents, SocketData> {
  readonly id: SocketId;
  readonly handshake: Handshake;
  readonly rooms: Set<Room>;
  readonly data: SocketData;
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<EmitEvents, Name>): boolean;
  join(room: Room | Room[]): void;
  leave(room: Room): void;
  disconnect(close?: boolean): this;
}

/** Who is meant, and how. Every method gives a new one. */
export declare class BroadcastOperator<EmitEvents = DefaultEventsMap, SocketData = any> {
  private constructor();
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData>;
  timeout(ms: number): BroadcastOperator<EmitEvents, SocketData>;
  get volatile(): BroadcastOperator<EmitEvents, SocketData>;
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<ForMany<EmitEvents>, Name>): boolean;
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>[]>;
  allSockets(): Promise<Set<SocketId>>;
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]>;
  socketsJoin(room: Room | Room[]): void;
  socketsLeave(room: Room | Room[]): void;
  disconnectSockets(close?: boolean): void;
}

export interface SocketReservedEvents {
  disconnect: (reason: DisconnectReason, description?: DisconnectCause) => void;
  disconnecting: (reason: DisconnectReason, description?: DisconnectCause) => void;
  error: (error: Error) => void;
}

type AnyListener = (...args: any[]) => void;

export declare class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends TypedEmitter<ListenEvents, EmitEvents, SocketReservedEvents> {
  private constructor();
  readonly id: SocketId;
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly conn: Connection;
  readonly client: Client;
  readonly adapter: Adapter;
  readonly request: HandshakeRequest;
  readonly handshake: Handshake;
  readonly connected: boolean;
  readonly disconnected: boolean;
  readonly recovered: boolean;
  readonly rooms: Set<Room>;
  data: SocketData;
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>>;
  send(...args: any[]): this;
  write(...args: any[]): this;
  compress(compress: boolean): this;
  timeout(ms: number): Socket<ListenEvents, WithTimeout<EmitEvents>, ServerSideEvents, SocketData>;
  get volatile(): this;
  get broadcast(): BroadcastOperator<EmitEvents, SocketData>;
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  join(rooms: Room | Room[]): void;
  leave(room: Room): void;
  disconnect(close?: boolean): this;
  use(middleware: (event: Event, next: (error?: Error) => void) => void): this;
  onAny(listener: AnyListener): this;
  prependAny(listener: AnyListener): this;
  offAny(listener?: AnyListener): this;
  listenersAny(): AnyListener[];
  onAnyOutgoing(listener: AnyListener): this;
  prependAnyOutgoing(listener: AnyListener): this;
  offAnyOutgoing(listener?: AnyListener): this;
  listenersAnyOutgoing(): AnyListener[];
}

export interface NamespaceReservedEvents<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {
  connect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  connection: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  new_namespace: (namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

/** What a namespace does, and a server does for its main namespace. */
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
  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: ExtendedError) => void,
    ) => void,
  ): this;
  emitWithAck<Name extends EventNameWithAck<EmitEvents>>(
    ev: Name,
    ...args: WithoutAck<EventArgs<EmitEvents, Name>>
  ): Promise<Answer<EventArgs<EmitEvents, Name>>[]>;
  send(...args: any[]): this;
  write(...args: any[]): this;
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData>;
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData>;
  timeout(ms: number): BroadcastOperator<EmitEvents, SocketData>;
  get volatile(): BroadcastOperator<EmitEvents, SocketData>;
  get local(): BroadcastOperator<EmitEvents, SocketData>;
  allSockets(): Promise<Set<SocketId>>;
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]>;
  socketsJoin(room: Room | Room[]): void;
  socketsLeave(room: Room | Room[]): void;
  disconnectSockets(close?: boolean): void;
}

export declare class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Broadcaster<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  private constructor();
  readonly name: string;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly sockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>;
  readonly adapter: Adapter;
}

export declare class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Broadcaster<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  constructor(options?: ServerOptions);
  /** Listens at once, on a port or the path of a Unix socket. */
  constructor(where: number | string | undefined, options?: ServerOptions);
  readonly sockets: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly engine: Engine;
  readonly httpServer: HttpServer;
  listen(where: number | string, options?: { host?: string }): this;
  attach(where: number | string, options?: { host?: string }): this;
  /** Answers GET of exactly this path with this content; undefined takes it away. */
  serve(path: string, contentType: string, content: string | Uint8Array | undefined): this;
  of(
    name: string,
    listener?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  close(callback?: () => void): Promise<void>;
}

/** A session of plain Engine.IO. */
export declare class EngineSocket extends EventEmitter {
  private constructor();
  readonly id: string;
  readonly conn: Connection;
  readonly request: HandshakeRequest;
  readonly remoteAddress: string;
  readonly transport: { readonly name: "polling" | "websocket" };
  readonly protocol: number;
  readonly server: EngineServer;
  readonly readyState: "opening" | "open" | "closing" | "closed";
  send(data: string | ArrayBufferView | ArrayBuffer): this;
  write(data: string | ArrayBufferView | ArrayBuffer): this;
  close(): void;
  on(ev: "message" | "data", listener: (data: string | Buffer) => void): this;
  on(ev: "close", listener: (reason: DisconnectReason, description?: DisconnectCause) => void): this;
  on(ev: "upgrade", listener: (transport: { name: string }) => void): this;
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}

/** A server of plain Engine.IO. */
export declare class EngineServer extends EventEmitter {
  constructor(options?: ServerOptions);
  constructor(where: number | string | undefined, options?: ServerOptions);
  readonly clients: Record<string, EngineSocket>;
  readonly clientsCount: number;
  stat(name: string): number | undefined;
  readonly httpServer: HttpServer;
  listen(where: number | string, options?: { host?: string }): this;
  close(callback?: () => void): Promise<void>;
  on(ev: "connection", listener: (socket: EngineSocket) => void): this;
  on(ev: "connection_error", listener: (error: ConnectionError) => void): this;
  on(ev: "initial_headers" | "headers", listener: (headers: ResponseHeaders, req: HandshakeRequest) => void): this;
  on(ev: string | symbol, listener: (...args: any[]) => void): this;
}
