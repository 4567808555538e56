/* Questions: answered once, on any thread, or refused after the timeout. */
#include "host.h"

#include <unistd.h>

static host h;
static journal j;

static void start(const char *options) {
  journal_start(&j);
  host_start(&h, options);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MIDDLEWARE, "");
}
static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

enum { RIVALS = 8 };
static bw_deferred contested;
static pthread_barrier_t gate;
static void *answer(void *user) {
  const size_t mine = (size_t)(uintptr_t)user;
  pthread_barrier_wait(&gate);
  return (void *)(intptr_t)(mine % 2 ? bw_deferred_accept(contested)
                                     : bw_deferred_reject(contested, 0, BW_S("no"), BW_S("")));
}

static void eight_threads_answer_and_one_wins(void) {
  size_t round, i;
  start(NULL);
  pthread_barrier_init(&gate, NULL, RIVALS);
  for (round = 1; round <= scaled(40); round++) {
    pthread_t threads[RIVALS];
    int won = 0;
    client *c = client_open(h.port);
    client_send(c, "40");
    contested = journal_wait(&j, BW_EV_MIDDLEWARE, round).deferred;
    for (i = 0; i < RIVALS; i++) CHECK(pthread_create(&threads[i], NULL, answer, (void *)(uintptr_t)i) == 0);
    for (i = 0; i < RIVALS; i++) {
      void *result;
      bw_status status;
      pthread_join(threads[i], &result);
      status = (bw_status)(intptr_t)result;
      won += status == BW_OK;
      if (status != BW_OK && status != BW_E_ALREADY && status != BW_E_GONE)
        FAIL("%s", bw_status_name(status));
    }
    CHECK_INT(1, won);
    client_expect_start(c, "4"); /* either CONNECT or CONNECT_ERROR, not both */
    client_expect_nothing(c, 1);
    client_close(c);
  }
  pthread_barrier_destroy(&gate);
  stop();
}

static void without_an_answer_it_is_refused(void) {
  client *c;
  bw_deferred question;
  start("{\"engine\":{\"deferredTimeout\":50}}");
  c = client_open(h.port);
  client_send(c, "40");
  question = journal_wait(&j, BW_EV_MIDDLEWARE, 1).deferred;
  client_expect_start(c, "44{\"message\":");
  STATUS(BW_E_GONE, bw_deferred_accept(question));
  STATUS(BW_E_GONE, bw_deferred_reject(question, 0, BW_S("x"), BW_S("")));
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_CONNECTION));
  client_close(c);
  stop();
}

static void a_refusal_says_why(void) {
  client *c;
  bw_deferred question;
  start(NULL);
  c = client_open(h.port);
  client_send(c, "40");
  question = journal_wait(&j, BW_EV_MIDDLEWARE, 1).deferred;
  STATUS(BW_E_JSON, bw_deferred_reject(question, 0, BW_S("no"), BW_S("{")));
  STATUS(BW_E_UTF8, bw_deferred_reject(question, 0, BW_S("\xff"), BW_S("")));
  STATUS(BW_E_STATE, bw_deferred_set_header(question, BW_S("X-A"), BW_S("b"))); /* not HEADERS */
  OK(bw_deferred_reject(question, 0, BW_S("no \"way\""), BW_S("{\"code\":4001}")));
  client_expect(c, "44{\"message\":\"no \\\"way\\\"\",\"data\":{\"code\":4001}}");
  CHECK(bw_deferred_accept(question) < 0);
  client_close(c);
  stop();
}

static void a_client_that_does_not_wait(void) {
  client *c;
  bw_deferred question;
  start(NULL);
  c = client_open(h.port);
  client_send(c, "40");
  question = journal_wait(&j, BW_EV_MIDDLEWARE, 1).deferred;
  client_close(c);
  EVENTUALLY(bw_deferred_accept(question) != BW_OK);
  stop();
}

/* The acceptance and the end of the connection happen in any order. */
static void an_acceptance_brings_both_events_or_an_error(void) {
  size_t round, accepted = 0;
  start(NULL);
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  for (round = 1; round <= scaled(200); round++) {
    bw_deferred question;
    client *c = client_open(h.port);
    client_send(c, "40");
    question = journal_wait(&j, BW_EV_MIDDLEWARE, round).deferred;
    client_close(c);
    accepted += bw_deferred_accept(question) == BW_OK;
  }
  EVENTUALLY(journal_count(&j, BW_EV_CONNECTION) == accepted);
  EVENTUALLY(journal_count(&j, BW_EV_DISCONNECT) == accepted);
  stop();
}

