/* Reading messages, writing arguments, and borrowed blobs. */
#include "host.h"

#include <math.h>

static const bw_message *make(const char *args) {
  const bw_payload payload = bw_payload_of(BW_S("name"), bw_cstr(args));
  const bw_message *msg = NULL;
  OK(bw_message_new(&payload, &msg));
  return msg;
}

static void pointers_into_arguments(void) {
  const bw_message *msg =
      make("[{\"pos\":{\"x\":1.5,\"y\":-7},\"a/b\":1,\"m~n\":2,\"\":3,\"s\":\"\\u00e9\\n\"},"
           "[true,null,\"two\"],9007199254740993,1e300]");
  bw_value v;
  bw_str view;
  OK(bw_message_get(msg, BW_S(""), &v, sizeof v));
  CHECK_INT(BW_V_ARRAY, v.type);
  CHECK_INT(4, (int64_t)v.n);
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/"), &v, sizeof v));
  CHECK_INT(0, v.type);
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/-"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/01"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/4"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/99999999999999999999999"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/0/none"), &v, sizeof v));
  STATUS(BW_E_NOT_FOUND, bw_message_get(msg, BW_S("/2/x"), &v, sizeof v));
  STATUS(BW_E_ARG, bw_message_get(msg, BW_S("0"), &v, sizeof v));
  STATUS(BW_E_ARG, bw_message_get(msg, BW_S("/0/~2"), &v, sizeof v));
  STATUS(BW_E_ARG, bw_message_get(msg, BW_S("/0/m~"), &v, sizeof v));
  STATUS(BW_E_UTF8, bw_message_get(msg, BW_S("/\xff"), &v, sizeof v));
  OK(bw_message_get(msg, BW_S("/0/pos/x"), &v, sizeof v));
  CHECK(v.type == BW_V_NUMBER && fabs(v.f - 1.5) < 1e-12);
  OK(bw_message_get(msg, BW_S("/0/pos/y"), &v, sizeof v));
  CHECK(v.type == BW_V_INT && v.i == -7);
  OK(bw_message_get(msg, BW_S("/0/a~1b"), &v, sizeof v));
  CHECK_INT(1, v.i);
  OK(bw_message_get(msg, BW_S("/0/m~0n"), &v, sizeof v));
  CHECK_INT(2, v.i);
  OK(bw_message_get(msg, BW_S("/0/"), &v, sizeof v));
  CHECK_INT(3, v.i);
  OK(bw_message_get(msg, BW_S("/0/s"), &v, sizeof v));
  CHECK(v.type == BW_V_STRING);
  CHECK_VIEW("\xc3\xa9\n", v.s);
  CHECK_VIEW("\"\\u00e9\\n\"", v.json);
  OK(bw_message_get(msg, BW_S("/1/0"), &v, sizeof v));
  CHECK(v.type == BW_V_BOOL && v.b == 1);
  OK(bw_message_get(msg, BW_S("/1/1"), &v, sizeof v));
  CHECK_INT(BW_V_NULL, v.type);
  OK(bw_message_get(msg, BW_S("/1"), &v, sizeof v));
  CHECK(v.type == BW_V_ARRAY && v.n == 3);
  OK(bw_message_get(msg, BW_S("/2"), &v, sizeof v));
  CHECK(v.type == BW_V_INT && v.i == 9007199254740993);
  OK(bw_message_get(msg, BW_S("/3"), &v, sizeof v));
  CHECK(v.type == BW_V_NUMBER && v.f > 9e299);
  OK(bw_message_name(msg, &view));
  CHECK_VIEW("name", view);
  bw_message_release(&msg);
}

static void counted_and_released(void) {
  const bw_message *msg = make("[\"kept\"]");
  const bw_message *copy = bw_message_retain(msg);
  bw_str view;
  CHECK(copy == msg);
  bw_message_release(&msg);
  OK(bw_message_args(copy, &view));
  CHECK_VIEW("[\"kept\"]", view);
  bw_message_release(&copy);
  bw_message_release(&copy);
}

/* A retained message remains valid after the callback. */
static const bw_message *_Atomic kept;
static void keep(const bw_event *ev, void *user) {
  (void)user;
  atomic_store(&kept, bw_message_retain(ev->message));
}

