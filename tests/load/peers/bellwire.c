/* The load tests' server on Bellwire:
 *   bellwire [--port N] [--threads N] [--delivery inline|threads|polled]
 * What the events do is written down in tests/load/README.md; every peer does
 * the same.  Payloads go back as the text they came as: nothing is decoded. */
#include "bellwire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bw_status status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s: %s\n", what, bw_status_name(status), bw_last_error());
  exit(1);
}

/* A client that has left in the meantime is nothing to worry about. */
static void may_be_gone(bw_status status, const char *what) {
  if (status != BW_E_GONE) must(status, what);
}

static void on_same(const bw_event *ev, void *user) {
  bw_target sender = bw_to(ev->socket);
  (void)user;
  may_be_gone(bw_emit_message(&sender, ev->message), "echo");
}

static void on_ack(const bw_event *ev, void *user) {
  (void)user;
  may_be_gone(bw_ack_json(ev->ack, ev->args), "ack");
}

static void on_bcast(const bw_event *ev, void *user) {
  bw_target everybody = bw_to(ev->nsp);
  (void)user;
  must(bw_emit_message(&everybody, ev->message), "bcast");
}

/* args is ["room",x]: what follows the first comma is what is sent on.  The
 * rooms' names hold neither commas nor escapes. */
static void on_room(const bw_event *ev, void *user) {
  const char *comma = memchr(ev->args.data, ',', ev->args.len);
  bw_value room;
  bw_payload payload;
  bw_target members;
  char *rest;
  size_t len;
  (void)user;
  must(bw_message_get(ev->message, BW_S("/0"), &room, sizeof room), "room");
  if (!comma || room.type != BW_V_STRING) return;
  len = ev->args.len - (size_t)(comma - ev->args.data);
  rest = malloc(len);
  if (!rest) abort();
  memcpy(rest, comma, len);
  rest[0] = '[';
  payload = bw_payload_of(BW_S("room"), (bw_str){rest, len});
  members = bw_to_rooms(ev->nsp, &room.s, 1);
  must(bw_emit(&members, &payload), "room");
  free(rest);
}

static void on_join(const bw_event *ev, void *user) {
  bw_target sender = bw_to(ev->socket);
  bw_value room;
  (void)user;
  must(bw_message_get(ev->message, BW_S("/0"), &room, sizeof room), "join");
  may_be_gone(bw_join(&sender, &room.s, 1), "join");
  may_be_gone(bw_ack_json(ev->ack, BW_S("[true]")), "join");
}

/* The process ends when the process that started it has ended. */
static void *end_with_stdin(void *unused) {
  char rest[64];
  (void)unused;
  while (read(STDIN_FILENO, rest, sizeof rest) > 0) continue;
  _exit(0);
}

static int64_t delivery_of(const char *name) {
  if (!strcmp(name, "inline")) return BW_DELIVER_INLINE;
  if (!strcmp(name, "threads")) return BW_DELIVER_THREADS;
  if (!strcmp(name, "polled")) return BW_DELIVER_POLLED;
  fprintf(stderr, "no delivery is called %s\n", name);
  exit(1);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    bw_callback fn;
  } handlers[] = {
      {"echo", on_same},   {"bin", on_same},  {"ack", on_ack},
      {"bcast", on_bcast}, {"room", on_room}, {"join", on_join},
  };
  int64_t delivery = BW_DELIVER_THREADS, threads = 1;
  uint16_t port = 0;
  bw_config *config = bw_config_new();
  bw_server server = 0;
  bw_nsp root = 0;
  pthread_t watcher;
  size_t i;

  if (!config) {
    fprintf(stderr, "%s\n", bw_last_error());
    return 1;
  }
  for (int at = 1; at + 1 < argc; at += 2) {
    if (!strcmp(argv[at], "--port"))
      port = (uint16_t)atoi(argv[at + 1]);
    else if (!strcmp(argv[at], "--threads"))
      threads = atoi(argv[at + 1]);
    else if (!strcmp(argv[at], "--delivery"))
      delivery = delivery_of(argv[at + 1]);
    else {
      fprintf(stderr, "%s means nothing here\n", argv[at]);
      return 1;
    }
  }
  must(bw_config_set_int(config, BW_OPT_WORKER_THREADS, threads), "threads");
  must(bw_config_set_int(config, BW_OPT_DELIVERY, delivery), "delivery");
  must(bw_server_new(config, &server), "server");
  bw_config_free(&config);
  must(bw_nsp_get(server, BW_S("/"), &root), "namespace");
  for (i = 0; i < sizeof handlers / sizeof *handlers; i++)
    must(bw_on(root, BW_EV_MESSAGE, bw_cstr(handlers[i].name), 0, handlers[i].fn, NULL, NULL, NULL),
         handlers[i].name);
  must(bw_server_listen_tcp(server, BW_S("127.0.0.1"), port, &port), "listen");
  printf("listening on %u\n", (unsigned)port);
  fflush(stdout);

  if (delivery != BW_DELIVER_POLLED) {
    end_with_stdin(NULL);
    return 0;
  }
  if (pthread_create(&watcher, NULL, end_with_stdin, NULL)) return 1;
  for (;;) must(bw_server_poll(server, 0, -1), "poll");
}
