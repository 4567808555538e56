/* Sockets that disconnect, also during their own callback. */
#include "host.h"

static host h;
static journal j;

static void start(const char *options) {
  journal_start(&j);
  host_start(&h, options);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECTING, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
}
static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

static void a_socket_that_has_left(void) {
  bw_socket socket;
  client *c;
  const bw_handshake *hs = NULL, *copy;
  bw_target to;
  const bw_str room = BW_S("r");
  bw_buf buf = {NULL, 0, NULL};
  bw_list list = {NULL, 0, NULL};
  bw_value v;
  bw_str view;
  int64_t number;
  atomic_int drops = 0;
  start(NULL);
  c = client_open(h.port);
  client_send(c, "40{\"token\":\"secret\",\"n\":[1,2]}");
  client_expect_start(c, "40{");
  socket = journal_wait(&j, BW_EV_CONNECTION, 1).socket;
  OK(bw_socket_int(socket, BW_SK_CONNECTED, &number));
  CHECK_INT(1, number);
  OK(bw_socket_handshake(socket, &hs));
  client_send(c, "41");
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  /* Functions that work during the callback fail after it. */
  EVENTUALLY(bw_socket_int(socket, BW_SK_CONNECTED, &number) == BW_E_GONE);
  to = bw_to(socket);
  STATUS(BW_E_GONE, bw_socket_emit(socket, BW_S("e"), BW_S("[]")));
  STATUS(BW_E_GONE, bw_join(&to, &room, 1));
  STATUS(BW_E_GONE, bw_leave(&to, &room, 1));
  STATUS(BW_E_GONE, bw_disconnect(&to, 1));
  STATUS(BW_E_GONE, bw_socket_rooms(socket, &list));
  STATUS(BW_E_GONE, bw_socket_data_get(socket, &buf));
  STATUS(BW_E_GONE, bw_socket_data_set(socket, BW_S("1")));
  STATUS(BW_E_GONE, bw_socket_int(socket, BW_SK_CONNECTED, &number));
  STATUS(BW_E_GONE, bw_socket_user_set(socket, &drops, count_drop));
  CHECK_INT(1, atomic_load(&drops));
  /* The handshake is still valid and unchanged. */
  copy = bw_handshake_retain(hs);
  bw_handshake_release(&hs);
  OK(bw_handshake_auth(copy, BW_S("/token"), &v, sizeof v));
  CHECK_VIEW("secret", v.s);
  OK(bw_handshake_auth(copy, BW_S("/n/1"), &v, sizeof v));
  CHECK_INT(2, v.i);
  STATUS(BW_E_NOT_FOUND, bw_handshake_auth(copy, BW_S("/none"), &v, sizeof v));
  OK(bw_handshake_query(copy, BW_S("EIO"), &view));
  CHECK_VIEW("4", view);
  STATUS(BW_E_NOT_FOUND, bw_handshake_query(copy, BW_S("none"), &view));
  STATUS(BW_E_NOT_FOUND, bw_handshake_header(copy, BW_S("none"), &view));
  OK(bw_handshake_str(copy, BW_HS_ADDRESS, &view));
  CHECK_VIEW("127.0.0.1", view);
  STATUS(BW_E_NOT_FOUND, bw_handshake_str(copy, BW_HS_SECURE, &view));
  STATUS(BW_E_NOT_FOUND, bw_handshake_int(copy, BW_HS_ADDRESS, &number));
  CHECK(bw_handshake_str(copy, 12345, &view) < 0);
  OK(bw_handshake_int(copy, BW_HS_SECURE, &number));
  CHECK_INT(0, number);
  bw_handshake_release(&copy);
  client_close(c);
  stop();
}

static void leave_and_talk(const bw_event *ev, void *user) {
  bw_target to = bw_to(ev->socket);
  const bw_str room = BW_S("r");
  OK(bw_disconnect(&to, 0));
  STATUS(BW_E_GONE, bw_socket_emit(ev->socket, BW_S("e"), BW_S("[]")));
  STATUS(BW_E_GONE, bw_join(&to, &room, 1));
  STATUS(BW_E_GONE, bw_socket_data_set(ev->socket, BW_S("1")));
  STATUS(BW_E_GONE, bw_disconnect(&to, 0));
  atomic_fetch_add((atomic_int *)user, 1);
}

