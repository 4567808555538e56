/* Options: what is refused, in which words, and that nothing changes then. */
#include "host.h"

static bw_config *fresh(void) {
  bw_config *config = bw_config_new();
  if (!config) FAIL("bw_config_new: %s", bw_last_error());
  return config;
}

static void expect_unchanged(const bw_config *config) {
  bw_config *other = fresh();
  bw_buf ours = {NULL, 0, NULL}, theirs = {NULL, 0, NULL};
  OK(bw_config_get_json(config, &ours));
  OK(bw_config_get_json(other, &theirs));
  CHECK_STR(theirs.data, ours.data);
  CHECK_INT((int64_t)strlen(ours.data), (int64_t)ours.len);
  bw_buf_free(&ours);
  bw_buf_free(&theirs);
  bw_config_free(&other);
}

static void another_header_is_refused(void) {
  CHECK(bw_config_new_checked(BW_ABI_VERSION + 1, BW_VERSION_NUMBER) == NULL);
  CHECK_INT(BW_E_ABI, bw_last_error_code());
  CHECK(*bw_last_error());
  CHECK(bw_config_new_checked(UINT32_MAX, UINT32_MAX) == NULL);
  CHECK_INT(BW_E_ABI, bw_last_error_code());
}

static void freeing_twice_does_nothing(void) {
  bw_config *config = fresh();
  bw_config_free(&config);
  CHECK(config == NULL);
  bw_config_free(&config);
  bw_config_free(NULL);
}

static void numbers_are_checked(void) {
  bw_config *config = fresh();
  STATUS(BW_E_OPTION, bw_config_set_int(config, 0, 1));
  STATUS(BW_E_OPTION, bw_config_set_int(config, 4000000000U, 1));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_PING_INTERVAL, -1));
  SAYS("pingInterval");
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_PING_INTERVAL, INT64_MAX));
  SAYS("pingInterval");
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_PING_INTERVAL, INT64_MIN));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_ALLOW_UPGRADES, 2));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_TRANSPORTS, 128));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_TRANSPORTS, 0));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_DELIVERY, 3));
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_SEND_BUFFER_POLICY, -1));
  expect_unchanged(config);
  OK(bw_config_set_int(config, BW_OPT_PING_INTERVAL, 1234));
  bw_config_free(&config);
}

static void types_are_checked(void) {
  bw_config *config = fresh();
  STATUS(BW_E_OPTION, bw_config_set_int(config, BW_OPT_PATH, 1));
  SAYS("path");
  STATUS(BW_E_OPTION, bw_config_set_str(config, BW_OPT_PING_INTERVAL, BW_S("soon")));
  SAYS("pingInterval");
  STATUS(BW_E_OPTION, bw_config_set_str(config, BW_OPT_PROTOCOL, BW_S("gopher")));
  STATUS(BW_E_UTF8, bw_config_set_str(config, BW_OPT_PATH, BW_S("/\xff")));
  expect_unchanged(config);
  OK(bw_config_set_str(config, BW_OPT_PATH, BW_S("/live")));
  bw_config_free(&config);
}

static void json_is_all_or_nothing(void) {
  bw_config *config = fresh();
  STATUS(BW_E_OPTION,
         bw_config_set_json(config, BW_S("{\"pingTimeout\":1000,\"pingIntervall\":5000}")));
  SAYS("pingIntervall");
  SAYS("pingInterval");
  STATUS(BW_E_OPTION, bw_config_set_json(config, BW_S("{\"engine\":{\"wokerThreads\":2}}")));
  SAYS("workerThreads");
  STATUS(BW_E_OPTION, bw_config_set_json(config, BW_S("{\"pingInterval\":\"5000\"}")));
  STATUS(BW_E_OPTION, bw_config_set_json(config, BW_S("{\"pingInterval\":-5}")));
  STATUS(BW_E_OPTION, bw_config_set_json(config, BW_S("{\"pingInterval\":1.5}")));
  STATUS(BW_E_JSON, bw_config_set_json(config, BW_S("{\"pingInterval\":5000")));
  STATUS(BW_E_UTF8, bw_config_set_json(config, BW_S("{\"path\":\"\xc0\xaf\"}")));
  CHECK(bw_config_set_json(config, BW_S("[]")) < 0);
  CHECK(bw_config_set_json(config, BW_S("")) < 0);
  expect_unchanged(config);
  bw_config_free(&config);
}

