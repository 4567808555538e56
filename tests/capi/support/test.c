/* The test runner and the assertions. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ALARM_S = 240 };

static const char *program;
static const char *volatile current = "before the first test";

void fail(const char *file, int line, const char *format, ...) {
  va_list list;
  fprintf(stderr, "%s:%d: %s: ", file, line, current);
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fprintf(stderr, "\n");
  fflush(NULL);
  abort();
}

static void on_alarm(int number) {
  static const char words[] = "too slow: ";
  (void)number;
  (void)!write(2, words, sizeof words - 1);
  (void)!write(2, current, strlen(current));
  (void)!write(2, "\n", 1);
  abort();
}

static int chosen(int argc, char **argv, const char *name) {
  int i;
  for (i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc < 2;
}

int run_tests(int argc, char **argv, const test *tests, size_t n) {
  size_t i, run = 0;
  program = argv[0];
  if (argc == 3 && strcmp(argv[1], "--child") == 0) {
    const child_part *part = child_parts;
    current = argv[2];
    while (part->name && strcmp(part->name, argv[2]) != 0) part++;
    if (!part->name) FAIL("no such part: %s", argv[2]);
    return part->run();
  }
  signal(SIGALRM, on_alarm);
  signal(SIGPIPE, SIG_IGN);
  for (i = 0; i < n; i++) {
    const int64_t start = now_ms();
    if (!chosen(argc, argv, tests[i].name)) continue;
    current = tests[i].name;
    printf("%s ...", current);
    fflush(stdout);
    alarm(ALARM_S);
    tests[i].run();
    alarm(0);
    printf(" ok, %lld ms\n", (long long)(now_ms() - start));
    fflush(stdout);
    run++;
  }
  printf("%zu tests passed\n", run);
  return run ? 0 : 1;
}

void check_int(const char *file, int line, const char *what, int64_t expected, int64_t actual) {
  if (expected != actual)
    fail(file, line, "%s is %lld, not %lld", what, (long long)actual, (long long)expected);
}

void check_str(const char *file, int line, const char *what, const char *expected, const char *actual) {
  if (!actual || strcmp(expected, actual) != 0)
    fail(file, line, "%s is \"%s\", not \"%s\"", what, actual ? actual : "(null)", expected);
}

void check_view(const char *file, int line, const char *what, const char *expected, bw_str actual) {
  if (actual.len != strlen(expected) || (actual.len && memcmp(expected, actual.data, actual.len)))
    fail(file, line, "%s is \"%.*s\", not \"%s\"", what, (int)actual.len, actual.data ? actual.data : "",
         expected);
}

void check_status(const char *file, int line, const char *what, bw_status expected, bw_status actual) {
  if (expected != actual)
    fail(file, line, "%s: %s (%s), not %s", what, bw_status_name(actual), actual < 0 ? bw_last_error() : "",
         bw_status_name(expected));
  if (actual < 0) {
    if (bw_last_error_code() != actual)
      fail(file, line, "%s: the last error is %s", what, bw_status_name(bw_last_error_code()));
    if (!*bw_last_error()) fail(file, line, "%s: an error without words", what);
  }
}

void check_says(const char *file, int line, const char *text) {
  if (!strstr(bw_last_error(), text))
    fail(file, line, "the error is \"%s\", without \"%s\"", bw_last_error(), text);
}

size_t scaled(size_t rounds) {
  const char *text = getenv("CAPI_SLOWNESS");
  const size_t slowness = text ? (size_t)atol(text) : 1;
  const size_t left = slowness ? rounds / slowness : rounds;
  return left ? left : 1;
}

int memory_is_instrumented(void) {
#ifdef __SANITIZE_ADDRESS__
  return 1;
#else
  return scaled(1000) != 1000;
#endif
}

int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void wait_a_moment(void) {
  const struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL);
}

size_t resident_bytes(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long size = 0, resident = 0;
  if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2) FAIL("no statm");
  fclose(file);
  return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void take(int fd, char *errors, size_t size, size_t *have) {
  char piece[512];
  const ssize_t got = read(fd, piece, sizeof piece);
  size_t i;
  for (i = 0; errors && got > 0 && i < (size_t)got && *have + 1 < size; i++) errors[(*have)++] = piece[i];
}

int run_child(const char *part, int seconds, char *errors, size_t size) {
  const int64_t until = now_ms() + seconds * 1000;
  size_t have = 0;
  int ends[2], status = 0;
  pid_t child;
  fflush(NULL);
  if (pipe(ends) != 0) FAIL("pipe: %s", strerror(errno));
  child = fork();
  if (child < 0) FAIL("fork: %s", strerror(errno));
  if (child == 0) {
    const char *const arguments[] = {program, "--child", part, NULL};
    /* A child that exits early leaks memory. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    execv(program, (char *const *)(uintptr_t)arguments);
    _exit(127);
  }
  close(ends[1]);
  for (;;) {
    struct pollfd readable = {ends[0], POLLIN, 0};
    if (poll(&readable, 1, 20) > 0) take(ends[0], errors, size, &have);
    if (waitpid(child, &status, WNOHANG) == child) break;
    if (now_ms() > until) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      FAIL("the child %s did not end within %d s", part, seconds);
    }
  }
  for (;;) {
    struct pollfd readable = {ends[0], POLLIN, 0};
    const size_t before = have;
    if (poll(&readable, 1, 0) <= 0 || !(readable.revents & POLLIN)) break;
    take(ends[0], errors, size, &have);
    if (have == before && have + 1 < size) break;
  }
  close(ends[0]);
  if (errors && size) errors[have] = '\0';
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
