/*
 * The event handlers of the echo server.  Arguments are JSON text, so arguments
 * that are only forwarded are never parsed.
 */
#define _POSIX_C_SOURCE 200809L
#include "echo.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int is(bw_str s, const char *word) {
  return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}

static int is_root(const bw_event *ev) { return is(ev->nsp_name, "/"); }

static void no_answer(bw_ack ack) { (void)bw_ack_json(ack, BW_S("[]")); }

/* Emits an event with JSON arguments and attachments to one socket. */
static bw_status send(bw_socket socket, bw_str event, bw_str args, const bw_bytes *bins, size_t n_bins) {
  const bw_target to = bw_to(socket);
  bw_payload p = bw_payload_of(event, args);
  bw_blob *blobs = blobs_of(bins, n_bins);
  bw_status status;
  p.bins = blobs;
  p.n_bins = n_bins;
  status = bw_emit(&to, &p);
  free(blobs);
  return status;
}

/* ------------------------------------------------------------- connections */

static void on_connection(const bw_event *ev, void *user) {
  peer *p = calloc(1, sizeof *p);
  bw_args *args = bw_args_new();
  const bw_target to = bw_to(ev->socket);
  bw_payload payload;
  bw_str auth;
  (void)user;
  if (p) {
    client_id(ev, p->id);
    log_line("connection %.*s %s", (int)ev->nsp_name.len, ev->nsp_name.data, p->id);
    (void)bw_socket_user_set(ev->socket, p, free); /* freed after the disconnect */
  }
  if (bw_handshake_str(ev->handshake, BW_HS_AUTH_JSON, &auth) == BW_OK) {
    bw_args_json(args, auth);
    if (bw_args_payload(args, BW_S("auth"), &payload) == BW_OK) (void)bw_emit(&to, &payload);
  }
  bw_args_free(&args);
}

static void on_outgoing(const bw_event *ev, void *user) {
  peer *p = ev->user;
  (void)user;
  if (p) atomic_fetch_add(&p->sent, 1);
}

static void on_token(const bw_event *ev, void *user) {
  bw_value token;
  (void)user;
  if (bw_handshake_auth(ev->handshake, BW_S("/token"), &token, sizeof token) == BW_OK &&
      token.type == BW_V_STRING) {
    if (is(token.s, "secret")) {
      (void)bw_deferred_accept(ev->deferred);
      return;
    }
    if (is(token.s, "later")) {
      later_accept(ev->deferred, 50);
      return;
    }
    if (is(token.s, "never")) return;
  }
  (void)bw_deferred_reject(ev->deferred, 0, BW_S("unauthorized"), BW_S("{\"code\":4001}"));
}

void add_token_check(bw_nsp nsp) { add_listener(nsp, BW_EV_MIDDLEWARE, "", 0, on_token); }

void add_connection_events(bw_nsp nsp) {
  add_listener(nsp, BW_EV_CONNECTION, "", 0, on_connection);
  add_listener(nsp, BW_EV_OUTGOING, "", 0, on_outgoing);
}

/* ---------------------------------------------------------------- messages */

/* Runs before the listeners of each event from a client. */
static void on_packet(const bw_event *ev, void *user) {
  char id[ID_SIZE];
  (void)user;
  if (is(ev->name, "forbidden")) {
    client_id(ev, id);
    log_line("forbidden %.*s %s", (int)ev->nsp_name.len, ev->nsp_name.data, id);
    (void)bw_deferred_reject(ev->deferred, 0, BW_S("forbidden"), BW_S(""));
  } else if (is(ev->name, "held")) {
    later_accept(ev->deferred, 50);
  } else {
    (void)bw_deferred_accept(ev->deferred);
  }
}

static void on_any(const bw_event *ev, void *user) {
  peer *p = ev->user;
  (void)user;
  if (p && is_root(ev)) atomic_fetch_add(&p->received, 1);
}

static void on_message(const bw_event *ev, void *user) {
  (void)user;
  (void)send(ev->socket, BW_S("message-back"), ev->args, ev->bins, ev->n_bins);
}

static void on_message_with_ack(const bw_event *ev, void *user) {
  (void)user;
  (void)answer(ev->ack, ev->args, ev->bins, ev->n_bins);
}

/* Sends each argument back with its attachments, and one more argument. */
static void on_message_with_bytes(const bw_event *ev, void *user) {
  const bw_target to = bw_to(ev->socket);
  const bw_blob own = {"\1\2\3", 3, NULL, NULL};
  bw_args *args = bw_args_new();
  bw_payload p;
  bw_cursor at;
  bw_value v;
  bw_status s;
  (void)user;
  for (s = bw_cursor_first(&at, ev->message, BW_S(""), &v, sizeof v); s == BW_OK;
       s = bw_cursor_next(&at, &v, sizeof v))
    bw_args_copy(args, ev->message, v.json);
  bw_args_bin(args, own);
  if (bw_args_payload(args, BW_S("message-with-bytes-back"), &p) == BW_OK) (void)bw_emit(&to, &p);
  bw_args_free(&args);
}

