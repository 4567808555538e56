import type { HandshakeRequest } from "./handshake";

/**
 * Which origins may read responses: `true` or `"*"` for all, `false` for none, one origin, a regular expression, or an array
 * of these.
 */
export type OriginRule = boolean | string | RegExp | (boolean | string | RegExp)[];

/** The options of Cross-Origin Resource Sharing. Names and defaults are those of the npm package `cors`. */
export interface CorsOptions {
  /**
   * Which origins may read responses. Default: `"*"`.
   *
   * With a regular expression or a function, the response names the origin of the request, and polling requests from an
   * origin that the rule does not allow are rejected with status 403. WebSocket requests are not affected by CORS; see
   * {@link EngineOptions.checkOrigin}.
   */
  origin?: OriginRule | ((origin: string, callback: (error: Error | null, allowed?: OriginRule) => void) => void);
  /** `Access-Control-Allow-Methods`. Default: `"GET,HEAD,PUT,PATCH,POST,DELETE"`. */
  methods?: string | string[];
  /** `Access-Control-Allow-Headers`. Default: the headers that the request asks for. */
  allowedHeaders?: string | string[];
  /** `Access-Control-Expose-Headers`. Default: not sent. */
  exposedHeaders?: string | string[];
  /** `Access-Control-Allow-Credentials`: whether requests may carry cookies. Default: `false`. */
  credentials?: boolean;
  /** `Access-Control-Max-Age`, in seconds. Default: not sent. */
  maxAge?: number;
  /** Whether a preflight request is handled like any other request instead of being answered. Default: `false`. */
  preflightContinue?: boolean;
  /** The status of the response to a preflight request. Default: 204. */
  optionsSuccessStatus?: number;
}

/** The attributes of the cookie that carries the session id. */
export interface CookieOptions {
  /** The name of the cookie. Default: `"io"`. */
  name?: string;
  /** `Path`. Default: `"/"`. */
  path?: string;
  /** `Domain`. Default: not sent. */
  domain?: string;
  /** `HttpOnly`. Default: `true`. */
  httpOnly?: boolean;
  /** `Secure`. Default: `false`. */
  secure?: boolean;
  /** `SameSite`; `true` means `"strict"`, `false` omits the attribute. Default: `"lax"`. */
  sameSite?: boolean | "strict" | "lax" | "none";
  /** `Max-Age`, in seconds. Default: not sent. */
  maxAge?: number;
  /** Other attributes: `expires`, `partitioned`, `priority`. */
  [attribute: string]: unknown;
}

/**
 * Options that socket.io does not have. Sizes are in bytes, times in milliseconds. A value of the wrong type or out of range
 * throws an error with the code `ERR_BELLWIRE_OPTION`.
 */
export interface EngineOptions {
  /** Number of network threads. 0: one per CPU core. Default: 0. */
  workerThreads?: number;
  /**
   * Number of events that may wait for JavaScript. When the queue fills up, the engine stops reading from clients until
   * JavaScript catches up; no event is lost. Default: 65 536.
   */
  pollQueueEvents?: number;
  /** Size of the events that may wait for JavaScript, with the same rules as `pollQueueEvents`. Default: 64 MiB. */
  pollQueueBytes?: number;
  /** Maximum number of open connections (HTTP and WebSocket), and of sessions. 0: no limit. Default: 0. */
  maxConnections?: number;
  /** Maximum size of the request line and header fields of a request. At least 8192. Default: 16 KiB. */
  maxHeaderBytes?: number;
  /** Maximum number of header fields of a request. Default: 100. */
  maxHeaders?: number;
  /** Maximum number of binary attachments of a packet. Default: 10. */
  maxAttachments?: number;
  /** Maximum nesting of the JSON in a packet. Default: 64. */
  maxJsonDepth?: number;
  /** Maximum number of packets in one polling request. 0: no limit. Default: 0. */
  maxPacketsPerPayload?: number;
  /** Maximum number of frames of a WebSocket message. Default: 1024. */
  maxFragments?: number;
  /** Maximum number of namespaces that one connection may join. Default: 64. */
  maxNamespaces?: number;
  /**
   * Maximum number of acknowledgements that one connection may have pending. An emit with an acknowledgement above the limit
   * is not sent: with a timeout the callback receives an error, without one the process gets a warning. Default: 16 384.
   */
  maxPendingAcks?: number;
  /** Maximum number of rooms of one socket. 0: no limit. Default: 0. */
  maxRooms?: number;
  /**
   * When more than this is queued for a client, the engine stops reading from that client. If the client also accepts
   * nothing for `sendBufferGrace`, `sendBufferPolicy` applies. Default: 4 MiB.
   */
  sendBufferHigh?: number;
  /** When no more than this is queued again, the client counts as caught up. Default: 1 MiB. */
  sendBufferLow?: number;
  /**
   * When more than this is queued for a client, `sendBufferPolicy` applies even if the client is reading. Default: 64 MiB.
   */
  sendBufferMax?: number;
  /**
   * How long a client with more than `sendBufferHigh` queued may accept nothing. 0: `sendBufferPolicy` applies at once.
   * Default: 5000.
   */
  sendBufferGrace?: number;
  /**
   * A client that accepts none of the data queued for it during this time is disconnected. 0: `pingInterval` +
   * `pingTimeout`. Default: 0.
   */
  sendTimeout?: number;
  /** Maximum size of the `auth` payload of a client. Default: 64 KiB. */
  maxAuthBytes?: number;
  /**
   * How long a WebSocket stays open after its client violated the protocol, so that the close frame can arrive. Default:
   * 2000.
   */
  errorCloseTimeout?: number;
  /**
   * What happens to a message for a client whose send buffer is full: `"disconnect"` disconnects the client, `"drop"` drops
   * the message, `"error"` makes `emit` throw an error with the code `ERR_BELLWIRE_FULL`. Default: `"disconnect"`.
   */
  sendBufferPolicy?: "error" | "drop" | "disconnect";
  /** Maximum number of connections that the operating system queues before they are accepted. Default: 1024. */
  backlog?: number;
  /** Whether small writes are sent at once (`TCP_NODELAY`). Default: `true`. */
  tcpNodelay?: boolean;
  /** Whether several processes may listen on the same port (`SO_REUSEPORT`). Default: `false`. */
  reusePort?: boolean;
  /** Number of proxies in front of the server whose `X-Forwarded-For` header is trusted. Default: 0. */
  trustProxy?: number;
  /**
   * How long `allowRequest`, header listeners and middlewares may take. A request or client that is still undecided is
   * rejected. 0: `connectTimeout`. Default: 0.
   */
  deferredTimeout?: number;
  /** How long a client may take to send a message that it has started, attachments included. Default: 60 000. */
  messageTimeout?: number;
  /** How long a client may take to send the header of a request. Default: 10 000. */
  headerTimeout?: number;
  /** How long a client may take to send the body of a request. Default: 30 000. */
  bodyTimeout?: number;
  /** A connection whose client accepts nothing of an HTTP response during this time is closed. Default: 30 000. */
  writeTimeout?: number;
  /**
   * Whether requests from web pages, WebSockets included, are rejected if their origin is neither the host of the request nor
   * allowed by `cors`. Default: `false`.
   */
  checkOrigin?: boolean;
  /** How long a closing session waits for its client before the connection is dropped. Default: 30 000. */
  closeTimeout?: number;
  /** The path under which metrics are served in the Prometheus format. Default: not served. */
  metricsPath?: string;
}

