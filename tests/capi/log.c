/* The log: which functions its callback may call, when its user pointer is
 * dropped, and which lines a server writes. */
#include "host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Causes log lines: without a free descriptor the engine cannot accept a client,
 * and retries until it can. */
enum { KNOCKS = 16, FEW = 200 };
typedef struct shortage {
  int fds[FEW], clients[KNOCKS];
  size_t n, knocks;
  struct rlimit before;
} shortage;

static void take_all(shortage *s) {
  while (s->n < FEW && (s->fds[s->n] = dup(s->clients[0])) >= 0) s->n++;
  CHECK(s->n < FEW);
}

/* Connects one more client, and takes a descriptor that the engine has closed meanwhile. */
static void knock(shortage *s) {
  struct sockaddr_in to;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons(h.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  take_all(s);
  CHECK(s->knocks < KNOCKS);
  CHECK(connect(s->clients[s->knocks++], (const struct sockaddr *)&to, sizeof to) == 0);
}

static void run_short(shortage *s, atomic_int *records_seen) {
  struct rlimit few;
  size_t i;
  memset(s, 0, sizeof *s);
  for (i = 0; i < KNOCKS; i++) s->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(getrlimit(RLIMIT_NOFILE, &s->before) == 0);
  few = s->before;
  few.rlim_cur = FEW;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  do {
    const int64_t until = now_ms() + 200;
    knock(s);
    while (!atomic_load(records_seen) && now_ms() < until) wait_a_moment();
  } while (!atomic_load(records_seen));
}

static void end_shortage(shortage *s) {
  size_t i;
  while (s->n > 0) close(s->fds[--s->n]);
  CHECK(setrlimit(RLIMIT_NOFILE, &s->before) == 0);
  for (i = 0; i < KNOCKS; i++) close(s->clients[i]);
  CHECK_INT(400, http_ask(h.port, "GET", "/socket.io/", NULL).status);
}

/* Causes a log line on an engine thread: a refused request. */
static void say_something(void) { CHECK_INT(400, http_ask(h.port, "GET", "/socket.io/", NULL).status); }

static void records_arrive(void) {
  atomic_int drops = 0;
  atomic_store(&records, 0);
  atomic_store(&wrong, 0);
  host_start(&h, NULL);
  OK(bw_log_set(BW_LOG_TRACE, note, &drops, count_drop));
  say_something();
  EVENTUALLY(atomic_load(&records) > 0);
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  EVENTUALLY(atomic_load(&drops) == 1);
  CHECK_INT(0, atomic_load(&wrong));
  host_stop(&h);
}

/* The same error is also an event, for programs that do not read logs. */
static void note_fault(const bw_event *ev, void *user) {
  check_fields(ev);
  if (!memmem(ev->name.data, ev->name.len, "accept", 6) || ev->server != h.server)
    atomic_fetch_add(&wrong, 1);
  atomic_fetch_add((atomic_int *)user, 1);
}

static void a_fault_is_told(void) {
  atomic_int faults = 0;
  shortage s;
  atomic_store(&wrong, 0);
  host_start(&h, NULL);
  OK(bw_on(h.server, BW_EV_FAULT, BW_S(""), 0, note_fault, &faults, NULL, NULL));
  run_short(&s, &faults);
  end_shortage(&s);
  CHECK_INT(0, atomic_load(&wrong));
  host_stop(&h);
}

static void note_namespace(const bw_event *ev, void *user) {
  if (ev->nsp) atomic_store((atomic_uint_fast64_t *)user, ev->nsp);
}

static void a_new_namespace_is_told(void) {
  atomic_uint_fast64_t told = 0;
  bw_nsp nsp;
  host_start(&h, NULL);
  OK(bw_on(h.server, BW_EV_NEW_NAMESPACE, BW_S(""), 0, note_namespace, &told, NULL, NULL));
  OK(bw_nsp_get(h.server, BW_S("/new"), &nsp));
  EVENTUALLY(atomic_load(&told) == nsp);
  host_stop(&h);
}

static void inside_the_log_callback(void) {
  atomic_store(&records, 0);
  atomic_store(&wrong, 0);
  host_start(&h, NULL);
  OK(bw_log_set(BW_LOG_TRACE, call_back, NULL, NULL));
  say_something();
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

/* A log callback whose drop marks its user as freed, so that a later call is detected. */
typedef struct sink {
  atomic_int alive;
  atomic_int *seen;
} sink;
static atomic_int sinks_dropped;
static void into_sink(const bw_log_record *rec, void *user) {
  sink *s = user;
  (void)rec;
  if (!atomic_load(&s->alive)) abort();
  atomic_fetch_add(s->seen, 1);
}
static void drop_sink(void *user) {
  sink *s = user;
  atomic_store(&s->alive, 0);
  free(s);
  atomic_fetch_add(&sinks_dropped, 1);
}

/* Replaces the callback repeatedly while engine threads log. */
static atomic_int talking;
static void *talk(void *user) {
  (void)user;
  while (atomic_load(&talking)) say_something();
  return NULL;
}
static void replaced_while_threads_log(void) {
  size_t rounds = 0;
  atomic_int seen = 0;
  pthread_t talker;
  host_start(&h, NULL);
  atomic_store(&sinks_dropped, 0);
  atomic_store(&talking, 1);
  CHECK(pthread_create(&talker, NULL, talk, NULL) == 0);
  while (rounds < scaled(10000) || !atomic_load(&seen)) {
    sink *s = calloc(1, sizeof *s);
    if (!s) FAIL("no memory");
    atomic_store(&s->alive, 1);
    s->seen = &seen;
    OK(bw_log_set(BW_LOG_TRACE, into_sink, s, drop_sink));
    rounds++;
  }
  atomic_store(&talking, 0);
  pthread_join(talker, NULL);
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  EVENTUALLY(atomic_load(&sinks_dropped) == (int)rounds);
  host_stop(&h);
}

/* Keeps the lines of level debug. */
typedef struct lines {
  pthread_mutex_t lock;
  size_t len;
  char text[8192];
} lines;
static void keep(const bw_log_record *rec, void *user) {
  lines *l = user;
  const size_t n = rec->message.len;
  if (rec->level != BW_LOG_DEBUG) return;
  pthread_mutex_lock(&l->lock);
  if (l->len + n + 2 < sizeof l->text) {
    memcpy(l->text + l->len, rec->message.data, n);
    l->len += n;
    l->text[l->len++] = '\n';
    l->text[l->len] = '\0';
  }
  pthread_mutex_unlock(&l->lock);
}
static int has(lines *l, const char *part) {
  int found;
  pthread_mutex_lock(&l->lock);
  found = strstr(l->text, part) != NULL;
  pthread_mutex_unlock(&l->lock);
  return found;
}

/* The DISCONNECT event and the log state why a client was dropped. */
static atomic_int explained;
static void note_cause(const bw_event *ev, void *user) {
  const bw_cause *cause = ev->cause;
  (void)user;
  CHECK(cause != NULL);
  CHECK(cause->struct_size == sizeof *cause);
  CHECK_INT(BW_REASON_TRANSPORT_ERROR, ev->code);
  CHECK_INT(BW_CAUSE_LIMIT, cause->kind);
  CHECK_VIEW("maxHttpBufferSize", cause->option);
  CHECK_VIEW("Max payload size exceeded", cause->text);
  CHECK_INT(1000, (int64_t)cause->limit);
  atomic_fetch_add(&explained, 1);
}
static void note_no_cause(const bw_event *ev, void *user) {
  (void)user;
  CHECK_INT(BW_REASON_CLIENT_NSP, ev->code);
  CHECK(ev->cause == NULL);
  atomic_fetch_add(&explained, 1);
}
static void explain(const char *delivery) {
  static lines kept;
  static char large[2048];
  char options[128];
  client *c;
  pthread_mutex_init(&kept.lock, NULL);
  kept.len = 0;
  kept.text[0] = '\0';
  atomic_store(&explained, 0);
  snprintf(options, sizeof options, "{\"maxHttpBufferSize\":1000,\"engine\":{\"delivery\":\"%s\"}}",
           delivery);
  OK(bw_log_set(BW_LOG_DEBUG, keep, &kept, NULL));
  host_start(&h, options);
  if (strcmp(delivery, "polled") == 0) host_poll_in_background(&h);
  OK(bw_on(h.nsp, BW_EV_DISCONNECTING, BW_S(""), 0, note_cause, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_DISCONNECT, BW_S(""), 0, note_cause, NULL, NULL, NULL));
  c = client_connect(h.port, "/", NULL);
  memset(large, '2', sizeof large - 1);
  client_send(c, large);
  EVENTUALLY(atomic_load(&explained) == 2);
  client_close(c);
  EVENTUALLY(has(&kept, "transport error: Max payload size exceeded (maxHttpBufferSize is 1000)"));
  say_something();
  EVENTUALLY(has(&kept, "refused GET \"/socket.io/\" from 127.0.0.1:"));
  host_stop(&h);

  host_start(&h, options);
  if (strcmp(delivery, "polled") == 0) host_poll_in_background(&h);
  OK(bw_on(h.nsp, BW_EV_DISCONNECT, BW_S(""), 0, note_no_cause, NULL, NULL, NULL));
  c = client_connect(h.port, "/", NULL);
  client_send(c, "41");
  EVENTUALLY(atomic_load(&explained) == 3);
  client_close(c);
  host_stop(&h);
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  pthread_mutex_destroy(&kept.lock);
}
static void a_lost_client_is_explained(void) {
  explain("threads");
  explain("polled");
  explain("inline");
}

/* A record names its server, on engine threads and on threads of the host inside a
 * call. */
static host owners[2];
enum { REFUSED, LISTENING, DROPPED, CLOSING, LINES };
static const char *const line_parts[LINES] = {"refused GET", "listening on port", "send buffers are full",
                                              "closing"};
static atomic_int owned[2][LINES], of_no_server;
static void note_owner(const bw_log_record *rec, void *user) {
  size_t line, i;
  (void)user;
  for (line = 0; line < LINES; line++) {
    if (!memmem(rec->message.data, rec->message.len, line_parts[line], strlen(line_parts[line]))) continue;
    if (!rec->server) atomic_fetch_add(&of_no_server, 1);
    for (i = 0; i < 2; i++)
      if (rec->server == owners[i].server) atomic_fetch_add(&owned[i][line], 1);
  }
}
static void records_name_their_server(void) {
  static char large[1 << 20];
  /* The client reads nothing and must stay for as long as this takes, under valgrind on a busy machine too. */
  const char *const options =
      "{\"pingInterval\":3600000,\"engine\":{\"sendBufferHigh\":1,\"sendBufferLow\":1,\"sendBufferMax\":1,"
      "\"sendTimeout\":3600000}}";
  const bw_payload payload = bw_payload_of(BW_S("e"), (bw_str){large, sizeof large});
  client *c;
  size_t i;
  memset(large, 'x', sizeof large);
  large[0] = '[';
  large[1] = large[sizeof large - 2] = '"';
  large[sizeof large - 1] = ']';
  for (i = 0; i < 2; i++) host_start(&owners[i], options);
  OK(bw_log_set(BW_LOG_TRACE, note_owner, NULL, NULL));
  for (i = 0; i < 2; i++) {
    OK(bw_server_listen_tcp(owners[i].server, BW_S("127.0.0.1"), 0, NULL));
    CHECK_INT(400, http_ask(owners[i].port, "GET", "/socket.io/", NULL).status);
    EVENTUALLY(atomic_load(&owned[i][REFUSED]) == 1);
    CHECK_INT(1, atomic_load(&owned[i][LISTENING]));
  }
  /* Lines of this kind are limited to one in ten seconds. This one is the second server's. */
  c = client_connect(owners[1].port, "/", NULL);
  while (!atomic_load(&owned[1][DROPPED])) {
    const bw_target to = bw_to(owners[1].nsp);
    OK(bw_emit(&to, &payload));
    CHECK_INT(0, atomic_load(&owned[0][DROPPED]));
  }
  client_close(c);
  for (i = 0; i < 2; i++) {
    OK(bw_server_close(owners[i].server, 1000));
    CHECK_INT(1, atomic_load(&owned[i][CLOSING]));
    CHECK_INT(1, atomic_load(&owned[i][LISTENING]));
  }
  CHECK_INT(0, atomic_load(&of_no_server));
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL));
  for (i = 0; i < 2; i++) host_stop(&owners[i]);
}

NO_CHILDREN;
RUN(TEST(records_arrive), TEST(a_fault_is_told), TEST(a_new_namespace_is_told), TEST(inside_the_log_callback),
    TEST(levels_are_checked), TEST(replaced_while_threads_log), TEST(a_lost_client_is_explained),
    TEST(records_name_their_server))
