/*
 * A server for tests, and a journal of its events.
 */
#ifndef CAPI_HOST_H
#define CAPI_HOST_H

#include "client.h"
#include "test.h"

#include <pthread.h>

/* A server that listens on a free port. */
typedef struct host {
  bw_server server;
  bw_nsp nsp; /* "/" */
  uint16_t port;
  pthread_t poller;
  atomic_int polling;
} host;

/* Options are JSON as in bw_config_set_json; NULL for the defaults. */
bw_server new_server(const char *options);
void host_start(host *h, const char *options);
#define POLLED "{\"engine\":{\"delivery\":\"polled\"}}"
/* Starts a thread that polls until host_stop. */
void host_poll_in_background(host *h);
void host_stop(host *h);

typedef struct entry {
  bw_event_type type;
  bw_status status;
  int32_t code;
  uint32_t flags;
  bw_server server;
  bw_nsp nsp;
  bw_socket socket;
  bw_ack ack;
  bw_deferred deferred;
  bw_op op;
  void *user;
  size_t n_bins, n_replies, n_sockets;
  char name[96];
  char args[512];
} entry;

enum { JOURNAL_SIZE = 4096 };
typedef struct journal {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bw_server polled; /* not 0: waiting means polling this server */
  size_t n;
  entry *entries;
  atomic_int drops;
} journal;

/* Fails unless the event has the fields that the table in bellwire.h says. */
void check_fields(const bw_event *ev);
/* Whether the table says that the event exists only with a listener. */
int needs_listener(bw_event_type type);

void journal_start(journal *j);
void journal_end(journal *j);
/* A bw_callback whose user is a journal. */
void journal_note(const bw_event *ev, void *user);
/* A bw_drop_fn that counts in journal.drops. */
void journal_drop(void *user);
/* Adds a listener that records events in the journal, and returns it. */
bw_listener journal_on(journal *j, bw_scope scope, bw_event_type type, const char *name);
size_t journal_count(journal *j, bw_event_type type);
/* Waits for the nth (from 1) entry of the type. */
entry journal_wait(journal *j, bw_event_type type, size_t nth);

/* A bw_drop_fn that counts in the atomic_int that user points to. */
void count_drop(void *user);

/* Connects a client, waits for its CONNECTION, and stores the id of its socket. */
client *join_host(host *h, journal *j, bw_socket *out);

#endif
