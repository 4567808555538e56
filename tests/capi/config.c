/* Options: which values are refused, with which messages, and that no option changes then. */
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
  STATUS(BW_E_OPTION, bw_config_set_json(config, BW_S("{\"pingTimeout\":1000,\"pingIntervall\":5000}")));
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
  /* It accepts its own output. */
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

NO_CHILDREN;
RUN(TEST(another_header_is_refused), TEST(freeing_twice_does_nothing), TEST(numbers_are_checked),
    TEST(types_are_checked), TEST(json_is_all_or_nothing), TEST(json_comes_back),
    TEST(options_describe_themselves), TEST(a_config_is_copied),
    TEST(contradictions_are_refused_at_the_start))