static void a_retained_event(void) {
  host h;
  journal j;
  client *c;
  bw_value v;
  bw_bytes bytes;
  bw_str view;
  const bw_message *msg;
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("e"), 0, keep, NULL, NULL, NULL));
  c = join_host(&h, &j, NULL);
  client_send(c, "451-[\"e\",{\"b\":{\"_placeholder\":true,\"num\":0}},\"t\\u0065xt\"]");
  client_send_binary(c, "bin\0ary", 7);
  EVENTUALLY(atomic_load(&kept) != NULL);
  client_close(c);
  host_stop(&h);
  msg = atomic_exchange(&kept, NULL);
  OK(bw_message_name(msg, &view));
  CHECK_VIEW("e", view);
  OK(bw_message_get(msg, BW_S("/1"), &v, sizeof v));
  CHECK_VIEW("text", v.s);
  OK(bw_message_get(msg, BW_S("/0/b"), &v, sizeof v));
  CHECK(v.type == BW_V_BINARY && v.bin.len == 7 && memcmp(v.bin.data, "bin\0ary", 7) == 0);
  OK(bw_message_bin(msg, 0, &bytes));
  CHECK(bytes.len == 7);
  STATUS(BW_E_NOT_FOUND, bw_message_bin(msg, 1, &bytes));
  CHECK(bytes.len == 0);
  STATUS(BW_E_NOT_FOUND, bw_message_bin(msg, SIZE_MAX, &bytes));
  bw_message_release(&msg);
  journal_end(&j);
}

/* -------------------------------------------------------------- the writer */

static void arguments_are_written(void) {
  bw_args *a = bw_args_new();
  bw_payload payload = BW_PAYLOAD_INIT;
  bw_args_null(a);
  bw_args_bool(a, 5);
  bw_args_int(a, INT64_MIN);
  bw_args_double(a, 0.5);
  bw_args_str(a, BW_S("q\"\\\n\x01\xc3\xa9"));
  bw_args_begin_object(a);
  bw_args_key(a, BW_S("k"));
  bw_args_begin_array(a);
  bw_args_json(a, BW_S("{\"x\":1}"));
  bw_args_end(a);
  bw_args_key(a, BW_S("b"));
  bw_args_bin(a, (bw_blob){"12", 2, NULL, NULL});
  bw_args_end(a);
  OK(bw_args_payload(a, BW_S("e"), &payload));
  CHECK_VIEW("[null,true,-9223372036854775808,0.5,\"q\\\"\\\\\\n\\u0001\xc3\xa9\","
             "{\"k\":[{\"x\":1}],\"b\":{\"_placeholder\":true,\"num\":0}}]",
             payload.args);
  CHECK_INT(1, (int64_t)payload.n_bins);
  CHECK_VIEW("e", payload.event);
  bw_args_clear(a);
  OK(bw_args_payload(a, BW_S("e"), &payload));
  CHECK_VIEW("[]", payload.args);
  CHECK_INT(0, (int64_t)payload.n_bins);
  bw_args_free(&a);
  CHECK(a == NULL);
}

static void key_outside(bw_args *a) { bw_args_key(a, BW_S("k")); }
static void end_too_often(bw_args *a) { bw_args_end(a); }
static void not_a_number(bw_args *a) { bw_args_double(a, (double)NAN); }
static void infinite(bw_args *a) { bw_args_double(a, -(double)INFINITY); }
static void not_utf8(bw_args *a) { bw_args_str(a, BW_S("\xff")); }
static void not_json(bw_args *a) { bw_args_json(a, BW_S("[1")); }
static void two_values(bw_args *a) { bw_args_json(a, BW_S("1,2")); }
static void value_without_key(bw_args *a) {
  bw_args_begin_object(a);
  bw_args_int(a, 1);
}
static void key_without_value(bw_args *a) {
  bw_args_begin_object(a);
  bw_args_key(a, BW_S("k"));
  bw_args_end(a);
}
static void two_keys(bw_args *a) {
  bw_args_begin_object(a);
  bw_args_key(a, BW_S("k"));
  bw_args_key(a, BW_S("k"));
}
static void array_for_key(bw_args *a) {
  bw_args_begin_array(a);
  bw_args_key(a, BW_S("k"));
}
static void too_deep(bw_args *a) {
  int i;
  for (i = 0; i < 100000; i++) bw_args_begin_array(a);
  for (i = 0; i < 100000; i++) bw_args_end(a);
}

static void the_first_error_of_a_writer_stays(void) {
  static const struct {
    void (*mistake)(bw_args *);
    bw_status status;
  } rows[] = {{key_outside, BW_E_STATE}, {end_too_often, BW_E_STATE},     {not_a_number, BW_E_ARG},
              {infinite, BW_E_ARG},      {not_utf8, BW_E_UTF8},           {not_json, BW_E_JSON},
              {two_values, BW_E_JSON},   {value_without_key, BW_E_STATE}, {key_without_value, BW_E_STATE},
              {two_keys, BW_E_STATE},    {array_for_key, BW_E_STATE},     {too_deep, BW_E_TOO_BIG}};
  size_t i;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    bw_args *a = bw_args_new();
    bw_payload payload = BW_PAYLOAD_INIT;
    atomic_int drops = 0;
    bw_status status;
    rows[i].mistake(a);
    /* Later calls have no effect, but the blobs that they get are freed. */
    bw_args_int(a, 1);
    bw_args_end(a);
    bw_args_end(a);
    bw_args_str(a, BW_S("\xff"));
    bw_args_json(a, BW_S("{"));
    bw_args_bin(a, (bw_blob){"x", 1, count_drop, &drops});
    CHECK_INT(1, atomic_load(&drops));
    status = bw_args_payload(a, BW_S("e"), &payload);
    if (status != rows[i].status) FAIL("row %zu: %s", i, bw_status_name(status));
    CHECK_INT(0, (int64_t)payload.args.len);
    bw_args_clear(a); /* a fresh start */
    bw_args_int(a, 1);
    OK(bw_args_payload(a, BW_S("e"), &payload));
    CHECK_VIEW("[1]", payload.args);
    bw_args_free(&a);
  }
}

