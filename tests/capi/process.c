/* fork, exit and failed allocations: a child must not use its parent's sockets,
 * and a program must be able to exit at any time. */
#include "host.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static host h;
static journal j;

/* ---------------------------------------------------------------------- fork */

/* The steps of a forked child. Its exit status is the step that failed. */
static int as_child(bw_socket socket) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  const bw_target to = bw_to(h.nsp);
  bw_server parents = h.server, server = 0;
  bw_config *config;
  bw_nsp nsp = 0;
  uint16_t port = 0;
  client *c;
  int64_t number;
  alarm(30);
  if (bw_emit(&to, &payload) != BW_E_FORKED) return 1;
  if (bw_socket_int(socket, BW_SK_CONNECTED, &number) != BW_E_FORKED) return 2;
  if (bw_server_close(parents, 0) != BW_E_FORKED) return 3;
  if (bw_server_wakeup(parents) != BW_E_FORKED) return 4;
  if (bw_server_free(&parents) != BW_E_FORKED) return 5;
  config = bw_config_new();
  if (!config || bw_server_new(config, &server) != BW_OK) return 6;
  bw_config_free(&config);
  if (server == h.server) return 7;
  if (bw_nsp_get(server, BW_S("/"), &nsp) != BW_OK) return 8;
  if (bw_server_listen_tcp(server, BW_S("127.0.0.1"), 0, &port) != BW_OK) return 9;
  c = client_connect(port, "/", NULL);
  client_close(c);
  if (bw_server_free(&server) != BW_OK) return 10;
  return 0;
}

static int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_child_of_a_running_server(void) {
  client *c;
  bw_socket socket;
  pid_t child;
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  journal_on(&j, h.nsp, BW_EV_MESSAGE, "");
  c = join_host(&h, &j, &socket);
  fflush(NULL);
  child = fork();
  if (child == 0) _exit(as_child(socket));
  CHECK_INT(0, wait_for(child));
  client_send(c, "42[\"still\"]");
  journal_wait(&j, BW_EV_MESSAGE, 1);
  OK(bw_socket_emit(socket, BW_S("here"), BW_S("")));
  client_expect(c, "42[\"here\"]");
  CHECK_INT(0, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  client_close(c);
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  host_stop(&h);
  journal_end(&j);
}

static atomic_int busy;
static void *emit_on(void *user) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[\"some text\"]"));
  const bw_str room = BW_S("r");
  (void)user;
  while (atomic_load(&busy)) {
    bw_target to = bw_to(h.nsp);
    bw_nsp nsp;
    (void)bw_emit(&to, &payload);
    (void)bw_join(&to, &room, 1);
    (void)bw_nsp_get(h.server, BW_S("/x"), &nsp);
    STATUS(BW_E_NAME, bw_nsp_get(h.server, BW_S("/a,b"), &nsp));
  }
  return NULL;
}

/* Other threads may hold any lock at the time of the fork. */
static void a_fork_while_others_hold_locks(void) {
  pthread_t threads[3];
  size_t i;
  host_start(&h, NULL);
  atomic_store(&busy, 1);
  for (i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, emit_on, NULL) == 0);
  for (i = 0; i < scaled(100); i++) {
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
      bw_server server = 0;
      bw_config *config;
      alarm(30);
      if (bw_server_wakeup(h.server) != BW_E_FORKED) _exit(1);
      if (i % 10) _exit(0);
#ifdef __SANITIZE_ADDRESS__
      _exit(0); /* its allocator does not survive a fork beside other threads */
#endif
      config = bw_config_new();
      if (!config || bw_server_new(config, &server) != BW_OK) _exit(2);
      bw_config_free(&config);
      if (bw_server_free(&server) != BW_OK) _exit(3);
      _exit(0);
    }
    CHECK_INT(0, wait_for(child));
  }
  atomic_store(&busy, 0);
  for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  host_stop(&h);
}

/* ---------------------------------------------------------------------- exit */

static void accept_status(bw_status status) {
  if (status != BW_OK && status != BW_E_CLOSED) _exit(70);
}
static void free_at_exit(void) { accept_status(bw_server_free(&h.server)); }
static void emit_at_exit(void) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  const bw_target to = bw_to(h.nsp);
  accept_status(bw_emit(&to, &payload));
}

static void free_forked_at_exit(void) {
  if (bw_server_free(&h.server) != BW_E_FORKED) _exit(71);
}

