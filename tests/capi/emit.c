/* Acknowledgements in both directions, and operations. */
#include "host.h"

static host h;
static journal j;
static client *c;
static bw_socket socket_id;

static void start(void) {
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  c = join_host(&h, &j, &socket_id);
}
static void stop(void) {
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

static const bw_message *question(void) {
  const bw_payload payload = bw_payload_of(BW_S("question"), BW_S("[1]"));
  const bw_message *msg = NULL;
  OK(bw_message_new(&payload, &msg));
  return msg;
}

/* The acknowledgement id of a packet, 17 in 4217["question",1]. */
static int packet_id(const char *packet) { return atoi(packet + 2); }

static bw_op ask(const bw_target *to) {
  const bw_message *msg = question();
  bw_op op = 0;
  OK(bw_emit_ack(to, msg, journal_note, &j, journal_drop, &op));
  bw_message_release(&msg);
  CHECK(op != 0);
  return op;
}

static void an_answer_is_given_once(void) {
  bw_ack ack;
  start();
  client_send(c, "427[\"ask\",1]");
  ack = journal_wait(&j, BW_EV_MESSAGE, 1).ack;
  CHECK(ack != 0);
  STATUS(BW_E_JSON, bw_ack_json(ack, BW_S("{}")));
  OK(bw_ack_json(ack, BW_S("[2]")));
  client_expect(c, "437[2]");
  STATUS(BW_E_ALREADY, bw_ack_json(ack, BW_S("[2]")));
  client_send(c, "42[\"ask\"]");
  CHECK_INT(0, (int64_t)journal_wait(&j, BW_EV_MESSAGE, 2).ack);
  stop();
}

static void an_answer_with_bytes(void) {
  const bw_blob blob = {"xyz", 3, NULL, NULL};
  bw_payload payload = bw_payload_of(BW_S(""), BW_S("[{\"_placeholder\":true,\"num\":0}]"));
  size_t len;
  start();
  payload.bins = &blob;
  payload.n_bins = 1;
  client_send(c, "420[\"ask\"]");
  OK(bw_ack_send(journal_wait(&j, BW_EV_MESSAGE, 1).ack, &payload));
  client_expect(c, "461-0[{\"_placeholder\":true,\"num\":0}]");
  CHECK_STR("xyz", client_receive(c, &len));
  stop();
}

static void too_late_and_never(void) {
  bw_ack ack;
  start();
  client_send(c, "420[\"ask\"]");
  client_send(c, "421[\"never answered\"]");
  ack = journal_wait(&j, BW_EV_MESSAGE, 1).ack;
  client_send(c, "41");
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  STATUS(BW_E_GONE, bw_ack_json(ack, BW_S("[]")));
  STATUS(BW_E_GONE, bw_ack_json(journal_wait(&j, BW_EV_MESSAGE, 2).ack, BW_S("[]")));
  stop();
}

static void a_client_answers(void) {
  char answer[64];
  bw_target to;
  entry e;
  bw_op op;
  start();
  to = bw_to(socket_id);
  op = ask(&to);
  snprintf(answer, sizeof answer, "43%d[\"yes\",2]", packet_id(client_expect_start(c, "42")));
  client_send(c, answer);
  e = journal_wait(&j, BW_EV_ACKED, 1);
  CHECK_INT(BW_OK, e.status);
  CHECK_INT(1, (int64_t)e.n_replies);
  EVENTUALLY(atomic_load(&j.drops) == 1);
  STATUS(BW_E_GONE, bw_op_cancel(op));
  client_send(c, answer); /* a second answer is ignored */
  client_send(c, "42[\"ping\"]");
  journal_wait(&j, BW_EV_MESSAGE, 1);
  CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_ACKED));
  stop();
}

