/* A small Socket.IO client; see client.h. */
#include "client.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
  int fd;
  int pongs;
  int binary;
  char session[64];
  char sid[64];
  uint8_t *in; /* what was read and not yet taken */
  size_t in_len, in_cap, taken;
  uint8_t *out; /* a frame of client_try_send under way */
  size_t out_len, out_sent;
  char *message;
};

int tcp_connect(uint16_t port) {
  struct sockaddr_in to;
  const int one = 1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
    FAIL("connect to %u: %s", (unsigned)port, strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void await(int fd, short what, const char *why) {
  struct pollfd p = {fd, what, 0};
  int n;
  do n = poll(&p, 1, PATIENCE_MS);
  while (n < 0 && errno == EINTR);
  if (n <= 0) FAIL("waited too long for %s", why);
}

/* Returns false if the peer has closed. */
static int write_all(int fd, const void *data, size_t len) {
  const uint8_t *at = data;
  while (len > 0) {
    ssize_t sent;
    await(fd, POLLOUT, "the server to read");
    sent = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (sent < 0) return 0;
    at += sent;
    len -= (size_t)sent;
  }
  return 1;
}

static void make_room(client *c, size_t want) {
  if (c->taken > 0) {
    memmove(c->in, c->in + c->taken, c->in_len - c->taken);
    c->in_len -= c->taken;
    c->taken = 0;
  }
  if (c->in_cap < c->in_len + want) {
    c->in_cap = (c->in_len + want) * 2;
    c->in = realloc(c->in, c->in_cap);
    if (!c->in) FAIL("no memory");
  }
}

/* Reads until `want` unused bytes are buffered. Returns 0 at the end of the stream. */
static int fill(client *c, size_t want) {
  while (c->in_len - c->taken < want) {
    ssize_t got;
    make_room(c, 65536);
    await(c->fd, POLLIN, "the server to write");
    got = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    c->in_len += (size_t)got;
  }
  return 1;
}

/* Header and payload in one allocation.  The mask is zero, which RFC 6455 allows. */
static uint8_t *frame(int opcode, const void *data, size_t len, size_t *out_len) {
  uint8_t *bytes = malloc(len + 14);
  size_t n = 2;
  if (!bytes) FAIL("no memory");
  bytes[0] = (uint8_t)(0x80 | opcode);
  if (len < 126) {
    bytes[1] = (uint8_t)(0x80 | len);
  } else if (len < 65536) {
    bytes[1] = 0x80 | 126;
    bytes[n++] = (uint8_t)(len >> 8);
    bytes[n++] = (uint8_t)len;
  } else {
    int shift;
    bytes[1] = 0x80 | 127;
    for (shift = 56; shift >= 0; shift -= 8) bytes[n++] = (uint8_t)((uint64_t)len >> shift);
  }
  memset(bytes + n, 0, 4);
  n += 4;
  if (len) memcpy(bytes + n, data, len);
  *out_len = n + len;
  return bytes;
}

static void send_frame(client *c, int opcode, const void *data, size_t len) {
  size_t n;
  uint8_t *bytes = frame(opcode, data, len, &n);
  (void)write_all(c->fd, bytes, n);
  free(bytes);
}

void client_send(client *c, const char *text) { send_frame(c, 1, text, strlen(text)); }

void client_send_binary(client *c, const void *data, size_t len) { send_frame(c, 2, data, len); }

int client_flush(client *c) {
  while (c->out) {
    const ssize_t sent =
        send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return 0;
    c->out_sent += (size_t)sent;
    if (c->out_sent < c->out_len) continue;
    free(c->out);
    c->out = NULL;
  }
  return 1;
}

int client_try_send(client *c, const char *text, size_t len) {
  if (!client_flush(c)) return 0;
  c->out = frame(1, text, len, &c->out_len);
  c->out_sent = 0;
  (void)client_flush(c);
  return 1;
}

static const char *receive_frame(client *c, size_t *len) {
  size_t n, head = 2;
  int opcode;
  const uint8_t *bytes;
  if (!fill(c, 2)) return NULL;
  bytes = c->in + c->taken;
  if (!(bytes[0] & 0x80)) FAIL("the server fragments");
  if (bytes[1] & 0x80) FAIL("the server masks");
  opcode = bytes[0] & 15;
  n = bytes[1];
  if (n == 126) head = 4;
  if (n == 127) head = 10;
  if (!fill(c, head)) return NULL;
  bytes = c->in + c->taken;
  if (head > 2) {
    size_t i;
    for (n = 0, i = 2; i < head; i++) n = n << 8 | bytes[i];
  }
  if (!fill(c, head + n)) return NULL;
  c->message = realloc(c->message, n + 1);
  if (!c->message) FAIL("no memory");
  memcpy(c->message, c->in + c->taken + head, n);
  c->message[n] = '\0';
  c->taken += head + n;
  c->binary = opcode == 2;
  *len = n;
  return opcode == 1 || opcode == 2 ? c->message : NULL;
}

const char *client_receive(client *c, size_t *len) {
  size_t n = 0;
  const char *text;
  for (;;) {
    text = receive_frame(c, &n);
    if (!text || c->binary || strcmp(text, "2") != 0) break;
    if (c->pongs) client_send(c, "3");
  }
  if (len) *len = n;
  return text;
}

int client_was_binary(const client *c) { return c->binary; }

void client_expect(client *c, const char *text) {
  const char *got = client_receive(c, NULL);
  if (!got || strcmp(got, text) != 0) FAIL("the client was sent %s, not %s", got ? got : "the end", text);
}

const char *client_expect_start(client *c, const char *start) {
  const char *got = client_receive(c, NULL);
  if (!got || strncmp(got, start, strlen(start)) != 0)
    FAIL("the client was sent %s, not %s...", got ? got : "the end", start);
  return got;
}

void client_expect_end(client *c) {
  while (client_receive(c, NULL)) continue;
}

void client_expect_nothing(client *c, int milliseconds) {
  const int64_t until = now_ms() + milliseconds;
  for (;;) {
    struct pollfd readable = {c->fd, POLLIN, 0};
    const int64_t left = until - now_ms();
    size_t n;
    const char *got;
    if (left <= 0) return;
    if (c->in_len == c->taken && poll(&readable, 1, (int)left) <= 0) return;
    got = receive_frame(c, &n);
    if (!got) FAIL("the connection has ended");
    if (strcmp(got, "2") != 0) FAIL("the client was sent %s", got);
    if (c->pongs) client_send(c, "3");
  }
}

void client_stop_pongs(client *c) { c->pongs = 0; }
int client_fd(const client *c) { return c->fd; }
const char *client_session(const client *c) { return c->session; }
const char *client_sid(const client *c) { return c->sid; }

static void copy_string(char *to, size_t size, const char *json, const char *key) {
  const char *at = strstr(json, key);
  size_t n = 0;
  if (!at) FAIL("no %s in %s", key, json);
  for (at += strlen(key); *at && *at != '"' && n + 1 < size; at++) to[n++] = *at;
  to[n] = '\0';
}

client *client_open_at(uint16_t port, const char *path) {
  char request[512];
  client *c = calloc(1, sizeof *c);
  if (!c) FAIL("no memory");
  c->fd = tcp_connect(port);
  c->pongs = 1;
  snprintf(request, sizeof request,
           "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Test: capi\r\n"
           "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
           path);
  if (!write_all(c->fd, request, strlen(request))) FAIL("the server closed early");
  for (;;) {
    const uint8_t *end;
    if (!fill(c, c->in_len - c->taken + 1)) {
      client_close(c);
      return NULL;
    }
    end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) continue;
    if (c->in_len < 12 || memcmp(c->in, "HTTP/1.1 101", 12) != 0) {
      client_close(c);
      return NULL;
    }
    c->taken = (size_t)(end - c->in) + 4;
    break;
  }
  copy_string(c->session, sizeof c->session, client_expect_start(c, "0{"), "\"sid\":\"");
  return c;
}

client *client_open(uint16_t port) {
  client *c = client_open_at(port, "/socket.io/");
  if (!c) FAIL("the server refused a session");
  return c;
}

void client_join(client *c, const char *nsp, const char *auth) {
  char packet[512], start[128];
  const int root = strcmp(nsp, "/") == 0;
  snprintf(packet, sizeof packet, "40%s%s%s", root ? "" : nsp, root ? "" : ",", auth ? auth : "");
  snprintf(start, sizeof start, "40%s%s{", root ? "" : nsp, root ? "" : ",");
  client_send(c, packet);
  copy_string(c->sid, sizeof c->sid, client_expect_start(c, start), "\"sid\":\"");
}

client *client_connect(uint16_t port, const char *nsp, const char *auth) {
  client *c = client_open(port);
  client_join(c, nsp, auth);
  return c;
}

void client_close(client *c) {
  if (!c) return;
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c->message);
  free(c);
}

