/* Invalid texts, JSON, names and attachments are refused. */
#include "host.h"

/* Overlong, truncated, surrogate, beyond Unicode, stray. */
static const char *const bad_utf8[] = {"\xc0\x80",     "\xc1\xbf",         "ab\xff", "\xe2\x82",
                                       "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",   "\xf0\x80\x80\xaf"};
enum { N_BAD = sizeof bad_utf8 / sizeof *bad_utf8 };

static host h;
static journal j;
static client *c;
static bw_socket socket_id;

static void start(void) {
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  c = join_host(&h, &j, &socket_id);
}
static void stop(void) {
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

static void ignore(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
}

static void invalid_utf8_in_every_text(void) {
  size_t i;
  bw_config *config = bw_config_new();
  const bw_handshake *hs = NULL;
  start();
  OK(bw_socket_handshake(socket_id, &hs));
  for (i = 0; i < N_BAD; i++) {
    const bw_str bad = bw_cstr(bad_utf8[i]);
    bw_payload payload = bw_payload_of(bad, BW_S("[]"));
    bw_target to = bw_to(socket_id);
    bw_nsp nsp;
    bw_socket other;
    const bw_message *msg = NULL;
    char text[32];
    bw_str args, name = BW_S("e");
    bw_args *writer = bw_args_new();
    const bw_bytes body = {(const uint8_t *)"x", 1};
    STATUS(BW_E_UTF8, bw_emit(&to, &payload));
    STATUS(BW_E_UTF8, bw_message_new(&payload, &msg));
    CHECK(msg == NULL);
    STATUS(BW_E_UTF8, bw_socket_emit(socket_id, bad, BW_S("[]")));
    snprintf(text, sizeof text, "[\"%s\"]", bad_utf8[i]);
    args = bw_cstr(text);
    payload = bw_payload_of(name, args);
    STATUS(BW_E_UTF8, bw_emit(&to, &payload));
    STATUS(BW_E_UTF8, bw_room_emit(h.nsp, BW_S("r"), name, args));
    STATUS(BW_E_UTF8, bw_room_emit(h.nsp, bad, name, BW_S("[]")));
    STATUS(BW_E_UTF8, bw_join(&to, &bad, 1));
    STATUS(BW_E_UTF8, bw_leave(&to, &bad, 1));
    to = bw_to_rooms(h.nsp, &bad, 1);
    STATUS(BW_E_UTF8, bw_disconnect(&to, 0));
    to = bw_to(h.nsp);
    to.except = &bad;
    to.n_except = 1;
    STATUS(BW_E_UTF8, bw_join(&to, &name, 1));
    STATUS(BW_E_UTF8, bw_nsp_get(h.server, bad, &nsp));
    STATUS(BW_E_UTF8, bw_socket_find(h.nsp, bad, &other));
    STATUS(BW_E_UTF8, bw_socket_data_set(socket_id, args));
    STATUS(BW_E_UTF8, bw_on(h.nsp, BW_EV_MESSAGE, bad, 0, ignore, NULL, NULL, NULL));
    STATUS(BW_E_UTF8, bw_server_listen_tcp(h.server, bad, 0, NULL));
    STATUS(BW_E_UTF8, bw_server_serve(h.server, bad, name, body));
    STATUS(BW_E_UTF8, bw_config_set_json(config, args));
    bw_args_str(writer, bad);
    STATUS(BW_E_UTF8, bw_args_payload(writer, name, &payload));
    bw_args_free(&writer);
  }
  STATUS(BW_E_UTF8, bw_socket_data_set(socket_id, BW_S("[\"abc\xff\"]")));
  SAYS("5"); /* the offset of the byte */
  bw_handshake_release(&hs);
  bw_config_free(&config);
  client_expect_nothing(c, 50);
  stop();
}

static void refused(const char *args, bw_status status) {
  const bw_payload payload = bw_payload_of(BW_S("e"), bw_cstr(args));
  const bw_target to = bw_to(socket_id);
  const bw_message *msg = NULL;
  STATUS(status, bw_emit(&to, &payload));
  STATUS(status, bw_message_new(&payload, &msg));
  STATUS(status, bw_socket_emit(socket_id, BW_S("e"), bw_cstr(args)));
}

static void json_that_is_none(void) {
  static const char *const texts[] = {"{",        "[1,]",      "[NaN]",   "{\"a\":1}",   "[1] x",
                                      "\"text\"", "[",         "[\"a]",   "[01]",        "[1.]",
                                      "[.5]",     "[+1]",      "[tru]",   "[\"\\x\"]",   "['a']",
                                      "[1 2]",    "[{\"a\"}]", "[{a:1}]", "[\"\n\"]",    "\xef\xbb\xbf[1]",
                                      "null",     "[-]",       "[1e]",    "[\"\\u12\"]", "[//\n]",
                                      "[1]]",     ",",         "[,]"};
  char *deep = malloc(20001);
  size_t i;
  start();
  for (i = 0; i < sizeof texts / sizeof *texts; i++) refused(texts[i], BW_E_JSON);
  refused("[1,]", BW_E_JSON);
  SAYS("3");
  memset(deep, '[', 10000);
  memset(deep + 10000, ']', 10000);
  deep[20000] = '\0';
  refused(deep, BW_E_TOO_BIG);
  free(deep);
  client_expect_nothing(c, 50);
  OK(bw_socket_emit(socket_id, BW_S("e"), BW_S(""))); /* empty: no arguments */
  client_expect(c, "42[\"e\"]");
  OK(bw_socket_emit(socket_id, BW_S("e"), BW_S("[]")));
  client_expect(c, "42[\"e\"]");
  OK(bw_socket_emit(socket_id, BW_S("e"), BW_S(" [ 1 ] ")));
  client_expect_start(c, "42[\"e\",");
  stop();
}

static void a_lone_surrogate_escape_passes_and_is_read_as_u_fffd(void) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[\"\\ud800\"]"));
  const bw_target to = (start(), bw_to(socket_id));
  const bw_message *msg = NULL;
  bw_value value;
  OK(bw_emit(&to, &payload));
  client_expect(c, "42[\"e\",\"\\ud800\"]");
  OK(bw_message_new(&payload, &msg));
  OK(bw_message_get(msg, BW_S("/0"), &value, sizeof value));
  CHECK(value.s.len == 3 && memcmp(value.s.data, "\xEF\xBF\xBD", 3) == 0);
  bw_message_release(&msg);
  stop();
}

