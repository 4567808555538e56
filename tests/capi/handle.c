/* Ids: stale, of another kind, and never given out. */
#include "host.h"

static void ignore(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
}

/* Every function that takes an id of this kind returns the expected status for this id. */
static void expect_of_server(bw_server id, bw_status expected) {
  bw_server copy = id;
  bw_nsp nsp = 7;
  bw_fd fd = 7;
  bw_buf buf = {NULL, 0, NULL};
  int64_t number = 7;
  uint16_t port = 7;
  const struct bw_event *ev = NULL;
  const bw_bytes body = {(const uint8_t *)"x", 1};
  STATUS(expected, bw_server_listen_tcp(id, BW_S("127.0.0.1"), 0, &port));
  CHECK_INT(0, port);
  STATUS(expected, bw_server_listen_unix(id, BW_S("/tmp/never"), 0600));
  STATUS(expected, bw_server_listen_fd(id, 0));
  STATUS(expected, bw_server_serve(id, BW_S("/x"), BW_S("text/plain"), body));
  STATUS(expected, bw_server_close(id, 0));
  STATUS(expected, bw_server_wait(id, 0));
  STATUS(expected, bw_server_metrics(id, &buf));
  CHECK(buf.data == NULL);
  STATUS(expected, bw_server_stat(id, "clients_count", &number));
  CHECK_INT(0, number);
  STATUS(expected, bw_server_poll(id, 0, 0));
  STATUS(expected, bw_server_next(id, 0, &ev));
  STATUS(expected, bw_server_poll_fd(id, &fd));
  STATUS(expected, bw_nsp_get(id, BW_S("/"), &nsp));
  CHECK_INT(0, (int64_t)nsp);
  CHECK_INT(expected, bw_server_wakeup(id)); /* sets no message: [signal] */
  if (id) STATUS(expected, bw_server_free(&copy));
}

static void expect_of_scope(bw_scope id, bw_status expected) {
  atomic_int drops = 0;
  bw_listener listener = 7;
  STATUS(expected, bw_on(id, BW_EV_DISCONNECT, BW_S(""), 0, ignore, &drops, count_drop, &listener));
  CHECK_INT(1, atomic_load(&drops));
  CHECK_INT(0, (int64_t)listener);
}

static void expect_of_target(bw_scope id, bw_status expected) {
  atomic_int drops = 0;
  bw_op op = 7;
  const bw_target to = bw_to(id);
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  const bw_message *msg = NULL;
  const bw_str room = BW_S("room");
  OK(bw_message_new(&payload, &msg));
  STATUS(expected, bw_emit(&to, &payload));
  STATUS(expected, bw_emit_message(&to, msg));
  STATUS(expected, bw_emit_ack(&to, msg, ignore, &drops, count_drop, &op));
  CHECK_INT(1, atomic_load(&drops));
  CHECK_INT(0, (int64_t)op);
  STATUS(expected, bw_join(&to, &room, 1));
  STATUS(expected, bw_leave(&to, &room, 1));
  STATUS(expected, bw_disconnect(&to, 0));
  STATUS(expected, bw_fetch_sockets(&to, ignore, &drops, count_drop, &op));
  CHECK_INT(2, atomic_load(&drops));
  bw_message_release(&msg);
}

static void expect_of_socket(bw_socket id, bw_status expected) {
  atomic_int drops = 0;
  bw_target from = bw_broadcast_from(id);
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  bw_buf buf = {NULL, 0, NULL};
  bw_list list = {NULL, 0, NULL};
  void *user = &from;
  const bw_handshake *hs = NULL;
  int64_t number = 7;
  STATUS(expected, bw_socket_emit(id, BW_S("e"), BW_S("[]")));
  STATUS(expected, bw_emit(&from, &payload));
  STATUS(expected, bw_socket_int(id, BW_SK_CONNECTED, &number));
  CHECK_INT(0, number);
  STATUS(expected, bw_socket_rooms(id, &list));
  CHECK(list.n == 0);
  STATUS(expected, bw_socket_data_get(id, &buf));
  STATUS(expected, bw_socket_data_set(id, BW_S("{}")));
  STATUS(expected, bw_socket_user_set(id, &drops, count_drop));
  CHECK_INT(1, atomic_load(&drops));
  STATUS(expected, bw_socket_user_get(id, &user));
  CHECK(user == NULL);
  STATUS(expected, bw_socket_handshake(id, &hs));
  CHECK(hs == NULL);
}