/**
 * A level of the engine's log. `"debug"` logs each connect, upgrade, rejection and close with its cause; `"trace"` also logs
 * each packet.
 */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug" | "trace";

/** A line of the engine's log. */
export interface LogLine {
  /** How important the line is. */
  level: LogLevel;
  /** The part of the engine that wrote the line, for example `"bellwire::http"`. */
  target: string;
  /** The text. */
  message: string;
}

/**
 * The options of a server. Names and defaults are those of socket.io, except for `host`, `log`, `logLevel` and `engine`. Times
 * are in milliseconds. An unknown option, or a value of the wrong type or out of range, throws an error with the code
 * `ERR_BELLWIRE_OPTION`.
 */
export interface ServerOptions {
  /** The address to listen on: an IP address or `"localhost"`. Default: all interfaces. */
  host?: string;
  /**
   * The path of the requests that the server handles. Default: `"/socket.io"`; `"/engine.io"` for an {@link EngineServer}.
   */
  path?: string;
  /** Whether the path ends with a slash. Default: `true`. */
  addTrailingSlash?: boolean;
  /** A client that has not joined a namespace by then is disconnected. Default: 45 000. */
  connectTimeout?: number;
  /** The time between two pings. Default: 25 000. */
  pingInterval?: number;
  /** A client that has not answered a ping by then is disconnected. Default: 20 000. */
  pingTimeout?: number;
  /** A transport upgrade that has not finished by then is cancelled. Default: 10 000. */
  upgradeTimeout?: number;
  /** Maximum size of a request body or WebSocket message, in bytes. Default: 1 000 000. */
  maxHttpBufferSize?: number;
  /** The transports that clients may use. Default: both. */
  transports?: ("polling" | "websocket")[];
  /** Whether a session may be upgraded from polling to WebSocket. Default: `true`. */
  allowUpgrades?: boolean;
  /** A message that each client receives directly after the handshake. Default: none. */
  initialPacket?: string;
  /** The cookie that carries the session id: its name, its attributes, or `true` for the defaults. Default: no cookie. */
  cookie?: boolean | string | CookieOptions;
  /** Cross-Origin Resource Sharing; `true` for the defaults of {@link CorsOptions}. Default: no CORS headers. */
  cors?: boolean | CorsOptions;
  /**
   * Decides whether a request may open a session. Call `callback` once, now or later; `error` is the message for a rejected
   * client. An exception rejects the request and is reported as an uncaught exception.
   */
  allowRequest?: (
    req: HandshakeRequest,
    callback: (error: string | Error | null | undefined, allowed: boolean) => void,
  ) => void;
  /**
   * Called with each line of the engine's log up to `logLevel`. Without this function, lines are written to stderr if
   * NODE_DEBUG contains `bellwire`; otherwise lines at `"warn"` and `"error"` become warnings of the process
   * (`BellwireWarning`).
   */
  log?: (line: LogLine) => void;
  /**
   * The highest level that is logged. `"off"` and `"error"` also disable the package's own warnings of the process. Default:
   * `"info"` with `log`, `"debug"` with NODE_DEBUG=bellwire, `"warn"` otherwise.
   */
  logLevel?: LogLevel;
  /** Serving the client's files is not in this version; only `false` is accepted. */
  serveClient?: false;
  /** Options that socket.io does not have. */
  engine?: EngineOptions;
}