static void reserved_names(void) {
  static const char *const events[] = {"connect",       "connect_error", "disconnect",
                                       "disconnecting", "newListener",   "removeListener"};
  static const char *const namespaces[] = {"/a,b", "/a?b", "/,"};
  size_t i;
  bw_nsp nsp = 7;
  start();
  for (i = 0; i < sizeof events / sizeof *events; i++) {
    const bw_payload payload = bw_payload_of(bw_cstr(events[i]), BW_S("[]"));
    const bw_message *msg = NULL;
    STATUS(BW_E_NAME, bw_socket_emit(socket_id, bw_cstr(events[i]), BW_S("[]")));
    STATUS(BW_E_NAME, bw_message_new(&payload, &msg));
    STATUS(BW_E_NAME, bw_room_emit(h.nsp, BW_S("r"), bw_cstr(events[i]), BW_S("[]")));
  }
  for (i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    STATUS(BW_E_NAME, bw_nsp_get(h.server, bw_cstr(namespaces[i]), &nsp));
    CHECK_INT(0, (int64_t)nsp);
  }
  client_expect_nothing(c, 50);
  stop();
}

static void placeholders_and_attachments_must_match(void) {
  static const char two[] = "xy";
  const bw_blob blobs[] = {{two, 1, NULL, NULL}, {two + 1, 1, NULL, NULL}};
  bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[{\"_placeholder\":true,\"num\":1}]"));
  bw_target to;
  size_t len = 0;
  start();
  to = bw_to(socket_id);
  payload.bins = blobs;
  payload.n_bins = 1;
  STATUS(BW_E_PLACEHOLDER, bw_emit(&to, &payload)); /* out of range */
  payload.args = BW_S("[{\"_placeholder\":true,\"num\":0}]");
  payload.n_bins = 2;
  STATUS(BW_E_PLACEHOLDER, bw_emit(&to, &payload)); /* the second is not used */
  payload.args = BW_S("[]");
  payload.n_bins = 1;
  STATUS(BW_E_PLACEHOLDER, bw_emit(&to, &payload));
  payload.args = BW_S("[{\"_placeholder\":true,\"num\":-1}]");
  STATUS(BW_E_PLACEHOLDER, bw_emit(&to, &payload));
  client_expect_nothing(c, 50);
  payload.bins = NULL;
  payload.n_bins = 0;
  payload.args = BW_S("[{\"_placeholder\":true,\"num\":4}]"); /* plain data without binaries */
  OK(bw_emit(&to, &payload));
  client_expect(c, "42[\"e\",{\"_placeholder\":true,\"num\":4}]");
  payload.args = BW_S("[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
  payload.bins = blobs;
  payload.n_bins = 2;
  OK(bw_emit(&to, &payload));
  client_expect(c, "452-[\"e\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
  CHECK_STR("x", client_receive(c, &len));
  CHECK(client_was_binary(c) && len == 1);
  CHECK_STR("y", client_receive(c, &len));
  stop();
}

static void lengths_that_cannot_be(void) {
  const char *const text = "[]";
  bw_str huge, nowhere, empty;
  bw_payload payload;
  bw_target to;
  bw_blob blob = {text, SIZE_MAX, NULL, NULL};
  bw_nsp nsp;
  start();
  huge.data = text;
  huge.len = SIZE_MAX;
  nowhere.data = NULL;
  nowhere.len = 3;
  empty.data = text;
  empty.len = 0;
  to = bw_to(socket_id);
  STATUS(BW_E_TOO_BIG, bw_socket_emit(socket_id, BW_S("e"), huge));
  STATUS(BW_E_TOO_BIG, bw_socket_emit(socket_id, huge, BW_S("[]")));
  STATUS(BW_E_ARG, bw_socket_emit(socket_id, BW_S("e"), nowhere));
  STATUS(BW_E_ARG, bw_socket_emit(socket_id, nowhere, BW_S("[]")));
  STATUS(BW_E_TOO_BIG, bw_nsp_get(h.server, huge, &nsp));
  STATUS(BW_E_ARG, bw_nsp_get(h.server, nowhere, &nsp));
  STATUS(BW_E_TOO_BIG, bw_join(&to, &huge, 1));
  STATUS(BW_E_TOO_BIG, bw_join(&to, &empty, SIZE_MAX));
  STATUS(BW_E_TOO_BIG, bw_leave(&to, &empty, SIZE_MAX));
  payload = bw_payload_of(BW_S("e"), BW_S("[{\"_placeholder\":true,\"num\":0}]"));
  payload.bins = &blob;
  payload.n_bins = 1;
  STATUS(BW_E_TOO_BIG, bw_emit(&to, &payload));
  blob.data = NULL;
  blob.len = 3;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  payload.n_bins = SIZE_MAX;
  STATUS(BW_E_TOO_BIG, bw_emit(&to, &payload));
  payload.bins = NULL;
  payload.n_bins = 1;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  to = bw_to(h.nsp);
  to.rooms = &empty;
  to.n_rooms = SIZE_MAX;
  payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  STATUS(BW_E_TOO_BIG, bw_emit(&to, &payload));
  to.rooms = NULL;
  to.n_rooms = 1;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  client_expect_nothing(c, 50);
  OK(bw_socket_emit(socket_id, BW_S("e"), empty));
  client_expect(c, "42[\"e\"]");
  stop();
}

static void nul_and_line_ends(void) {
  const bw_str room = {"a\0b", 3};
  bw_target to;
  bw_list rooms = {NULL, 0, NULL};
  size_t i, found = 0;
  start();
  STATUS(BW_E_ARG, bw_server_listen_tcp(h.server, (bw_str){"127.0.0.1\0x", 11}, 0, NULL));
  STATUS(BW_E_ARG, bw_server_listen_unix(h.server, (bw_str){"/tmp/a\0b", 8}, 0600));
  to = bw_to(socket_id);
  OK(bw_join(&to, &room, 1)); /* the name of a room is any text */
  OK(bw_socket_rooms(socket_id, &rooms));
  for (i = 0; i < rooms.n; i++)
    found += rooms.items[i].len == 3 && memcmp(rooms.items[i].data, "a\0b", 3) == 0;
  CHECK_INT(1, (int64_t)found);
  bw_list_free(&rooms);
  CHECK(rooms.items == NULL && rooms.n == 0);
  bw_list_free(&rooms);
  stop();
}

NO_CHILDREN;
RUN(TEST(invalid_utf8_in_every_text), TEST(json_that_is_none),
    TEST(a_lone_surrogate_escape_passes_and_is_read_as_u_fffd), TEST(reserved_names),
    TEST(placeholders_and_attachments_must_match), TEST(lengths_that_cannot_be), TEST(nul_and_line_ends))
