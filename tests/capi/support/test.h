/*
 * Assertions and a runner for the C tests.  Each program prints the name of
  * every test before and after it; an alarm ends a test that hangs.
 */
#ifndef CAPI_TEST_H
#define CAPI_TEST_H

#include "bellwire.h"

#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test {
  const char *name;
  void (*run)(void);
} test;
#define TEST(fn) {#fn, fn}
#define RUN(...)                                                                                             \
  int main(int argc, char **argv) {                                                                          \
    static const test tests[] = {__VA_ARGS__};                                                               \
    return run_tests(argc, argv, tests, sizeof tests / sizeof *tests);                                       \
  }

/* Runs all tests, the tests that are named on the command line, or one child. */
int run_tests(int argc, char **argv, const test *tests, size_t n);

void fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) FAIL("%s", #condition);                                                                \
  } while (0)
#define CHECK_INT(expected, actual) check_int(__FILE__, __LINE__, #actual, (expected), (actual))
#define CHECK_STR(expected, actual) check_str(__FILE__, __LINE__, #actual, (expected), (actual))
#define CHECK_VIEW(expected, actual) check_view(__FILE__, __LINE__, #actual, (expected), (actual))
/* Asserts the status, and that an error has a message. */
#define STATUS(expected, call) check_status(__FILE__, __LINE__, #call, (expected), (call))
#define OK(call) STATUS(BW_OK, call)
/* Asserts that bw_last_error() contains this text. */
#define SAYS(text) check_says(__FILE__, __LINE__, (text))

void check_int(const char *file, int line, const char *what, int64_t expected, int64_t actual);
void check_str(const char *file, int line, const char *what, const char *expected, const char *actual);
void check_view(const char *file, int line, const char *what, const char *expected, bw_str actual);
void check_status(const char *file, int line, const char *what, bw_status expected, bw_status actual);
void check_says(const char *file, int line, const char *text);

/* A number of rounds, reduced under valgrind. */
size_t scaled(size_t rounds);

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);
/* Waits until the condition holds; checks it every millisecond. */
enum { PATIENCE_MS = 60000 };
#define EVENTUALLY(condition)                                                                                \
  do {                                                                                                       \
    const int64_t until_ = now_ms() + PATIENCE_MS;                                                           \
    while (!(condition)) {                                                                                   \
      if (now_ms() > until_) FAIL("it never came true: %s", #condition);                                     \
      wait_a_moment();                                                                                       \
    }                                                                                                        \
  } while (0)
void wait_a_moment(void);

/* Whether a sanitizer or valgrind keeps records of its own for each allocation. */
int memory_is_instrumented(void);

/* Resident memory of this process in bytes. */
size_t resident_bytes(void);

/* Runs the child of that name in a new process of this program. Returns its exit
 * status, or minus the signal that ended it. If errors is not NULL, stores the
 * output on stderr in it, NUL-terminated and truncated to the size. */
int run_child(const char *part, int seconds, char *errors, size_t size);
typedef struct child_part {
  const char *name;
  int (*run)(void);
} child_part;
/* The children of this program; ends with a name of NULL. */
extern const child_part child_parts[];
#define NO_CHILDREN const child_part child_parts[] = {{NULL, NULL}}

#endif
