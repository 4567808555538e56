/* Inline delivery: the events of a call are delivered after it, so that a host may hold its own lock meanwhile. */
#include "host.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#define INLINE "{\"engine\":{\"delivery\":\"inline\"}}"
#define THREADS "{\"engine\":{\"delivery\":\"threads\"}}"

static host h;
static journal j;
/* The host's lock: held during calls, and taken in callbacks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int told;

static void note_locked(const bw_event *ev, void *user) {
  pthread_mutex_lock(&lock);
  atomic_fetch_add(&told, 1);
  pthread_mutex_unlock(&lock);
  journal_note(ev, user);
}

static void start(const char *options) {
  journal_start(&j);
  host_start(&h, options);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  atomic_store(&told, 0);
}

static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

static void calls_under_a_lock(void) {
  const bw_str room = BW_S("a room");
  bw_socket socket;
  bw_target to;
  bw_target all;
  const bw_message *question = NULL;
  bw_payload payload = bw_payload_of(BW_S("q"), BW_S("[]"));
  bw_op op = 0;
  client *c;
  start(INLINE);
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  all = bw_to(h.nsp);
  all.timeout_ms = 60000;
  OK(bw_on(h.nsp, BW_EV_ROOM_JOINED, BW_S(""), 0, note_locked, &j, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_ROOM_LEFT, BW_S(""), 0, note_locked, &j, NULL, NULL));
  OK(bw_message_new(&payload, &question));
  pthread_mutex_lock(&lock);
  OK(bw_join(&to, &room, 1));
  OK(bw_leave(&to, &room, 1));
  OK(bw_fetch_sockets(&all, note_locked, &j, journal_drop, &op));
  CHECK(op != 0);
  OK(bw_emit_ack(&all, question, note_locked, &j, journal_drop, &op));
  OK(bw_op_cancel(op));
  CHECK_INT(0, atomic_load(&told));
  pthread_mutex_unlock(&lock);
  journal_wait(&j, BW_EV_ROOM_JOINED, 1);
  journal_wait(&j, BW_EV_ROOM_LEFT, 1);
  CHECK_INT(1, (int)journal_wait(&j, BW_EV_SOCKETS, 1).n_sockets);
  CHECK_INT(BW_E_CANCELLED, journal_wait(&j, BW_EV_ACKED, 1).status);
  bw_message_release(&question);
  client_close(c);
  stop();
}

/* Leaves and joins the room in its own event, more often than the stack could nest. */
static void come_and_go(const bw_event *ev, void *user) {
  const bw_target to = bw_to(*(const bw_socket *)user);
  if (ev->name.len != 1 || atomic_fetch_add(&told, 1) >= 20000) return;
  (void)bw_join(&to, &ev->name, 1);
  (void)bw_leave(&to, &ev->name, 1);
}

static void calls_that_cause_themselves(void) {
  const bw_str room = BW_S("r");
  static bw_socket socket;
  bw_target to;
  client *c;
  start(INLINE);
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  OK(bw_on(h.nsp, BW_EV_ROOM_LEFT, BW_S(""), 0, come_and_go, &socket, NULL, NULL));
  OK(bw_join(&to, &room, 1));
  OK(bw_leave(&to, &room, 1));
  EVENTUALLY(atomic_load(&told) > 20000);
  client_close(c);
  stop();
}

/* ------------------------------------------- the end of a server, in another's callback */

static bw_server other;

static void free_other(const bw_event *ev, void *user) {
  (void)ev;
  atomic_store((atomic_int *)user, (int)bw_server_free(&other));
}

static void the_end_of_another(const char *options, const char *of_other) {
  atomic_int status = 1;
  client *c;
  start(options);
  other = new_server(of_other);
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("free"), 0, free_other, &status, NULL, NULL));
  c = join_host(&h, &j, NULL);
  client_send(c, "42[\"free\"]");
  EVENTUALLY(atomic_load(&status) != 1);
  CHECK_INT(BW_OK, atomic_load(&status));
  CHECK(other == 0);
  client_close(c);
  stop();
}

static void the_end_of_another_server(void) {
  the_end_of_another(INLINE, INLINE);
  the_end_of_another(INLINE, THREADS);
  the_end_of_another(THREADS, INLINE);
}

/* -------------------------------------------------------------------------------- signals */

/* Blocks the signal long after the engine's threads have started, and waits for it. */
static void take_signal(const char *options) {
  const struct timespec timeout = {20, 0};
  sigset_t signals, before;
  client *c;
  int i;
  start(options);
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, &before) == 0);
  c = join_host(&h, &j, NULL);
  for (i = 0; i < 20; i++) {
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK_INT(SIGUSR1, sigtimedwait(&signals, NULL, &timeout));
  }
  CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
  client_close(c);
  stop();
}

static void signals_are_the_hosts(void) {
  take_signal(INLINE);
  take_signal(THREADS);
}

NO_CHILDREN;
RUN(TEST(calls_under_a_lock), TEST(calls_that_cause_themselves), TEST(the_end_of_another_server),
    TEST(signals_are_the_hosts))
