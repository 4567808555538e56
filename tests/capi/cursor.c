/* Cursors, and relaying values with their attachments. */
#include "host.h"

#define PLACE(n) "{\"_placeholder\":true,\"num\":" #n "}"

static const bw_message *make(const char *args) {
  const bw_payload payload = bw_payload_of(BW_S("name"), bw_cstr(args));
  const bw_message *msg = NULL;
  OK(bw_message_new(&payload, &msg));
  return msg;
}

static void elements_and_members_come_in_order(void) {
  const bw_message *msg =
      make("[ [1 , \"a\\u0062\",{\"k\":[2,[3]]} ,null], {\"x\" : 1,\"\\u0079\":[],\"x\":2} ]");
  bw_cursor c, inner;
  bw_value v, w;
  bw_status s;
  size_t n = 0;
  for (s = bw_cursor_first(&c, msg, BW_S("/0"), &v, sizeof v); s == BW_OK;
       s = bw_cursor_next(&c, &v, sizeof v)) {
    CHECK_INT((int64_t)n, (int64_t)c.index);
    CHECK(c.type == BW_V_ARRAY && c.key.len == 0);
    if (n == 0) CHECK(v.type == BW_V_INT && v.i == 1);
    if (n == 1) CHECK_VIEW("ab", v.s);
    if (n == 2) {
      CHECK_INT(1, (int64_t)v.n);
      OK(bw_cursor_inside(&inner, &c, v.json, &w, sizeof w));
      CHECK_VIEW("k", inner.key);
      CHECK_VIEW("[2,[3]]", w.json);
      OK(bw_cursor_inside(&inner, &inner, w.json, &w, sizeof w)); /* the outer one may be the same */
      CHECK_INT(2, w.i);
      OK(bw_cursor_next(&inner, &w, sizeof w));
      CHECK_INT(BW_V_ARRAY, w.type);
      STATUS(BW_E_NOT_FOUND, bw_cursor_next(&inner, &w, sizeof w));
      CHECK_INT(0, w.type);
    }
    n++;
  }
  STATUS(BW_E_NOT_FOUND, s);
  CHECK_INT(4, (int64_t)n);
  STATUS(BW_E_NOT_FOUND, bw_cursor_next(&c, &v, sizeof v)); /* and again */

  OK(bw_cursor_first(&c, msg, BW_S("/1"), &v, sizeof v));
  CHECK_VIEW("x", c.key);
  CHECK_INT(1, v.i);
  OK(bw_cursor_next(&c, &v, sizeof v));
  CHECK_VIEW("y", c.key);
  OK(bw_cursor_next(&c, &v, sizeof v));
  CHECK_VIEW("x", c.key); /* a pointer finds the last one */
  CHECK_INT(2, v.i);
  CHECK_INT(2, (int64_t)c.index);
  STATUS(BW_E_NOT_FOUND, bw_cursor_next(&c, &v, sizeof v));
  bw_message_release(&msg);
}

