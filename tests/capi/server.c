/* Listening, serving and closing: errors, and the ownership of descriptors. */
#include "host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static int tcp_socket(int listening, uint16_t *port) {
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0);
  if (listening) CHECK(listen(fd, 5) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
  *port = ntohs(at.sin_port);
  return fd;
}

static void addresses_are_checked(void) {
  host h;
  uint16_t taken, port = 7;
  const int other = tcp_socket(1, &taken);
  host_start(&h, NULL);
  STATUS(BW_E_ADDR_IN_USE, bw_server_listen_tcp(h.server, BW_S("127.0.0.1"), taken, &port));
  CHECK_INT(0, port);
  STATUS(BW_E_ARG, bw_server_listen_tcp(h.server, BW_S("no.such.host"), 0, NULL));
  STATUS(BW_E_ARG, bw_server_listen_tcp(h.server, BW_S("127.0.0.300"), 0, NULL));
  STATUS(BW_E_ARG, bw_server_listen_tcp(h.server, BW_S("127.0.0.1:80"), 0, NULL));
  CHECK(bw_server_listen_tcp(h.server, BW_S("192.0.2.1"), 0, NULL) < 0); /* not of this machine */
  OK(bw_server_listen_tcp(h.server, BW_S("localhost"), 0, &port));
  CHECK_INT(400, http_ask(port, "GET", "/socket.io/", NULL).status);
  CHECK_INT(400, http_ask(h.port, "GET", "/socket.io/", NULL).status);
  close(other);
  host_stop(&h);
}

/* Ports that only root may use, requested by another user. */
static int listen_on_port_80(void) {
  bw_server server = new_server(NULL);
  if (setuid(65534) != 0) return 3;
  STATUS(BW_E_ACCESS, bw_server_listen_tcp(server, BW_S("127.0.0.1"), 80, NULL));
  OK(bw_server_free(&server));
  return 0;
}

static void a_port_that_is_not_allowed(void) {
  FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
  int first = 1024;
  if (file) {
    CHECK(fscanf(file, "%d", &first) == 1);
    fclose(file);
  }
  /* Skipped if unprivileged users may bind port 80, or if this process cannot
   * change its user. */
  if (first <= 80 || geteuid() != 0) return;
  CHECK_INT(0, run_child("listen_on_port_80", 60, NULL, 0));
}

static void descriptors_that_do_not_listen_stay_ours(void) {
  host h;
  uint16_t port;
  int fd, ends[2];
  host_start(&h, NULL);
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, -1));
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, 99999));
  fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, fd));
  CHECK(is_open(fd));
  close(fd);
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, fd));
  CHECK(is_open(fd));
  close(fd);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, fd));
  CHECK(is_open(fd));
  close(fd);
  fd = tcp_socket(0, &port); /* bound, does not listen */
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, fd));
  CHECK(is_open(fd));
  close(fd);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  STATUS(BW_E_ARG, bw_server_listen_fd(h.server, ends[0]));
  CHECK(is_open(ends[0]) && is_open(ends[1]));
  close(ends[0]);
  close(ends[1]);
  fd = tcp_socket(1, &port);
  OK(bw_server_listen_fd(h.server, fd)); /* owned by the server now */
  CHECK_INT(400, http_ask(port, "GET", "/socket.io/", NULL).status);
  host_stop(&h);
  CHECK(!is_open(fd));
}

