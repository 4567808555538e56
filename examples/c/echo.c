/*
 * The echo server: it answers `message` with `message-back`, and has further
 * events for rooms, broadcasts, acknowledgements and connections.  Read it to see
 * how each part of the C interface is used.  The black-box tests run against it
 * and against the same program for other servers.
 *
 *   echo [--port N] [--host H] [--delivery threads|polled|inline]
 *        [--options JSON] [--raw]
 */
#define _POSIX_C_SOURCE 200809L
#include "echo.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bw_server server;
static sem_t stop_asked;
static volatile sig_atomic_t stopping;

static void on_signal(int number) {
  const int saved = errno;
  (void)number;
  stopping = 1;
  sem_post(&stop_asked);
  (void)bw_server_wakeup(server); /* safe in a signal handler */
  errno = saved;
}

void must(bw_status status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "echo: %s: %s: %s\n", what, bw_status_name(status), bw_last_error());
  exit(1);
}

void add_listener(bw_scope scope, bw_event_type type, const char *name, uint32_t flags, bw_callback cb) {
  must(bw_on(scope, type, bw_cstr(name), flags, cb, NULL, NULL, NULL), name);
}

static void copy_id(char out[ID_SIZE], bw_str id) {
  const size_t len = id.len < ID_SIZE - 1 ? id.len : ID_SIZE - 1;
  memcpy(out, id.data, len);
  out[len] = '\0';
}

void client_id(const bw_event *ev, char out[ID_SIZE]) {
  const bw_handshake *hs = NULL;
  bw_str id;
  strcpy(out, "?");
  if (ev->user) {
    strcpy(out, ((const peer *)ev->user)->id);
  } else if (ev->handshake) {
    if (bw_handshake_str(ev->handshake, BW_HS_SID, &id) == BW_OK) copy_id(out, id);
  } else if (bw_socket_handshake(ev->socket, &hs) == BW_OK) {
    if (bw_handshake_str(hs, BW_HS_SID, &id) == BW_OK) copy_id(out, id);
    bw_handshake_release(&hs);
  }
}

static void usage(void) {
  fprintf(stderr, "usage: echo [--port N] [--host H] [--delivery threads|polled|inline]\n"
                  "            [--options JSON] [--raw]\n");
  exit(2);
}

static int delivery_of(const char *name) {
  if (strcmp(name, "threads") == 0) return BW_DELIVER_THREADS;
  if (strcmp(name, "polled") == 0) return BW_DELIVER_POLLED;
  if (strcmp(name, "inline") == 0) return BW_DELIVER_INLINE;
  usage();
  return -1;
}

static void add_everything(int raw) {
  static const char *const names[] = {"/", "/custom", "/auth", "/plain"};
  bw_nsp nsp = 0;
  size_t i;
  add_server_log_events(server);
  if (raw) {
    must(bw_nsp_get(server, BW_S("/"), &nsp), "/");
    add_raw_events(nsp);
    return;
  }
  for (i = 0; i < sizeof names / sizeof *names; i++) {
    must(bw_nsp_get(server, bw_cstr(names[i]), &nsp), names[i]);
    if (strcmp(names[i], "/auth") == 0) add_token_check(nsp);
    add_connection_events(nsp);
    add_log_events(nsp);
    if (strcmp(names[i], "/plain") != 0) add_packet_check(nsp);
    add_events(nsp);
  }
}

/* Installs the handler for the signals that end the program. */
static void catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sem_init(&stop_asked, 0, 0);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

int main(int argc, char **argv) {
  bw_config *config = bw_config_new();
  const char *host = "127.0.0.1", *options = NULL;
  int delivery = BW_DELIVER_THREADS, raw = 0, i;
  uint16_t port = 0;
  if (!config) {
    fprintf(stderr, "echo: %s\n", bw_last_error());
    return 1;
  }
  for (i = 1; i < argc; i++) {
    const char *option = argv[i];
    if (strcmp(option, "--raw") == 0) {
      raw = 1;
      continue;
    }
    if (++i == argc) usage();
    if (strcmp(option, "--port") == 0)
      port = (uint16_t)atoi(argv[i]);
    else if (strcmp(option, "--host") == 0)
      host = argv[i];
    else if (strcmp(option, "--delivery") == 0)
      delivery = delivery_of(argv[i]);
    else if (strcmp(option, "--options") == 0)
      options = argv[i];
    else
      usage();
  }
  if (options) must(bw_config_set_json(config, bw_cstr(options)), "--options");
  if (raw) must(bw_config_set_str(config, BW_OPT_PROTOCOL, BW_S("engine.io")), "--raw");
  must(bw_config_set_int(config, BW_OPT_DELIVERY, delivery), "--delivery");
  must(bw_server_new(config, &server), "bw_server_new");
  bw_config_free(&config);

  later_start();
  add_everything(raw);
  catch_signals();
  must(bw_server_listen_tcp(server, bw_cstr(host), port, &port), host);
  printf("listening on %u\n", (unsigned)port);
  fflush(stdout);

  while (!stopping) {
    if (delivery == BW_DELIVER_POLLED)
      must(bw_server_poll(server, 0, -1), "bw_server_poll");
    else
      sem_wait(&stop_asked);
  }
  must(bw_server_close(server, 5000), "bw_server_close");
  must(bw_server_wait(server, 6000), "bw_server_wait");
  must(bw_server_free(&server), "bw_server_free");
  later_stop();
  return 0;
}
