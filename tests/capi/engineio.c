/* Plain Engine.IO: text and binary messages without Socket.IO. */
#include "host.h"

#define RAW "{\"path\":\"/engine.io\",\"engine\":{\"protocol\":\"engine.io\"}}"
static host h;
static journal j;

static void start(void) {
  journal_start(&j);
  host_start(&h, RAW);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
}
static void stop(void) {
  host_stop(&h);
  journal_end(&j);
}

static void texts_and_bytes(void) {
  client *c;
  bw_socket socket;
  bw_target to;
  entry e;
  size_t len;
  const char *got;
  start();
  c = client_open_at(h.port, "/engine.io/");
  socket = journal_wait(&j, BW_EV_CONNECTION, 1).socket;
  to = bw_to(socket);
  client_send(c, "4hello \"you\"");
  e = journal_wait(&j, BW_EV_MESSAGE, 1);
  CHECK_STR("hello \"you\"", e.args);
  CHECK_STR("", e.name);
  CHECK(e.flags & BW_EVF_TEXT);
  CHECK_INT(0, (int64_t)e.n_bins);
  client_send_binary(c, "\0\1\2", 3);
  e = journal_wait(&j, BW_EV_MESSAGE, 2);
  CHECK(e.flags & BW_EVF_HAS_BINARY);
  CHECK_INT(1, (int64_t)e.n_bins);
  OK(bw_send_text(&to, BW_S("any text [{")));
  client_expect(c, "4any text [{");
  OK(bw_send_text(&to, BW_S("")));
  client_expect(c, "4");
  OK(bw_send_binary(&to, (bw_blob){"\0\1", 2, NULL, NULL}));
  got = client_receive(c, &len);
  CHECK(client_was_binary(c) && len == 2 && memcmp(got, "\0\1", 2) == 0);
  client_close(c);
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  STATUS(BW_E_GONE, bw_send_text(&to, BW_S("x")));
  stop();
}

static void each_kind_of_server_its_own(void) {
  client *c;
  bw_socket socket;
  bw_target to;
  atomic_int drops = 0;
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  bw_nsp nsp;
  host other;
  start();
  c = client_open_at(h.port, "/engine.io/");
  socket = journal_wait(&j, BW_EV_CONNECTION, 1).socket;
  to = bw_to(socket);
  STATUS(BW_E_STATE, bw_emit(&to, &payload));
  STATUS(BW_E_STATE, bw_socket_emit(socket, BW_S("e"), BW_S("[]")));
  CHECK(bw_nsp_get(h.server, BW_S("/other"), &nsp) < 0);
  STATUS(BW_E_UTF8, bw_send_text(&to, BW_S("\xff")));
  STATUS(BW_E_ARG, bw_send_text(NULL, BW_S("x")));
  STATUS(BW_E_ARG, bw_send_binary(NULL, (bw_blob){"x", 1, count_drop, &drops}));
  CHECK_INT(1, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_send_binary(&to, (bw_blob){NULL, 5, count_drop, &drops}));
  CHECK_INT(2, atomic_load(&drops));
  host_start(&other, NULL);
  to = bw_to(other.nsp);
  STATUS(BW_E_STATE, bw_send_text(&to, BW_S("x")));
  STATUS(BW_E_STATE, bw_send_binary(&to, (bw_blob){"x", 1, count_drop, &drops}));
  CHECK_INT(3, atomic_load(&drops));
  host_stop(&other);
  client_close(c);
  stop();
}

/* A text message is not JSON, so it was not validated when it arrived. */
struct relay {
  bw_target to;
  atomic_int status;
};
static void relay_as_arguments(const bw_event *ev, void *user) {
  struct relay *relay = user;
  bw_payload payload = bw_payload_of(BW_S("relayed"), ev->args);
  atomic_store(&relay->status, bw_emit(&relay->to, &payload));
}
static void a_text_is_not_checked_arguments(void) {
  static const char *const options[] = {
      RAW, "{\"path\":\"/engine.io\",\"engine\":{\"protocol\":\"engine.io\",\"delivery\":\"inline\"}}"};
  size_t i;
  for (i = 0; i < 2; i++) {
    host socketio;
    struct relay relay;
    client *c;
    host_start(&socketio, NULL);
    relay.to = bw_to(socketio.nsp);
    atomic_init(&relay.status, 1);
    host_start(&h, options[i]);
    OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S(""), 0, relay_as_arguments, &relay, NULL, NULL));
    c = client_open_at(h.port, "/engine.io/");
    client_send(c, "4[1,");
    EVENTUALLY(atomic_load(&relay.status) != 1);
    CHECK_INT(BW_E_JSON, atomic_exchange(&relay.status, 1));
    client_send(c, "4[1]");
    EVENTUALLY(atomic_load(&relay.status) != 1);
    CHECK_INT(BW_OK, atomic_load(&relay.status));
    client_close(c);
    host_stop(&h);
    host_stop(&socketio);
  }
}

NO_CHILDREN;
RUN(TEST(texts_and_bytes), TEST(each_kind_of_server_its_own), TEST(a_text_is_not_checked_arguments))