http_answer http_ask(uint16_t port, const char *method, const char *target, const char *body) {
  http_answer answer;
  char head[1024], all[sizeof answer.head + sizeof answer.body];
  const char *end;
  size_t have = 0;
  const int fd = tcp_connect(port);
  memset(&answer, 0, sizeof answer);
  snprintf(head, sizeof head,
           "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", method,
           target, body ? strlen(body) : 0);
  if (!write_all(fd, head, strlen(head))) FAIL("the server closed early");
  if (body) (void)write_all(fd, body, strlen(body));
  for (;;) {
    ssize_t got;
    await(fd, POLLIN, "an HTTP answer");
    got = recv(fd, all + have, sizeof all - 1 - have, 0);
    if (got <= 0) break;
    have += (size_t)got;
    if (have == sizeof all - 1) break;
  }
  close(fd);
  all[have] = '\0';
  if (sscanf(all, "HTTP/1.1 %d", &answer.status) != 1) FAIL("no HTTP answer: %s", all);
  end = strstr(all, "\r\n\r\n");
  if (!end) FAIL("no end of the head: %s", all);
  snprintf(answer.head, sizeof answer.head, "%.*s", (int)(end - all), all);
  snprintf(answer.body, sizeof answer.body, "%s", end + 4);
  return answer;
}
