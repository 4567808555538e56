/*
 * The world of the arena: three rooms with pillars, pickups and players.  It
 * does not depend on the network; arena.c passes the input of clients to it and
 * sends the resulting state.
 */
#ifndef ARENA_WORLD_H
#define ARENA_WORLD_H

#include <stddef.h>
#include <stdint.h>

enum {
  ROOMS = 3,
  PILLARS_MAX = 4,
  PICKUPS = 8,
  PLAYERS_MAX = 200,
  WORLD_WIDTH = 1600,
  WORLD_HEIGHT = 900,
  PLAYER_RADIUS = 22,
  NICK_CHARACTERS = 16,
  NICK_SIZE = NICK_CHARACTERS * 4 + 1,
  SNAPSHOT_SIZE = 8 + 12 * PLAYERS_MAX + 8 * PICKUPS
};

typedef struct pillar {
  double x, y, radius;
} pillar;

typedef struct room {
  const char *name, *title;
  int hue;
  int n_pillars;
  pillar pillars[PILLARS_MAX];
} room;

enum player_kind { PLAYER_NONE, PLAYER_VISITOR, PLAYER_DRONE };

typedef struct player {
  enum player_kind kind;
  uint16_t id; /* unique among the players */
  int room, hue;
  unsigned score;
  char nick[NICK_SIZE];
  double x, y, vx, vy;
  double want_x, want_y; /* direction, at most 1 long */
  int has_goal;          /* walks to the goal instead */
  double goal_x, goal_y;
} player;

typedef struct pickup {
  double x, y;
  int is_gold;
} pickup;

typedef struct world {
  uint32_t tick;
  uint16_t last_id;
  int list_changed; /* a player joined, left, changed rooms or scored */
  uint64_t random;
  player players[PLAYERS_MAX];
  pickup pickups[ROOMS][PICKUPS];
} world;

extern const room world_rooms[ROOMS];
int room_named(const char *name, size_t len); /* -1 if the name is unknown */

void world_start(world *w, uint64_t seed, int drones_per_room);
/* Adds a player at a free place in room 0; NULL if the world is full. */
player *world_add(world *w, enum player_kind kind, const char *nick, int hue);
void world_remove(world *w, player *p);
void world_move_to_room(world *w, player *p, int to);
/* Input of clients; accepts any numbers and clamps them to valid values. */
void player_steer(player *p, double x, double y);
void player_walk_to(player *p, double x, double y);
/* Advances by one sixtieth of a second. */
void world_step(world *w);
size_t world_snapshot(const world *w, int of_room, uint8_t out[SNAPSHOT_SIZE]);
int world_visitors(const world *w, int in_room);

#endif