static void what_cannot_be_walked(void) {
  const bw_message *msg = make("[[],{},5,\"x\"]"), *other = make("[[1]]");
  bw_cursor c, no_cursor;
  bw_value v;
  STATUS(BW_E_NOT_FOUND, bw_cursor_first(&c, msg, BW_S("/0"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_cursor_first(&c, msg, BW_S("/1"), &v, sizeof v));
  STATUS(BW_E_TYPE, bw_cursor_first(&c, msg, BW_S("/2"), &v, sizeof v));
  STATUS(BW_E_TYPE, bw_cursor_first(&c, msg, BW_S("/3"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_cursor_first(&c, msg, BW_S("/4"), &v, sizeof v));
  STATUS(BW_E_ARG, bw_cursor_first(&c, msg, BW_S("4"), &v, sizeof v));
  STATUS(BW_E_ABI, bw_cursor_first(&c, msg, BW_S(""), &v, 0));
  /* A text of another message, and a cursor that was not initialised. */
  OK(bw_cursor_first(&c, msg, BW_S(""), &v, sizeof v));
  OK(bw_message_get(other, BW_S("/0"), &v, sizeof v));
  STATUS(BW_E_ARG, bw_cursor_inside(&c, &c, v.json, &v, sizeof v));
  memset(&no_cursor, 0, sizeof no_cursor);
  STATUS(BW_E_NOT_FOUND, bw_cursor_next(&no_cursor, &v, sizeof v));
  STATUS(BW_E_ARG, bw_cursor_inside(&c, &no_cursor, BW_S("[1]"), &v, sizeof v));
  bw_message_release(&msg);
  bw_message_release(&other);
}

/* Each step continues at the end of the previous value, and does not search for
 * strings with escapes. */
static void a_walk_reads_everything_once(void) {
  enum { COUNT = 40000 };
  char *text = malloc(COUNT * 16 + 16), *at = text;
  const bw_message *msg;
  const char *end = NULL;
  bw_cursor c;
  bw_value v;
  bw_status s;
  size_t n = 0;
  int i;
  CHECK(text);
  at += sprintf(at, "[[");
  for (i = 0; i < COUNT; i++) at += sprintf(at, i % 2 ? "%s\"\\n%d\"" : "%s%d", i ? "," : "", i);
  sprintf(at, "]]");
  msg = make(text);
  for (s = bw_cursor_first(&c, msg, BW_S("/0"), &v, sizeof v); s == BW_OK;
       s = bw_cursor_next(&c, &v, sizeof v)) {
    if (end) CHECK(v.json.data == end + 1);
    end = v.json.data + v.json.len;
    CHECK(c.rest.data == end);
    if (n % 2)
      CHECK(v.type == BW_V_STRING && v.s.data[0] == '\n');
    else
      CHECK_INT((int64_t)n, v.i);
    n++;
  }
  CHECK_INT(COUNT, (int64_t)n);
  bw_message_release(&msg);
  free(text);
}

static bw_payload written(bw_args *a) {
  bw_payload p = BW_PAYLOAD_INIT;
  OK(bw_args_payload(a, BW_S("e"), &p));
  return p;
}

static void values_are_passed_on_with_their_binaries(void) {
  const bw_blob bins[] = {{"zero", 4, NULL, NULL}, {"one", 3, NULL, NULL}};
  bw_payload p = bw_payload_of(BW_S("e"), BW_S("[{\"a\":" PLACE(1) "}," PLACE(0) "]"));
  const bw_message *msg = NULL, *plain = make("[" PLACE(0) "," PLACE(99) "]"), *sent = NULL;
  bw_args *a = bw_args_new();
  bw_value v;
  p.bins = bins;
  p.n_bins = 2;
  OK(bw_message_new(&p, &msg));
  bw_args_bin(a, (bw_blob){"own", 3, NULL, NULL});
  bw_args_value(a, msg, BW_S("/0"));
  OK(bw_message_get(msg, BW_S("/1"), &v, sizeof v));
  bw_args_copy(a, msg, v.json);
  bw_args_value(a, msg, BW_S("/7"));
  p = written(a);
  CHECK_VIEW("[" PLACE(0) ",{\"a\":" PLACE(1) "}," PLACE(2) ",null]", p.args);
  CHECK_INT(3, (int64_t)p.n_bins);
  CHECK(!memcmp(p.bins[1].data, "one", 3) && !memcmp(p.bins[2].data, "zero", 4));
  CHECK_INT(BW_PAYLOAD_WRITTEN, (int64_t)p.flags);

  /* Data that looks like a placeholder is written unchanged, or without its mark
   * if it would stand for an attachment of the host. */
  bw_args_clear(a);
  bw_args_value(a, plain, BW_S(""));
  p = written(a);
  CHECK_VIEW("[[" PLACE(0) "," PLACE(99) "]]", p.args);
  bw_args_bin(a, (bw_blob){"own", 3, NULL, NULL});
  bw_args_json(a, BW_S("[" PLACE(1) "," PLACE(0) "]"));
  bw_args_copy(a, NULL, BW_S(PLACE(5)));
  p = written(a);
  CHECK_VIEW("[[{\"_placeholder\":null,\"num\":0}," PLACE(99) "]," PLACE(0) ",[" PLACE(
                 1) ",{\"_placeholder\":null,\"num\":0}]," PLACE(5) "]",
             p.args);
  OK(bw_message_new(&p, &sent));
  OK(bw_message_get(sent, BW_S("/3"), &v, sizeof v));
  CHECK_INT(BW_V_OBJECT, v.type);
  OK(bw_message_get(sent, BW_S("/1"), &v, sizeof v));
  CHECK_INT(BW_V_BINARY, v.type);
  /* Without BW_PAYLOAD_WRITTEN, the placeholders of the host are checked. */
  p.flags = 0;
  bw_message_release(&sent);
  STATUS(BW_E_PLACEHOLDER, bw_message_new(&p, &sent));
  p.flags = 2;
  STATUS(BW_E_ARG, bw_message_new(&p, &sent));

  bw_args_clear(a);
  bw_args_copy(a, msg, BW_S("[1"));
  STATUS(BW_E_JSON, bw_args_payload(a, BW_S("e"), &p));
  bw_args_clear(a);
  bw_args_value(a, msg, BW_S("0"));
  STATUS(BW_E_ARG, bw_args_payload(a, BW_S("e"), &p));
  bw_args_free(&a);
  bw_message_release(&msg);
  bw_message_release(&plain);
}

/* The unchanged arguments with other attachments. */
static atomic_int relays;
static void relay(const bw_event *ev, void *user) {
  const bw_blob own = {"own", 3, NULL, NULL};
  const bw_target to = bw_to(ev->socket);
  bw_payload p = bw_payload_of(BW_S("back"), ev->args);
  bw_value v;
  bw_cursor c;
  (void)user;
  p.bins = &own;
  p.n_bins = 1;
  if (ev->n_bins)
    OK(bw_emit(&to, &p)); /* one for one */
  else
    STATUS(BW_E_PLACEHOLDER, bw_emit(&to, &p));
  OK(bw_cursor_first(&c, ev->message, BW_S(""), &v, sizeof v));
  CHECK_INT(ev->n_bins ? BW_V_BINARY : BW_V_OBJECT, v.type);
  atomic_fetch_add(&relays, 1);
}

static void a_clients_data_is_not_given_our_binaries(void) {
  host h;
  client *c;
  size_t len;
  host_start(&h, NULL);
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, relay, NULL, NULL, NULL));
  c = client_connect(h.port, "/", NULL);
  client_send(c, "42[\"e\"," PLACE(0) "]");
  client_send(c, "451-[\"e\"," PLACE(0) "]");
  client_send_binary(c, "theirs", 6);
  client_expect(c, "451-[\"back\"," PLACE(0) "]");
  CHECK_STR("own", client_receive(c, &len));
  EVENTUALLY(atomic_load(&relays) == 2);
  client_close(c);
  host_stop(&h);
}

static void auth_is_walked(void) {
  host h;
  journal j;
  client *c;
  bw_socket socket;
  const bw_handshake *hs = NULL;
  bw_cursor at;
  bw_value v;
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  c = client_open(h.port);
  client_send(c, "40{\"roles\":[\"a\",{\"b\\u0063\":[1]}]}");
  socket = journal_wait(&j, BW_EV_CONNECTION, 1).socket;
  OK(bw_socket_handshake(socket, &hs));
  OK(bw_cursor_auth(&at, hs, BW_S("/roles"), &v, sizeof v));
  CHECK_VIEW("a", v.s);
  OK(bw_cursor_next(&at, &v, sizeof v));
  OK(bw_cursor_inside(&at, &at, v.json, &v, sizeof v));
  CHECK_VIEW("bc", at.key);
  STATUS(BW_E_NOT_FOUND, bw_cursor_next(&at, &v, sizeof v));
  bw_handshake_release(&hs);
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

static void mistakes_can_be_allowed(void) {
  bw_args *a = bw_args_new();
  bw_payload p;
  OK(bw_args_allow(a, BW_ARGS_REPLACE_TEXT | BW_ARGS_NULL_NUMBERS));
  bw_args_double(a, strtod("nan", NULL));
  bw_args_double(a, strtod("-inf", NULL));
  bw_args_str(a, BW_S("cut \xf0\x9f\x98"));
  bw_args_begin_object(a);
  bw_args_key(a, BW_S("\xff"));
  bw_args_uint(a, UINT64_MAX);
  bw_args_end(a);
  p = written(a);
  CHECK_VIEW("[null,null,\"cut \xef\xbf\xbd\",{\"\xef\xbf\xbd\":18446744073709551615}]", p.args);
  bw_args_clear(a); /* it stays allowed */
  bw_args_double(a, strtod("nan", NULL));
  p = written(a);
  CHECK_VIEW("[null]", p.args);
  OK(bw_args_allow(a, BW_ARGS_REPLACE_TEXT));
  bw_args_double(a, strtod("nan", NULL));
  STATUS(BW_E_ARG, bw_args_payload(a, BW_S("e"), &p));
  STATUS(BW_E_ARG, bw_args_allow(a, 4));
  bw_args_free(&a);
}

NO_CHILDREN;
RUN(TEST(elements_and_members_come_in_order), TEST(what_cannot_be_walked), TEST(a_walk_reads_everything_once),
    TEST(values_are_passed_on_with_their_binaries), TEST(a_clients_data_is_not_given_our_binaries),
    TEST(auth_is_walked), TEST(mistakes_can_be_allowed))