static void on_held(const bw_event *ev, void *user) {
  (void)user;
  (void)send(ev->socket, BW_S("held-back"), ev->args, ev->bins, ev->n_bins);
}

static void on_once(const bw_event *ev, void *user) {
  (void)user;
  (void)send(ev->socket, BW_S("once-back"), ev->args, ev->bins, ev->n_bins);
}

static void on_volatile_many(const bw_event *ev, void *user) {
  bw_target to = bw_to(ev->socket);
  bw_args *args = bw_args_new();
  bw_payload p;
  bw_value n;
  int64_t i;
  (void)user;
  to.flags |= BW_TO_VOLATILE;
  for (i = 0; get(ev, "/0", &n) && i < n.i; i++) {
    bw_args_clear(args);
    bw_args_int(args, i);
    if (bw_args_payload(args, BW_S("volatile"), &p) == BW_OK) (void)bw_emit(&to, &p);
  }
  bw_args_free(&args);
  (void)bw_socket_emit(ev->socket, BW_S("volatile-done"), BW_S(""));
}

/* ------------------------------------------------------- rooms, broadcasts */

static bw_str text_arg(const bw_event *ev, const char *pointer) {
  bw_value v;
  if (get(ev, pointer, &v) && v.type == BW_V_STRING) return v.s;
  return BW_S("");
}

static void on_join(const bw_event *ev, void *user) {
  const bw_target self = bw_to(ev->socket);
  const bw_str room = text_arg(ev, "/0");
  (void)user;
  (void)bw_join(&self, &room, 1);
  no_answer(ev->ack);
}

static void on_leave(const bw_event *ev, void *user) {
  const bw_target self = bw_to(ev->socket);
  const bw_str room = text_arg(ev, "/0");
  (void)user;
  (void)bw_leave(&self, &room, 1);
  no_answer(ev->ack);
}

static void on_rooms(const bw_event *ev, void *user) {
  bw_list rooms = {NULL, 0, NULL};
  bw_args *args = bw_args_new();
  (void)user;
  if (bw_socket_rooms(ev->socket, &rooms) == BW_OK) {
    bw_str *names = sorted(rooms.items, rooms.n);
    bw_args_begin_array(args);
    add_strings(args, names, rooms.n);
    bw_args_end(args);
    free(names);
    bw_list_free(&rooms);
  }
  answer_with(ev->ack, args);
}

static void on_broadcast(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  text args = args_from(ev, 1);
  bw_payload p = bw_payload_of(BW_S("broadcast"), text_view(&args));
  bw_blob *blobs = blobs_of(ev->bins, ev->n_bins);
  (void)user;
  p.bins = blobs;
  p.n_bins = ev->n_bins;
  (void)bw_emit(&a.to, &p);
  free(blobs);
  text_free(&args);
  audience_free(&a);
}

static void on_sockets_join(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  const bw_str room = text_arg(ev, "/1");
  (void)user;
  (void)bw_join(&a.to, &room, 1);
  audience_free(&a);
  no_answer(ev->ack);
}

static void on_sockets_leave(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  const bw_str room = text_arg(ev, "/1");
  (void)user;
  (void)bw_leave(&a.to, &room, 1);
  audience_free(&a);
  no_answer(ev->ack);
}

static void on_disconnect_sockets(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  bw_value close;
  (void)user;
  no_answer(ev->ack);
  (void)bw_disconnect(&a.to, get(ev, "/1", &close) && close.b);
  audience_free(&a);
}

static void on_disconnect_me(const bw_event *ev, void *user) {
  const bw_target self = bw_to(ev->socket);
  bw_value close;
  (void)user;
  (void)bw_disconnect(&self, get(ev, "/0", &close) && close.b);
}

/* ------------------------------------------------------ sockets and server */

static void on_set_data(const bw_event *ev, void *user) {
  bw_value data;
  (void)user;
  if (get(ev, "/0", &data)) (void)bw_socket_data_set(ev->socket, data.json);
  no_answer(ev->ack);
}

static void on_find(const bw_event *ev, void *user) {
  bw_socket found = 0;
  const int is_there = bw_socket_find(ev->nsp, text_arg(ev, "/0"), &found) == BW_OK;
  (void)user;
  (void)bw_ack_json(ev->ack, is_there ? BW_S("[true]") : BW_S("[false]"));
}