static void rooms_of_a_socket_are_limited(void) {
  const bw_str rooms[] = {BW_S("a"), BW_S("b"), BW_S("c")};
  bw_list list = {NULL, 0, NULL};
  bw_socket socket;
  bw_target to;
  client *c;
  start("{\"engine\":{\"maxRooms\":2}}");
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  OK(bw_join(&to, rooms, 2));
  STATUS(BW_E_FULL, bw_join(&to, rooms + 2, 1));
  OK(bw_join(&to, rooms, 2)); /* it is in them already */
  OK(bw_socket_rooms(socket, &list));
  CHECK_INT(3, (int64_t)list.n); /* with the room of its id */
  bw_list_free(&list);
  OK(bw_leave(&to, rooms, 1));
  OK(bw_join(&to, rooms + 2, 1));
  client_close(c);
  stop();
}

static void one_that_is_disconnected_in_its_callback(void) {
  static const char *const options[] = {NULL, POLLED, "{\"engine\":{\"delivery\":\"inline\"}}"};
  size_t i;
  for (i = 0; i < 3; i++) {
    atomic_int calls = 0;
    client *c;
    bw_socket socket;
    start(options[i]);
    j.polled = i == 1 ? h.server : 0;
    OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, leave_and_talk, &calls, NULL, NULL));
    c = join_host(&h, &j, &socket);
    client_send(c, "42[\"e\"]");
    CHECK_INT(BW_REASON_SERVER_NSP, journal_wait(&j, BW_EV_DISCONNECT, 1).code);
    client_expect(c, "41");
    CHECK_INT(1, atomic_load(&calls));
    client_close(c);
    stop();
  }
}

/* Counts the rooms of a socket in DISCONNECTING. */
static atomic_int rooms_left;
static void count_rooms(const bw_event *ev, void *user) {
  bw_list rooms = {NULL, 0, NULL};
  (void)user;
  OK(bw_socket_rooms(ev->socket, &rooms));
  atomic_store(&rooms_left, (int)rooms.n);
  bw_list_free(&rooms);
}

static void disconnecting_still_has_its_rooms(void) {
  bw_socket socket;
  client *c;
  entry leaving, left;
  const bw_str room = BW_S("r");
  bw_target to;
  start(NULL);
  OK(bw_on(h.nsp, BW_EV_DISCONNECTING, BW_S(""), 0, count_rooms, NULL, NULL, NULL));
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  OK(bw_join(&to, &room, 1));
  client_close(c);
  leaving = journal_wait(&j, BW_EV_DISCONNECTING, 1);
  left = journal_wait(&j, BW_EV_DISCONNECT, 1);
  CHECK(leaving.socket == socket && left.socket == socket);
  CHECK_STR("transport close", left.name);
  CHECK_INT(BW_REASON_TRANSPORT_CLOSE, left.code);
  CHECK_INT(2, atomic_load(&rooms_left)); /* its own and ours */
  stop();
}

static void data_is_any_json(void) {
  bw_socket socket;
  client *c;
  bw_buf buf = {NULL, 0, NULL};
  start(NULL);
  c = join_host(&h, &j, &socket);
  OK(bw_socket_data_set(socket, BW_S("{\"name\":\"Ada\"}")));
  OK(bw_socket_data_get(socket, &buf));
  CHECK_STR("{\"name\":\"Ada\"}", buf.data);
  bw_buf_free(&buf);
  STATUS(BW_E_JSON, bw_socket_data_set(socket, BW_S("{")));
  STATUS(BW_E_JSON, bw_socket_data_set(socket, BW_S("")));
  OK(bw_socket_data_set(socket, BW_S("17")));
  OK(bw_socket_data_get(socket, &buf));
  CHECK_STR("17", buf.data);
  bw_buf_free(&buf);
  client_close(c);
  stop();
}

static void found_by_its_id(void) {
  client *c;
  bw_socket socket = 0;
  int64_t number;
  start(NULL);
  c = client_connect(h.port, "/", NULL);
  OK(bw_socket_find(h.nsp, bw_cstr(client_sid(c)), &socket));
  CHECK(socket == journal_wait(&j, BW_EV_CONNECTION, 1).socket);
  OK(bw_socket_int(socket, BW_SK_SERVER, &number));
  CHECK((bw_server)number == h.server);
  OK(bw_socket_int(socket, BW_SK_NSP, &number));
  CHECK((bw_nsp)number == h.nsp);
  STATUS(BW_E_ARG, bw_socket_int(socket, 9999, &number));
  STATUS(BW_E_NOT_FOUND, bw_socket_find(h.nsp, BW_S("nobody"), &socket));
  CHECK_INT(0, (int64_t)socket);
  client_close(c);
  stop();
}

