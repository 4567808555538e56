/* Hosts that block and clients that do not read do not affect other clients, and
 * cost a bounded amount of memory. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static host h;
static journal j;

static void start(const char *options) {
  journal_start(&j);
  host_start(&h, options);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
}
static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

/* ------------------------------------------------------- a host that blocks */

static int gate[2];
static atomic_int blocked;
static void block(const bw_event *ev, void *user) {
  char byte;
  (void)ev;
  (void)user;
  atomic_fetch_add(&blocked, 1);
  while (read(gate[0], &byte, 1) < 0 && errno == EINTR) continue;
}
static void echo(const bw_event *ev, void *user) {
  (void)user;
  (void)bw_socket_emit(ev->socket, BW_S("back"), ev->args);
}

static void a_callback_that_blocks_for_ever(void) {
  client *stuck, *free_one;
  bw_socket stuck_id;
  int64_t began;
  int i;
  CHECK(pipe(gate) == 0);
  atomic_store(&blocked, 0);
  start("{\"pingInterval\":100,\"pingTimeout\":2000,\"engine\":{\"callbackThreads\":4}}");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("block"), 0, block, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, echo, NULL, NULL, NULL));
  stuck = join_host(&h, &j, &stuck_id);
  free_one = join_host(&h, &j, NULL);
  client_send(stuck, "42[\"block\"]");
  client_send(stuck, "42[\"e\",\"later\"]");
  EVENTUALLY(atomic_load(&blocked) == 1);
  for (i = 0; i < 20; i++) {
    client_send(free_one, "42[\"e\",1]");
    client_expect(free_one, "42[\"back\",1]");
  }
  /* For twice the interval and the timeout both clients get pings, and the blocked one stays connected. */
  for (i = 0; i < 110; i++) {
    client_expect_nothing(stuck, 20);
    client_expect_nothing(free_one, 20);
  }
  OK(bw_socket_emit(stuck_id, BW_S("hello"), BW_S("")));
  client_expect(stuck, "42[\"hello\"]");
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  /* A graceful stop with a deadline does not wait for the callback. */
  began = now_ms();
  OK(bw_server_close(h.server, 300));
  client_expect_end(free_one);
  client_expect_end(stuck);
  CHECK(now_ms() - began < 20000);
  STATUS(BW_E_TIMEOUT, bw_server_wait(h.server, 100)); /* its events are not all handled */
  CHECK(write(gate[1], "x", 1) == 1);
  OK(bw_server_wait(h.server, PATIENCE_MS));
  client_close(stuck);
  client_close(free_one);
  stop();
  close(gate[0]);
  close(gate[1]);
}

static void a_host_whose_every_thread_blocks(void) {
  enum { CLIENTS = 6 };
  client *clients[CLIENTS];
  int i, round;
  CHECK(pipe(gate) == 0);
  atomic_store(&blocked, 0);
  start("{\"pingInterval\":100,\"pingTimeout\":2000,\"engine\":{\"callbackThreads\":2}}");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("block"), 0, block, NULL, NULL, NULL));
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, echo, NULL, NULL, NULL));
  for (i = 0; i < CLIENTS; i++) clients[i] = join_host(&h, &j, NULL);
  for (i = 0; i < CLIENTS; i++) client_send(clients[i], "42[\"block\"]");
  EVENTUALLY(atomic_load(&blocked) == 2);
  /* Twice interval and timeout. */
  for (round = 0; round < 90; round++)
    for (i = 0; i < CLIENTS; i++) client_expect_nothing(clients[i], 8);
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  for (i = 0; i < CLIENTS; i++) CHECK(write(gate[1], "x", 1) == 1);
  for (i = 0; i < CLIENTS; i++) {
    client_send(clients[i], "42[\"e\",2]");
    client_expect(clients[i], "42[\"back\",2]");
  }
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  for (i = 0; i < CLIENTS; i++) client_close(clients[i]);
  stop();
  close(gate[0]);
  close(gate[1]);
}

/* ------------------------------------------ clients that send, a host that does not poll */

static size_t messages, bytes_seen;
static int out_of_order;
static void count_message(const bw_event *ev, void *user) {
  char number[32];
  const size_t n = ev->args.len < 31 ? ev->args.len : 31;
  (void)user;
  memcpy(number, ev->args.data, n);
  number[n] = '\0';
  if ((size_t)strtoul(number + 1, NULL, 10) != messages) out_of_order = 1;
  messages++;
  bytes_seen += ev->args.len;
}

