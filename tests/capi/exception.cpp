// C callbacks in C++: an exception that leaves a callback, and a server in a
// static object.  Each case is a child process.
#include "bellwire.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "client.h"
}

namespace {

bw_server start(bw_callback cb, uint16_t *port, int delivery) {
  bw_server server = 0;
  bw_nsp nsp = 0;
  bw_config *config = bw_config_new();
  if (!config || bw_config_set_int(config, BW_OPT_DELIVERY, delivery) != BW_OK) std::_Exit(60);
  if (bw_server_new(config, &server) != BW_OK || bw_nsp_get(server, BW_S("/"), &nsp) != BW_OK ||
      bw_on(nsp, BW_EV_CONNECTION, BW_S(""), 0, cb, nullptr, nullptr, nullptr) != BW_OK ||
      bw_server_listen_tcp(server, BW_S("127.0.0.1"), 0, port) != BW_OK)
    std::_Exit(61);
  bw_config_free(&config);
  return server;
}

void throws(const bw_event *, void *) { throw std::runtime_error("thrown by the test"); }
void nothing(const bw_event *, void *) {}

int throw_in(int delivery) {
  uint16_t port = 0;
  const bw_server server = start(throws, &port, delivery);
  client_send(client_open(port), "40");
  try {
    if (delivery == BW_DELIVER_POLLED)
      for (int i = 0; i < 1000; i++) (void)bw_server_poll(server, 0, 100);
    else
      sleep(20);
  } catch (const std::runtime_error &) {
    return 62; // it unwound through the library
  }
  return 63;
}

struct holder {
  bw_server server = 0;
  ~holder() {
    if (server && bw_server_free(&server) != BW_OK) std::_Exit(64);
  }
};

int static_object() {
  static holder h;
  uint16_t port = 0;
  h.server = start(nothing, &port, BW_DELIVER_THREADS);
  (void)client_connect(port, "/", nullptr);
  return 5;
}

struct outcome {
  int status;
  char errors[8192];
};

outcome run(const char *program, const char *part) {
  outcome result{};
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); // the child exits without cleaning up
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    alarm(60);
    execl(program, program, part, nullptr);
    std::_Exit(127);
  }
  close(ends[1]);
  size_t have = 0;
  for (;;) {
    const ssize_t got = read(ends[0], result.errors + have, sizeof result.errors - 1 - have);
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return result;
}

bool expect(const char *program, const char *part, int status, const char *words) {
  const outcome o = run(program, part);
  const bool good = o.status == status && std::strstr(o.errors, words);
  std::printf("%s ... %s\n", part, good ? "ok" : "FAILED");
  if (!good) std::fprintf(stderr, "%s: status %d, stderr: %s\n", part, o.status, o.errors);
  return good;
}

} // namespace

extern "C" {
#include "test.h"
extern const child_part child_parts[] = {{nullptr, nullptr}};
}

int main(int argc, char **argv) {
  const char *const part = argc > 1 ? argv[1] : "";
  if (!std::strcmp(part, "throw_in_threads")) return throw_in(BW_DELIVER_THREADS);
  if (!std::strcmp(part, "throw_in_poll")) return throw_in(BW_DELIVER_POLLED);
  if (!std::strcmp(part, "throw_inline")) return throw_in(BW_DELIVER_INLINE);
  if (!std::strcmp(part, "static_object")) return static_object();
  bool good = expect(argv[0], "throw_in_threads", -6, "callback");
  good &= expect(argv[0], "throw_in_poll", -6, "callback");
  good &= expect(argv[0], "throw_inline", -6, "callback");
  good &= expect(argv[0], "static_object", 5, "");
  if (good) std::printf("4 tests passed\n");
  return good ? 0 : 1;
}
