/* The messages that the arena sends.  One bw_args is reused for all of them. */
#include "arena_out.h"

#include <stdio.h>
#include <stdlib.h>

static bw_server server;
static bw_nsp nsp;
static bw_args *args;
static const world *out_world;
static int64_t messages_out;

void must(bw_status status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "arena: %s: %s: %s\n", what, bw_status_name(status), bw_last_error());
  exit(1);
}

void out_start(bw_server to_server, bw_nsp to_nsp, const world *w) {
  server = to_server;
  nsp = to_nsp;
  out_world = w;
  args = bw_args_new();
}

void out_end(void) { bw_args_free(&args); }

static bw_args *begin(void) {
  bw_args_clear(args);
  return args;
}

static void member_str(const char *key, const char *value) {
  bw_args_key(args, bw_cstr(key));
  bw_args_str(args, bw_cstr(value));
}

static void member_int(const char *key, int64_t value) {
  bw_args_key(args, bw_cstr(key));
  bw_args_int(args, value);
}

static void emit(const bw_target *to, const char *event, int64_t receivers) {
  bw_payload p;
  messages_out += receivers;
  must(bw_args_payload(args, bw_cstr(event), &p), event);
  (void)bw_emit(to, &p); /* fails with BW_E_GONE if the client has disconnected */
}

static void emit_to_room(int room_index, const char *event, uint32_t flags) {
  const bw_str name = bw_cstr(world_rooms[room_index].name);
  bw_target to = bw_to_rooms(nsp, &name, 1);
  to.flags |= flags;
  emit(&to, event, world_visitors(out_world, room_index));
}

static int64_t connections(void) {
  int64_t n = 0;
  (void)bw_server_stat(server, "clients_count", &n);
  return n;
}

static void answer(const bw_event *ev) {
  bw_payload p;
  if (!ev->ack) return;
  messages_out++;
  must(bw_args_payload(args, BW_S(""), &p), "answer");
  (void)bw_ack_send(ev->ack, &p);
}

void answer_nothing(const bw_event *ev) {
  begin();
  answer(ev);
}

void answer_member(const bw_event *ev, const char *key, const char *value) {
  bw_args_begin_object(begin());
  member_str(key, value);
  bw_args_end(args);
  answer(ev);
}

void notice(int room_index, const char *nick, const char *what) {
  char text[NICK_SIZE + 32];
  snprintf(text, sizeof text, "%s %s", nick, what);
  bw_args_str(begin(), bw_cstr(text));
  emit_to_room(room_index, "notice", 0);
}

void send_welcome(bw_socket to_whom, const player *p) {
  const bw_target to = bw_to(to_whom);
  int r, i;
  bw_args_begin_object(begin());
  member_int("id", p->id);
  member_int("radius", PLAYER_RADIUS);
  member_str("arena", world_rooms[p->room].name);
  bw_args_key(args, BW_S("world"));
  bw_args_begin_object(args);
  member_int("width", WORLD_WIDTH);
  member_int("height", WORLD_HEIGHT);
  bw_args_end(args);
  bw_args_key(args, BW_S("arenas"));
  bw_args_begin_array(args);
  for (r = 0; r < ROOMS; r++) {
    bw_args_begin_object(args);
    member_str("name", world_rooms[r].name);
    member_str("title", world_rooms[r].title);
    member_int("hue", world_rooms[r].hue);
    bw_args_key(args, BW_S("pillars"));
    bw_args_begin_array(args);
    for (i = 0; i < world_rooms[r].n_pillars; i++) {
      const pillar *c = &world_rooms[r].pillars[i];
      bw_args_begin_array(args);
      bw_args_double(args, c->x);
      bw_args_double(args, c->y);
      bw_args_double(args, c->radius);
      bw_args_end(args);
    }
    bw_args_end(args);
    bw_args_end(args);
  }
  bw_args_end(args);
  bw_args_end(args);
  emit(&to, "welcome", 1);
}

void send_list(void) {
  const bw_target everyone = bw_to(nsp);
  const player *p;
  int r;
  bw_args_begin_array(begin());
  for (r = 0; r < ROOMS; r++) {
    bw_args_begin_object(args);
    member_str("name", world_rooms[r].name);
    bw_args_key(args, BW_S("players"));
    bw_args_begin_array(args);
    for (p = out_world->players; p < out_world->players + PLAYERS_MAX; p++) {
      if (p->kind == PLAYER_NONE || p->room != r) continue;
      bw_args_begin_object(args);
      member_int("id", p->id);
      member_str("nick", p->nick);
      member_int("hue", p->hue);
      member_int("score", p->score);
      bw_args_key(args, BW_S("bot"));
      bw_args_bool(args, p->kind == PLAYER_DRONE);
      bw_args_end(args);
    }
    bw_args_end(args);
    bw_args_end(args);
  }
  bw_args_end(args);
  emit(&everyone, "roster", connections());
}

void send_snapshots(void) {
  uint8_t bytes[SNAPSHOT_SIZE];
  bw_blob blob = {bytes, 0, NULL, NULL};
  int r;
  for (r = 0; r < ROOMS; r++) {
    if (world_visitors(out_world, r) == 0) continue;
    blob.len = world_snapshot(out_world, r, bytes);
    bw_args_bin(begin(), blob);
    emit_to_room(r, "snap", BW_TO_VOLATILE);
  }
}

void send_stats(const load *l) {
  const bw_target everyone = bw_to(nsp);
  const int64_t clients = connections();
  bw_args_begin_object(begin());
  member_int("clients", clients);
  member_int("in", l->messages_in);
  member_int("out", messages_out);
  member_int("tick_us", (int64_t)(l->mean_s * 1e6));
  member_int("tick_max_us", (int64_t)(l->longest_s * 1e6));
  member_int("uptime_s", (int64_t)l->uptime_s);
  bw_args_end(args);
  messages_out = 0;
  emit(&everyone, "stats", clients);
}

void send_chat(const player *from, bw_str text) {
  bw_args_begin_object(begin());
  member_int("id", from->id);
  member_str("nick", from->nick);
  member_int("hue", from->hue);
  bw_args_key(args, BW_S("text"));
  bw_args_str(args, text);
  bw_args_end(args);
  emit_to_room(from->room, "chat", 0);
}

void send_goodbye(bw_socket to_whom, const char *why) {
  const bw_target to = bw_to(to_whom);
  bw_args_str(begin(), bw_cstr(why));
  emit(&to, "goodbye", 1);
}

static void on_heard(const bw_event *ev, void *user) {
  int *waiting = user;
  (void)ev; /* all have answered, or the timeout has passed */
  *waiting = 0;
}

void ask_goodbye(const char *why, uint32_t timeout_ms, int *waiting) {
  const bw_message *goodbye = NULL;
  bw_target everyone = bw_to(nsp);
  bw_payload p;
  everyone.timeout_ms = timeout_ms;
  *waiting = 1;
  bw_args_str(begin(), bw_cstr(why));
  must(bw_args_payload(args, BW_S("goodbye"), &p), "goodbye");
  must(bw_message_new(&p, &goodbye), "goodbye");
  must(bw_emit_ack(&everyone, goodbye, on_heard, waiting, NULL, NULL), "goodbye");
  bw_message_release(&goodbye);
}
