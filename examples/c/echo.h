/*
 * The parts of the echo server, an example that shows most of the engine.
 *
 *   echo.c         command line, server, start and stop
 *   echo_events.c  what it does for each event of a client
 *   echo_replies.c the events whose answer comes later: calls, fetch
 *   echo_text.c    reading arguments and building answers
 *   echo_log.c     what the server saw, in a ring of lines
 *   echo_later.c   a thread that answers questions a moment later
 *   echo_raw.c     the same idea one layer down, on Engine.IO messages
 */
#ifndef ECHO_H
#define ECHO_H

#include "bellwire.h"

#include <stdatomic.h>
#include <stddef.h>

#define ID_SIZE 64

/* What the program remembers of one client, as the socket's user pointer. */
typedef struct peer {
  char id[ID_SIZE];
  atomic_long received; /* events seen by the catch-all listener */
  atomic_long sent;     /* events seen by the outgoing listener  */
} peer;

/* echo.c: ends the program when a call that cannot fail did. */
void must(bw_status status, const char *what);
/* The socket id of an event's client, copied to out. */
void client_id(const bw_event *ev, char out[ID_SIZE]);
void add_listener(bw_scope scope, bw_event_type type, const char *name, uint32_t flags,
                  bw_callback cb);

/* echo_events.c */
void add_packet_check(bw_nsp nsp);
void add_events(bw_nsp nsp);
void add_connection_events(bw_nsp nsp);
void add_token_check(bw_nsp nsp);

/* echo_text.c */
/* Sends JSON array text to the client that waits for it; the bytes stand for
 * the placeholders in the text. */
bw_status answer(bw_ack ack, bw_str args, const bw_bytes *bins, size_t n_bins);
/* The same with an argument writer, which is freed. */
void answer_with(bw_ack ack, bw_args *args);

/* A text that grows, and the arguments of an event from one on, as an array. */
typedef struct text { char *data; size_t len, cap; } text;
void text_add(text *t, bw_str s);
void text_free(text *t);
bw_str text_view(const text *t);
text args_from(const bw_event *ev, size_t first);
bw_blob *blobs_of(const bw_bytes *bins, size_t n);

/* Whom {"rooms":[],"except":[],"self":true,"volatile":false,"timeout":0} means. */
typedef struct audience { bw_target to; bw_str *rooms, *except; } audience;
audience audience_of(const bw_event *ev, const char *pointer);
void audience_free(audience *a);
int get(const bw_event *ev, const char *pointer, bw_value *out);
int by_text(const void *a, const void *b); /* qsort order of bw_str */
void add_strings(bw_args *args, const bw_str *items, size_t n);
bw_str *sorted(const bw_str *items, size_t n); /* a sorted copy; free() it */

/* echo_replies.c */
void on_call(const bw_event *ev, void *user);
void on_broadcast_ack(const bw_event *ev, void *user);
void on_fetch(const bw_event *ev, void *user);

/* echo_log.c */
void log_line(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;
void log_to(bw_args *args); /* adds every line as one string */
void add_log_events(bw_nsp nsp);
void add_server_log_events(bw_server server);

/* echo_later.c */
void later_start(void);
void later_accept(bw_deferred question, int delay_ms);
void later_stop(void);

/* echo_raw.c */
void add_raw_events(bw_nsp nsp);

#endif