/* ------------------------------------------------------------ user pointers */

static atomic_int handled_with_user;
static atomic_int drops_a, drops_b;
static void on_disconnect(const bw_event *ev, void *user) {
  (void)user;
  CHECK(ev->user == &drops_b);
  CHECK_INT(0, atomic_load(&drops_b)); /* still ours */
  atomic_fetch_add(&handled_with_user, 1);
}

static void a_user_pointer_lives_until_disconnect(void) {
  bw_socket socket;
  client *c;
  void *user = NULL;
  atomic_store(&drops_a, 0);
  atomic_store(&drops_b, 0);
  start(NULL);
  OK(bw_on(h.nsp, BW_EV_DISCONNECT, BW_S(""), 0, on_disconnect, NULL, NULL, NULL));
  c = join_host(&h, &j, &socket);
  OK(bw_socket_user_get(socket, &user));
  CHECK(user == NULL);
  OK(bw_socket_user_set(socket, &drops_a, count_drop));
  OK(bw_socket_user_set(socket, &drops_b, count_drop));
  CHECK_INT(1, atomic_load(&drops_a));
  OK(bw_socket_user_get(socket, &user));
  CHECK(user == &drops_b);
  client_send(c, "42[\"e\"]");
  CHECK(journal_wait(&j, BW_EV_MESSAGE, 1).user == &drops_b);
  client_close(c);
  EVENTUALLY(atomic_load(&drops_b) == 1);
  CHECK_INT(1, atomic_load(&handled_with_user));
  STATUS(BW_E_GONE, bw_socket_user_get(socket, &user));
  STATUS(BW_E_GONE, bw_socket_user_set(socket, &drops_a, count_drop));
  CHECK_INT(2, atomic_load(&drops_a));
  stop();
  CHECK_INT(1, atomic_load(&drops_b));
}

static void a_user_pointer_without_drop_and_null(void) {
  bw_socket socket;
  client *c;
  atomic_int drops = 0;
  void *user = &drops;
  start(NULL);
  c = join_host(&h, &j, &socket);
  OK(bw_socket_user_set(socket, &drops, count_drop));
  OK(bw_socket_user_set(socket, NULL, NULL));
  CHECK_INT(1, atomic_load(&drops));
  OK(bw_socket_user_get(socket, &user));
  CHECK(user == NULL);
  OK(bw_socket_user_set(socket, &drops, count_drop));
  host_stop(&h); /* without a disconnect before */
  CHECK_INT(2, atomic_load(&drops));
  client_close(c);
  journal_end(&j);
}

static atomic_int racing;
static atomic_uint_fast64_t raced;
static void *get_and_set(void *user) {
  (void)user;
  while (atomic_load(&racing)) {
    const bw_socket socket = atomic_load(&raced);
    void *got;
    bw_status status;
    int *fresh = malloc(sizeof *fresh);
    if (!fresh) FAIL("no memory");
    status = bw_socket_user_set(socket, fresh, free);
    if (status != BW_OK && status != BW_E_GONE && status != BW_E_HANDLE) FAIL("%s", bw_status_name(status));
    status = bw_socket_user_get(socket, &got);
    if (status != BW_OK && status != BW_E_GONE && status != BW_E_HANDLE) FAIL("%s", bw_status_name(status));
  }
  return NULL;
}

static void user_pointers_while_sockets_leave(void) {
  pthread_t threads[2];
  size_t i;
  start(NULL);
  atomic_store(&racing, 1);
  for (i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, get_and_set, NULL) == 0);
  for (i = 0; i < scaled(200); i++) {
    bw_socket socket;
    client *c = join_host(&h, &j, &socket);
    atomic_store(&raced, socket);
    client_send(c, "42[\"e\"]");
    client_close(c);
  }
  atomic_store(&racing, 0);
  for (i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  stop();
}

NO_CHILDREN;
RUN(TEST(a_socket_that_has_left), TEST(rooms_of_a_socket_are_limited),
    TEST(one_that_is_disconnected_in_its_callback), TEST(disconnecting_still_has_its_rooms),
    TEST(data_is_any_json), TEST(found_by_its_id), TEST(a_user_pointer_lives_until_disconnect),
    TEST(a_user_pointer_without_drop_and_null), TEST(user_pointers_while_sockets_leave))
