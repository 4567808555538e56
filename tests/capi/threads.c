/* Many threads call all functions on the same ids while clients connect and
 * disconnect: only documented statuses, and no reports of sanitizers. */
#include "host.h"

#include <pthread.h>

enum { IDS = 100, CALLERS = 8, VISITORS = 2 };
static host h;
static atomic_uint_fast64_t ids[IDS];
static atomic_uint_fast64_t acks[IDS], questions[IDS], ops[IDS];
static atomic_int going;
static atomic_size_t calls, visits;

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void documented(bw_status status) {
  switch (status) {
  case BW_OK:
  case BW_E_ARG:
  case BW_E_HANDLE:
  case BW_E_STATE:
  case BW_E_ALREADY:
  case BW_E_NOT_FOUND:
  case BW_E_GONE:
  case BW_E_FULL:
  case BW_E_CLOSED: return;
  default: FAIL("%s: %s", bw_status_name(status), bw_last_error());
  }
}

static void keep(const bw_event *ev, void *user) {
  const size_t at = (size_t)(ev->mono_ns % IDS);
  (void)user;
  if (ev->socket) atomic_store(&ids[at], ev->socket);
  if (ev->ack) atomic_store(&acks[at], ev->ack);
  if (ev->deferred) {
    atomic_store(&questions[at], ev->deferred);
    if (at % 4) documented(bw_deferred_accept(ev->deferred));
  }
}
static void ignore(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
}

static void *call(void *user) {
  uint64_t state = 88172645463325252U + (uintptr_t)user * 7919;
  const bw_payload payload = bw_payload_of(BW_S("question"), BW_S("[1,{\"a\":2}]"));
  const bw_message *msg = NULL;
  OK(bw_message_new(&payload, &msg));
  while (atomic_load(&going)) {
    const uint64_t r = next_random(&state);
    const size_t at = (size_t)((r >> 16) % IDS);
    const bw_socket id = atomic_load(&ids[at]);
    const bw_str room = r & 1 ? BW_S("a") : BW_S("b");
    bw_target to = bw_to(id);
    bw_target all = bw_to_rooms(h.nsp, &room, 1);
    bw_buf buf = {NULL, 0, NULL};
    bw_list list = {NULL, 0, NULL};
    bw_listener listener = 0;
    const bw_handshake *hs = NULL;
    bw_op op = 0;
    int64_t number;
    atomic_fetch_add(&calls, 1);
    switch (r % 20) {
    case 0: documented(bw_emit(&to, &payload)); break;
    case 1: documented(bw_emit(&all, &payload)); break;
    case 2: documented(bw_join(&to, &room, 1)); break;
    case 3: documented(bw_leave(&to, &room, 1)); break;
    case 4:
      if (r % 40 == 4) documented(bw_disconnect(&to, r & 64 ? 1 : 0));
      break;
    case 5: documented(bw_socket_data_set(id, BW_S("{\"x\":[1,2,3]}"))); break;
    case 6:
      documented(bw_socket_data_get(id, &buf));
      bw_buf_free(&buf);
      break;
    case 7:
      documented(bw_socket_rooms(id, &list));
      bw_list_free(&list);
      break;
    case 8: documented(bw_socket_user_set(id, malloc(8), free)); break;
    case 9:
      documented(bw_socket_handshake(id, &hs));
      bw_handshake_release(&hs);
      break;
    case 10:
      to.timeout_ms = (uint32_t)(r >> 32) % 50;
      documented(bw_emit_ack(&to, msg, ignore, NULL, NULL, &op));
      atomic_store(&ops[at], op);
      break;
    case 11:
      all.timeout_ms = 1 + (uint32_t)(r >> 32) % 50;
      documented(bw_emit_ack(&all, msg, ignore, NULL, NULL, &op));
      atomic_store(&ops[at], op);
      break;
    case 12: documented(bw_op_cancel(atomic_load(&ops[at]))); break;
    case 13: documented(bw_ack_json(atomic_load(&acks[at]), BW_S("[1]"))); break;
    case 14: documented(bw_deferred_accept(atomic_load(&questions[at]))); break;
    case 15: documented(bw_deferred_reject(atomic_load(&questions[at]), 0, BW_S("no"), BW_S(""))); break;
    case 16:
      documented(bw_on(id, BW_EV_MESSAGE, room, (uint32_t)(r >> 40) & 3, ignore, malloc(8), free, &listener));
      if (r & 128) documented(bw_off(listener));
      break;
    case 17: documented(bw_fetch_sockets(&all, ignore, malloc(8), free, &op)); break;
    case 18: documented(bw_socket_int(id, BW_SK_BUFFERED_BYTES, &number)); break;
    default: documented(bw_emit_message(&all, msg)); break;
    }
  }
  bw_message_release(&msg);
  return NULL;
}

