/*
 * The messages that the arena sends: events to one client, to a room or to all
 * clients, and acknowledgements.
 */
#ifndef ARENA_OUT_H
#define ARENA_OUT_H

#include "arena_world.h"
#include "bellwire.h"

/* Ends the program with an error message if a call has failed. */
void must(bw_status status, const char *what);

void out_start(bw_server server, bw_nsp nsp, const world *w);
void out_end(void);

/* Statistics of one second, which the page shows. */
typedef struct load {
  int64_t messages_in;
  double mean_s, longest_s, uptime_s;
} load;

void send_welcome(bw_socket to_whom, const player *p);
void send_goodbye(bw_socket to_whom, const char *why);
/* Tells all clients that the server stops.  *waiting is 1 until all have acknowledged it
 * or timeout_ms has passed. */
void ask_goodbye(const char *why, uint32_t timeout_ms, int *waiting);
void send_list(void);
void send_snapshots(void);
void send_stats(const load *l);
void send_chat(const player *from, bw_str text);
void notice(int room_index, const char *nick, const char *what);

/* Acknowledge an event; do nothing if the client did not request it. */
void answer_nothing(const bw_event *ev);
void answer_member(const bw_event *ev, const char *key, const char *value);

#endif