static void a_unix_socket(void) {
  host h;
  struct sockaddr_un to;
  struct stat info;
  char path[64], answer[64];
  char too_long[300];
  int fd;
  ssize_t got;
  static const char request[] = "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  snprintf(path, sizeof path, "/tmp/bellwire-capi-%d", (int)getpid());
  host_start(&h, NULL);
  memset(too_long, 'a', sizeof too_long - 1);
  too_long[0] = '/';
  too_long[sizeof too_long - 1] = '\0';
  CHECK(bw_server_listen_unix(h.server, bw_cstr(too_long), 0600) < 0);
  CHECK(bw_server_listen_unix(h.server, BW_S("/no/such/folder/x"), 0600) < 0);
  STATUS(BW_E_ARG, bw_server_listen_unix(h.server, BW_S(""), 0600));
  OK(bw_server_listen_unix(h.server, bw_cstr(path), 0600));
  CHECK(stat(path, &info) == 0);
  CHECK_INT(0600, info.st_mode & 0777);
  STATUS(BW_E_ADDR_IN_USE, bw_server_listen_unix(h.server, bw_cstr(path), 0600));
  memset(&to, 0, sizeof to);
  to.sun_family = AF_UNIX;
  strcpy(to.sun_path, path);
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
  CHECK(write(fd, request, sizeof request - 1) > 0);
  got = read(fd, answer, sizeof answer - 1);
  CHECK(got > 12);
  answer[got] = '\0';
  CHECK(strncmp(answer, "HTTP/1.1 404", 12) == 0);
  close(fd);
  host_stop(&h);
  host_start(&h, NULL); /* a socket file of an ended server is replaced */
  OK(bw_server_listen_unix(h.server, bw_cstr(path), 0600));
  host_stop(&h);
  (void)unlink(path);
}

static void a_page_is_served(void) {
  static const char page[] = "<p>hello";
  const bw_bytes body = {(const uint8_t *)page, sizeof page - 1}, none = {NULL, 0};
  const bw_bytes impossible = {NULL, 5};
  http_answer answer;
  host h;
  host_start(&h, NULL);
  OK(bw_server_serve(h.server, BW_S("/"), BW_S("text/html"), body));
  answer = http_ask(h.port, "GET", "/", NULL);
  CHECK_INT(200, answer.status);
  CHECK_STR(page, answer.body);
  CHECK(strcasestr(answer.head, "content-type: text/html") != NULL);
  answer = http_ask(h.port, "HEAD", "/", NULL);
  CHECK_INT(200, answer.status);
  CHECK_STR("", answer.body);
  CHECK_INT(404, http_ask(h.port, "GET", "/other", NULL).status);
  STATUS(BW_E_ARG, bw_server_serve(h.server, BW_S("no-slash"), BW_S("text/html"), body));
  STATUS(BW_E_ARG, bw_server_serve(h.server, (bw_str){"/\0", 2}, BW_S("text/html"), body));
  STATUS(BW_E_ARG, bw_server_serve(h.server, BW_S("/x"), BW_S("a\r\nEvil: b"), body));
  STATUS(BW_E_ARG, bw_server_serve(h.server, BW_S("/x"), BW_S("text/html"), impossible));
  OK(bw_server_serve(h.server, BW_S("/"), BW_S("text/html"), none)); /* removed */
  CHECK_INT(404, http_ask(h.port, "GET", "/", NULL).status);
  host_stop(&h);
}

static void ignore(const bw_event *ev, void *user) {
  (void)ev;
  (void)user;
}

static void after_close(void) {
  host h;
  journal j;
  client *c;
  bw_socket socket;
  bw_target to;
  bw_nsp nsp;
  bw_status status;
  atomic_int drops = 0;
  const bw_payload payload = bw_payload_of(BW_S("e"), BW_S("[]"));
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  journal_on(&j, h.server, BW_EV_SHUTDOWN, "");
  c = join_host(&h, &j, &socket);
  STATUS(BW_E_TIMEOUT, bw_server_wait(h.server, 20));
  OK(bw_server_close(h.server, 200));
  OK(bw_server_close(h.server, 200)); /* a second call is allowed */
  STATUS(BW_E_STATE, bw_server_listen_tcp(h.server, BW_S("127.0.0.1"), 0, NULL));
  client_expect_end(c);
  OK(bw_server_wait(h.server, PATIENCE_MS));
  journal_wait(&j, BW_EV_SHUTDOWN, 1);
  journal_wait(&j, BW_EV_DISCONNECT, 1);
  OK(bw_server_wait(h.server, 0));
  STATUS(BW_E_STATE, bw_server_listen_tcp(h.server, BW_S("127.0.0.1"), 0, NULL));
  status = bw_nsp_get(h.server, BW_S("/new"), &nsp);
  if (status != BW_E_CLOSED && status != BW_OK) FAIL("%s", bw_status_name(status));
  to = bw_to(h.nsp);
  status = bw_emit(&to, &payload);
  if (status != BW_E_CLOSED && status != BW_OK) FAIL("%s", bw_status_name(status));
  STATUS(BW_E_GONE, bw_socket_emit(socket, BW_S("e"), BW_S("[]")));
  status = bw_on(h.nsp, BW_EV_MESSAGE, BW_S("x"), 0, ignore, &drops, count_drop, NULL);
  if (status != BW_E_CLOSED && status != BW_OK) FAIL("%s", bw_status_name(status));
  client_close(c);
  host_stop(&h);
  CHECK_INT(1, atomic_load(&drops));
  journal_end(&j);
}

