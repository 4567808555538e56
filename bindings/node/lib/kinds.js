// The kinds of records in a batch. The numbers must match `Kind` in ../src/batch.rs.
"use strict";

module.exports = Object.freeze({
  CONNECTION: 1,
  MESSAGE: 2,
  MESSAGE_WITH_ACK: 3,
  TEXT: 4,
  BINARY: 5,
  DISCONNECTING: 6,
  DISCONNECT: 7,
  UPGRADE: 8,
  ACKED: 9,
  MIDDLEWARE: 10,
  ROOM: 11,
  CONNECTION_ERROR: 12,
  FAULT: 13,
  SHUTDOWN: 14,
  RELEASED: 15,
  NAME: 16,
  ALLOW_REQUEST: 17,
  HEADERS: 18,
  DROPPED: 19,
  LOG: 20,
});