static void json_comes_back(void) {
  bw_config *config = fresh();
  bw_buf text = {NULL, 0, NULL};
  OK(bw_config_set_json(config, BW_S("{\"pingInterval\":4321,\"cors\":{\"origin\":\"https://a.example\"},"
                                     "\"engine\":{\"delivery\":\"polled\"}}")));
  OK(bw_config_get_json(config, &text));
  CHECK(strstr(text.data, "4321") != NULL);
  CHECK(strstr(text.data, "https://a.example") != NULL);
  CHECK(strstr(text.data, "polled") != NULL);
  /* What it prints, it reads. */
  {
    bw_config *second = fresh();
    bw_buf again = {NULL, 0, NULL};
    bw_str view;
    view.data = text.data;
    view.len = text.len;
    OK(bw_config_set_json(second, view));
    OK(bw_config_get_json(second, &again));
    CHECK_STR(text.data, again.data);
    bw_buf_free(&again);
    bw_config_free(&second);
  }
  bw_buf_free(&text);
  CHECK(text.data == NULL && text.len == 0);
  bw_buf_free(&text);
  bw_config_free(&config);
}

static void options_describe_themselves(void) {
  bw_option_info info;
  uint32_t i;
  int seen_ping = 0;
  for (i = 0;; i++) {
    const bw_status status = bw_option_info_get(i, &info, sizeof info);
    if (status == BW_E_NOT_FOUND) break;
    OK(status);
    CHECK(info.option != 0);
    CHECK(info.type >= BW_TYPE_BOOL && info.type <= BW_TYPE_JSON);
    CHECK(*info.name && info.default_text != NULL);
    if (info.option == BW_OPT_PING_INTERVAL) {
      seen_ping = 1;
      CHECK_STR("pingInterval", info.name);
      CHECK_STR("25000", info.default_text);
    }
  }
  CHECK(seen_ping && i > 30);
  STATUS(BW_E_NOT_FOUND, bw_option_info_get(UINT32_MAX, &info, sizeof info));
  STATUS(BW_E_ABI, bw_option_info_get(0, &info, 0));
}

static void a_config_is_copied(void) {
  bw_config *config = fresh();
  bw_server one = 0, two = 0;
  OK(bw_config_set_json(config, BW_S("{\"engine\":{\"workerThreads\":1}}")));
  OK(bw_server_new(config, &one));
  OK(bw_config_set_int(config, BW_OPT_PING_INTERVAL, 777));
  OK(bw_server_new(config, &two));
  bw_config_free(&config);
  CHECK(one != two);
  OK(bw_server_free(&one));
  OK(bw_server_free(&two));
}

static void contradictions_are_refused_at_the_start(void) {
  bw_config *config = fresh();
  bw_server server = 99;
  OK(bw_config_set_int(config, BW_OPT_SEND_BUFFER_HIGH, 1000));
  OK(bw_config_set_int(config, BW_OPT_SEND_BUFFER_LOW, 2000));
  STATUS(BW_E_OPTION, bw_server_new(config, &server));
  CHECK_INT(0, (int64_t)server);
  bw_config_free(&config);
}

/* ------------------------------------------------------------ generate_id */

typedef struct generator {
  int mode;
  atomic_int calls, drops;
} generator;

static size_t generate(char *buf, size_t cap, void *user) {
  generator *g = user;
  const int call = atomic_fetch_add(&g->calls, 1);
  int n;
  switch (g->mode) {
  case 0: return 0;
  case 1: return cap + 1;
  case 2: memcpy(buf, "with a space", 12); return 12;
  case 3: memcpy(buf, "always-the-same", 15); return 15;
  default:
    n = snprintf(buf, cap, "own-id-%d", call);
    return (size_t)n;
  }
}

