/*
 * A small world for many players, with polled delivery: every callback runs
 * inside bw_server_poll, on the thread that also simulates the world, so this
 * program needs no locks.  Sixty times a second:
 *
 *   1. input   bw_server_poll calls the callbacks for events of clients
 *   2. world   the simulation advances by a sixtieth of a second
 *   3. output  each room gets a snapshot as a binary attachment; it is sent
 *              volatile, so a slow client skips snapshots and does not lag
 *   4. wait    bw_server_poll handles input until the next step
 *
 * The engine also serves the files of the page, in examples/arena.
 *
 *   arena [--port N] [--host H] [--web FOLDER] [--drones N]
 */
#define _POSIX_C_SOURCE 200809L
#include "arena_out.h"
#include "arena_web.h"
#include "arena_world.h"
#include "bellwire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  TICKS_PER_S = 60,
  TICKS_PER_SNAPSHOT = 2,
  TICKS_PER_LIST = 15,
  CHAT_CHARACTERS = 240,
  GOODBYE_MS = 500
};
static const double CHAT_BURST = 5;

/* The state of a client: the socket's user pointer. */
typedef struct visitor {
  player *body;
  double chat_left, chat_at; /* token bucket: one message a second */
} visitor;

static bw_server server;
static bw_nsp nsp;
static world the_world;
static volatile sig_atomic_t stopping;
static int64_t messages_in;

