/*
 * What the arena sends: events to one client, to a room or to everybody, and
 * answers to clients that wait for one.
 */
#ifndef ARENA_OUT_H
#define ARENA_OUT_H

#include "arena_world.h"
#include "bellwire.h"

/* Ends the program when a call failed that cannot fail. */
void must(bw_status status, const char *what);

void out_start(bw_server server, bw_nsp nsp, const world *w);
void out_end(void);

/* One second of work, as the page shows it. */
typedef struct load {
  int64_t messages_in;
  double mean_s, longest_s, uptime_s;
} load;

void send_welcome(bw_socket to_whom, const player *p);
void send_goodbye(bw_socket to_whom, const char *why);
/* Tells everybody; *waiting is 1 until all have heard it or timeout_ms have
 * passed. */
void ask_goodbye(const char *why, uint32_t timeout_ms, int *waiting);
void send_list(void);
void send_snapshots(void);
void send_stats(const load *l);
void send_chat(const player *from, bw_str text);
void notice(int room_index, const char *nick, const char *what);

/* Answers do nothing when the client did not ask for one. */
void answer_nothing(const bw_event *ev);
void answer_member(const bw_event *ev, const char *key, const char *value);

#endif
