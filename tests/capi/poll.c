/* Polled delivery: one polling thread, its descriptor, and wake-ups from any thread or signal handler. */
#include "host.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

static host h;
static journal j;

static void start(const char *options) {
  journal_start(&j);
  host_start(&h, options);
  j.polled = h.server;
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
}
static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

static void poll_again(const bw_event *ev, void *user) {
  const struct bw_event *next = NULL;
  (void)ev;
  STATUS(BW_E_REENTRANT, bw_server_poll(h.server, 0, 0));
  STATUS(BW_E_REENTRANT, bw_server_next(h.server, 0, &next));
  CHECK(next == NULL);
  atomic_fetch_add((atomic_int *)user, 1);
}

static void polling_inside_a_callback(void) {
  atomic_int calls = 0;
  client *c;
  start(POLLED);
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, poll_again, &calls, NULL, NULL));
  c = join_host(&h, &j, NULL);
  client_send(c, "42[\"e\"]");
  client_send(c, "42[\"e\"]");
  journal_wait(&j, BW_EV_MESSAGE, 2); /* the outer poll goes on */
  CHECK_INT(2, atomic_load(&calls));
  client_close(c);
  stop();
}

static void *poll_for_ever(void *user) {
  int32_t n;
  (void)user;
  do n = bw_server_poll(h.server, 0, -1);
  while (n == BW_E_BUSY);
  return (void *)(intptr_t)n;
}

/* Starts a thread that waits in bw_server_poll. It does so as soon as another
 * thread gets BW_E_BUSY. */
static pthread_t a_thread_that_polls(void) {
  pthread_t thread;
  int32_t n;
  CHECK(pthread_create(&thread, NULL, poll_for_ever, NULL) == 0);
  do n = bw_server_poll(h.server, 1, 0);
  while (n >= 0);
  CHECK_INT(BW_E_BUSY, n);
  return thread;
}

static void two_threads_and_free_while_polling(void) {
  pthread_t thread;
  bw_server before;
  void *result = NULL;
  start(POLLED);
  thread = a_thread_that_polls();
  STATUS(BW_E_BUSY, bw_server_poll(h.server, 0, 0));
  {
    const struct bw_event *next = NULL;
    STATUS(BW_E_BUSY, bw_server_next(h.server, 0, &next));
  }
  before = h.server;
  STATUS(BW_E_BUSY, bw_server_free(&h.server));
  CHECK(h.server == before);
  OK(bw_server_wakeup(h.server));
  pthread_join(thread, &result);
  CHECK_INT(0, (int64_t)(intptr_t)result);
  stop();
}

static void a_server_with_threads_is_not_polled(void) {
  bw_fd fd = 7;
  const struct bw_event *next = NULL;
  start(NULL);
  STATUS(BW_E_STATE, bw_server_poll(h.server, 0, 0));
  STATUS(BW_E_STATE, bw_server_next(h.server, 0, &next));
  STATUS(BW_E_STATE, bw_server_poll_fd(h.server, &fd));
  CHECK(fd <= 0);
  j.polled = 0;
  stop();
}

static void wait_inside_a_callback(const bw_event *ev, void *user) {
  bw_server server = ev->server;
  STATUS(BW_E_DEADLOCK, bw_server_wait(server, 0));
  STATUS(BW_E_DEADLOCK, bw_server_free(&server));
  CHECK(server == ev->server);
  atomic_fetch_add((atomic_int *)user, 1);
}

static void waiting_inside_a_callback(void) {
  static const char *const options[] = {NULL, POLLED, "{\"engine\":{\"delivery\":\"inline\"}}"};
  size_t i;
  for (i = 0; i < 3; i++) {
    atomic_int calls = 0;
    client *c;
    start(options[i]);
    if (i != 1) j.polled = 0;
    OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, wait_inside_a_callback, &calls, NULL, NULL));
    c = join_host(&h, &j, NULL);
    client_send(c, "42[\"e\"]");
    journal_wait(&j, BW_EV_MESSAGE, 1);
    client_send(c, "42[\"e\"]"); /* unharmed */
    journal_wait(&j, BW_EV_MESSAGE, 2);
    CHECK(atomic_load(&calls) >= 1);
    client_close(c);
    stop();
  }
}

static int readable(bw_fd fd, int timeout_ms) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout_ms) == 1;
}

static int64_t queued_events(void) {
  int64_t n = 0;
  OK(bw_server_stat(h.server, "queued_events", &n));
  return n;
}

/* The descriptor is readable while events wait, after any number of checks and
 * partial polls, and not readable when none wait. */