static void expect_of_nsp(bw_nsp id, bw_status expected) {
  bw_socket socket = 7;
  STATUS(expected, bw_room_emit(id, BW_S("r"), BW_S("e"), BW_S("[]")));
  STATUS(expected, bw_socket_find(id, BW_S("x"), &socket));
  CHECK_INT(0, (int64_t)socket);
}

static void expect_of_rest(bw_ack ack, bw_deferred deferred, bw_op op, bw_listener listener,
                           bw_status expected) {
  const bw_payload payload = bw_payload_of(BW_S(""), BW_S("[]"));
  STATUS(expected, bw_ack_send(ack, &payload));
  STATUS(expected, bw_ack_json(ack, BW_S("[]")));
  STATUS(expected, bw_deferred_accept(deferred));
  STATUS(expected, bw_deferred_reject(deferred, 0, BW_S("no"), BW_S("")));
  STATUS(expected, bw_deferred_set_header(deferred, BW_S("X-A"), BW_S("b")));
  STATUS(expected, bw_op_cancel(op));
  STATUS(expected, bw_off(listener));
}

static void everything_of_a_freed_server_is_gone(void) {
  host h;
  journal j;
  client *c;
  bw_socket socket;
  bw_listener listener;
  bw_ack ack;
  bw_deferred question;
  bw_op op = 0;
  bw_server copy;
  bw_status outcome;
  const bw_handshake *hs = NULL;
  const bw_payload ask = bw_payload_of(BW_S("question"), BW_S("[]"));
  const bw_message *msg = NULL;
  bw_target to;
  bw_str view;
  bw_nsp asking;
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  listener = journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  OK(bw_nsp_get(h.server, BW_S("/asking"), &asking));
  journal_on(&j, asking, BW_EV_MIDDLEWARE, "");
  c = join_host(&h, &j, &socket);
  client_send(c, "420[\"x\"]");
  ack = journal_wait(&j, BW_EV_MESSAGE, 1).ack;
  CHECK(ack != 0);
  client_send(c, "40/asking,");
  question = journal_wait(&j, BW_EV_MIDDLEWARE, 1).deferred;
  CHECK(question != 0);
  OK(bw_message_new(&ask, &msg));
  to = bw_to(socket);
  OK(bw_emit_ack(&to, msg, journal_note, &j, journal_drop, &op));
  CHECK(op != 0);
  OK(bw_socket_handshake(socket, &hs));
  copy = h.server;
  host_stop(&h);
  CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_ACKED));
  outcome = journal_wait(&j, BW_EV_ACKED, 1).status; /* of whichever of the two calls came first */
  CHECK(outcome == BW_E_CLOSED || outcome == BW_E_GONE);
  CHECK_INT(4, atomic_load(&j.drops));

  expect_of_server(copy, BW_E_GONE);
  expect_of_scope(copy, BW_E_GONE);
  expect_of_scope(h.nsp, BW_E_GONE);
  expect_of_scope(socket, BW_E_GONE);
  expect_of_target(h.nsp, BW_E_GONE);
  expect_of_target(socket, BW_E_GONE);
  expect_of_nsp(h.nsp, BW_E_GONE);
  expect_of_socket(socket, BW_E_GONE);
  expect_of_rest(ack, question, op, listener, BW_E_GONE);
  /* Reference-counted objects outlive the server. */
  OK(bw_handshake_header(hs, BW_S("x-TEST"), &view));
  CHECK_VIEW("capi", view);
  bw_handshake_release(&hs);
  bw_message_release(&msg);
  client_close(c);
  journal_end(&j);
}

static void freeing_a_server_twice(void) {
  bw_server server = new_server(NULL), copy = server;
  OK(bw_server_free(&server));
  CHECK_INT(0, (int64_t)server);
  STATUS(BW_E_GONE, bw_server_free(&copy));
  OK(bw_server_free(&server)); /* nothing */
}

static void zero_is_nothing(void) {
  expect_of_server(0, BW_E_HANDLE);
  expect_of_nsp(0, BW_E_HANDLE);
  expect_of_rest(0, 0, 0, 0, BW_E_HANDLE);
}