static void on_handshake(const bw_event *ev, void *user) {
  static const struct {
    const char *name;
    bw_hs_key key;
  } json[] = {{"headers", BW_HS_HEADERS_JSON}, {"query", BW_HS_QUERY_JSON}, {"auth", BW_HS_AUTH_JSON}};
  static const struct {
    const char *name;
    bw_hs_key key;
  } texts[] = {{"address", BW_HS_ADDRESS}, {"time", BW_HS_TIME}, {"url", BW_HS_URL}};
  static const struct {
    const char *name;
    bw_hs_key key;
  } flags[] = {{"secure", BW_HS_SECURE}, {"xdomain", BW_HS_XDOMAIN}};
  const bw_handshake *hs = NULL;
  bw_args *args;
  int64_t number;
  bw_str s;
  size_t i;
  (void)user;
  if (bw_socket_handshake(ev->socket, &hs) != BW_OK) return;
  args = bw_args_new();
  bw_args_begin_object(args);
  for (i = 0; i < 3; i++) {
    bw_args_key(args, bw_cstr(json[i].name));
    if (bw_handshake_str(hs, json[i].key, &s) == BW_OK)
      bw_args_json(args, s);
    else
      bw_args_null(args);
  }
  for (i = 0; i < 3; i++) {
    bw_args_key(args, bw_cstr(texts[i].name));
    if (bw_handshake_str(hs, texts[i].key, &s) == BW_OK)
      bw_args_str(args, s);
    else
      bw_args_null(args);
  }
  for (i = 0; i < 2; i++) {
    bw_args_key(args, bw_cstr(flags[i].name));
    bw_args_bool(args, bw_handshake_int(hs, flags[i].key, &number) == BW_OK && number);
  }
  bw_args_key(args, BW_S("issued"));
  bw_args_int(args, bw_handshake_int(hs, BW_HS_ISSUED_MS, &number) == BW_OK ? number : 0);
  bw_args_end(args);
  answer_with(ev->ack, args);
  bw_handshake_release(&hs);
}

static void on_transport(const bw_event *ev, void *user) {
  int64_t bits = 0;
  (void)user;
  (void)bw_socket_int(ev->socket, BW_SK_TRANSPORT, &bits);
  (void)bw_ack_json(ev->ack, bits == BW_TR_WEBSOCKET ? BW_S("[\"websocket\"]") : BW_S("[\"polling\"]"));
}

static void on_log(const bw_event *ev, void *user) {
  bw_args *args = bw_args_new();
  (void)user;
  bw_args_begin_array(args);
  log_to(args);
  bw_args_end(args);
  answer_with(ev->ack, args);
}

static void answer_number(bw_ack ack, int64_t number) {
  bw_args *args = bw_args_new();
  bw_args_int(args, number);
  answer_with(ack, args);
}

static void on_any_count(const bw_event *ev, void *user) {
  peer *p = ev->user;
  (void)user;
  answer_number(ev->ack, p ? atomic_load(&p->received) : 0);
}

static void on_outgoing_count(const bw_event *ev, void *user) {
  peer *p = ev->user;
  (void)user;
  answer_number(ev->ack, p && is_root(ev) ? atomic_load(&p->sent) : 0);
}

static void on_stat(const bw_event *ev, void *user) {
  const bw_str name = text_arg(ev, "/0");
  char copy[64];
  int64_t number = -1;
  (void)user;
  if (name.len < sizeof copy) {
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    if (bw_server_stat(ev->server, copy, &number) != BW_OK) number = -1;
  }
  answer_number(ev->ack, number);
}

static void on_block(const bw_event *ev, void *user) {
  bw_value ms;
  struct timespec t;
  (void)user;
  if (get(ev, "/0", &ms) && ms.i > 0) {
    t.tv_sec = (time_t)(ms.i / 1000);
    t.tv_nsec = (long)(ms.i % 1000) * 1000000;
    nanosleep(&t, NULL);
  }
  no_answer(ev->ack);
}

void add_packet_check(bw_nsp nsp) { add_listener(nsp, BW_EV_PACKET_MIDDLEWARE, "", 0, on_packet); }

void add_events(bw_nsp nsp) {
  static const struct {
    const char *name;
    bw_callback cb;
  } events[] = {{"message", on_message},
                {"message-with-ack", on_message_with_ack},
                {"held", on_held},
                {"message-with-bytes", on_message_with_bytes},
                {"volatile-many", on_volatile_many},
                {"call", on_call},
                {"join", on_join},
                {"leave", on_leave},
                {"rooms", on_rooms},
                {"broadcast", on_broadcast},
                {"broadcast-ack", on_broadcast_ack},
                {"sockets-join", on_sockets_join},
                {"sockets-leave", on_sockets_leave},
                {"disconnect-sockets", on_disconnect_sockets},
                {"disconnect-me", on_disconnect_me},
                {"fetch", on_fetch},
                {"set-data", on_set_data},
                {"find", on_find},
                {"handshake", on_handshake},
                {"transport", on_transport},
                {"log", on_log},
                {"any-count", on_any_count},
                {"outgoing-count", on_outgoing_count},
                {"stat", on_stat},
                {"block", on_block}};
  size_t i;
  add_listener(nsp, BW_EV_MESSAGE, "", 0, on_any);
  for (i = 0; i < sizeof events / sizeof *events; i++)
    add_listener(nsp, BW_EV_MESSAGE, events[i].name, 0, events[i].cb);
  add_listener(nsp, BW_EV_MESSAGE, "once-event", BW_LISTEN_ONCE, on_once);
}