static void close_here(const bw_event *ev, void *user) {
  (void)user;
  OK(bw_server_close(ev->server, 200));
  OK(bw_server_close(ev->server, 100));
  STATUS(BW_E_DEADLOCK, bw_server_wait(ev->server, 0));
}

static void a_callback_may_close_its_server(void) {
  static const char *const options[] = {NULL, "{\"engine\":{\"delivery\":\"inline\"}}", POLLED};
  size_t i;
  for (i = 0; i < sizeof options / sizeof *options; i++) {
    host h;
    journal j;
    client *c;
    journal_start(&j);
    host_start(&h, options[i]);
    if (i == 2) j.polled = h.server;
    journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
    journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
    journal_on(&j, h.server, BW_EV_SHUTDOWN, "");
    OK(bw_on(h.nsp, BW_EV_MESSAGE, BW_S("close"), 0, close_here, NULL, NULL, NULL));
    c = join_host(&h, &j, NULL);
    client_send(c, "42[\"close\"]");
    journal_wait(&j, BW_EV_SHUTDOWN, 1);
    OK(bw_server_wait(h.server, PATIENCE_MS));
    CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
    client_expect_end(c);
    client_close(c);
    host_stop(&h);
    journal_end(&j);
  }
}

static void a_polled_server_polls_while_waiting(void) {
  host h;
  journal j;
  client *c;
  journal_start(&j);
  host_start(&h, POLLED);
  j.polled = h.server;
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  journal_on(&j, h.nsp, BW_EV_DISCONNECT, "");
  journal_on(&j, h.server, BW_EV_SHUTDOWN, "");
  c = join_host(&h, &j, NULL);
  STATUS(BW_E_TIMEOUT, bw_server_wait(h.server, 20));
  OK(bw_server_close(h.server, 200));
  OK(bw_server_wait(h.server, PATIENCE_MS));
  CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_DISCONNECT));
  CHECK_INT(1, (int64_t)journal_count(&j, BW_EV_SHUTDOWN));
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

/* When bw_server_wait returns, every event has been delivered. */
static atomic_int told;
static void tell_slowly(const bw_event *ev, void *user) {
  const int64_t until = now_ms() + 20;
  (void)ev;
  (void)user;
  while (now_ms() < until) wait_a_moment();
  atomic_fetch_add(&told, 1);
}

static void waiting_ends_when_everything_is_told(void) {
  static const char *const options[] = {"{\"engine\":{\"callbackThreads\":2}}",
                                        "{\"engine\":{\"delivery\":\"inline\"}}"};
  enum { CLIENTS = 8 };
  client *clients[CLIENTS];
  size_t round;
  int i;
  for (round = 0; round < 2 * sizeof options / sizeof *options; round++) {
    host h;
    host_start(&h, options[round / 2]);
    atomic_store(&told, 0);
    OK(bw_on(h.nsp, BW_EV_DISCONNECT, BW_S(""), 0, tell_slowly, NULL, NULL, NULL));
    OK(bw_on(h.nsp, BW_EV_ROOM_LEFT, BW_S(""), 0, tell_slowly, NULL, NULL, NULL));
    OK(bw_on(h.server, BW_EV_SHUTDOWN, BW_S(""), 0, tell_slowly, NULL, NULL, NULL));
    for (i = 0; i < CLIENTS; i++) clients[i] = client_connect(h.port, "/", NULL);
    OK(bw_server_close(h.server, 0));
    OK(bw_server_wait(h.server, PATIENCE_MS));
    /* The events of every client, of the room of its id, and of the end. */
    CHECK_INT(2 * CLIENTS + 1, atomic_load(&told));
    for (i = 0; i < CLIENTS; i++) client_close(clients[i]);
    host_stop(&h);
    CHECK_INT(2 * CLIENTS + 1, atomic_load(&told));
  }
}