static void an_id_of_another_kind(void) {
  host h;
  journal j;
  client *c;
  bw_socket socket;
  bw_listener listener;
  bw_ack ack;
  journal_start(&j);
  host_start(&h, NULL);
  listener = journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  c = join_host(&h, &j, &socket);
  client_send(c, "420[\"x\"]");
  ack = journal_wait(&j, BW_EV_MESSAGE, 1).ack;
  expect_of_server(h.nsp, BW_E_HANDLE);
  expect_of_server(socket, BW_E_HANDLE);
  expect_of_server(ack, BW_E_HANDLE);
  expect_of_server(listener, BW_E_HANDLE);
  expect_of_nsp(h.server, BW_E_HANDLE);
  expect_of_nsp(socket, BW_E_HANDLE);
  expect_of_socket(h.nsp, BW_E_HANDLE);
  expect_of_socket(ack, BW_E_HANDLE);
  expect_of_socket(h.server, BW_E_HANDLE);
  expect_of_scope(ack, BW_E_HANDLE);
  expect_of_scope(listener, BW_E_HANDLE);
  expect_of_target(ack, BW_E_HANDLE);
  expect_of_target(listener, BW_E_HANDLE);
  expect_of_rest(socket, ack, listener, h.nsp, BW_E_HANDLE);
  expect_of_rest(h.server, socket, ack, h.server, BW_E_HANDLE);
  OK(bw_ack_json(ack, BW_S("[\"still\"]")));
  client_expect(c, "430[\"still\"]");
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

static uint64_t random_id(void) {
  static uint64_t state = 88172645463325252U;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void check_invented(bw_status status) {
  if (status != BW_E_HANDLE && status != BW_E_GONE) FAIL("%s", bw_status_name(status));
}

static void invented_ids(void) {
  const size_t rounds = scaled(1000000);
  host h;
  size_t i;
  int64_t number;
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  host_start(&h, NULL);
  for (i = 0; i < rounds; i++) {
    /* Random numbers, and ids with a low slot and a valid kind. */
    const uint64_t any = random_id();
    const uint64_t low = (any & 0xfff0000000000000U) | (any & 0xff);
    const uint64_t id = i % 2 ? any : low;
    bw_target to;
    if (id == h.server || id == h.nsp) continue;
    to = bw_to(id);
    check_invented(bw_emit(&to, &payload));
    check_invented(bw_socket_int(id, BW_SK_CONNECTED, &number));
    check_invented(bw_ack_json(id, BW_S("[]")));
    check_invented(bw_deferred_accept(id));
    check_invented(bw_off(id));
    check_invented(bw_op_cancel(id));
    check_invented(bw_server_wakeup(id));
  }
  OK(bw_server_stat(h.server, "clients_count", &number));
  host_stop(&h);
}

/* A connection joins and leaves a namespace repeatedly, so that sockets reuse
 * slots. The old ids do not name the new sockets. */
static void an_old_id_never_finds_another(void) {
  const size_t rounds = scaled(30000);
  host h;
  journal j;
  client *c, *stays;
  bw_nsp nsp;
  bw_socket old;
  size_t i;
  int64_t number;
  journal_start(&j);
  host_start(&h, NULL);
  OK(bw_nsp_get(h.server, BW_S("/n"), &nsp));
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, nsp, BW_EV_CONNECTION, "");
  journal_on(&j, nsp, BW_EV_DISCONNECT, "");
  stays = join_host(&h, &j, NULL);
  c = client_open(h.port);
  client_send(c, "40/n,");
  client_expect_start(c, "40/n,{");
  old = journal_wait(&j, BW_EV_CONNECTION, 2).socket;
  client_send(c, "41/n,");
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  EVENTUALLY(bw_socket_int(old, BW_SK_CONNECTED, &number) == BW_E_GONE);
  for (i = 0; i < rounds; i++) {
    client_send(c, "40/n,");
    client_expect_start(c, "40/n,{");
    client_send(c, "41/n,");
    STATUS(BW_E_GONE, bw_socket_int(old, BW_SK_CONNECTED, &number));
    STATUS(BW_E_GONE, bw_socket_emit(old, BW_S("not-for-you"), BW_S("[]")));
  }
  client_close(c);
  client_close(stays);
  host_stop(&h);
  journal_end(&j);
}

NO_CHILDREN;
RUN(TEST(everything_of_a_freed_server_is_gone), TEST(freeing_a_server_twice), TEST(zero_is_nothing),
    TEST(an_id_of_another_kind), TEST(invented_ids), TEST(an_old_id_never_finds_another))