static void an_operation_ends_exactly_once(void) {
  bw_target to;
  bw_op op;
  start();
  to = bw_to(socket_id);
  to.timeout_ms = 30;
  op = ask(&to);
  CHECK_INT(BW_E_TIMEOUT, journal_wait(&j, BW_EV_ACKED, 1).status);
  STATUS(BW_E_GONE, bw_op_cancel(op));

  to.timeout_ms = 0;
  op = ask(&to);
  OK(bw_op_cancel(op));
  CHECK_INT(BW_E_CANCELLED, journal_wait(&j, BW_EV_ACKED, 2).status);
  STATUS(BW_E_GONE, bw_op_cancel(op));

  (void)ask(&to);
  client_close(c);
  c = NULL;
  CHECK_INT(BW_E_GONE, journal_wait(&j, BW_EV_ACKED, 3).status);
  EVENTUALLY(atomic_load(&j.drops) == 3);

  {
    const bw_message *msg = question();
    bw_op none = 7;
    journal_wait(&j, BW_EV_DISCONNECT, 1);
    STATUS(BW_E_GONE, bw_emit_ack(&to, msg, journal_note, &j, journal_drop, &none));
    CHECK_INT(0, (int64_t)none);
    bw_message_release(&msg);
    CHECK_INT(4, atomic_load(&j.drops));
    CHECK_INT(3, (int64_t)journal_count(&j, BW_EV_ACKED));
  }
  stop();
}

static void an_operation_ends_with_its_server(void) {
  bw_target to;
  journal k;
  start();
  journal_start(&k);
  to = bw_to(socket_id);
  ask(&to);
  to = bw_to(h.nsp);
  to.timeout_ms = 60000;
  ask(&to);
  client_close(c);
  c = NULL;
  CHECK_INT(BW_E_GONE, journal_wait(&j, BW_EV_ACKED, 1).status);
  c = join_host(&h, &j, &socket_id);
  to = bw_to(socket_id);
  ask(&to);
  client_close(c);
  c = NULL;
  OK(bw_server_free(&h.server));
  CHECK_INT(3, (int64_t)journal_count(&j, BW_EV_ACKED));
  journal_end(&k);
  journal_end(&j);
}

/* A broadcast that waits for replies when its server ends: its callback is called
 * once with BW_E_CLOSED, before BW_EV_SHUTDOWN, and its user pointer is dropped. */
static void end_with_a_broadcast_open(const char *delivery, int gracefully) {
  const bw_message *msg = question();
  char options[64];
  bw_target to;
  bw_op op = 0;
  client *one, *two;
  entry e;
  snprintf(options, sizeof options, "{\"engine\":{\"delivery\":\"%s\"}}", delivery);
  host_start(&h, options);
  journal_start(&j);
  (void)journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  (void)journal_on(&j, h.server, BW_EV_SHUTDOWN, "");
  if (strcmp(delivery, "polled") == 0) host_poll_in_background(&h);
  one = join_host(&h, &j, NULL);
  two = join_host(&h, &j, NULL);
  to = bw_to(h.nsp);
  to.timeout_ms = 3600000;
  op = ask(&to);
  client_expect_start(one, "42");
  client_expect_start(two, "42");
  if (gracefully) {
    OK(bw_server_close(h.server, 10000));
    client_close(one);
    client_close(two);
    one = two = NULL;
    (void)journal_wait(&j, BW_EV_SHUTDOWN, 1);
    e = journal_wait(&j, BW_EV_ACKED, 1);
    CHECK_INT(BW_E_CLOSED, e.status);
    CHECK(e.op == op);
    EVENTUALLY(atomic_load(&j.drops) == 1);
    STATUS(BW_E_GONE, bw_op_cancel(op));
    op = 7;
    STATUS(BW_E_CLOSED, bw_emit_ack(&to, msg, journal_note, &j, journal_drop, &op));
    CHECK_INT(0, (int64_t)op);
    CHECK_INT(2, atomic_load(&j.drops));
  }
  host_stop(&h);
  CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_ACKED));
  CHECK_INT(BW_E_CLOSED, journal_wait(&j, BW_EV_ACKED, 1).status);
  bw_message_release(&msg);
  client_close(one);
  client_close(two);
  journal_end(&j);
}

static void an_open_broadcast_ends_with_its_server(void) {
  static const char *const deliveries[] = {"threads", "polled", "inline"};
  size_t i;
  for (i = 0; i < 3; i++) {
    end_with_a_broadcast_open(deliveries[i], 0);
    end_with_a_broadcast_open(deliveries[i], 1);
  }
}