static void on_signal(int number) {
  (void)number;
  stopping = 1;
  (void)bw_server_wakeup(server);
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- receiving */

/* The number of characters of a UTF-8 text; -1 if it has control characters. */
static int characters(bw_str s) {
  size_t i;
  int n = 0;
  for (i = 0; i < s.len; i++) {
    const unsigned char c = (unsigned char)s.data[i];
    if (c < 0x20 || c == 0x7f) return -1;
    n += (c & 0xc0) != 0x80;
  }
  return n;
}

static int nick_of(const bw_handshake *hs, char out[NICK_SIZE]) {
  bw_value v;
  int n;
  if (bw_handshake_auth(hs, BW_S("/nick"), &v, sizeof v) != BW_OK) return 0;
  if (v.type != BW_V_STRING) return 0;
  n = characters(v.s);
  if (n < 1 || n > NICK_CHARACTERS || v.s.data[0] == ' ' || v.s.data[v.s.len - 1] == ' ') return 0;
  memcpy(out, v.s.data, v.s.len);
  out[v.s.len] = '\0';
  return 1;
}

/* A middleware: decides whether a client may connect.  A rejected client gets
 * the message in its connect_error event. */
static void on_ask_in(const bw_event *ev, void *user) {
  char nick[NICK_SIZE];
  (void)user;
  if (nick_of(ev->handshake, nick))
    (void)bw_deferred_accept(ev->deferred);
  else
    (void)bw_deferred_reject(ev->deferred, 0, BW_S("A name must have 1 to 16 characters."),
                             BW_S("{\"field\":\"nick\",\"max\":16}"));
}

static void on_connection(const bw_event *ev, void *user) {
  const bw_target self = bw_to(ev->socket);
  visitor *v = calloc(1, sizeof *v);
  char nick[NICK_SIZE] = "?";
  bw_value hue;
  bw_str room_name;
  (void)user;
  (void)nick_of(ev->handshake, nick);
  if (bw_handshake_auth(ev->handshake, BW_S("/hue"), &hue, sizeof hue) != BW_OK || hue.type != BW_V_INT ||
      hue.i < 0 || hue.i > 359)
    hue.i = 210;
  if (v) v->body = world_add(&the_world, PLAYER_VISITOR, nick, (int)hue.i);
  if (!v || !v->body) {
    send_goodbye(ev->socket, "The arena is full.");
    (void)bw_disconnect(&self, 1);
    free(v);
    return;
  }
  v->chat_left = CHAT_BURST;
  (void)bw_socket_user_set(ev->socket, v, free); /* freed after the disconnect */
  room_name = bw_cstr(world_rooms[v->body->room].name);
  (void)bw_join(&self, &room_name, 1);
  send_welcome(ev->socket, v->body);
  notice(v->body->room, v->body->nick, "joined");
}

static void on_disconnect(const bw_event *ev, void *user) {
  visitor *v = ev->user;
  (void)user;
  if (!v) return;
  notice(v->body->room, v->body->nick, "left");
  world_remove(&the_world, v->body);
}

static void on_any(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
  messages_in++;
}

static int two_numbers(const bw_event *ev, double *x, double *y) {
  bw_value v;
  if (bw_message_get(ev->message, BW_S("/0"), &v, sizeof v) != BW_OK) return 0;
  if (v.type != BW_V_INT && v.type != BW_V_NUMBER) return 0;
  *x = v.f;
  if (bw_message_get(ev->message, BW_S("/1"), &v, sizeof v) != BW_OK) return 0;
  if (v.type != BW_V_INT && v.type != BW_V_NUMBER) return 0;
  *y = v.f;
  return 1;
}

static void on_move(const bw_event *ev, void *user) {
  visitor *v = ev->user;
  double x, y;
  (void)user;
  if (v && two_numbers(ev, &x, &y)) player_steer(v->body, x, y);
}

static void on_goto(const bw_event *ev, void *user) {
  visitor *v = ev->user;
  double x, y;
  (void)user;
  if (v && two_numbers(ev, &x, &y)) player_walk_to(v->body, x, y);
}

static void on_latency(const bw_event *ev, void *user) {
  (void)user;
  answer_nothing(ev);
}

static void on_switch(const bw_event *ev, void *user) {
  const bw_target self = bw_to(ev->socket);
  visitor *v = ev->user;
  bw_value name;
  bw_str from, into;
  int to;
  (void)user;
  if (!v) return;
  if (bw_message_get(ev->message, BW_S("/0"), &name, sizeof name) != BW_OK || name.type != BW_V_STRING ||
      (to = room_named(name.s.data, name.s.len)) < 0) {
    answer_member(ev, "error", "There is no arena with this name.");
    return;
  }
  if (to != v->body->room) {
    from = bw_cstr(world_rooms[v->body->room].name);
    into = bw_cstr(world_rooms[to].name);
    (void)bw_leave(&self, &from, 1);
    notice(v->body->room, v->body->nick, "left");
    world_move_to_room(&the_world, v->body, to);
    notice(to, v->body->nick, "joined");
    (void)bw_join(&self, &into, 1);
  }
  answer_member(ev, "arena", world_rooms[to].name);
}

static void on_chat(const bw_event *ev, void *user) {
  visitor *v = ev->user;
  const double now = now_s();
  bw_value text;
  int n;
  (void)user;
  if (!v) return;
  if (bw_message_get(ev->message, BW_S("/0"), &text, sizeof text) != BW_OK || text.type != BW_V_STRING ||
      (n = characters(text.s)) < 1 || n > CHAT_CHARACTERS) {
    answer_member(ev, "error", "A message must have 1 to 240 characters.");
    return;
  }
  v->chat_left += now - v->chat_at;
  if (v->chat_left > CHAT_BURST) v->chat_left = CHAT_BURST;
  v->chat_at = now;
  if (v->chat_left < 1) {
    answer_member(ev, "error", "Too many messages. Wait a moment and try again.");
    return;
  }
  v->chat_left -= 1;
  send_chat(v->body, text.s);
  answer_member(ev, "said", "yes");
}

static void listen_to_clients(void) {
  static const struct {
    bw_event_type type;
    const char *name;
    bw_callback cb;
  } listeners[] = {{BW_EV_MIDDLEWARE, "", on_ask_in},      {BW_EV_CONNECTION, "", on_connection},
                   {BW_EV_DISCONNECT, "", on_disconnect},  {BW_EV_MESSAGE, "", on_any},
                   {BW_EV_MESSAGE, "move", on_move},       {BW_EV_MESSAGE, "goto", on_goto},
                   {BW_EV_MESSAGE, "latency", on_latency}, {BW_EV_MESSAGE, "switch", on_switch},
                   {BW_EV_MESSAGE, "chat", on_chat}};
  size_t i;
  for (i = 0; i < sizeof listeners / sizeof *listeners; i++)
    must(bw_on(nsp, listeners[i].type, bw_cstr(listeners[i].name), 0, listeners[i].cb, NULL, NULL, NULL),
         "bw_on");
}

/* ---------------------------------------------------------------- the clock */

static void run(void) {
  const double started = now_s();
  double next = started, busy = 0, longest = 0;
  while (!stopping) {
    const double before = now_s();
    double left, took;
    must(bw_server_poll(server, 0, 0), "bw_server_poll");
    world_step(&the_world);
    if (the_world.tick % TICKS_PER_SNAPSHOT == 0) send_snapshots();
    if (the_world.tick % TICKS_PER_LIST == 0 && the_world.list_changed) {
      the_world.list_changed = 0;
      send_list();
    }
    took = now_s() - before;
    busy += took;
    if (took > longest) longest = took;
    if (the_world.tick % TICKS_PER_S == 0) {
      const load l = {messages_in, busy / TICKS_PER_S, longest, before - started};
      send_stats(&l);
      messages_in = 0;
      busy = longest = 0;
    }
    next += 1.0 / TICKS_PER_S;
    if (next < before - 1) next = before; /* after a suspend, do not catch up */
    while (!stopping && (left = (next - now_s()) * 1000) >= 1)
      must(bw_server_poll(server, 0, (int32_t)left), "bw_server_poll");
  }
}

/* Tells all clients and waits a moment for their acknowledgements. */
static void say_goodbye(void) {
  int waiting;
  ask_goodbye("The server is shutting down.", GOODBYE_MS, &waiting);
  while (waiting) must(bw_server_poll(server, 0, -1), "bw_server_poll");
}

static void usage(void) {
  fprintf(stderr, "usage: arena [--port N] [--host H] [--web FOLDER] [--drones N]\n");
  exit(2);
}

int main(int argc, char **argv) {
  const char *host = "127.0.0.1", *web = NULL;
  uint16_t port = 3000;
  int drones = 2, i;
  struct sigaction action;
  bw_config *config = bw_config_new();
  if (!config) {
    fprintf(stderr, "arena: %s\n", bw_last_error());
    return 1;
  }
  for (i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--port") == 0)
      port = (uint16_t)atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--host") == 0)
      host = argv[i + 1];
    else if (strcmp(argv[i], "--web") == 0)
      web = argv[i + 1];
    else if (strcmp(argv[i], "--drones") == 0)
      drones = atoi(argv[i + 1]);
    else
      usage();
  }
  if (i < argc) usage();
  /* Messages of clients are short, so the limit is low. */
  must(bw_config_set_json(config, BW_S("{\"pingInterval\":10000,\"maxHttpBufferSize\":16384,"
                                       "\"engine\":{\"delivery\":\"polled\"}}")),
       "options");
  must(bw_server_new(config, &server), "bw_server_new");
  bw_config_free(&config);
  must(bw_nsp_get(server, BW_S("/"), &nsp), "bw_nsp_get");
  out_start(server, nsp, &the_world);
  world_start(&the_world, (uint64_t)(now_s() * 1e6), drones);
  listen_to_clients();
  if (!serve_page(server, web)) return 1;

  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  must(bw_server_listen_tcp(server, bw_cstr(host), port, &port), host);
  printf("arena on http://%s:%u\n", host, (unsigned)port);
  fflush(stdout);

  run();
  say_goodbye();
  must(bw_server_close(server, 2000), "bw_server_close"); /* sends queued messages first */
  must(bw_server_wait(server, 3000), "bw_server_wait");
  must(bw_server_free(&server), "bw_server_free");
  out_end();
  return 0;
}
