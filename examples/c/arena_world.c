/* The rules of the arena: movement, collisions, pickups. */
#include "arena_world.h"

#include <math.h>
#include <string.h>

static const double STEP_S = 1.0 / 60;
static const double VISITOR_SPEED = 360, DRONE_SPEED = 190;
static const double PICKUP_REACH = PLAYER_RADIUS + 14;

const room world_rooms[ROOMS] = {
    {"harbour", "Harbour", 200, 4, {{400, 270, 60}, {1200, 270, 60}, {400, 630, 60}, {1200, 630, 60}}},
    {"orchard", "Orchard", 140, 3, {{800, 450, 110}, {330, 450, 46}, {1270, 450, 46}}},
    {"forge", "Forge", 18, 4, {{800, 200, 56}, {800, 700, 56}, {520, 450, 56}, {1080, 450, 56}}}};

int room_named(const char *name, size_t len) {
  int i;
  for (i = 0; i < ROOMS; i++)
    if (strlen(world_rooms[i].name) == len && memcmp(world_rooms[i].name, name, len) == 0) return i;
  return -1;
}

static double limit(double v, double low, double high) { return v < low ? low : v > high ? high : v; }

static double random_between(world *w, double low, double high) {
  w->random ^= w->random << 13;
  w->random ^= w->random >> 7;
  w->random ^= w->random << 17;
  return low + (high - low) * (double)(w->random >> 11) / 9007199254740992.0;
}

static void free_place(world *w, int in_room, double *x, double *y) {
  int tries, i, is_free = 0;
  for (tries = 0; tries < 100 && !is_free; tries++) {
    *x = random_between(w, 70, WORLD_WIDTH - 70);
    *y = random_between(w, 70, WORLD_HEIGHT - 70);
    is_free = 1;
    for (i = 0; i < world_rooms[in_room].n_pillars; i++) {
      const pillar *p = &world_rooms[in_room].pillars[i];
      if (hypot(*x - p->x, *y - p->y) < p->radius + PLAYER_RADIUS + 12) is_free = 0;
    }
  }
}

void world_start(world *w, uint64_t seed, int drones_per_room) {
  static const char *const names[] = {"Otto", "Pip", "Rex", "Mira", "Juno", "Zia"};
  static const int hues[] = {46, 172, 228, 310, 22, 130};
  int r, i;
  memset(w, 0, sizeof *w);
  w->random = seed | 1;
  for (r = 0; r < ROOMS; r++)
    for (i = 0; i < PICKUPS; i++) {
      w->pickups[r][i].is_gold = i % 4 == 0;
      free_place(w, r, &w->pickups[r][i].x, &w->pickups[r][i].y);
    }
  for (i = 0; i < drones_per_room * ROOMS; i++) {
    player *p = world_add(w, PLAYER_DRONE, names[i % 6], hues[i % 6]);
    if (p) world_move_to_room(w, p, i % ROOMS);
  }
}

player *world_add(world *w, enum player_kind kind, const char *nick, int hue) {
  int i;
  for (i = 0; i < PLAYERS_MAX; i++) {
    player *p = &w->players[i];
    if (p->kind != PLAYER_NONE) continue;
    memset(p, 0, sizeof *p);
    p->kind = kind;
    p->id = ++w->last_id;
    p->hue = hue;
    strncpy(p->nick, nick, NICK_SIZE - 1);
    free_place(w, 0, &p->x, &p->y);
    w->list_changed = 1;
    return p;
  }
  return NULL;
}

void world_remove(world *w, player *p) {
  p->kind = PLAYER_NONE;
  w->list_changed = 1;
}

void world_move_to_room(world *w, player *p, int to) {
  p->room = to;
  p->vx = p->vy = p->want_x = p->want_y = 0;
  p->has_goal = 0;
  free_place(w, to, &p->x, &p->y);
  w->list_changed = 1;
}

void player_steer(player *p, double x, double y) {
  const double length = hypot(x, y);
  if (!isfinite(length)) return;
  p->has_goal = 0;
  p->want_x = length > 1 ? x / length : x;
  p->want_y = length > 1 ? y / length : y;
}

void player_walk_to(player *p, double x, double y) {
  if (!isfinite(x) || !isfinite(y)) return;
  p->has_goal = 1;
  p->goal_x = limit(x, 0, WORLD_WIDTH);
  p->goal_y = limit(y, 0, WORLD_HEIGHT);
}

/* ----------------------------------------------------------------- one step */

static void seek_pickup(const world *w, player *p) {
  const pickup *best = NULL;
  double best_distance = 1e9;
  int i;
  for (i = 0; i < PICKUPS; i++) {
    const pickup *c = &w->pickups[p->room][i];
    const double d = hypot(c->x - p->x, c->y - p->y);
    if (d < best_distance) {
      best = c;
      best_distance = d;
    }
  }
  if (best) player_walk_to(p, best->x, best->y);
}

