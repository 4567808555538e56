/* The log: who may call what inside it, and when it is dropped. */
#include "host.h"

static atomic_int records, wrong;
static host h;

static void note(const bw_log_record *rec, void *user) {
  (void)user;
  if (rec->struct_size != sizeof *rec || rec->level < BW_LOG_ERROR || rec->level > BW_LOG_TRACE)
    atomic_fetch_add(&wrong, 1);
  atomic_fetch_add(&records, 1);
}

static void call_back(const bw_log_record *rec, void *user) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  const bw_target to = bw_to(h.nsp);
  (void)rec;
  (void)user;
  if (bw_emit(&to, &payload) != BW_E_REENTRANT) atomic_fetch_add(&wrong, 1);
  if (bw_log_set(BW_LOG_OFF, NULL, NULL, NULL) != BW_E_REENTRANT) atomic_fetch_add(&wrong, 1);
  if (bw_server_wakeup(h.server) < BW_E_FORKED) atomic_fetch_add(&wrong, 1); /* allowed */
  (void)bw_version();
  atomic_fetch_add(&records, 1);
}

static void traffic(size_t rounds) {
  size_t i;
  for (i = 0; i < rounds; i++) {
    client *c = client_connect(h.port, "/", NULL);
    client_send(c, "42[\"e\"]");
    client_send(c, "4?");
    client_expect_end(c);
    client_close(c);
  }
}

static void records_arrive(void) {
  atomic_int drops = 0;
  atomic_store(&records, 0);
  atomic_store(&wrong, 0);
  host_start(&h, NULL);
  OK(bw_log_set(BW_LOG_TRACE, note, &drops, count_drop));
  traffic(3);
  EVENTUALLY(atomic_load(&records) > 0);
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  EVENTUALLY(atomic_load(&drops) == 1);
  CHECK_INT(0, atomic_load(&wrong));
  host_stop(&h);
}

static void inside_the_log_callback(void) {
  atomic_store(&records, 0);
  atomic_store(&wrong, 0);
  host_start(&h, NULL);
  OK(bw_log_set(BW_LOG_TRACE, call_back, NULL, NULL));
  traffic(3);
  EVENTUALLY(atomic_load(&records) > 0);
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  CHECK_INT(0, atomic_load(&wrong));
  host_stop(&h);
}

static void levels_are_checked(void) {
  atomic_int drops = 0;
  STATUS(BW_E_ARG, bw_log_set(6, note, &drops, count_drop));
  CHECK_INT(1, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_log_set(-1, note, &drops, count_drop));
  CHECK_INT(2, atomic_load(&drops));
}

/* A log whose user is freed by its drop: a call after that would be seen. */
typedef struct sink {
  atomic_int alive, seen;
} sink;
static atomic_int sinks_dropped;
static void into_sink(const bw_log_record *rec, void *user) {
  sink *s = user;
  (void)rec;
  if (!atomic_load(&s->alive)) abort();
  atomic_fetch_add(&s->seen, 1);
}
static void drop_sink(void *user) {
  sink *s = user;
  atomic_store(&s->alive, 0);
  free(s);
  atomic_fetch_add(&sinks_dropped, 1);
}
static atomic_int busy;
static void *make_traffic(void *user) {
  (void)user;
  while (atomic_load(&busy)) traffic(1);
  return NULL;
}

static void replaced_while_threads_log(void) {
  const size_t rounds = scaled(2000);
  pthread_t threads[3];
  size_t i;
  host_start(&h, "{\"engine\":{\"workerThreads\":4}}");
  atomic_store(&sinks_dropped, 0);
  atomic_store(&busy, 1);
  for (i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, make_traffic, NULL) == 0);
  for (i = 0; i < rounds; i++) {
    sink *s = calloc(1, sizeof *s);
    if (!s) FAIL("no memory");
    atomic_store(&s->alive, 1);
    OK(bw_log_set(BW_LOG_TRACE, into_sink, s, drop_sink));
  }
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  EVENTUALLY(atomic_load(&sinks_dropped) == (int)rounds);
  atomic_store(&busy, 0);
  for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  host_stop(&h);
}

NO_CHILDREN;
RUN(TEST(records_arrive), TEST(inside_the_log_callback), TEST(levels_are_checked),
    TEST(replaced_while_threads_log))