static void accept_it(const bw_event *ev, void *user) {
  atomic_fetch_add((atomic_int *)user, 1);
  OK(bw_deferred_accept(ev->deferred));
}
static void reject_it(const bw_event *ev, void *user) {
  atomic_fetch_add((atomic_int *)user, 1);
  OK(bw_deferred_reject(ev->deferred, 0, BW_S("refused"), BW_S("")));
}

static void the_first_refusal_ends_the_questions(void) {
  atomic_int first = 0, second = 0, third = 0;
  bw_nsp nsp;
  client *c;
  journal_start(&j);
  host_start(&h, NULL);
  OK(bw_nsp_get(h.server, BW_S("/guarded"), &nsp));
  OK(bw_on(nsp, BW_EV_MIDDLEWARE, BW_S(""), 0, accept_it, &first, NULL, NULL));
  OK(bw_on(nsp, BW_EV_MIDDLEWARE, BW_S(""), 0, reject_it, &second, NULL, NULL));
  OK(bw_on(nsp, BW_EV_MIDDLEWARE, BW_S(""), 0, accept_it, &third, NULL, NULL));
  c = client_open(h.port);
  client_send(c, "40/guarded,");
  client_expect(c, "44/guarded,{\"message\":\"refused\"}");
  CHECK_INT(1, atomic_load(&first));
  CHECK_INT(1, atomic_load(&second));
  CHECK_INT(0, atomic_load(&third));
  client_close(c);
  stop();
}

static void headers_are_checked(void) {
  journal k;
  http_answer answer;
  bw_deferred question;
  int64_t until;
  pthread_t thread;
  journal_start(&j);
  journal_start(&k);
  host_start(&h, POLLED);
  k.polled = h.server;
  journal_on(&k, h.server, BW_EV_HEADERS, "");
  (void)thread;
  (void)until;
  /* A request that waits for an answer, on a raw TCP socket. */
  {
    static const char request[] = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"
                                  "Host: x\r\nConnection: close\r\n\r\n";
    const int fd = tcp_connect(h.port);
    char text[4096];
    size_t have = 0;
    CHECK(write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1);
    question = journal_wait(&k, BW_EV_HEADERS, 1).deferred;
    STATUS(BW_E_ARG, bw_deferred_set_header(question, BW_S("X-A"), BW_S("a\r\nEvil: b")));
    STATUS(BW_E_ARG, bw_deferred_set_header(question, BW_S("X A"), BW_S("a")));
    STATUS(BW_E_ARG, bw_deferred_set_header(question, BW_S(""), BW_S("a")));
    STATUS(BW_E_ARG, bw_deferred_set_header(question, BW_S("X\r\n"), BW_S("a")));
    STATUS(BW_E_ARG, bw_deferred_set_header(question, BW_S("X-A"), (bw_str){"a\0b", 3}));
    OK(bw_deferred_set_header(question, BW_S("X-A"), BW_S("good")));
    OK(bw_deferred_accept(question));
    STATUS(BW_E_ALREADY, bw_deferred_set_header(question, BW_S("X-B"), BW_S("late")));
    for (;;) {
      const ssize_t got = read(fd, text + have, sizeof text - 1 - have);
      if (got <= 0) break;
      have += (size_t)got;
    }
    close(fd);
    text[have] = '\0';
    snprintf(answer.head, sizeof answer.head, "%.*s", (int)sizeof answer.head - 1, text);
    CHECK(strstr(answer.head, "200") != NULL);
    CHECK(strcasestr(answer.head, "x-a: good") != NULL);
    CHECK(strcasestr(answer.head, "evil") == NULL);
    CHECK(strcasestr(answer.head, "x-b") == NULL);
  }
  journal_end(&k);
  stop();
}

static void a_request_is_refused(void) {
  atomic_int asked = 0;
  http_answer answer;
  journal_start(&j);
  host_start(&h, NULL);
  OK(bw_on(h.server, BW_EV_ALLOW_REQUEST, BW_S(""), 0, reject_it, &asked, NULL, NULL));
  answer = http_ask(h.port, "GET", "/socket.io/?EIO=4&transport=polling", NULL);
  CHECK_INT(403, answer.status);
  CHECK_STR("{\"code\":4,\"message\":\"refused\"}", answer.body);
  CHECK_INT(1, atomic_load(&asked));
  CHECK(client_open_at(h.port, "/socket.io/") == NULL);
  CHECK_INT(2, atomic_load(&asked));
  stop();
}

NO_CHILDREN;
RUN(TEST(eight_threads_answer_and_one_wins), TEST(without_an_answer_it_is_refused), TEST(a_refusal_says_why),
    TEST(a_client_that_does_not_wait), TEST(an_acceptance_brings_both_events_or_an_error),
    TEST(the_first_refusal_ends_the_questions), TEST(headers_are_checked), TEST(a_request_is_refused))
