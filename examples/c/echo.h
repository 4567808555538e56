/*
 * The parts of the echo server, an example that uses most of the C interface.
 *
 *   echo.c         command line, start and stop of the server
 *   echo_events.c  event handlers
 *   echo_replies.c asynchronous operations: acknowledgements, fetching sockets
 *   echo_text.c    reading arguments and building acknowledgements
 *   echo_log.c     a log of the newest events
 *   echo_later.c   a thread that accepts clients after a delay
 *   echo_raw.c     the echo server for Engine.IO without Socket.IO
 */
#ifndef ECHO_H
#define ECHO_H

#include "bellwire.h"

#include <stdatomic.h>
#include <stddef.h>

#define ID_SIZE 64

/* The state of a client: the socket's user pointer. */
typedef struct peer {
  char id[ID_SIZE];
  atomic_long received; /* events from the client: counted by the catch-all listener */
  atomic_long sent;     /* events to the client: counted by the outgoing listener */
} peer;

/* echo.c: ends the program with an error message if a call has failed. */
void must(bw_status status, const char *what);
/* Copies the socket id of an event to out. */
void client_id(const bw_event *ev, char out[ID_SIZE]);
void add_listener(bw_scope scope, bw_event_type type, const char *name, uint32_t flags, bw_callback cb);

/* echo_events.c */
void add_packet_check(bw_nsp nsp);
void add_events(bw_nsp nsp);
void add_connection_events(bw_nsp nsp);
void add_token_check(bw_nsp nsp);

/* echo_text.c */
/* Acknowledges an event with a JSON array; `bins` are the attachments for the
 * placeholders in it. */
bw_status answer(bw_ack ack, bw_str args, const bw_bytes *bins, size_t n_bins);
/* The same with the content of a bw_args, which is then freed. */
void answer_with(bw_ack ack, bw_args *args);

/* A growable string.  args_from returns the arguments of an event, beginning with
 * the one at index `first`, as a JSON array. */
typedef struct text {
  char *data;
  size_t len, cap;
} text;
void text_add(text *t, bw_str s);
void text_free(text *t);
bw_str text_view(const text *t);
text args_from(const bw_event *ev, size_t first);
bw_blob *blobs_of(const bw_bytes *bins, size_t n);

/* A target read from {"rooms":[],"except":[],"self":true,"volatile":false,"timeout":0}. */
typedef struct audience {
  bw_target to;
  bw_str *rooms, *except;
} audience;
audience audience_of(const bw_event *ev, const char *pointer);
void audience_free(audience *a);
int get(const bw_event *ev, const char *pointer, bw_value *out);
int by_text(const void *a, const void *b); /* a comparison function for qsort */
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
