/*
 * A server for Engine.IO without Socket.IO: clients exchange text and binary
 * messages.  This one sends each message back to its sender.  The engine handles
 * long-polling, the upgrade to WebSocket and the heartbeat.
 *
 *   engineio [PORT]     new eio.Socket("ws://127.0.0.1:PORT/engine.io/")
 */
#include "bellwire.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(bw_status status) {
  if (status >= 0) return;
  fprintf(stderr, "engineio: %s: %s\n", bw_status_name(status), bw_last_error());
  exit(1);
}

static void on_message(const bw_event *ev, void *user) {
  const bw_target sender = bw_to(ev->socket);
  (void)user;
  if (ev->flags & BW_EVF_TEXT) {
    (void)bw_send_text(&sender, ev->args);
  } else {
    const bw_blob bytes = {ev->bins[0].data, ev->bins[0].len, NULL, NULL};
    (void)bw_send_binary(&sender, bytes);
  }
}

int main(int argc, char **argv) {
  uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 3000;
  bw_config *config = bw_config_new();
  bw_server server = 0;
  bw_nsp sessions = 0;
  must(bw_config_set_str(config, BW_OPT_PROTOCOL, BW_S("engine.io")));
  must(bw_config_set_str(config, BW_OPT_PATH, BW_S("/engine.io")));
  must(bw_server_new(config, &server));
  bw_config_free(&config);
  must(bw_nsp_get(server, BW_S("/"), &sessions)); /* all sessions */
  must(bw_on(sessions, BW_EV_MESSAGE, BW_S(""), 0, on_message, NULL, NULL, NULL));
  must(bw_server_listen_tcp(server, BW_S("127.0.0.1"), port, &port));
  printf("listening on %u\n", (unsigned)port);
  fflush(stdout);
  pause();
  return 0;
}