static int exit_in_main(void) {
  host_start(&h, NULL);
  (void)client_connect(h.port, "/", NULL);
  exit(5);
}
static int free_in_atexit(void) {
  atexit(free_at_exit);
  atexit(emit_at_exit);
  host_start(&h, NULL);
  (void)client_connect(h.port, "/", NULL);
  exit(5);
}
static int free_in_atexit_polled(void) {
  atexit(free_at_exit);
  host_start(&h, POLLED);
  (void)client_open(h.port);
  exit(5);
}
static void exit_now(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
  exit(5);
}
static int exit_in_a_callback(void) {
  host_start(&h, NULL);
  OK(bw_on(h.nsp, BW_EV_CONNECTION, BW_S(""), 0, exit_now, NULL, NULL, NULL));
  client_send(client_open(h.port), "40");
  for (;;) pause();
  return 1;
}
static int exit_in_a_polled_callback(void) {
  host_start(&h, POLLED);
  OK(bw_on(h.nsp, BW_EV_CONNECTION, BW_S(""), 0, exit_now, NULL, NULL, NULL));
  client_send(client_open(h.port), "40");
  for (;;) (void)bw_server_poll(h.server, 0, -1);
  return 1;
}
static int return_from_main(void) {
  host_start(&h, NULL);
  (void)client_connect(h.port, "/", NULL);
  return 5;
}
static void *emit_for_ever(void *user) {
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[\"some text\"]"));
  bw_target to = bw_to(h.nsp);
  (void)user;
  for (;;) (void)bw_emit(&to, &payload);
  return NULL;
}
static int exit_while_others_call(void) {
  pthread_t thread;
  size_t i;
  host_start(&h, NULL);
  (void)client_connect(h.port, "/", NULL);
  for (i = 0; i < 4; i++)
    if (pthread_create(&thread, NULL, emit_for_ever, NULL) != 0) return 1;
  for (i = 0; i < 20; i++) wait_a_moment();
  exit(5);
}
static int quick_exit_with_a_server(void) {
  host_start(&h, NULL);
  quick_exit(5);
}

/* exit() in a forked child: exit handlers of the parent must not hang. */
static int exit_after_fork(void) {
  pid_t child;
  atexit(free_forked_at_exit);
  host_start(&h, NULL);
  (void)client_connect(h.port, "/", NULL);
  fflush(NULL);
  child = fork();
  if (child == 0) exit(6);
  if (wait_for(child) != 6) return 1;
  OK(bw_server_free(&h.server));
  quick_exit(5);
}

static void ends(const char *part) {
  const int64_t began = now_ms();
  char errors[2048];
  const int status = run_child(part, 60, errors, sizeof errors);
  if (status != 5) FAIL("%s ended with %d: %s", part, status, errors);
  if (scaled(1000) == 1000 && now_ms() - began > 20000)
    FAIL("%s took %lld ms", part, (long long)(now_ms() - began));
}

static void a_program_may_end_at_any_moment(void) {
  ends("exit_in_main");
  ends("return_from_main");
  ends("free_in_atexit");
  ends("free_in_atexit_polled");
  ends("exit_in_a_callback");
  ends("exit_in_a_polled_callback");
  ends("exit_while_others_call");
  ends("quick_exit_with_a_server");
  ends("exit_after_fork");
}

/* -------------------------------------------------------------------- memory */

static size_t address_space(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (!file || fscanf(file, "%lu", &pages) != 1) FAIL("no statm");
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A failed allocation may end the process, but must not hang or corrupt it. */
static int little_memory(void) {
  enum { SIZE = 1000000 };
  static char args[SIZE + 8];
  const bw_message *kept[400];
  struct rlimit limit;
  size_t i, n = 0;
  const bw_payload payload = (host_start(&h, NULL), bw_payload_of(BW_S("e"), (bw_str){args, SIZE + 4}));
  memset(args, 'x', sizeof args);
  memcpy(args, "[\"", 2);
  memcpy(args + SIZE + 2, "\"]", 2);
  limit.rlim_cur = limit.rlim_max = address_space() + 100 * SIZE;
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
  for (i = 0; i < 400; i++) {
    const bw_message *msg = NULL;
    if (bw_message_new(&payload, &msg) == BW_OK) kept[n++] = msg;
  }
  for (i = 0; i < n; i++) bw_message_release(&kept[i]);
  OK(bw_server_free(&h.server));
  return 5;
}

#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes of addresses itself */
static void memory_that_ends(void) {
  char errors[4096];
  const int status = run_child("little_memory", 60, errors, sizeof errors);
  if (status != 5 && status != -SIGABRT) FAIL("ended with %d: %s", status, errors);
}
#define MEMORY_TESTS TEST(memory_that_ends)
#else
#define MEMORY_TESTS
#endif

const child_part child_parts[] = {{"exit_in_main", exit_in_main},
                                  {"return_from_main", return_from_main},
                                  {"free_in_atexit", free_in_atexit},
                                  {"free_in_atexit_polled", free_in_atexit_polled},
                                  {"exit_in_a_callback", exit_in_a_callback},
                                  {"exit_in_a_polled_callback", exit_in_a_polled_callback},
                                  {"exit_while_others_call", exit_while_others_call},
                                  {"quick_exit_with_a_server", quick_exit_with_a_server},
                                  {"exit_after_fork", exit_after_fork},
                                  {"little_memory", little_memory},
                                  {NULL, NULL}};
RUN(TEST(a_child_of_a_running_server), TEST(a_fork_while_others_hold_locks),
    TEST(a_program_may_end_at_any_moment), MEMORY_TESTS)