static void a_broadcast_collects_what_there_is(void) {
  client *second;
  bw_target to;
  char answer[64];
  entry e;
  const bw_message *msg = question();
  start();
  second = join_host(&h, &j, NULL);
  to = bw_to(h.nsp);
  STATUS(BW_E_ARG, bw_emit_ack(&to, msg, journal_note, &j, journal_drop, NULL)); /* no timeout */
  CHECK_INT(1, atomic_load(&j.drops));
  to.timeout_ms = 300;
  ask(&to);
  snprintf(answer, sizeof answer, "43%d[]", packet_id(client_expect_start(c, "42")));
  client_expect_start(second, "42");
  client_send(c, answer);
  e = journal_wait(&j, BW_EV_ACKED, 1);
  CHECK_INT(BW_E_TIMEOUT, e.status);
  CHECK_INT(1, (int64_t)e.n_replies);
  {
    const bw_str nobody = BW_S("nobody");
    to = bw_to_rooms(h.nsp, &nobody, 1);
    to.timeout_ms = 60000;
    ask(&to);
    e = journal_wait(&j, BW_EV_ACKED, 2);
    CHECK_INT(BW_OK, e.status);
    CHECK_INT(0, (int64_t)e.n_replies);
  }
  bw_message_release(&msg);
  client_close(second);
  stop();
}

static void targets_that_contradict_themselves(void) {
  host other;
  journal k;
  client *d;
  bw_socket theirs;
  bw_target to;
  const bw_str room = BW_S("r");
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  start();
  journal_start(&k);
  host_start(&other, NULL);
  journal_on(&k, other.nsp, BW_EV_CONNECTION, "");
  d = join_host(&other, &k, &theirs);
  to = bw_to(h.nsp);
  to.sender = theirs; /* of another server */
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  STATUS(BW_E_ARG, bw_join(&to, &room, 1));
  to = bw_to(socket_id);
  to.rooms = &room;
  to.n_rooms = 1;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  to = bw_to(socket_id);
  to.except = &room;
  to.n_except = 1;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  to = bw_to(0);
  CHECK(bw_emit(&to, &payload) < 0);
  to = bw_to(h.nsp);
  to.flags = 1u << 30;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  SAYS("0x40000000");
  to = bw_to(h.nsp);
  to.reserved0 = 1;
  CHECK(bw_emit(&to, &payload) < 0);
  {
    bw_payload flagged = payload;
    flagged.flags = 2;
    to = bw_to(h.nsp);
    STATUS(BW_E_ARG, bw_emit(&to, &flagged));
  }
  client_expect_nothing(c, 50);
  client_expect_nothing(d, 10);
  client_close(d);
  host_stop(&other);
  journal_end(&k);
  stop();
}

/* One process is the whole cluster. */
static void a_local_broadcast_reaches_all_sockets_of_this_process(void) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[1]"));
  bw_target to;
  client *one, *two;
  start();
  one = join_host(&h, &j, NULL);
  two = join_host(&h, &j, NULL);
  to = bw_to(h.nsp);
  to.flags |= BW_TO_LOCAL;
  OK(bw_emit(&to, &payload));
  client_expect(one, "42[\"e\",1]");
  client_expect(two, "42[\"e\",1]");
  client_close(one);
  client_close(two);
  stop();
}

static void the_clients_there_are(void) {
  bw_target to;
  entry e;
  client *second;
  bw_op op = 0;
  start();
  second = join_host(&h, &j, NULL);
  to = bw_to(h.nsp);
  OK(bw_fetch_sockets(&to, journal_note, &j, journal_drop, &op));
  e = journal_wait(&j, BW_EV_SOCKETS, 1);
  CHECK_INT(BW_OK, e.status);
  CHECK_INT(2, (int64_t)e.n_sockets);
  CHECK(e.op == op);
  EVENTUALLY(atomic_load(&j.drops) == 1);
  client_close(second);
  stop();
}

NO_CHILDREN;
RUN(TEST(an_answer_is_given_once), TEST(an_answer_with_bytes), TEST(too_late_and_never),
    TEST(a_client_answers), TEST(an_operation_ends_exactly_once), TEST(an_operation_ends_with_its_server),
    TEST(an_open_broadcast_ends_with_its_server), TEST(a_broadcast_collects_what_there_is),
    TEST(targets_that_contradict_themselves), TEST(a_local_broadcast_reaches_all_sockets_of_this_process),
    TEST(the_clients_there_are))
