import type { EngineOptions } from "./options";

/** The HTTP request that opened a connection: the parts of an `http.IncomingMessage` that describe the request. */
export interface HandshakeRequest {
  /** The HTTP method. */
  method: string;
  /** The request target, with the query string. */
  url: string;
  /** The header fields; the names are in lower case. */
  headers: Record<string, string>;
  /** Always `"1.1"`. */
  httpVersion: string;
  /** The address and port of the client. The address respects {@link EngineOptions.trustProxy}. */
  socket: {
    /** The IP address of the client. */
    remoteAddress: string;
    /** The port of the client. */
    remotePort: number;
  };
  /** The same object as `socket`. */
  connection: {
    /** The IP address of the client. */
    remoteAddress: string;
    /** The port of the client. */
    remotePort: number;
  };
  /** The query parameters of `url`. */
  _query: Record<string, string>;
}

/** What a client sent when it connected to a namespace. */
export interface Handshake {
  /** The header fields of the request that opened the connection; the names are in lower case. */
  headers: Record<string, string>;
  /** When the socket was created, as text. */
  time: string;
  /** The IP address of the client. Respects {@link EngineOptions.trustProxy}. */
  address: string;
  /** Whether the request had an `Origin` header. */
  xdomain: boolean;
  /** Whether the connection is encrypted. */
  secure: boolean;
  /** When the socket was created, in milliseconds since the Unix epoch. */
  issued: number;
  /** The request target, with the query string. */
  url: string;
  /** The query parameters of `url`. */
  query: Record<string, string>;
  /** The `auth` payload of the client; `{}` if it sent none. */
  auth: { [key: string]: any };
}