static void the_descriptor_is_level_triggered(void) {
  bw_fd fd = -1;
  int i, epoll;
  struct epoll_event interest = {EPOLLIN, {0}}, got;
  client *c;
  start(POLLED);
  OK(bw_server_poll_fd(h.server, &fd));
  CHECK(fd >= 0);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0);
  c = join_host(&h, &j, NULL);
  EVENTUALLY(bw_server_poll(h.server, 0, 0) == 0 && !readable(fd, 0));
  for (i = 0; i < 5; i++) client_send(c, "42[\"e\"]");
  EVENTUALLY(queued_events() == 5);
  CHECK(readable(fd, PATIENCE_MS));
  CHECK(readable(fd, 0) && readable(fd, 0));
  CHECK_INT(1, epoll_wait(epoll, &got, 1, 0));
  CHECK_INT(1, epoll_wait(epoll, &got, 1, 0));
  for (i = 0; i < 5; i++) {
    CHECK(readable(fd, PATIENCE_MS));
    CHECK_INT(1, epoll_wait(epoll, &got, 1, 0));
    CHECK_INT(1, bw_server_poll(h.server, 1, 0));
  }
  /* The bell of the last event may ring after the event was taken. */
  EVENTUALLY(bw_server_poll(h.server, 0, 0) == 0 && !readable(fd, 0));
  client_send(c, "42[\"e\"]");
  CHECK(readable(fd, PATIENCE_MS));
  close(epoll);
  client_close(c);
  stop();
}

static void polling_has_limits(void) {
  const int64_t began = now_ms();
  bw_socket socket;
  client *c;
  int i;
  start(POLLED);
  CHECK_INT(0, bw_server_poll(h.server, 0, 0));
  CHECK_INT(0, bw_server_poll(h.server, 0, 40));
  CHECK(now_ms() - began >= 39);
  c = join_host(&h, &j, &socket);
  for (i = 0; i < 10; i++) client_send(c, "42[\"e\"]");
  for (i = 0; i < 10;) {
    const int32_t n = bw_server_poll(h.server, 3, PATIENCE_MS);
    CHECK(n >= 0 && n <= 3);
    i += n;
  }
  CHECK_INT(10, i);
  client_close(c);
  stop();
}

static void work(const bw_event *ev, void *user) {
  const int64_t until = now_ms() + 5;
  (void)ev;
  while (now_ms() < until) wait_a_moment();
  atomic_fetch_add((atomic_int *)user, 1);
}

static void a_poll_ends_when_its_budget_is_used_up(void) {
  atomic_int worked = 0;
  client *c;
  int i;
  start("{\"engine\":{\"delivery\":\"polled\",\"pollBudgetUs\":1000}}");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("work"), 0, work, &worked, NULL, NULL));
  c = join_host(&h, &j, NULL);
  for (i = 0; i < 10; i++) client_send(c, "42[\"work\"]");
  for (i = 0; i < 10;) {
    CHECK(bw_server_poll(h.server, 0, PATIENCE_MS) >= 0);
    /* One event takes longer than the budget. */
    CHECK(atomic_load(&worked) - i <= 1);
    i = atomic_load(&worked);
  }
  client_close(c);
  stop();
}

static void events_without_callbacks(void) {
  const struct bw_event *ev = NULL;
  client *c;
  int i;
  start(POLLED);
  c = join_host(&h, &j, NULL);
  for (i = 0; i < 3; i++) client_send(c, "42[\"pulled\",1]");
  for (i = 0; i < 3;) {
    OK(bw_server_next(h.server, PATIENCE_MS, &ev));
    if (!ev || ev->type != BW_EV_MESSAGE) continue;
    CHECK_VIEW("pulled", ev->name);
    CHECK_VIEW("[1]", ev->args);
    CHECK(ev->struct_size == sizeof *ev);
    OK(bw_socket_emit(ev->socket, BW_S("got"), ev->args));
    i++;
  }
  for (i = 0; i < 3; i++) client_expect(c, "42[\"got\",1]");
  OK(bw_server_next(h.server, 0, &ev));
  CHECK(ev == NULL);
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_MESSAGE));
  client_close(c);
  stop();
}

