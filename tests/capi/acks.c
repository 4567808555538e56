/* Acknowledgements that the host does not answer: their memory is bounded, and bw_ack_drop releases them. */
#include "host.h"

static host h;

static bw_ack first, last;
static atomic_int asked;

static void on_ask(const bw_event *ev, void *user) {
  (void)user;
  if (atomic_load(&asked) == 0) first = ev->ack;
  last = ev->ack;
  atomic_fetch_add(&asked, 1);
}

static void on_drop(const bw_event *ev, void *user) {
  (void)user;
  OK(bw_ack_drop(ev->ack));
  STATUS(BW_E_ALREADY, bw_ack_drop(ev->ack));
  STATUS(BW_E_ALREADY, bw_ack_json(ev->ack, BW_S("[]")));
}

static int64_t stat(const char *name) {
  int64_t n = -1;
  OK(bw_server_stat(h.server, name, &n));
  return n;
}

static void ask(client *c, int times) {
  const int before = atomic_load(&asked);
  int i;
  for (i = 0; i < times; i++) client_send(c, "421[\"ask\"]");
  EVENTUALLY(atomic_load(&asked) == before + times);
}

static client *start(void) {
  host_start(&h, "{\"engine\":{\"maxPendingAcks\":10}}");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("ask"), 0, on_ask, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("drop"), 0, on_drop, NULL, NULL, NULL));
  atomic_store(&asked, 0);
  return client_connect(h.port, "/", NULL);
}

static void unanswered_acks_have_a_limit(void) {
  client *c = start();
  ask(c, 1024); /* also with a smaller option */
  CHECK_INT(0, stat("limit_unanswered_total"));
  ask(c, 1);
  CHECK_INT(1, stat("limit_unanswered_total"));
  STATUS(BW_E_GONE, bw_ack_json(first, BW_S("[]")));
  OK(bw_ack_json(last, BW_S("[1]")));
  client_expect(c, "431[1]");
  ask(c, 1);
  CHECK_INT(1, stat("limit_unanswered_total"));
  client_close(c);
  host_stop(&h);
}

static void unanswered_acks_cost_no_memory(void) {
  size_t before;
  client *c = start();
  ask(c, 20000);
  before = resident_bytes();
  ask(c, 100000); /* 6 MB if every handle stayed allocated */
  if (!memory_is_instrumented()) CHECK(resident_bytes() < before + 3000000);
  CHECK_INT(120000 - 1024, stat("limit_unanswered_total"));
  client_close(c);
  host_stop(&h);
}

static void acks_given_back(void) {
  client *c = start();
  int i;
  for (i = 0; i < 2000; i++) client_send(c, "421[\"drop\"]");
  ask(c, 10);
  CHECK_INT(0, stat("limit_unanswered_total"));
  OK(bw_ack_json(first, BW_S("[]")));
  client_expect(c, "431[]"); /* released ones sent no answer */
  STATUS(BW_E_HANDLE, bw_ack_drop(0));
  client_close(c);
  host_stop(&h);
}

NO_CHILDREN;
RUN(TEST(unanswered_acks_have_a_limit), TEST(unanswered_acks_cost_no_memory), TEST(acks_given_back))
