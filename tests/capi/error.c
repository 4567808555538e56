/* Statuses, error messages, versions and features. */
#include "host.h"

#include <pthread.h>

static const bw_status all[] = {
    BW_OK,        BW_E_ARG,         BW_E_HANDLE,  BW_E_STATE,     BW_E_REENTRANT, BW_E_DEADLOCK,
    BW_E_BUSY,    BW_E_ALREADY,     BW_E_ABI,     BW_E_OPTION,    BW_E_UTF8,      BW_E_JSON,
    BW_E_NAME,    BW_E_PLACEHOLDER, BW_E_TOO_BIG, BW_E_NOT_FOUND, BW_E_TYPE,      BW_E_GONE,
    BW_E_TIMEOUT, BW_E_CANCELLED,   BW_E_CLOSED,  BW_E_FORKED,    BW_E_FULL,      BW_E_UNSUPPORTED,
    BW_E_IO,      BW_E_ADDR_IN_USE, BW_E_ACCESS,  BW_E_INTERNAL,  BW_E_PANIC};

static void every_status_has_a_name_and_a_text(void) {
  size_t i, k;
  for (i = 0; i < sizeof all / sizeof *all; i++) {
    CHECK(strncmp(bw_status_name(all[i]), "BW_", 3) == 0);
    CHECK(strlen(bw_status_text(all[i])) > 1);
    for (k = 0; k < i; k++) CHECK(strcmp(bw_status_name(all[i]), bw_status_name(all[k])) != 0);
  }
  CHECK_STR("BW_OK", bw_status_name(BW_OK));
  CHECK_STR("BW_E_GONE", bw_status_name(BW_E_GONE));
}

static void unknown_statuses_have_words_too(void) {
  static const bw_status unknown[] = {1, 7, -17, -29, -1000, INT32_MIN, INT32_MAX};
  size_t i;
  for (i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    CHECK(bw_status_name(unknown[i]) != NULL && *bw_status_name(unknown[i]));
    CHECK(bw_status_text(unknown[i]) != NULL && *bw_status_text(unknown[i]));
  }
}

static void *fail_elsewhere(void *user) {
  (void)user;
  CHECK_INT(BW_OK, bw_last_error_code());
  STATUS(BW_E_HANDLE, bw_op_cancel(12345));
  return NULL;
}

static void the_last_error_belongs_to_its_thread(void) {
  pthread_t thread;
  bw_config *config;
  STATUS(BW_E_ARG, bw_server_new(NULL, NULL));
  CHECK(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
  pthread_join(thread, NULL);
  CHECK_INT(BW_E_ARG, bw_last_error_code());
  config = bw_config_new(); /* success does not clear it */
  CHECK(config != NULL);
  CHECK_INT(BW_E_ARG, bw_last_error_code());
  bw_config_free(&config);
}

static void the_library_is_the_headers(void) {
  CHECK_STR(BW_VERSION_STRING, bw_version());
  CHECK_INT(BW_VERSION_NUMBER, bw_version_number());
  CHECK_INT(BW_ABI_VERSION, bw_abi_version());
}

static void an_unknown_feature_is_not_there(void) {
  CHECK_INT(0, bw_has_feature("time travel"));
  CHECK_INT(0, bw_has_feature(""));
  CHECK_INT(0, bw_has_feature(NULL));
  CHECK_INT(1, bw_has_feature("unix"));
}

NO_CHILDREN;
RUN(TEST(every_status_has_a_name_and_a_text), TEST(unknown_statuses_have_words_too),
    TEST(the_last_error_belongs_to_its_thread), TEST(the_library_is_the_headers),
    TEST(an_unknown_feature_is_not_there))