/* Also with one more attachment than the event stores inline. */
static void the_binaries_of_an_event_without_callbacks(void) {
  const size_t most = 9;
  const struct bw_event *ev;
  char text[512], bytes[2] = "0";
  size_t n, i;
  client *c;
  start(POLLED);
  c = join_host(&h, &j, NULL);
  for (n = 1; n <= most; n++) {
    size_t len = (size_t)snprintf(text, sizeof text, "45%zu-[\"bins\"", n);
    for (i = 0; i < n; i++)
      len += (size_t)snprintf(text + len, sizeof text - len, ",{\"_placeholder\":true,\"num\":%zu}", i);
    snprintf(text + len, sizeof text - len, "]");
    client_send(c, text);
    for (i = 0; i < n; i++) {
      bytes[0] = (char)('0' + i);
      client_send_binary(c, bytes, 1);
    }
    do OK(bw_server_next(h.server, PATIENCE_MS, &ev));
    while (!ev || ev->type != BW_EV_MESSAGE);
    CHECK_INT((int64_t)n, (int64_t)ev->n_bins);
    for (i = 0; i < n; i++) CHECK(ev->bins[i].len == 1 && ev->bins[i].data[0] == '0' + i);
  }
  client_close(c);
  stop();
}

static void a_wake_up_is_not_lost(void) {
  size_t i;
  start(POLLED);
  for (i = 0; i < scaled(2000); i++) {
    OK(bw_server_wakeup(h.server)); /* before the poll: it returns at once */
    CHECK_INT(0, bw_server_poll(h.server, 0, PATIENCE_MS));
  }
  stop();
}

/* --------------------------------------------- wake-ups from signal handlers */

static bw_server to_wake;
static atomic_size_t signals;
static void on_usr1(int number) {
  (void)number;
  (void)bw_server_wakeup(to_wake);
  atomic_fetch_add(&signals, 1);
}

static atomic_int polls_end;
static atomic_size_t polls;
static void *poll_on(void *user) {
  (void)user;
  while (!atomic_load(&polls_end)) {
    const int32_t n = bw_server_poll(h.server, 0, -1);
    if (n < 0) FAIL("%s", bw_status_name(n));
    atomic_fetch_add(&polls, 1);
  }
  return NULL;
}

static void woken_by_signal_handlers(void) {
  const size_t rounds = scaled(100000);
  struct sigaction action, before;
  pthread_t thread;
  size_t i;
  client *c;
  start(POLLED);
  c = join_host(&h, &j, NULL);
  to_wake = h.server;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_usr1;
  sigaction(SIGUSR1, &action, &before);
  atomic_store(&polls_end, 0);
  CHECK(pthread_create(&thread, NULL, poll_on, NULL) == 0);
  for (i = 0; i < rounds; i++) {
    pthread_kill(thread, SIGUSR1); /* at any point of the poll */
    if (i % 1000 == 0) {
      const size_t seen = atomic_load(&polls);
      client_send(c, "42[\"e\"]");
      OK(bw_server_wakeup(h.server));
      while (atomic_load(&polls) == seen) continue;
    }
  }
  atomic_store(&polls_end, 1);
  OK(bw_server_wakeup(h.server));
  pthread_join(thread, NULL);
  CHECK(atomic_load(&signals) > 0);
  sigaction(SIGUSR1, &before, NULL);
  client_close(c);
  stop();
}

/* --------------------------------------------- a host that does not poll */

static void a_host_that_does_not_poll_keeps_its_clients(void) {
  const int blocked_ms = 4500;
  int64_t until;
  client *c, *d;
  start("{\"pingInterval\":100,\"pingTimeout\":2000,\"engine\":{\"delivery\":\"polled\"}}");
  c = join_host(&h, &j, NULL);
  d = join_host(&h, &j, NULL);
  client_send(d, "42[\"before\"]");
  /* Twice the interval and the timeout; the clients answer their pings. */
  for (until = now_ms() + blocked_ms; now_ms() < until;) {
    client_expect_nothing(c, 20);
    client_expect_nothing(d, 20);
  }
  client_send(c, "42[\"after\"]");
  CHECK_STR("before", journal_wait(&j, BW_EV_MESSAGE, 1).name);
  CHECK_STR("after", journal_wait(&j, BW_EV_MESSAGE, 2).name);
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  client_close(c);
  client_close(d);
  stop();
}

static uint64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void times_that_are_none(void) {
  const struct bw_event *next = NULL;
  start(POLLED);
  STATUS(BW_E_ARG, bw_server_poll(h.server, 0, -7));
  CHECK(strstr(bw_last_error(), "-7") != NULL);
  STATUS(BW_E_ARG, bw_server_next(h.server, -2, &next));
  STATUS(BW_E_ARG, bw_server_wait(h.server, INT32_MIN));
  stop();
}

