/* Every pointer parameter as NULL, and every struct_size. */
#include "host.h"

static atomic_int drops;
static void drop(void *user) {
  (void)user;
  atomic_fetch_add(&drops, 1);
}
static void ignore(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
}

static const bw_message *message(void) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[1]"));
  const bw_message *msg = NULL;
  OK(bw_message_new(&payload, &msg));
  return msg;
}

static void null_is_an_error(void) {
  host h;
  journal j;
  client *c;
  bw_socket socket;
  const bw_handshake *hs = NULL;
  const bw_message *msg = message();
  const bw_message *no_message = NULL;
  bw_config *config = bw_config_new();
  bw_args *args = bw_args_new();
  bw_buf buf = {NULL, 0, NULL};
  bw_list list = {NULL, 0, NULL};
  bw_value value;
  bw_cursor cursor;
  bw_str view = {NULL, 0};
  bw_bytes bytes;
  bw_target to;
  bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  int64_t number;
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  c = join_host(&h, &j, &socket);
  to = bw_to(socket);
  OK(bw_socket_handshake(socket, &hs));

  STATUS(BW_E_ARG, bw_config_set_int(NULL, BW_OPT_PING_INTERVAL, 1));
  STATUS(BW_E_ARG, bw_config_set_str(NULL, BW_OPT_PATH, BW_S("/x")));
  STATUS(BW_E_ARG, bw_config_set_json(NULL, BW_S("{}")));
  STATUS(BW_E_ARG, bw_config_get_json(NULL, &buf));
  STATUS(BW_E_ARG, bw_config_get_json(config, NULL));
  STATUS(BW_E_ARG, bw_option_info_get(0, NULL, sizeof(bw_option_info)));
  STATUS(BW_E_ARG, bw_server_new(config, NULL));
  OK(bw_server_free(NULL));
  STATUS(BW_E_ARG, bw_server_metrics(h.server, NULL));
  STATUS(BW_E_ARG, bw_server_stat(h.server, NULL, &number));
  STATUS(BW_E_ARG, bw_server_stat(h.server, "clients_count", NULL));
  STATUS(BW_E_ARG, bw_server_poll_fd(h.server, NULL));
  STATUS(BW_E_ARG, bw_server_next(h.server, 0, NULL));
  STATUS(BW_E_ARG, bw_nsp_get(h.server, BW_S("/x"), NULL));
  STATUS(BW_E_ARG, bw_on(h.nsp, BW_EV_MESSAGE, BW_S("x"), 0, NULL, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_message_get(NULL, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_message_get(msg, BW_S(""), NULL, sizeof value));
  STATUS(BW_E_ARG, bw_message_name(NULL, &view));
  STATUS(BW_E_ARG, bw_message_name(msg, NULL));
  STATUS(BW_E_ARG, bw_message_args(NULL, &view));
  STATUS(BW_E_ARG, bw_message_args(msg, NULL));
  STATUS(BW_E_ARG, bw_message_bin(NULL, 0, &bytes));
  STATUS(BW_E_ARG, bw_message_bin(msg, 0, NULL));
  CHECK(bw_message_retain(NULL) == NULL);
  STATUS(BW_E_ARG, bw_message_new(NULL, &no_message));
  STATUS(BW_E_ARG, bw_message_new(&payload, NULL));
  STATUS(BW_E_ARG, bw_cursor_first(NULL, msg, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_first(&cursor, NULL, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_first(&cursor, msg, BW_S(""), NULL, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_auth(NULL, hs, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_auth(&cursor, NULL, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_auth(&cursor, hs, BW_S(""), NULL, sizeof value));
  OK(bw_cursor_first(&cursor, msg, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_inside(NULL, &cursor, value.json, &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_inside(&cursor, NULL, value.json, &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_inside(&cursor, &cursor, view, &value, sizeof value));
  OK(bw_cursor_first(&cursor, msg, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_next(NULL, &value, sizeof value));
  STATUS(BW_E_ARG, bw_cursor_next(&cursor, NULL, sizeof value));
  STATUS(BW_E_ARG, bw_args_allow(NULL, 0));
  STATUS(BW_E_ARG, bw_args_payload(NULL, BW_S("x"), &payload));
  STATUS(BW_E_ARG, bw_args_payload(args, BW_S("x"), NULL));
  STATUS(BW_E_ARG, bw_emit(NULL, &payload));
  payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  STATUS(BW_E_ARG, bw_emit(&to, NULL));
  STATUS(BW_E_ARG, bw_emit_message(NULL, msg));
  STATUS(BW_E_ARG, bw_emit_message(&to, NULL));
  STATUS(BW_E_ARG, bw_emit_ack(NULL, msg, ignore, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_emit_ack(&to, NULL, ignore, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_emit_ack(&to, msg, NULL, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_send_text(NULL, BW_S("x")));
  STATUS(BW_E_ARG, bw_send_binary(NULL, (bw_blob){NULL, 0, NULL, NULL}));
  STATUS(BW_E_ARG, bw_ack_send(1, NULL));
  CHECK_INT(0, bw_has_feature(NULL));
  OK(bw_log_set(BW_LOG_OFF, NULL, NULL, NULL)); /* no callback is called */
  STATUS(BW_E_ARG, bw_join(NULL, &payload.event, 1));
  STATUS(BW_E_ARG, bw_join(&to, NULL, 1));
  STATUS(BW_E_ARG, bw_leave(NULL, &payload.event, 1));
  STATUS(BW_E_ARG, bw_leave(&to, NULL, 1));
  STATUS(BW_E_ARG, bw_disconnect(NULL, 0));
  STATUS(BW_E_ARG, bw_fetch_sockets(NULL, ignore, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_fetch_sockets(&to, NULL, NULL, drop, NULL));
  STATUS(BW_E_ARG, bw_socket_find(h.nsp, BW_S("x"), NULL));
  STATUS(BW_E_ARG, bw_socket_int(socket, BW_SK_CONNECTED, NULL));
  STATUS(BW_E_ARG, bw_socket_rooms(socket, NULL));
  STATUS(BW_E_ARG, bw_socket_data_get(socket, NULL));
  STATUS(BW_E_ARG, bw_socket_user_get(socket, NULL));
  STATUS(BW_E_ARG, bw_socket_handshake(socket, NULL));
  OK(bw_socket_user_set(socket, NULL, NULL)); /* none */
  CHECK(bw_handshake_retain(NULL) == NULL);
  STATUS(BW_E_ARG, bw_handshake_str(NULL, BW_HS_SID, &view));
  STATUS(BW_E_ARG, bw_handshake_str(hs, BW_HS_SID, NULL));
  STATUS(BW_E_ARG, bw_handshake_int(NULL, BW_HS_SECURE, &number));
  STATUS(BW_E_ARG, bw_handshake_int(hs, BW_HS_SECURE, NULL));
  STATUS(BW_E_ARG, bw_handshake_header(NULL, BW_S("host"), &view));
  STATUS(BW_E_ARG, bw_handshake_header(hs, BW_S("host"), NULL));
  STATUS(BW_E_ARG, bw_handshake_query(NULL, BW_S("EIO"), &view));
  STATUS(BW_E_ARG, bw_handshake_query(hs, BW_S("EIO"), NULL));
  STATUS(BW_E_ARG, bw_handshake_auth(NULL, BW_S(""), &value, sizeof value));
  STATUS(BW_E_ARG, bw_handshake_auth(hs, BW_S(""), NULL, sizeof value));
  CHECK_INT(6, atomic_load(&drops)); /* each failed registration, once */

  bw_args_free(&args);
  bw_args_free(&args);
  bw_args_free(NULL);
  bw_args_clear(NULL);
  bw_args_null(NULL);
  bw_args_bool(NULL, 1);
  bw_args_int(NULL, 1);
  bw_args_double(NULL, 1);
  bw_args_str(NULL, BW_S("x"));
  bw_args_bin(NULL, (bw_blob){"x", 1, drop, NULL});
  CHECK_INT(7, atomic_load(&drops)); /* the blob is freed on an error too */
  bw_args_json(NULL, BW_S("1"));
  bw_args_uint(NULL, 1);
  bw_args_value(NULL, NULL, BW_S(""));
  bw_args_copy(NULL, NULL, BW_S("1"));
  bw_args_begin_object(NULL);
  bw_args_begin_array(NULL);
  bw_args_key(NULL, BW_S("x"));
  bw_args_end(NULL);
  bw_buf_free(NULL);
  bw_buf_free(&buf);
  bw_list_free(NULL);
  bw_list_free(&list);
  bw_config_free(&config);
  bw_message_release(&msg);
  CHECK(msg == NULL);
  bw_message_release(&msg);
  bw_message_release(NULL);
  bw_handshake_release(&hs);
  CHECK(hs == NULL);
  bw_handshake_release(&hs);
  bw_handshake_release(NULL);
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

static void what_is_optional_may_be_null(void) {
  host h;
  bw_server server = 0;
  OK(bw_server_new(NULL, &server)); /* the defaults */
  OK(bw_server_free(&server));
  host_start(&h, NULL);
  OK(bw_server_listen_tcp(h.server, BW_S("127.0.0.1"), 0, NULL));
  OK(bw_on(h.nsp, BW_EV_CONNECTION, BW_S(""), 0, ignore, NULL, NULL, NULL));
  host_stop(&h);
}

/* Sizes that are too short, in the middle of a field, exact, and longer with and without content. */
static void struct_sizes_are_checked(void) {
  host h;
  struct {
    bw_target known;
    uint64_t later;
  } to;
  struct {
    bw_payload known;
    uint64_t later;
  } payload;
  host_start(&h, NULL);
  memset(&to, 0, sizeof to);
  memset(&payload, 0, sizeof payload);
  payload.known = bw_payload_of(BW_S("e"), BW_S("[]"));
  to.known = bw_to(h.nsp);
  OK(bw_emit(&to.known, &payload.known));

  to.known.struct_size = 0;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  to.known.struct_size = 3;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  to.known.struct_size = sizeof to;
  OK(bw_emit(&to.known, &payload.known));
  to.later = 1;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  to.known = bw_to(h.nsp);

  payload.known.struct_size = 0;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  payload.known.struct_size = 3;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  payload.known.struct_size = sizeof payload;
  OK(bw_emit(&to.known, &payload.known));
  payload.later = 1;
  STATUS(BW_E_ABI, bw_emit(&to.known, &payload.known));
  host_stop(&h);
}

static void a_value_of_another_size(void) {
  const bw_message *msg = message();
  struct {
    bw_value known;
    uint8_t later[4096];
  } value;
  STATUS(BW_E_ABI, bw_message_get(msg, BW_S("/0"), &value.known, 0));
  memset(&value, 0xee, sizeof value);
  OK(bw_message_get(msg, BW_S("/0"), &value.known, 8)); /* only the beginning is written */
  CHECK_INT(BW_V_INT, value.known.type);
  CHECK_INT((int64_t)0xeeeeeeeeeeeeeeee, value.known.i);
  memset(&value, 0xee, sizeof value);
  OK(bw_message_get(msg, BW_S("/0"), &value.known, 4096)); /* the rest is zero */
  CHECK_INT(1, value.known.i);
  CHECK_INT(0, value.later[0]);
  CHECK_INT(0, value.later[4096 - sizeof value.known - 1]);
  CHECK_INT(0xee, value.later[4096 - sizeof value.known]);
  bw_message_release(&msg);
}

NO_CHILDREN;
RUN(TEST(null_is_an_error), TEST(what_is_optional_may_be_null), TEST(struct_sizes_are_checked),
    TEST(a_value_of_another_size))
