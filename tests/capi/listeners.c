/* Adding and removing listeners, also during their calls. */
#include "host.h"

static host h;
static journal j;
static client *c;
static bw_socket socket_id;
/* The calls in order, one letter each. */
static char called[64];
static atomic_size_t n_called;
static atomic_int drops;

static void mark(char letter) { called[atomic_fetch_add(&n_called, 1) % 63] = letter; }
static void note(const bw_event *ev, void *user) {
  (void)ev;
  mark(*(const char *)user);
}
static void drop(void *user) {
  (void)user;
  atomic_fetch_add(&drops, 1);
}

static bw_listener on(bw_scope scope, const char *name, uint32_t flags, bw_callback cb, const char *letter) {
  bw_listener listener = 0;
  OK(bw_on(scope, BW_EV_MESSAGE, bw_cstr(name), flags, cb, (void *)(uintptr_t)letter, drop, &listener));
  return listener;
}

static void start(void) {
  memset(called, 0, sizeof called);
  atomic_store(&n_called, 0);
  atomic_store(&drops, 0);
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "sync");
  c = join_host(&h, &j, &socket_id);
}
static size_t n_syncs;
/* Returns when all earlier messages of the client have been handled. */
static void synchronise(void) {
  client_send(c, "42[\"sync\"]");
  journal_wait(&j, BW_EV_MESSAGE, ++n_syncs);
}
static void stop(void) {
  n_syncs = 0;
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}
static void expect_called(const char *letters) {
  CHECK_STR(letters, called);
  memset(called, 0, sizeof called);
  atomic_store(&n_called, 0);
}

static void in_order_and_once_each(void) {
  start();
  on(h.nsp, "e", 0, note, "a");
  on(h.nsp, "e", 0, note, "b");
  on(h.nsp, "e", BW_LISTEN_PREPEND, note, "p");
  on(h.nsp, "", 0, note, "*");
  on(socket_id, "e", 0, note, "s");
  on(h.nsp, "other", 0, note, "x");
  on(h.nsp, "e", BW_LISTEN_ONCE, note, "1");
  client_send(c, "42[\"e\"]");
  synchronise();
  /* The catch-all listener also gets the event of synchronise(). */
  CHECK(strlen(called) == 7 && called[0] == '*' && called[6] == '*');
  CHECK(strstr(called, "pab1") != NULL && strchr(called, 's') != NULL);
  memset(called, 0, sizeof called);
  atomic_store(&n_called, 0);
  CHECK_INT(1, atomic_load(&drops)); /* of the once-listener */
  client_send(c, "42[\"e\"]");
  synchronise();
  CHECK(strchr(called, '1') == NULL && strstr(called, "pab") != NULL);
  stop();
  CHECK_INT(7, atomic_load(&drops));
}

static bw_listener removes_itself_id, next_id;
static void remove_itself(const bw_event *ev, void *user) {
  (void)ev;
  OK(bw_off(removes_itself_id));
  mark(*(const char *)user); /* it still runs to its end */
  CHECK_INT(0, atomic_load(&drops));
}

static void one_that_removes_itself(void) {
  start();
  removes_itself_id = on(h.nsp, "e", 0, remove_itself, "a");
  on(h.nsp, "e", 0, note, "b");
  client_send(c, "42[\"e\"]");
  client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("abb");
  CHECK_INT(1, atomic_load(&drops));
  STATUS(BW_E_GONE, bw_off(removes_itself_id));
  stop();
  CHECK_INT(2, atomic_load(&drops));
}

static void remove_next(const bw_event *ev, void *user) {
  (void)ev;
  mark(*(const char *)user);
  if (next_id) OK(bw_off(next_id));
  next_id = 0;
}

static void one_that_removes_the_next(void) {
  start();
  on(h.nsp, "e", 0, remove_next, "a");
  next_id = on(h.nsp, "e", 0, note, "b");
  on(h.nsp, "e", 0, note, "c");
  client_send(c, "42[\"e\"]");
  client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("acac");
  CHECK_INT(1, atomic_load(&drops));
  stop();
}

static void add_another(const bw_event *ev, void *user) {
  (void)ev;
  mark(*(const char *)user);
  on(h.nsp, "e", BW_LISTEN_ONCE, note, "n");
}

static void one_that_adds_another(void) {
  start();
  on(h.nsp, "e", 0, add_another, "a");
  client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("a"); /* the new one begins with the next event */
  client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("an");
  stop();
  CHECK_INT(3, atomic_load(&drops));
}

