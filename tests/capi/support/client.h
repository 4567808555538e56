/*
 * A small Socket.IO client over a raw socket, so that nothing of the engine is
 * on this side of the wire.  Every wait has a deadline and ends in a failure
 * that names what was waited for.
 */
#ifndef CAPI_CLIENT_H
#define CAPI_CLIENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct client client;

/* A WebSocket session of Engine.IO at /socket.io/ (or another path). */
client *client_open(uint16_t port);
client *client_open_at(uint16_t port, const char *path);
/* ... connected to the namespace; auth is JSON or NULL. */
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
/* Takes the message if the one before it is written, and writes as much of it
 * as the network takes; later calls, or client_flush, write what is left. */
int client_try_send(client *c, const char *text, size_t len);
/* 1 when nothing is left. */
int client_flush(client *c);

/* The next message, NUL-terminated, valid until the next call; pings are
 * answered and not shown.  NULL when the connection has ended. */
const char *client_receive(client *c, size_t *len);
int client_was_binary(const client *c);
/* The next message is this text. */
void client_expect(client *c, const char *text);
/* The next message is an ACK or EVENT that begins like this. */
const char *client_expect_start(client *c, const char *start);
/* Reads until the connection has ended. */
void client_expect_end(client *c);
/* Nothing arrives but pings for as long as this. */
void client_expect_nothing(client *c, int milliseconds);
/* From now on pings are not answered. */
void client_stop_pongs(client *c);
/* Closes the TCP connection and frees the client; NULL is fine. */
void client_close(client *c);

/* A plain request on a connection of its own; the body is NUL-terminated. */
typedef struct http_answer {
  int status;
  char head[2048];
  char body[4096];
} http_answer;
http_answer http_ask(uint16_t port, const char *method, const char *target, const char *body);

/* A TCP connection to the port of 127.0.0.1. */
int tcp_connect(uint16_t port);

#endif
