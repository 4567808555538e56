/* Every event has the fields that the table in bellwire.h lists. */
#include "host.h"

#include <pthread.h>
#include <unistd.h>

enum { TYPES = 64 };

/* A thread that takes events with bw_server_next, checks them and answers questions. */
typedef struct taker {
  host h;
  pthread_t thread;
  atomic_int seen[TYPES];
  atomic_uint_fast64_t socket; /* of the last CONNECTION */
} taker;

static void *take(void *user) {
  taker *t = user;
  for (;;) {
    const struct bw_event *ev = NULL;
    const bw_status status = bw_server_next(t->h.server, -1, &ev);
    if (status == BW_E_CLOSED) return NULL;
    CHECK_INT(BW_OK, status);
    if (!ev) continue;
    check_fields(ev);
    CHECK(ev->type > 0 && ev->type < TYPES);
    if (ev->deferred) OK(bw_deferred_accept(ev->deferred));
    if (ev->ack) OK(bw_ack_json(ev->ack, BW_S("[]")));
    if (ev->type == BW_EV_CONNECTION) atomic_store(&t->socket, ev->socket);
    atomic_fetch_add(&t->seen[ev->type], 1);
  }
}

static void never(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
  FAIL("a callback ran inside bw_server_next");
}

static void taker_start(taker *t) {
  memset(t, 0, sizeof *t);
  host_start(&t->h, POLLED);
  CHECK(pthread_create(&t->thread, NULL, take, t) == 0);
}

static void taker_stop(taker *t) {
  OK(bw_server_close(t->h.server, 1000));
  pthread_join(t->thread, NULL);
  host_stop(&t->h);
}

static void await_event(taker *t, bw_event_type type) { EVENTUALLY(atomic_load(&t->seen[type]) > 0); }

/* A client that connects, sends, acknowledges, joins and leaves rooms, is refused once, and disconnects. */
static void live(taker *t) {
  const bw_payload payload = bw_payload_of(BW_S("ask"), BW_S("[1]"));
  const bw_str room = BW_S("room");
  const bw_message *msg = NULL;
  bw_target to;
  bw_nsp other;
  client *c = client_connect(t->h.port, "/", NULL);
  await_event(t, BW_EV_CONNECTION);
  OK(bw_nsp_get(t->h.server, BW_S("/other"), &other));
  client_send(c, "421[\"said\"]");
  client_expect(c, "431[]");
  to = bw_to(atomic_load(&t->socket));
  OK(bw_message_new(&payload, &msg));
  OK(bw_emit_ack(&to, msg, never, NULL, NULL, NULL)); /* to one socket */
  client_expect(c, "420[\"ask\",1]");
  client_send(c, "430[2]");
  OK(bw_join(&to, &room, 1));
  to = bw_to(t->h.nsp);
  to.timeout_ms = PATIENCE_MS;
  OK(bw_emit_ack(&to, msg, never, NULL, NULL, NULL)); /* a broadcast */
  client_expect(c, "421[\"ask\",1]");
  client_send(c, "431[2]");
  EVENTUALLY(atomic_load(&t->seen[BW_EV_ACKED]) == 2);
  OK(bw_fetch_sockets(&to, never, NULL, NULL, NULL));
  await_event(t, BW_EV_SOCKETS);
  bw_message_release(&msg);
  CHECK_INT(400, http_ask(t->h.port, "GET", "/socket.io/?EIO=4&transport=none", NULL).status);
  client_close(c);
  await_event(t, BW_EV_DISCONNECT);
}

static void upgrade(taker *t) {
  const uint8_t probe[] = {0x81, 0x86, 0, 0, 0, 0, '2', 'p', 'r', 'o', 'b', 'e'};
  const uint8_t done[] = {0x81, 0x81, 0, 0, 0, 0, '5'};
  char sid[64], target[128], request[512], byte;
  size_t line = 0;
  int fd;
  const http_answer open = http_ask(t->h.port, "GET", "/socket.io/?EIO=4&transport=polling", NULL);
  CHECK(sscanf(open.body, "0{\"sid\":\"%63[^\"]", sid) == 1);
  snprintf(target, sizeof target, "/socket.io/?EIO=4&transport=polling&sid=%s", sid);
  CHECK_INT(200, http_ask(t->h.port, "POST", target, "40").status);
  fd = tcp_connect(t->h.port);
  snprintf(request, sizeof request,
           "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
           "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
           sid);
  CHECK(write(fd, request, strlen(request)) == (ssize_t)strlen(request));
  while (line < 4) { /* to the end of the head */
    CHECK(read(fd, &byte, 1) == 1);
    line = byte == "\r\n\r\n"[line] ? line + 1 : byte == '\r';
  }
  CHECK(write(fd, probe, sizeof probe) == sizeof probe);
  CHECK(read(fd, &byte, 1) == 1); /* the answer to the probe */
  CHECK(write(fd, done, sizeof done) == sizeof done);
  await_event(t, BW_EV_UPGRADE);
  close(fd);
}

static void without_listeners(void) {
  taker t;
  bw_event_type type;
  taker_start(&t);
  live(&t);
  taker_stop(&t);
  for (type = 1; type < TYPES; type++)
    if (atomic_load(&t.seen[type])) CHECK(!needs_listener(type));
  CHECK_INT(1, atomic_load(&t.seen[BW_EV_SHUTDOWN]));
}

static void with_listeners(void) {
  static const bw_event_type of_server[] = {BW_EV_ALLOW_REQUEST,    BW_EV_HEADERS, BW_EV_UPGRADE,
                                            BW_EV_CONNECTION_ERROR, BW_EV_DRAIN,   BW_EV_DROPPED,
                                            BW_EV_NEW_NAMESPACE,    BW_EV_FAULT};
  static const bw_event_type of_nsp[] = {BW_EV_MIDDLEWARE,   BW_EV_PACKET_MIDDLEWARE, BW_EV_OUTGOING,
                                         BW_EV_ROOM_CREATED, BW_EV_ROOM_DELETED,      BW_EV_ROOM_JOINED,
                                         BW_EV_ROOM_LEFT};
  taker t;
  size_t i;
  taker_start(&t);
  for (i = 0; i < sizeof of_server / sizeof *of_server; i++)
    OK(bw_on(t.h.server, of_server[i], BW_S(""), 0, never, NULL, NULL, NULL));
  for (i = 0; i < sizeof of_nsp / sizeof *of_nsp; i++)
    OK(bw_on(t.h.nsp, of_nsp[i], BW_S(""), 0, never, NULL, NULL, NULL));
  live(&t);
  upgrade(&t);
  taker_stop(&t);
  /* The tests of slow readers and of a lack of descriptors check DRAIN, DROPPED and FAULT. */
  for (i = 0; i < sizeof of_server / sizeof *of_server; i++) {
    const bw_event_type type = of_server[i];
    CHECK(needs_listener(type) == (type != BW_EV_FAULT));
    if (type != BW_EV_DRAIN && type != BW_EV_DROPPED && type != BW_EV_FAULT)
      CHECK(atomic_load(&t.seen[type]) > 0);
  }
  for (i = 0; i < sizeof of_nsp / sizeof *of_nsp; i++) {
    CHECK(needs_listener(of_nsp[i]));
    if (!atomic_load(&t.seen[of_nsp[i]])) FAIL("event %d did not happen", (int)of_nsp[i]);
  }
}

NO_CHILDREN;
RUN(TEST(without_listeners), TEST(with_listeners))