static void a_client_sends_much_while_the_host_does_not_poll(void) {
  const size_t wanted = scaled(100 * 1000 * 1000), size = 16000;
  size_t sent = 0, n = 0, before, most = 0;
  char *packet = malloc(size + 64);
  int64_t idle_since;
  client *c;
  journal_start(&j);
  host_start(&h, "{\"pingInterval\":200,\"pingTimeout\":5000,\"engine\":{\"delivery\":\"polled\","
                 "\"pollQueueEvents\":100,\"pollQueueBytes\":1000000}}");
  j.polled = h.server;
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("m"), 0, count_message, NULL, NULL, NULL));
  messages = bytes_seen = 0;
  out_of_order = 0;
  c = join_host(&h, &j, NULL);
  before = resident_bytes();
  idle_since = now_ms();
  /* Sends until the engine stops reading, which it does when its queue is full. */
  while (sent < wanted && now_ms() - idle_since < 1000) {
    int len = snprintf(packet, 64, "42[\"m\",%zu,\"", n);
    memset(packet + len, 'x', size - (size_t)len);
    memcpy(packet + size, "\"]", 3);
    if (client_try_send(c, packet, size + 2)) {
      idle_since = now_ms();
      sent += size;
      n++;
    } else {
      wait_a_moment();
    }
    if (resident_bytes() > before + most) most = resident_bytes() - before;
  }
  if (most > 30u * 1000 * 1000) FAIL("%zu bytes more than before", most);
  if (wanted > 50u * 1000 * 1000) CHECK(sent < wanted); /* it stopped reading */
  CHECK_INT(0, (int64_t)messages);
  /* The host polls now, and gets all messages in order. */
  while (sent < wanted) {
    int len = snprintf(packet, 64, "42[\"m\",%zu,\"", n);
    memset(packet + len, 'x', size - (size_t)len);
    memcpy(packet + size, "\"]", 3);
    if (client_try_send(c, packet, size + 2)) {
      sent += size;
      n++;
    }
    CHECK(bw_server_poll(h.server, 0, 0) >= 0);
  }
  while (!client_flush(c)) CHECK(bw_server_poll(h.server, 0, 0) >= 0);
  EVENTUALLY(bw_server_poll(h.server, 0, 100) >= 0 && messages >= n);
  CHECK(!out_of_order);
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  free(packet);
  client_close(c);
  stop();
}

/* ------------------------------------------------ clients that do not read */

enum { BIG = 100000 };
static const char *big_args(void) {
  static char args[BIG + 8];
  if (!*args) {
    args[0] = '[';
    args[1] = '"';
    memset(args + 2, 'y', BIG);
    memcpy(args + 2 + BIG, "\"]", 3);
  }
  return args;
}

typedef struct slow_outcome {
  size_t ok, full, gone, most;
} slow_outcome;

static slow_outcome emit_to_a_slow_reader(const char *policy, uint32_t flags, size_t total) {
  char options[256];
  slow_outcome result = {0, 0, 0, 0};
  size_t i, before;
  client *c, *quick;
  bw_socket slow_id, quick_id;
  const bw_payload payload = bw_payload_of(BW_S("big"), bw_cstr(big_args()));
  const bw_message *msg = NULL;
  bw_target to;
  snprintf(options, sizeof options,
           "{\"engine\":{\"sendBufferPolicy\":\"%s\",\"sendBufferGrace\":0,\"sendBufferHigh\":2000000,"
           "\"sendBufferLow\":500000}}",
           policy);
  start(options);
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, echo, NULL, NULL, NULL));
  c = join_host(&h, &j, &slow_id);
  quick = join_host(&h, &j, &quick_id);
  OK(bw_message_new(&payload, &msg));
  to = bw_to(slow_id);
  to.flags = flags;
  before = resident_bytes();
  for (i = 0; i < total / BIG; i++) {
    /* Encodes the payload for each emit, as a program that does not share a message. */
    const bw_status status = bw_emit(&to, &payload);
    if (status == BW_OK)
      result.ok++;
    else if (status == BW_E_FULL)
      result.full++;
    else if (status == BW_E_GONE)
      result.gone++;
    else
      FAIL("%s", bw_status_name(status));
    if (i % 16 == 0 && resident_bytes() > before + result.most) result.most = resident_bytes() - before;
    if (i % 500 == 0) {
      client_send(quick, "42[\"e\",3]");
      client_expect(quick, "42[\"back\",3]");
    }
  }
  if (result.most > 40u * 1000 * 1000) FAIL("%zu bytes more than before", result.most);
  bw_message_release(&msg);
  client_close(c);
  client_close(quick);
  journal_wait(&j, BW_EV_DISCONNECT, 2);
  stop();
  return result;
}

