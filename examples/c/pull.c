/*
 * A chat without callbacks: the program takes one event after the other from the
 * engine with bw_server_next, as with ENet.  All events are handled on one
 * thread, in the order of their arrival.
 *
 *   pull [PORT]     events: nick(name), say(text); all clients get said(nick, text)
 */
#define _POSIX_C_SOURCE 200809L
#include "bellwire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NICK_SIZE = 32 };

static bw_server server;
static volatile sig_atomic_t stopping;

static void on_signal(int number) {
  (void)number;
  stopping = 1;
  (void)bw_server_wakeup(server);
}

static void must(bw_status status) {
  if (status >= 0) return;
  fprintf(stderr, "pull: %s: %s\n", bw_status_name(status), bw_last_error());
  exit(1);
}

static int is(bw_str s, const char *word) {
  return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}

/* Copies as much of a text as fits with its NUL, without splitting a character. */
static void copy_text(char *to, size_t size, bw_str text) {
  size_t n = text.len < size ? text.len : size - 1;
  if (n < text.len)
    while (n > 0 && ((unsigned char)text.data[n] & 0xC0) == 0x80) n--;
  memcpy(to, text.data, n);
  to[n] = '\0';
}

/* Emits [nick, text], or [nick] without a text, to all clients. */
static void tell(bw_nsp nsp, const char *event, const char *nick, const bw_str *text) {
  const bw_target all = bw_to(nsp);
  bw_args *args = bw_args_new();
  bw_payload p;
  bw_args_str(args, bw_cstr(nick));
  if (text) bw_args_str(args, *text);
  if (bw_args_payload(args, bw_cstr(event), &p) == BW_OK) (void)bw_emit(&all, &p);
  bw_args_free(&args);
}

static void on_message(const bw_event *ev) {
  char *nick = ev->user;
  bw_value first;
  if (!nick || bw_message_get(ev->message, BW_S("/0"), &first, sizeof first) != BW_OK) return;
  if (first.type != BW_V_STRING) return;
  if (is(ev->name, "nick")) {
    copy_text(nick, NICK_SIZE, first.s);
    tell(ev->nsp, "named", nick, NULL);
  } else if (is(ev->name, "say")) {
    tell(ev->nsp, "said", nick, &first.s);
  }
  if (ev->ack) (void)bw_ack_json(ev->ack, BW_S("[true]"));
}

static void handle(const bw_event *ev) {
  char *nick;
  switch (ev->type) {
  case BW_EV_CONNECTION:
    if ((nick = calloc(1, NICK_SIZE))) {
      strcpy(nick, "anonymous");
      (void)bw_socket_user_set(ev->socket, nick, free);
    }
    break;
  case BW_EV_MESSAGE: on_message(ev); break;
  case BW_EV_DISCONNECT:
    if (ev->user) tell(ev->nsp, "left", ev->user, NULL);
    break;
  default: break;
  }
}

int main(int argc, char **argv) {
  uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 3000;
  bw_config *config = bw_config_new();
  const bw_event *ev;
  struct sigaction action;
  bw_nsp nsp = 0;
  must(bw_config_set_int(config, BW_OPT_DELIVERY, BW_DELIVER_POLLED));
  must(bw_server_new(config, &server));
  bw_config_free(&config);
  must(bw_nsp_get(server, BW_S("/"), &nsp)); /* creates the namespace */
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  must(bw_server_listen_tcp(server, BW_S("127.0.0.1"), port, &port));
  printf("listening on %u\n", (unsigned)port);
  fflush(stdout);

  while (!stopping) {
    must(bw_server_next(server, -1, &ev));
    if (ev) handle(ev); /* ev is valid until the next call */
  }
  must(bw_server_close(server, 2000));
  must(bw_server_wait(server, 3000));
  must(bw_server_free(&server));
  return 0;
}
