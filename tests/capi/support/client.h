/*
 * A minimal Socket.IO client over a raw socket, without code of the engine.
  * Every wait has a deadline; a timeout is a failure that names the expected
  * message.
 */
#ifndef CAPI_CLIENT_H
#define CAPI_CLIENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct client client;

/* Opens an Engine.IO session over WebSocket at /socket.io/ (or another path). */
client *client_open(uint16_t port);
client *client_open_at(uint16_t port, const char *path);
/* The same, and connects to the namespace; auth is JSON or NULL. */
client *client_connect(uint16_t port, const char *nsp, const char *auth);
/* Joins one more namespace; fails unless it is accepted. */
void client_join(client *c, const char *nsp, const char *auth);
/* The id of the session, and of the socket in the namespace joined last. */
const char *client_session(const client *c);
const char *client_sid(const client *c);
int client_fd(const client *c);

/* Sends one WebSocket message. */
void client_send(client *c, const char *text);
void client_send_binary(client *c, const void *data, size_t len);
/* Accepts the message if the previous one is written, and writes a part without
 * blocking; later calls, or client_flush, write the rest. */
int client_try_send(client *c, const char *text, size_t len);
/* Returns 1 when everything is written. */
int client_flush(client *c);

/* The next message, NUL-terminated, valid until the next call; NULL if the
 * connection has ended.  Answers pings and does not return them. */
const char *client_receive(client *c, size_t *len);
int client_was_binary(const client *c);
/* Asserts that the next message is this text. */
void client_expect(client *c, const char *text);
/* Asserts that the next message is an ACK or EVENT that begins with this text. */
const char *client_expect_start(client *c, const char *start);
/* Reads until the connection has ended. */
void client_expect_end(client *c);
/* Asserts that only pings arrive during this time. */
void client_expect_nothing(client *c, int milliseconds);
/* Stops answering pings. */
void client_stop_pongs(client *c);
/* Closes the TCP connection and frees the client; does nothing for NULL. */
void client_close(client *c);

/* Sends a request on a new connection; the body of the response is NUL-terminated. */
typedef struct http_answer {
  int status;
  char head[2048];
  char body[4096];
} http_answer;
http_answer http_ask(uint16_t port, const char *method, const char *target, const char *body);

/* A TCP connection to the port of 127.0.0.1. */
int tcp_connect(uint16_t port);

#endif