static void many_servers_one_after_the_other(void) {
  size_t i;
  for (i = 0; i < scaled(50); i++) {
    host h;
    client *c;
    host_start(&h, i % 2 ? NULL : POLLED);
    c = client_connect(h.port, "/", NULL);
    host_stop(&h);
    client_close(c);
  }
}

static int entries_of(const char *folder) {
  DIR *dir = opendir(folder);
  int n = 0;
  CHECK(dir != NULL);
  while (readdir(dir)) n++;
  closedir(dir);
  return n;
}

static void begin_request(int fd, const char *text) {
  CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void a_server_leaves_no_thread_and_no_descriptor(void) {
  static const char *const deliveries[] = {"threads", "polled", "inline"};
  size_t i;
  for (i = 0; i < 6; i++) {
    /* Freed directly or after a graceful stop, with clients in every state. */
    const int threads = entries_of("/proc/self/task"), fds = entries_of("/proc/self/fd");
    char options[64];
    host h;
    client *joined, *open;
    int silent, half, unfinished;
    snprintf(options, sizeof options, "{\"engine\":{\"delivery\":\"%s\"}}", deliveries[i / 2]);
    host_start(&h, options);
    joined = client_connect(h.port, "/", NULL);
    open = client_open(h.port);
    silent = tcp_connect(h.port);
    half = tcp_connect(h.port);
    begin_request(half, "GET /socket.io/?EIO=4");
    unfinished = tcp_connect(h.port);
    begin_request(unfinished, "POST /socket.io/ HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
    CHECK(entries_of("/proc/self/task") > threads);
    if (i % 2) {
      OK(bw_server_close(h.server, 50));
      OK(bw_server_wait(h.server, PATIENCE_MS));
    }
    host_stop(&h);
    client_close(joined);
    client_close(open);
    close(silent);
    close(half);
    close(unfinished);
    /* The kernel may list a thread for a short time after it was joined. */
    EVENTUALLY(entries_of("/proc/self/task") == threads);
    CHECK_INT(fds, entries_of("/proc/self/fd"));
  }
}

static void numbers_and_metrics(void) {
  host h;
  journal j;
  client *c;
  int64_t n = 7;
  bw_buf text = {NULL, 0, NULL};
  journal_start(&j);
  host_start(&h, NULL);
  journal_on(&j, h.nsp, BW_EV_CONNECTION, "");
  c = join_host(&h, &j, NULL);
  OK(bw_server_stat(h.server, "clients_count", &n));
  CHECK_INT(1, n);
  STATUS(BW_E_NOT_FOUND, bw_server_stat(h.server, "no_such_number", &n));
  CHECK_INT(0, n);
  STATUS(BW_E_NOT_FOUND, bw_server_stat(h.server, "", &n));
  OK(bw_server_metrics(h.server, &text));
  CHECK(text.len > 0 && strlen(text.data) == text.len);
  CHECK(strstr(text.data, "# EOF") != NULL);
  bw_buf_free(&text);
  client_close(c);
  host_stop(&h);
  journal_end(&j);
}

const child_part child_parts[] = {{"listen_on_port_80", listen_on_port_80}, {NULL, NULL}};
RUN(TEST(addresses_are_checked), TEST(a_port_that_is_not_allowed),
    TEST(descriptors_that_do_not_listen_stay_ours), TEST(a_unix_socket), TEST(a_page_is_served),
    TEST(after_close), TEST(a_callback_may_close_its_server), TEST(a_polled_server_polls_while_waiting),
    TEST(waiting_ends_when_everything_is_told), TEST(many_servers_one_after_the_other),
    TEST(a_server_leaves_no_thread_and_no_descriptor), TEST(numbers_and_metrics))