static void polling_until_a_time(void) {
  const uint64_t tick = 50 * 1000000u;
  uint64_t deadline = monotonic_ns();
  int32_t handled = 0;
  client *c;
  start(POLLED);
  CHECK_INT(0, bw_server_poll_until(h.server, 0)); /* long ago */
  c = join_host(&h, &j, NULL);
  client_send(c, "42[\"a\"]");
  client_send(c, "42[\"b\"]");
  while (journal_count(&j, BW_EV_MESSAGE) < 2) {
    deadline = monotonic_ns() + tick;
    handled = bw_server_poll_until(h.server, deadline);
    CHECK(handled >= 0);
  }
  deadline = monotonic_ns() + tick;
  CHECK(bw_server_poll_until(h.server, deadline) >= 0);
  CHECK(monotonic_ns() >= deadline);
  client_send(c, "42[\"c\"]");
  EVENTUALLY(queued_events() > 0);
  CHECK(bw_server_poll_until(h.server, 1) >= 1); /* what is there is handled */
  client_close(c);
  stop();
}

/* A bell that rings after its event was taken leaves the descriptor readable
 * without an event. */
static void a_late_ring_does_not_end_a_poll_until(void) {
  const uint64_t one = 1, second = 1000000000u;
  uint64_t deadline;
  bw_fd fd = -1;
  start(POLLED);
  OK(bw_server_poll_fd(h.server, &fd));
  CHECK(write(fd, &one, sizeof one) == sizeof one);
  deadline = monotonic_ns() + second / 20;
  CHECK_INT(0, bw_server_poll_until(h.server, deadline));
  CHECK(monotonic_ns() >= deadline);
  OK(bw_server_wakeup(h.server));
  deadline = monotonic_ns() + 10 * PATIENCE_MS * (second / 1000);
  CHECK_INT(0, bw_server_poll_until(h.server, deadline));
  CHECK(monotonic_ns() < deadline);
  OK(bw_server_wakeup(h.server));
  CHECK_INT(0, bw_server_poll(h.server, 0, PATIENCE_MS)); /* the wake-up ends this poll, but not the next */
  deadline = monotonic_ns() + second / 20;
  CHECK_INT(0, bw_server_poll_until(h.server, deadline));
  CHECK(monotonic_ns() >= deadline);
  stop();
}

struct overtime {
  uint64_t deadline;
  int calls, late;
};
/* A callback that runs until one second after the deadline. */
static void work_overtime(const bw_event *ev, void *user) {
  struct overtime *over = user;
  (void)ev;
  if (over->calls++ == 0) over->late = monotonic_ns() >= over->deadline;
  while (monotonic_ns() < over->deadline + 1000000000u) wait_a_moment();
}
static void a_poll_until_ends_at_its_time_when_more_waits(void) {
  struct overtime over = {0, 0, 0};
  int i;
  client *c;
  start("{\"engine\":{\"delivery\":\"polled\",\"pollBudgetUs\":60000000}}");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("over"), 0, work_overtime, &over, NULL, NULL));
  c = join_host(&h, &j, NULL);
  EVENTUALLY(bw_server_poll(h.server, 0, 0) == 0);
  for (i = 0; i < 3; i++) client_send(c, "42[\"over\"]");
  EVENTUALLY(queued_events() == 3);
  over.deadline = monotonic_ns() + 200000000u;
  CHECK(bw_server_poll_until(h.server, over.deadline) >= 1);
  CHECK(over.calls == 1 || over.late); /* late: this thread did not run for so long */
  client_close(c);
  stop();
}

static void polling_after_the_end(void) {
  const struct bw_event *next = NULL;
  int32_t n = 0;
  start(POLLED);
  OK(bw_server_close(h.server, 0));
  while (n >= 0) n = bw_server_poll(h.server, 0, -1);
  CHECK_INT(BW_E_CLOSED, n);
  STATUS(BW_E_CLOSED, bw_server_poll_until(h.server, UINT64_MAX));
  STATUS(BW_E_CLOSED, bw_server_next(h.server, -1, &next));
  CHECK_INT(0, bw_server_poll(h.server, 0, 0)); /* it does not wait */
  OK(bw_server_wait(h.server, -1));
  stop();
}

NO_CHILDREN;
RUN(TEST(times_that_are_none), TEST(polling_until_a_time), TEST(a_late_ring_does_not_end_a_poll_until),
    TEST(a_poll_until_ends_at_its_time_when_more_waits), TEST(polling_after_the_end),
    TEST(polling_inside_a_callback), TEST(two_threads_and_free_while_polling),
    TEST(a_server_with_threads_is_not_polled), TEST(waiting_inside_a_callback),
    TEST(the_descriptor_is_level_triggered), TEST(polling_has_limits),
    TEST(a_poll_ends_when_its_budget_is_used_up), TEST(events_without_callbacks),
    TEST(the_binaries_of_an_event_without_callbacks), TEST(a_wake_up_is_not_lost),
    TEST(woken_by_signal_handlers), TEST(a_host_that_does_not_poll_keeps_its_clients))