static void drop_generator(void *user) { atomic_fetch_add(&((generator *)user)->drops, 1); }

static void start_with(generator *g, bw_server *server, uint16_t *port, journal *j) {
  bw_config *config = fresh();
  OK(bw_config_set_generate_id(config, generate, g, drop_generator));
  OK(bw_server_new(config, server));
  bw_config_free(&config);
  CHECK_INT(0, atomic_load(&g->drops)); /* the server still calls it */
  journal_on(j, *server, BW_EV_FAULT, "");
  OK(bw_server_listen_tcp(*server, BW_S("127.0.0.1"), 0, port));
}

static void own_ids_that_are_none_are_refused(void) {
  int mode;
  for (mode = 0; mode < 3; mode++) {
    generator g = {mode, 0, 0};
    bw_server server = 0;
    uint16_t port = 0;
    journal j;
    journal_start(&j);
    start_with(&g, &server, &port, &j);
    CHECK(client_open_at(port, "/socket.io/") == NULL);
    CHECK(http_ask(port, "GET", "/socket.io/?EIO=4&transport=polling", NULL).status >= 400);
    journal_wait(&j, BW_EV_FAULT, 1);
    OK(bw_server_free(&server));
    CHECK_INT(1, atomic_load(&g.drops));
    journal_end(&j);
  }
}

static void an_own_id_is_never_given_twice(void) {
  generator g = {3, 0, 0};
  bw_server server = 0;
  uint16_t port = 0;
  client *first;
  journal j;
  journal_start(&j);
  start_with(&g, &server, &port, &j);
  first = client_open(port);
  CHECK_STR("always-the-same", client_session(first));
  CHECK(client_open_at(port, "/socket.io/") == NULL);
  journal_wait(&j, BW_EV_FAULT, 1);
  client_send(first, "2probe"); /* the first is none the worse */
  client_close(first);
  OK(bw_server_free(&server));
  CHECK_INT(1, atomic_load(&g.drops));
  journal_end(&j);
}

static void own_ids_are_used(void) {
  generator g = {4, 0, 0};
  bw_server server = 0;
  uint16_t port = 0;
  client *one, *two;
  journal j;
  journal_start(&j);
  start_with(&g, &server, &port, &j);
  one = client_open(port);
  two = client_open(port);
  CHECK(strncmp(client_session(one), "own-id-", 7) == 0);
  CHECK(strcmp(client_session(one), client_session(two)) != 0);
  client_close(one);
  client_close(two);
  OK(bw_server_free(&server));
  CHECK_INT(1, atomic_load(&g.drops));
  journal_end(&j);
}

static void a_generator_without_a_server_is_dropped_once(void) {
  generator g = {4, 0, 0}, other = {4, 0, 0};
  bw_config *config = fresh();
  OK(bw_config_set_generate_id(config, generate, &g, drop_generator));
  OK(bw_config_set_generate_id(config, generate, &other, drop_generator));
  CHECK_INT(1, atomic_load(&g.drops));
  CHECK_INT(0, atomic_load(&other.drops));
  bw_config_free(&config);
  CHECK_INT(1, atomic_load(&other.drops));
  STATUS(BW_E_ARG, bw_config_set_generate_id(NULL, generate, &g, drop_generator));
  CHECK_INT(2, atomic_load(&g.drops));
}

NO_CHILDREN;
RUN(TEST(another_header_is_refused), TEST(freeing_twice_does_nothing), TEST(numbers_are_checked),
    TEST(types_are_checked), TEST(json_is_all_or_nothing), TEST(json_comes_back),
    TEST(options_describe_themselves), TEST(a_config_is_copied),
    TEST(contradictions_are_refused_at_the_start), TEST(own_ids_that_are_none_are_refused),
    TEST(an_own_id_is_never_given_twice), TEST(own_ids_are_used),
    TEST(a_generator_without_a_server_is_dropped_once))
