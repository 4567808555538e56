/*
 * A log of the newest 2000 events.  With callback threads, events of different
 * clients are delivered in parallel, so the log has a lock.
 */
#include "echo.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *lines[LINES];
static size_t written;

void log_line(const char *format, ...) {
  char *line;
  int len;
  va_list ap;
  va_start(ap, format);
  len = vsnprintf(NULL, 0, format, ap);
  va_end(ap);
  if (len < 0 || !(line = malloc((size_t)len + 1))) return;
  va_start(ap, format);
  vsnprintf(line, (size_t)len + 1, format, ap);
  va_end(ap);
  pthread_mutex_lock(&lock);
  free(lines[written % LINES]);
  lines[written++ % LINES] = line;
  pthread_mutex_unlock(&lock);
}

void log_to(bw_args *args) {
  size_t i;
  pthread_mutex_lock(&lock);
  for (i = written > LINES ? written - LINES : 0; i < written; i++)
    bw_args_str(args, bw_cstr(lines[i % LINES]));
  pthread_mutex_unlock(&lock);
}

static void on_disconnecting(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  text rooms = {NULL, 0, 0};
  bw_list list = {NULL, 0, NULL};
  bw_str *names;
  size_t i;
  (void)user;
  client_id(ev, id);
  if (bw_socket_rooms(ev->socket, &list) == BW_OK && (names = sorted(list.items, list.n))) {
    for (i = 0; i < list.n; i++) {
      if (i) text_add(&rooms, BW_S(","));
      text_add(&rooms, names[i]);
    }
    free(names);
  }
  log_line("disconnecting %.*s %s %.*s %.*s", (int)ev->nsp_name.len, ev->nsp_name.data, id, (int)ev->name.len,
           ev->name.data, (int)rooms.len, rooms.data ? rooms.data : "");
  bw_list_free(&list);
  text_free(&rooms);
}

static void on_disconnect(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  (void)user;
  client_id(ev, id);
  log_line("disconnect %.*s %s %.*s", (int)ev->nsp_name.len, ev->nsp_name.data, id, (int)ev->name.len,
           ev->name.data);
}

static void on_dropped(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  (void)user;
  client_id(ev, id);
  log_line("dropped %.*s %s", (int)ev->nsp_name.len, ev->nsp_name.data, id);
}

static void on_upgrade(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  (void)user;
  client_id(ev, id);
  log_line("upgrade %s %.*s", id, (int)ev->name.len, ev->name.data);
}

static void on_room(const bw_event *ev, void *user) {
  const char *what = user;
  /* ["<id>"] of the socket that joined or left; no arguments when a room is
   * created or deleted. */
  bw_str id = ev->args;
  if (id.len > 4) {
    id.data += 2;
    id.len -= 4;
  } else {
    id.len = 0;
  }
  log_line("%s %.*s %.*s%s%.*s", what, (int)ev->nsp_name.len, ev->nsp_name.data, (int)ev->name.len,
           ev->name.data, id.len ? " " : "", (int)id.len, id.len ? id.data : "");
}

static void on_connection_error(const bw_event *ev, void *user) {
  (void)user;
  /* The only argument is the context of the error: [{…}]. */
  log_line("connection_error %d %.*s %.*s", (int)ev->code, (int)ev->name.len, ev->name.data,
           (int)ev->args.len - 2, ev->args.data + 1);
}

void add_log_events(bw_nsp nsp) {
  static char create[] = "create-room", join[] = "join-room";
  static char leave[] = "leave-room", delete[] = "delete-room";
  add_listener(nsp, BW_EV_DISCONNECTING, "", 0, on_disconnecting);
  add_listener(nsp, BW_EV_DISCONNECT, "", 0, on_disconnect);
  add_listener(nsp, BW_EV_DROPPED, "", 0, on_dropped);
  add_listener(nsp, BW_EV_UPGRADE, "", 0, on_upgrade);
  must(bw_on(nsp, BW_EV_ROOM_CREATED, BW_S(""), 0, on_room, create, NULL, NULL), "bw_on");
  must(bw_on(nsp, BW_EV_ROOM_JOINED, BW_S(""), 0, on_room, join, NULL, NULL), "bw_on");
  must(bw_on(nsp, BW_EV_ROOM_LEFT, BW_S(""), 0, on_room, leave, NULL, NULL), "bw_on");
  must(bw_on(nsp, BW_EV_ROOM_DELETED, BW_S(""), 0, on_room, delete, NULL, NULL), "bw_on");
}

void add_server_log_events(bw_server server) {
  add_listener(server, BW_EV_CONNECTION_ERROR, "", 0, on_connection_error);
}