static void walk(player *p) {
  const double speed = p->kind == PLAYER_DRONE ? DRONE_SPEED : VISITOR_SPEED;
  if (p->has_goal) {
    const double dx = p->goal_x - p->x, dy = p->goal_y - p->y, far = hypot(dx, dy);
    if (far < 6) {
      p->has_goal = 0;
      p->want_x = p->want_y = 0;
    } else { /* slow down near the goal, to avoid overshooting */
      p->want_x = dx / far * limit(far / 40, 0.15, 1);
      p->want_y = dy / far * limit(far / 40, 0.15, 1);
    }
  }
  p->vx += (p->want_x * speed - p->vx) * 0.18;
  p->vy += (p->want_y * speed - p->vy) * 0.18;
  p->x += p->vx * STEP_S;
  p->y += p->vy * STEP_S;
}

/* Pushes p out of a circle; to the right if p is exactly at its centre. */
static void push_out(player *p, double x, double y, double distance) {
  const double dx = p->x - x, dy = p->y - y, d = hypot(dx, dy);
  if (d >= distance) return;
  p->x = d > 0 ? x + dx / d * distance : x + distance;
  p->y = d > 0 ? y + dy / d * distance : y;
}

static void bump(world *w, player *p) {
  const room *r = &world_rooms[p->room];
  player *o;
  int i;
  for (o = p + 1; o < w->players + PLAYERS_MAX; o++) {
    double d;
    if (o->kind == PLAYER_NONE || o->room != p->room) continue;
    d = hypot(o->x - p->x, o->y - p->y);
    if (d >= 2 * PLAYER_RADIUS) continue;
    push_out(p, o->x, o->y, d + (2 * PLAYER_RADIUS - d) / 2);
    push_out(o, p->x, p->y, 2 * PLAYER_RADIUS);
  }
  for (i = 0; i < r->n_pillars; i++)
    push_out(p, r->pillars[i].x, r->pillars[i].y, r->pillars[i].radius + PLAYER_RADIUS);
  p->x = limit(p->x, PLAYER_RADIUS, WORLD_WIDTH - PLAYER_RADIUS);
  p->y = limit(p->y, PLAYER_RADIUS, WORLD_HEIGHT - PLAYER_RADIUS);
}

static void pick_up(world *w, player *p) {
  int i;
  for (i = 0; i < PICKUPS; i++) {
    pickup *c = &w->pickups[p->room][i];
    if (hypot(c->x - p->x, c->y - p->y) >= PICKUP_REACH) continue;
    p->score += c->is_gold ? 3 : 1;
    free_place(w, p->room, &c->x, &c->y);
    w->list_changed = 1;
  }
}

void world_step(world *w) {
  player *p;
  w->tick++;
  for (p = w->players; p < w->players + PLAYERS_MAX; p++) {
    if (p->kind == PLAYER_NONE) continue;
    if (p->kind == PLAYER_DRONE && w->tick % 12 == 0) seek_pickup(w, p);
    walk(p);
  }
  for (p = w->players; p < w->players + PLAYERS_MAX; p++) {
    if (p->kind == PLAYER_NONE) continue;
    bump(w, p);
    pick_up(w, p);
  }
}

/* ---------------------------------------------------------------- snapshots */

static uint8_t *put16(uint8_t *at, uint32_t v) {
  at[0] = (uint8_t)v;
  at[1] = (uint8_t)(v >> 8);
  return at + 2;
}

static uint8_t *put_fixed(uint8_t *at, double v) { return put16(at, (uint32_t)(int32_t)lround(v * 32)); }

/* The format is described in examples/arena/world.js, which decodes it. */
size_t world_snapshot(const world *w, int of_room, uint8_t out[SNAPSHOT_SIZE]) {
  uint8_t *at = out + 8;
  const player *p;
  uint32_t n = 0;
  int i;
  for (p = w->players; p < w->players + PLAYERS_MAX; p++) {
    if (p->kind == PLAYER_NONE || p->room != of_room) continue;
    n++;
    at = put16(at, p->id);
    at = put_fixed(at, p->x);
    at = put_fixed(at, p->y);
    at = put_fixed(at, p->vx);
    at = put_fixed(at, p->vy);
    at = put16(at, p->score);
  }
  for (i = 0; i < PICKUPS; i++) {
    at = put16(at, (uint32_t)i);
    at = put_fixed(at, w->pickups[of_room][i].x);
    at = put_fixed(at, w->pickups[of_room][i].y);
    at = put16(at, (uint32_t)w->pickups[of_room][i].is_gold);
  }
  put16(out, w->tick);
  put16(out + 2, w->tick >> 16);
  put16(out + 4, n);
  put16(out + 6, PICKUPS);
  return (size_t)(at - out);
}

int world_visitors(const world *w, int in_room) {
  const player *p;
  int n = 0;
  for (p = w->players; p < w->players + PLAYERS_MAX; p++)
    n += p->kind == PLAYER_VISITOR && p->room == in_room;
  return n;
}
