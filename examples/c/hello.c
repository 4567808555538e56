/* A minimal server: sends the arguments of each `hello` event to all clients. */
#include <bellwire.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_hello(const bw_event *ev, void *user) {
  const bw_target all = bw_to(ev->nsp);
  const bw_payload greeting = bw_payload_of(BW_S("greeting"), ev->args);
  (void)user;
  bw_emit(&all, &greeting);
}

int main(int argc, char **argv) {
  uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 3000;
  bw_server server;
  bw_nsp nsp;
  if (bw_server_new(NULL, &server) || bw_nsp_get(server, BW_S("/"), &nsp) ||
      bw_on(nsp, BW_EV_MESSAGE, BW_S("hello"), 0, on_hello, NULL, NULL, NULL) ||
      bw_server_listen_tcp(server, BW_S("127.0.0.1"), port, &port))
    return fprintf(stderr, "%s\n", bw_last_error()), 1;
  printf("listening on %d\n", port), fflush(stdout);
  pause();
}
