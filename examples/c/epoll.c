/*
 * The engine in an event loop of the program: a file descriptor of the engine is
 * readable while events wait.  The epoll set also holds a timer, which sends the
 * seconds since the start to all clients, and a signal descriptor.
 *
 *   epoll [PORT]
 */
#define _GNU_SOURCE
#include "bellwire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void must(bw_status status) {
  if (status >= 0) return;
  fprintf(stderr, "epoll: %s: %s\n", bw_status_name(status), bw_last_error());
  exit(1);
}

static int must_fd(int fd, const char *what) {
  if (fd >= 0) return fd;
  perror(what);
  exit(1);
}

static void watch(int set, int fd) {
  struct epoll_event readable = {.events = EPOLLIN, .data.fd = fd};
  must_fd(epoll_ctl(set, EPOLL_CTL_ADD, fd, &readable), "epoll_ctl");
}

static void on_echo(const bw_event *ev, void *user) {
  (void)user;
  if (ev->ack) (void)bw_ack_json(ev->ack, ev->args);
}

/* Sends the number of seconds to all clients. */
static void tick(int timer, bw_nsp nsp, bw_args *args) {
  static int64_t seconds;
  const bw_target all = bw_to(nsp);
  uint64_t times;
  bw_payload p;
  if (read(timer, &times, sizeof times) != sizeof times) return;
  seconds += (int64_t)times;
  bw_args_clear(args);
  bw_args_int(args, seconds);
  if (bw_args_payload(args, BW_S("second"), &p) == BW_OK) (void)bw_emit(&all, &p);
}

int main(int argc, char **argv) {
  const struct itimerspec every_second = {{1, 0}, {1, 0}};
  uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 3000;
  bw_config *config = bw_config_new();
  bw_args *args = bw_args_new();
  bw_server server = 0;
  bw_nsp nsp = 0;
  bw_fd engine = -1;
  int set, timer, signals, running = 1;
  sigset_t ends;

  /* Before the engine starts its threads, which inherit the signal mask. */
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, NULL);

  must(bw_config_set_int(config, BW_OPT_DELIVERY, BW_DELIVER_POLLED));
  must(bw_server_new(config, &server));
  bw_config_free(&config);
  must(bw_nsp_get(server, BW_S("/"), &nsp));
  must(bw_on(nsp, BW_EV_MESSAGE, BW_S("echo"), 0, on_echo, NULL, NULL, NULL));
  must(bw_server_poll_fd(server, &engine));

  set = must_fd(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  timer = must_fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create");
  signals = must_fd(signalfd(-1, &ends, SFD_CLOEXEC), "signalfd");
  timerfd_settime(timer, 0, &every_second, NULL);
  watch(set, engine);
  watch(set, timer);
  watch(set, signals);

  must(bw_server_listen_tcp(server, BW_S("127.0.0.1"), port, &port));
  printf("listening on %u\n", (unsigned)port);
  fflush(stdout);
  while (running) {
    struct epoll_event ready[8];
    int n = epoll_wait(set, ready, 8, -1), i;
    for (i = 0; i < n; i++) {
      if (ready[i].data.fd == engine)
        must(bw_server_poll(server, 256, 0));
      else if (ready[i].data.fd == timer)
        tick(timer, nsp, args);
      else
        running = 0;
    }
  }
  must(bw_server_close(server, 2000));
  must(bw_server_wait(server, 3000));
  must(bw_server_free(&server));
  bw_args_free(&args);
  close(signals);
  close(timer);
  close(set);
  return 0;
}
