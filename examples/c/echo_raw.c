/*
 * The echo server for Engine.IO without Socket.IO.  A client is a session, a
 * message is text or binary; events and rooms do not exist.
 */
#include "echo.h"

#include <string.h>

static int is(bw_str s, const char *word) {
  return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}

static void send_log(const bw_target *to) {
  bw_args *lines = bw_args_new();
  bw_payload p;
  log_to(lines);
  /* The log as a JSON array, which is sent as text. */
  if (bw_args_payload(lines, BW_S("log"), &p) == BW_OK) (void)bw_send_text(to, p.args);
  bw_args_free(&lines);
}

static void on_raw_message(const bw_event *ev, void *user) {
  const bw_target to = bw_to(ev->socket);
  (void)user;
  if (!(ev->flags & BW_EVF_TEXT)) {
    if (ev->n_bins == 1) {
      const bw_blob same = {ev->bins[0].data, ev->bins[0].len, NULL, NULL};
      (void)bw_send_binary(&to, same);
    }
  } else if (is(ev->args, "close")) {
    (void)bw_disconnect(&to, 1);
  } else if (is(ev->args, "log")) {
    send_log(&to);
  } else {
    (void)bw_send_text(&to, ev->args);
  }
}

static void on_raw_fact(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  (void)user;
  client_id(ev, id);
  if (ev->type == BW_EV_CONNECTION)
    log_line("connection %s", id);
  else if (ev->type == BW_EV_DISCONNECT)
    log_line("disconnect %s %.*s", id, (int)ev->name.len, ev->name.data);
  else
    log_line("upgrade %s %.*s", id, (int)ev->name.len, ev->name.data);
}

void add_raw_events(bw_nsp nsp) {
  add_listener(nsp, BW_EV_CONNECTION, "", 0, on_raw_fact);
  add_listener(nsp, BW_EV_UPGRADE, "", 0, on_raw_fact);
  add_listener(nsp, BW_EV_DISCONNECT, "", 0, on_raw_fact);
  add_listener(nsp, BW_EV_MESSAGE, "", 0, on_raw_message);
}