static void an_unfinished_writer(void) {
  bw_args *a = bw_args_new();
  bw_payload payload = BW_PAYLOAD_INIT;
  bw_args_begin_object(a);
  STATUS(BW_E_STATE, bw_args_payload(a, BW_S("e"), &payload));
  bw_args_free(&a);
}

/* -------------------------------------------------------------- lent bytes */

static void lent_bytes_come_back_once(void) {
  static char bytes[] = "lent";
  host h;
  journal j;
  client *c;
  bw_socket socket;
  bw_target to;
  atomic_int drops = 0;
  size_t len;
  const bw_message *msg = NULL;
  bw_blob blob = {bytes, 4, count_drop, &drops};
  bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[{\"_placeholder\":true,\"num\":0}]"));
  bw_payload broken = bw_payload_of(BW_S("e"), BW_S("[1,"));
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  payload.bins = broken.bins = &blob;
  payload.n_bins = broken.n_bins = 1;

  OK(bw_emit(&to, &payload));
  client_expect_start(c, "451-[\"e\"");
  CHECK_STR("lent", client_receive(c, &len));
  EVENTUALLY(atomic_load(&drops) == 1);

  STATUS(BW_E_JSON, bw_emit(&to, &broken));
  CHECK_INT(2, atomic_load(&drops));
  STATUS(BW_E_JSON, bw_message_new(&broken, &msg));
  CHECK_INT(3, atomic_load(&drops));

  blob.len = 0; /* empty attachments are attachments */
  OK(bw_emit(&to, &payload));
  client_expect_start(c, "451-[\"e\"");
  client_receive(c, &len);
  CHECK(client_was_binary(c) && len == 0);
  EVENTUALLY(atomic_load(&drops) == 4);
  blob.data = NULL;
  OK(bw_emit(&to, &payload));
  client_expect_start(c, "451-[\"e\"");
  client_receive(c, &len);
  CHECK(client_was_binary(c) && len == 0);
  EVENTUALLY(atomic_load(&drops) == 5);
  blob.len = 4;
  STATUS(BW_E_ARG, bw_emit(&to, &payload));
  CHECK_INT(6, atomic_load(&drops));
  blob.data = bytes;

  payload.struct_size = 1;
  CHECK(bw_emit(&to, &payload) < 0); /* too short to have blobs */
  CHECK_INT(6, atomic_load(&drops));
  payload.struct_size = sizeof payload;

  OK(bw_message_new(&payload, &msg)); /* kept by the message */
  CHECK_INT(6, atomic_load(&drops));
  OK(bw_emit_message(&to, msg));
  client_expect_start(c, "451-[\"e\"");
  CHECK_STR("lent", client_receive(c, &len));
  CHECK_INT(6, atomic_load(&drops));
  bw_message_release(&msg);
  EVENTUALLY(atomic_load(&drops) == 7);

  client_close(c);
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  STATUS(BW_E_GONE, bw_emit(&to, &payload));
  CHECK_INT(8, atomic_load(&drops));
  host_stop(&h);
  STATUS(BW_E_GONE, bw_emit(&to, &payload));
  CHECK_INT(9, atomic_load(&drops));
  STATUS(BW_E_ARG, bw_emit(NULL, &payload));
  CHECK_INT(10, atomic_load(&drops));
  journal_end(&j);
}

static void a_writer_gives_back_what_it_was_lent(void) {
  bw_args *a = bw_args_new();
  atomic_int drops = 0;
  bw_args_bin(a, (bw_blob){"x", 1, count_drop, &drops});
  CHECK_INT(0, atomic_load(&drops));
  bw_args_clear(a);
  CHECK_INT(1, atomic_load(&drops));
  bw_args_bin(a, (bw_blob){"x", 1, count_drop, &drops});
  bw_args_free(&a);
  CHECK_INT(2, atomic_load(&drops));
  bw_args_bin(NULL, (bw_blob){"x", 1, count_drop, &drops});
  CHECK_INT(3, atomic_load(&drops));
}

NO_CHILDREN;
RUN(TEST(pointers_into_arguments), TEST(counted_and_released), TEST(a_retained_event),
    TEST(arguments_are_written), TEST(the_first_error_of_a_writer_stays), TEST(an_unfinished_writer),
    TEST(lent_bytes_come_back_once), TEST(a_writer_gives_back_what_it_was_lent))