static void *visit(void *user) {
  uint64_t state = 1234567 + (uintptr_t)user;
  while (atomic_load(&going)) {
    client *c = client_open(h.port);
    const uint64_t r = next_random(&state);
    client_send(c, "40");
    client_send(c, "42[\"e\",1]");
    client_send(c, "421[\"e\",{\"b\":2}]");
    client_send(c, "451-[\"e\",{\"_placeholder\":true,\"num\":0}]");
    client_send_binary(c, "xyz", 3);
    client_send(c, "430[1]");
    if (r % 3 == 0) client_send(c, "41");
    if (r % 3 == 1) client_send(c, "1");
    if (r % 2) client_expect_nothing(c, 0);
    client_close(c);
    atomic_fetch_add(&visits, 1);
  }
  return NULL;
}

/* A client that stays, and reconnects after it was refused or disconnected. */
static void *sit(void *user) {
  client *c = client_open(h.port);
  (void)user;
  client_send(c, "40");
  while (atomic_load(&going)) {
    const char *text = client_receive(c, NULL);
    if (text && strncmp(text, "44", 2) != 0 && strcmp(text, "41") != 0) continue;
    client_close(c);
    c = client_open(h.port);
    client_send(c, "40");
  }
  client_close(c);
  return NULL;
}

static void run(const char *options, size_t milliseconds) {
  pthread_t threads[CALLERS + VISITORS + 1];
  size_t i;
  int64_t until;
  for (i = 0; i < IDS; i++) {
    atomic_store(&ids[i], 0);
    atomic_store(&acks[i], 0);
    atomic_store(&questions[i], 0);
    atomic_store(&ops[i], 0);
  }
  host_start(&h, options);
  OK(bw_on(h.nsp, BW_EV_CONNECTION, BW_S(""), 0, keep, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S(""), 0, keep, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_MIDDLEWARE, BW_S(""), 0, keep, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_DISCONNECTING, BW_S(""), 0, keep, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_DISCONNECT, BW_S(""), 0, ignore, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_OUTGOING, BW_S(""), 0, ignore, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_ROOM_JOINED, BW_S(""), 0, ignore, NULL, NULL, NULL));
  if (strstr(options, "polled")) host_poll_in_background(&h);
  atomic_store(&going, 1);
  for (i = 0; i < CALLERS; i++) CHECK(pthread_create(&threads[i], NULL, call, (void *)(uintptr_t)i) == 0);
  for (; i < CALLERS + VISITORS; i++)
    CHECK(pthread_create(&threads[i], NULL, visit, (void *)(uintptr_t)i) == 0);
  CHECK(pthread_create(&threads[i], NULL, sit, NULL) == 0);
  for (until = now_ms() + (int64_t)milliseconds; now_ms() < until;) wait_a_moment();
  atomic_store(&going, 0);
  {
    /* One more event ends the reader that waits for it. */
    const bw_target all = bw_to(h.nsp);
    const bw_payload payload = bw_payload_of(BW_S("end"), BW_S(""));
    documented(bw_emit(&all, &payload));
    (void)bw_disconnect(&all, 1);
  }
  for (i = 0; i < CALLERS + VISITORS + 1; i++) pthread_join(threads[i], NULL);
  host_stop(&h);
  CHECK(atomic_load(&visits) > 0 && atomic_load(&calls) > 0);
}

static void in_threads(void) { run("{\"engine\":{\"deferredTimeout\":100}}", 3000); }
static void polled(void) { run("{\"engine\":{\"deferredTimeout\":100,\"delivery\":\"polled\"}}", 3000); }
static void inline_(void) { run("{\"engine\":{\"deferredTimeout\":100,\"delivery\":\"inline\"}}", 3000); }

/* The server is freed during the calls. */
static void *only_call(void *user) { return call(user); }
static void freed_under_the_callers(void) {
  size_t round, i;
  for (round = 0; round < scaled(20); round++) {
    pthread_t threads[4];
    client *c;
    host_start(&h, NULL);
    OK(bw_on(h.nsp, BW_EV_CONNECTION, BW_S(""), 0, keep, NULL, NULL, NULL));
    atomic_store(&going, 1);
    for (i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, only_call, (void *)(uintptr_t)i) == 0);
    c = client_open(h.port);
    client_send(c, "40");
    client_expect_start(c, "4");
    host_stop(&h);
    client_close(c);
    atomic_store(&going, 0);
    for (i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  }
}

NO_CHILDREN;
RUN(TEST(in_threads), TEST(polled), TEST(inline_), TEST(freed_under_the_callers))