static void once_listeners_are_called_once(void) {
  int i;
  start();
  on(h.nsp, "e", BW_LISTEN_ONCE, note, "1");
  for (i = 0; i < 20; i++) client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("1");
  CHECK_INT(1, atomic_load(&drops));
  stop();
}

static void off_twice_and_after_the_socket(void) {
  bw_listener of_nsp, of_socket;
  start();
  of_nsp = on(h.nsp, "e", 0, note, "a");
  of_socket = on(socket_id, "e", 0, note, "b");
  OK(bw_off(of_nsp));
  CHECK_INT(1, atomic_load(&drops));
  STATUS(BW_E_GONE, bw_off(of_nsp));
  client_send(c, "42[\"e\"]");
  synchronise();
  expect_called("b");
  client_send(c, "41");
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  EVENTUALLY(atomic_load(&drops) == 2);
  STATUS(BW_E_GONE, bw_off(of_socket));
  stop();
  CHECK_INT(2, atomic_load(&drops));
}

static void registrations_that_fail_drop(void) {
  bw_listener listener = 7;
  start();
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, NULL, NULL, drop, &listener));
  CHECK_INT(0, (int64_t)listener);
  CHECK_INT(1, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(h.nsp, 9999, BW_S(""), 0, note, NULL, drop, &listener));
  CHECK_INT(2, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_NONE, BW_S(""), 0, note, NULL, drop, &listener));
  CHECK_INT(3, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_ACKED, BW_S(""), 0, note, NULL, drop, &listener));
  CHECK_INT(4, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 64, note, NULL, drop, &listener));
  SAYS("0x40");
  CHECK_INT(5, atomic_load(&drops));
  /* Events of servers, of namespaces and of sockets belong to their scope. */
  STATUS(BW_E_ARG, bw_on(h.server, BW_EV_MESSAGE, BW_S("e"), 0, note, NULL, drop, &listener));
  CHECK_INT(6, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(socket_id, BW_EV_MIDDLEWARE, BW_S(""), 0, note, NULL, drop, &listener));
  CHECK_INT(7, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_SHUTDOWN, BW_S(""), 0, note, NULL, drop, &listener));
  CHECK_INT(8, atomic_load(&drops));
  /* The listeners of a socket are dropped after its DISCONNECT has been handled. */
  OK(bw_on(socket_id, BW_EV_MESSAGE, BW_S("f"), 0, note, NULL, drop, NULL));
  client_send(c, "41");
  EVENTUALLY(atomic_load(&drops) == 9);
  STATUS(BW_E_GONE, bw_on(socket_id, BW_EV_MESSAGE, BW_S("e"), 0, note, NULL, drop, &listener));
  CHECK_INT(10, atomic_load(&drops));
  CHECK_INT(0, (int64_t)listener);
  stop();
  CHECK_INT(10, atomic_load(&drops));
}

/* A drop function may call the library, as a callback may. */
static void drop_that_registers(void *user) {
  (void)user;
  (void)bw_on(h.nsp, BW_EV_MESSAGE, BW_S("late"), 0, note, NULL, drop, NULL);
}

static void a_drop_that_registers(void) {
  bw_listener listener = 0;
  start();
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, note, NULL, drop_that_registers, &listener));
  OK(bw_off(listener));
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, note, NULL, drop_that_registers, &listener));
  stop(); /* the second runs while the server is freed */
  CHECK_INT(2, atomic_load(&drops));
}

static void on_another_thread_while_events_come(void) {
  size_t i;
  const size_t rounds = scaled(5000);
  start();
  for (i = 0; i < rounds; i++) {
    bw_listener listener = on(h.nsp, "e", i % 3 ? 0 : BW_LISTEN_ONCE, note, "a");
    client_send(c, "42[\"e\"]");
    if (i % 2) (void)bw_off(listener);
  }
  synchronise();
  stop();
  CHECK_INT((int64_t)rounds, atomic_load(&drops));
}

NO_CHILDREN;
RUN(TEST(in_order_and_once_each), TEST(one_that_removes_itself), TEST(one_that_removes_the_next),
    TEST(one_that_adds_another), TEST(once_listeners_are_called_once), TEST(off_twice_and_after_the_socket),
    TEST(registrations_that_fail_drop), TEST(a_drop_that_registers),
    TEST(on_another_thread_while_events_come))