static void a_slow_reader_with_errors(void) {
  const slow_outcome r = emit_to_a_slow_reader("error", 0, scaled(1000) * 1000 * 1000);
  CHECK(r.ok > 0 && r.gone == 0);
  if (scaled(1000) > 100) CHECK(r.full > 0);
}

static void a_slow_reader_with_drops(void) {
  const slow_outcome r = emit_to_a_slow_reader("drop", 0, scaled(1000) * 1000 * 1000);
  CHECK(r.full == 0 && r.gone == 0 && r.ok > 0);
}

static void a_slow_reader_that_is_disconnected(void) {
  const slow_outcome r = emit_to_a_slow_reader("disconnect", 0, scaled(1000) * 1000 * 1000);
  if (scaled(1000) > 100) CHECK(r.ok > 0 && r.gone > 0);
}

static void a_slow_reader_of_volatile_events(void) {
  const slow_outcome r = emit_to_a_slow_reader("error", BW_TO_VOLATILE, scaled(1000) * 1000 * 1000);
  CHECK(r.full == 0 && r.gone == 0 && r.ok > 0);
}

static atomic_size_t dropped;
static void count_dropped(const bw_event *ev, void *user) {
  (void)user;
  check_fields(ev);
  CHECK(ev->type == BW_EV_DROPPED && ev->socket && ev->code > 0);
  dropped += (size_t)ev->code;
}

/* After the flood, the slow reader gets every accepted message, and the host was told of the dropped ones. */
static void what_was_accepted_arrives(void) {
  size_t accepted = 0, got = 0, i, len;
  client *c;
  bw_socket id;
  bw_target to;
  const bw_payload payload = bw_payload_of(BW_S("big"), bw_cstr(big_args()));
  start("{\"engine\":{\"sendBufferGrace\":0,\"sendBufferHigh\":2000000,\"sendBufferLow\":500000}}");
  c = join_host(&h, &j, &id);
  journal_on(&j, id, BW_EV_DRAIN, "");
  dropped = 0;
  OK(bw_on(h.nsp, BW_EV_DROPPED, BW_S(""), 0, count_dropped, NULL, NULL, NULL));
  to = bw_to(id);
  for (i = 0; i < 300; i++) accepted += bw_emit(&to, &payload) == BW_OK;
  CHECK(accepted > 0);
  for (got = 0; got < accepted; got++) {
    const char *text = client_receive(c, &len);
    CHECK(text && len > BIG && strncmp(text, "42[\"big\",", 9) == 0);
  }
  if (accepted < 300) journal_wait(&j, BW_EV_DRAIN, 1);
  EVENTUALLY(dropped == 300 - accepted); /* the host is told once a second */
  OK(bw_socket_emit(id, BW_S("end"), BW_S("")));
  client_expect(c, "42[\"end\"]");
  client_close(c);
  stop();
}

/* A burst that is larger than sendBufferHigh: a client that reads gets all of it, with the default options. */
static void a_burst_arrives_whole(void) {
  enum { COUNT = 1000, SIZE = 10000 };
  static char args[SIZE + 64];
  size_t i, len;
  client *c;
  bw_socket id;
  bw_target all;
  start("{}");
  c = join_host(&h, &j, &id);
  all = bw_to(h.nsp);
  for (i = 0; i < COUNT; i++) {
    bw_payload payload;
    snprintf(args, sizeof args, "[%zu,\"%0*d\"]", i, SIZE, 0);
    payload = bw_payload_of(BW_S("big"), bw_cstr(args));
    OK(bw_emit(&all, &payload));
  }
  for (i = 0; i < COUNT; i++) {
    char head[32];
    const char *text = client_receive(c, &len);
    snprintf(head, sizeof head, "42[\"big\",%zu,", i);
    CHECK(text && len > SIZE && strncmp(text, head, strlen(head)) == 0);
  }
  client_close(c);
  stop();
}

NO_CHILDREN;
RUN(TEST(a_burst_arrives_whole), TEST(a_callback_that_blocks_for_ever),
    TEST(a_host_whose_every_thread_blocks), TEST(a_client_sends_much_while_the_host_does_not_poll),
    TEST(a_slow_reader_with_errors), TEST(a_slow_reader_with_drops), TEST(a_slow_reader_that_is_disconnected),
    TEST(a_slow_reader_of_volatile_events), TEST(what_was_accepted_arrives))
