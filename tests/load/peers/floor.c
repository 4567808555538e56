/* The floor of the load tests: what the kernel alone costs.
 *   floor [--port N] [--threads N]
 * It answers the load generator as tests/load/README.md says, and does the
 * least that any server on this kernel must do for it: one thread, one epoll,
 * one read and one write for a connection that has something.  It checks
 * nothing, limits nothing and decodes nothing: it is not a usable server.
 * --threads is accepted and means nothing. */
#include "websocket_accept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PING_INTERVAL_S = 25, EVENTS = 256, READ = 256 * 1024, ROOMS = 1024 };
enum { TEXT = 1, CLOSE = 8, LONGEST_HEAD = 10 };
typedef uint64_t Word;

/* Behind its end there is always a word more, to be read or written too far. */
typedef struct {
  char *data;
  size_t len, cap;
} Bytes;

/* Those who get the same messages: a namespace or a room. */
typedef struct {
  char name[32];
  struct Conn **members;
  size_t size, cap;
  Bytes outbox; /* leaves at the end of the turn */
} Group;

enum { IN_NAMESPACE, IN_ROOM, SEATS };

typedef struct Conn {
  int fd;
  enum { HTTP, WEBSOCKET, CLOSING, GONE } state;
  uint32_t events; /* EPOLLIN, or EPOLLOUT while something is unsent */
  Bytes begun;     /* a frame or request whose rest has not come yet */
  Bytes unsent;    /* what the socket has not taken */
  size_t sent;     /* how much of it has been taken since */
  struct {
    Group *group;
    size_t nth;
  } seats[SEATS];
  struct Polling *polling; /* for which its GET waits */
  struct Conn *next_gone;
} Conn;

/* A client on long-polling; it has connections, and outlives them. */
typedef struct Polling {
  Conn *held;    /* where its GET waits */
  Bytes packets; /* for its next GET */
} Polling;

static void listen_on(uint16_t port);
static void watch(int fd, int what, uint32_t events, void *whose);
static void accept_one(void);
static void ping_all(void);
static void serve(Conn *conn);
static void receive(Conn *conn);
static void take_all(Conn *conn, const char *at, size_t len);
static void send_unsent(Conn *conn);
static void send_to(Conn *conn, const char *data, size_t len);
static void leave(Conn *conn);
static void join_group(Conn *conn, int seat, Group *group);
static void leave_group(Conn *conn, int seat);
static Group *room_named(const char *name);
static Bytes *outbox_of(Group *group);
static void send_outbox(Group *group);
static size_t take_request(Conn *conn, const char *at, size_t len);
static size_t take_frame(Conn *conn, const char *at, size_t len);
static void append_frame(Bytes *out, const char *text, size_t len);
static void on_packet(Conn *conn, size_t frame, char *packet, size_t len);
static void tell(Polling *client, const char *packet, size_t len);
static bool begins(const char *text, size_t len, const char *with);
static void reserve(Bytes *bytes, size_t more);
static void append(Bytes *bytes, const char *data, size_t len);
static void must(bool well, const char *what);

static int epoll, listener, timer;
static Group namespace, rooms[ROOMS], *with_outbox[ROOMS + 1];
static size_t n_with_outbox;
static Polling **pollings;
static size_t n_pollings;
static unsigned n_sids;
static Conn *gone;
static char reading[READ + sizeof(Word)];
static Bytes answers; /* to the connection that is being read, for one write */

/* ---------------------------------------------------------------- turns */

static void turn(void) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll, events, EVENTS, -1);
  for (int i = 0; i < n; i++) {
    void *whose = events[i].data.ptr;
    if (whose == &listener)
      accept_one();
    else if (whose == &timer)
      ping_all();
    else if (whose == stdin)
      exit(0); /* the process that started this one has ended */
    else
      serve(whose);
  }
  while (n_with_outbox) send_outbox(with_outbox[--n_with_outbox]);
  while (gone) {
    Conn *conn = gone;
    gone = conn->next_gone;
    free(conn);
  }
}

int main(int argc, char **argv) {
  uint16_t port = 0;
  for (int at = 1; at + 1 < argc; at += 2)
    if (!strcmp(argv[at], "--port")) port = (uint16_t)atoi(argv[at + 1]);
  epoll = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  must(epoll >= 0 && timer >= 0, "epoll and timer");
  timerfd_settime(timer, 0, &(struct itimerspec){{PING_INTERVAL_S, 0}, {PING_INTERVAL_S, 0}}, NULL);
  watch(timer, EPOLL_CTL_ADD, EPOLLIN, &timer);
  watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN, stdin);
  listen_on(port);
  for (;;) turn();
}

static void listen_on(uint16_t port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  socklen_t size = sizeof at;
  int on = 1;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* What it accepts inherits this. */
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  must(!bind(listener, (struct sockaddr *)&at, size) && !listen(listener, 4096), "listen");
  must(!getsockname(listener, (struct sockaddr *)&at, &size), "port");
  watch(listener, EPOLL_CTL_ADD, EPOLLIN, &listener);
  printf("listening on %u\n", ntohs(at.sin_port));
  fflush(stdout);
}

static void watch(int fd, int what, uint32_t events, void *whose) {
  struct epoll_event event = {.events = events, .data.ptr = whose};
  must(!epoll_ctl(epoll, what, fd, &event), "epoll_ctl");
}

static void accept_one(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  Conn *conn;
  if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return;
  must(fd >= 0, "accept");
  conn = calloc(1, sizeof *conn);
  must(conn, "memory");
  conn->fd = fd;
  conn->events = EPOLLIN;
  watch(fd, EPOLL_CTL_ADD, EPOLLIN, conn);
}

/* All at once, whenever they came: a client may be pinged early. */
static void ping_all(void) {
  uint64_t times;
  if (read(timer, &times, sizeof times) < 0) return;
  append_frame(outbox_of(&namespace), "2", 1);
  for (size_t i = 0; i < n_pollings; i++) tell(pollings[i], "2", 1);
}

/* ---------------------------------------------------------- connections */

static void serve(Conn *conn) {
  if (conn->state == GONE) return;
  if (conn->events == EPOLLIN)
    receive(conn);
  else
    send_unsent(conn);
}

/* Once; the rest of a large frame goes straight to where it is gathered. */
static void receive(Conn *conn) {
  Bytes *begun = &conn->begun;
  size_t missing = begun->cap - begun->len;
  struct iovec into[] = {{begun->data + begun->len, missing}, {reading, READ}};
  ssize_t n = missing ? readv(conn->fd, into, 2) : recv(conn->fd, reading, READ, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    leave(conn);
    return;
  }
  if (missing > (size_t)n) missing = (size_t)n;
  begun->len += missing;
  answers.len = 0;
  take_all(conn, reading, (size_t)n - missing);
  if (answers.len) send_to(conn, answers.data, answers.len);
  if (conn->state == CLOSING) leave(conn);
}

/* Takes the request or frame that stands here, if it is whole.  Gives its
 * length, or the length it takes to know more. */
static size_t take(Conn *conn, const char *at, size_t len) {
  return conn->state == HTTP ? take_request(conn, at, len) : take_frame(conn, at, len);
}

/* Makes room for what has begun, and for nothing behind it. */
static void expect(Bytes *begun, size_t len) {
  begun->data = realloc(begun->data, len + sizeof(Word));
  must(begun->data, "memory");
  begun->cap = len;
}

/* Goes on with what has begun; gives how many of these bytes belong to it. */
static size_t take_begun(Conn *conn, const char *at, size_t len) {
  Bytes *begun = &conn->begun;
  size_t used = 0;
  while (begun->len) {
    size_t needed = take(conn, begun->data, begun->len), part = len - used;
    if (needed <= begun->len) {
      free(begun->data);
      *begun = (Bytes){0};
      break;
    }
    if (needed != begun->cap) expect(begun, needed);
    if (!part) break;
    if (part > needed - begun->len) part = needed - begun->len;
    append(begun, at + used, part);
    used += part;
  }
  return used;
}

static void take_all(Conn *conn, const char *at, size_t len) {
  size_t used = take_begun(conn, at, len);
  while (used < len) {
    size_t needed = take(conn, at + used, len - used);
    if (needed > len - used) {
      expect(&conn->begun, needed);
      append(&conn->begun, at + used, len - used);
      return;
    }
    used += needed;
  }
}

static void wait_for(Conn *conn, uint32_t events) {
  if (conn->events != events) watch(conn->fd, EPOLL_CTL_MOD, events, conn);
  conn->events = events;
}

/* What the socket does not take leaves when it can; meanwhile nothing is read. */
static void send_to(Conn *conn, const char *data, size_t len) {
  ssize_t n = 0;
  if (!conn->unsent.len) n = send(conn->fd, data, len, MSG_NOSIGNAL);
  if (n == (ssize_t)len) return;
  if (n < 0 && errno != EAGAIN) {
    leave(conn);
    return;
  }
  if (n < 0) n = 0;
  append(&conn->unsent, data + n, len - (size_t)n);
  wait_for(conn, EPOLLOUT);
}

static void send_unsent(Conn *conn) {
  Bytes *unsent = &conn->unsent;
  ssize_t n = send(conn->fd, unsent->data + conn->sent, unsent->len - conn->sent, MSG_NOSIGNAL);
  if (n < 0) {
    leave(conn);
    return;
  }
  conn->sent += (size_t)n;
  if (conn->sent < unsent->len) return;
  free(unsent->data);
  *unsent = (Bytes){0};
  conn->sent = 0;
  wait_for(conn, EPOLLIN);
}

/* It is freed at the end of the turn, whose events may still name it. */
static void leave(Conn *conn) {
  if (conn->state == GONE) return;
  conn->state = GONE;
  close(conn->fd);
  leave_group(conn, IN_NAMESPACE);
  leave_group(conn, IN_ROOM);
  if (conn->polling) conn->polling->held = NULL;
  free(conn->begun.data);
  free(conn->unsent.data);
  conn->begun = conn->unsent = (Bytes){0};
  conn->next_gone = gone;
  gone = conn;
}

/* --------------------------------------------------------------- groups */

static void join_group(Conn *conn, int seat, Group *group) {
  leave_group(conn, seat);
  if (group->size == group->cap) {
    group->cap = group->cap ? 2 * group->cap : 16;
    group->members = realloc(group->members, group->cap * sizeof *group->members);
    must(group->members, "memory");
  }
  conn->seats[seat].group = group;
  conn->seats[seat].nth = group->size;
  group->members[group->size++] = conn;
}

/* The last member takes the seat. */
static void leave_group(Conn *conn, int seat) {
  Group *group = conn->seats[seat].group;
  size_t nth = conn->seats[seat].nth;
  if (!group) return;
  group->members[nth] = group->members[--group->size];
  group->members[nth]->seats[seat].nth = nth;
  conn->seats[seat].group = NULL;
}

/* The name ends with a quotation mark. */
static Group *room_named(const char *name) {
  size_t len = strcspn(name, "\""), at = 0;
  must(len && len < sizeof rooms->name, "room's name");
  for (size_t i = 0; i < len; i++) at = at * 31 + (uint8_t)name[i];
  for (size_t i = 0; i < ROOMS; i++) {
    Group *room = &rooms[(at + i) % ROOMS];
    if (!room->name[0]) memcpy(room->name, name, len);
    if (!memcmp(room->name, name, len) && !room->name[len]) return room;
  }
  must(false, "room among so many");
  return NULL;
}

/* Everything that is put there during a turn leaves together. */
static Bytes *outbox_of(Group *group) {
  if (!group->outbox.len) with_outbox[n_with_outbox++] = group;
  return &group->outbox;
}

/* Backwards: a member that has left is replaced by one that has been served. */
static void send_outbox(Group *group) {
  for (size_t i = group->size; i-- > 0;) send_to(group->members[i], group->outbox.data, group->outbox.len);
  group->outbox.len = 0;
}

/* ------------------------------------------------------------ WebSocket */

static void unmask(char *restrict to, const char *restrict from, size_t len, const char *mask) {
  Word word, wide;
  memcpy(&wide, mask, 4);
  memcpy((char *)&wide + 4, mask, 4);
  for (size_t i = 0; i < len; i += sizeof word) {
    memcpy(&word, from + i, sizeof word);
    word ^= wide;
    memcpy(to + i, &word, sizeof word);
  }
}

/* Gives where the payload belongs. */
static char *write_head(char *at, int opcode, size_t len) {
  int bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;
  *at++ = (char)(0x80 | opcode);
  *at++ = (char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
  while (bytes-- > 0) *at++ = (char)((uint64_t)len >> 8 * bytes);
  return at;
}

static void append_frame(Bytes *out, const char *text, size_t len) {
  char *at;
  reserve(out, LONGEST_HEAD + len);
  at = write_head(out->data + out->len, TEXT, len);
  memmove(at, text, len);
  out->len = (size_t)(at - out->data) + len;
}

/* To most of what comes, the same frame without its mask is the answer. */
static void on_frame(Conn *conn, int opcode, const char *mask, size_t len) {
  size_t frame = answers.len;
  char *payload;
  reserve(&answers, LONGEST_HEAD + len);
  payload = write_head(answers.data + frame, opcode, len);
  unmask(payload, mask + 4, len, mask);
  answers.len = (size_t)(payload - answers.data) + len;
  if (opcode == TEXT) on_packet(conn, frame, payload, len);
  if (opcode == CLOSE) conn->state = CLOSING;
}

static size_t take_frame(Conn *conn, const char *at, size_t len) {
  size_t head, payload;
  if (len < 2) return 2;
  payload = at[1] & 127;
  head = payload < 126 ? 6 : payload == 126 ? 8 : 14;
  if (len < head) return head;
  if (head > 6) {
    payload = 0;
    for (size_t i = 2; i < head - 4; i++) payload = payload << 8 | (uint8_t)at[i];
  }
  if (len >= head + payload) on_frame(conn, at[0] & 15, at + head - 4, payload);
  return head + payload;
}

/* ------------------------------------------------------------ Socket.IO */

static size_t write_connect(char *text) { return (size_t)sprintf(text, "40{\"sid\":\"%08x\"}", n_sids++); }

static void connect_to_namespace(Conn *conn) {
  char text[64];
  join_group(conn, IN_NAMESPACE, &namespace);
  append_frame(&answers, text, write_connect(text));
}

/* 42["room","name",x] goes out as 42["room",x]. */
static void to_room(char *packet, size_t len) {
  size_t kept = strlen("42[\"room\",");
  char *name = packet + kept + 1, *end = packet + len;
  char *sent = (char *)memchr(name, ',', len - kept) + 1 - kept;
  Group *room = room_named(name);
  memmove(sent, packet, kept);
  append_frame(outbox_of(room), sent, (size_t)(end - sent));
}

/* 42NN["ack",x] is answered by 43NN[x]. */
static void acknowledge(char *packet, size_t len, size_t id_end) {
  size_t name = strlen("\"ack\",");
  memmove(packet + name, packet, id_end + 1);
  packet[name + 1] = '3';
  append_frame(&answers, packet + name, len - name);
}

/* 42NN["join","name"] is answered by 43NN[true]. */
static void join_room(Conn *conn, const char *packet, size_t id_end) {
  char text[64];
  join_group(conn, IN_ROOM, room_named(packet + id_end + strlen("[\"join\",\"")));
  append_frame(&answers, text, (size_t)sprintf(text, "43%.*s[true]", (int)id_end - 2, packet + 2));
}

/* The packet lies in its frame among the answers, which is right for an echo;
 * for everything else the frame is taken back. */
static void on_packet(Conn *conn, size_t frame, char *packet, size_t len) {
  size_t id_end = 2;
  if (begins(packet, len, "42[\"echo\",") || begins(packet, len, "451-")) return;
  if (begins(packet, len, "42[\"bcast\","))
    append(outbox_of(&namespace), answers.data + frame, answers.len - frame);
  answers.len = frame;
  if (begins(packet, len, "42[\"room\","))
    to_room(packet, len);
  else if (begins(packet, len, "40"))
    connect_to_namespace(conn);
  else if (begins(packet, len, "42")) {
    while (id_end < len && packet[id_end] != '[') id_end++;
    if (begins(packet + id_end, len - id_end, "[\"ack\","))
      acknowledge(packet, len, id_end);
    else if (begins(packet + id_end, len - id_end, "[\"join\","))
      join_room(conn, packet, id_end);
  }
}

/* ------------------------------------------------------------ Engine.IO */

static size_t write_open(char *text, size_t sid) {
  return (size_t)sprintf(text,
                         "0{\"sid\":\"%08zx\",\"upgrades\":[],\"pingInterval\":%d000,"
                         "\"pingTimeout\":20000,\"maxPayload\":1000000}",
                         sid, PING_INTERVAL_S);
}

static void upgrade(Conn *conn, const char *key) {
  char accept[29], text[256];
  write_accept(accept, key);
  append(&answers, text,
         (size_t)sprintf(text,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                         accept));
  append_frame(&answers, text, write_open(text, n_sids++));
  conn->state = WEBSOCKET;
}

static void append_response(Bytes *out, const char *body, size_t len) {
  char head[128];
  append(out, head,
         (size_t)sprintf(head,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         len));
  append(out, body, len);
}

static void open_polling(void) {
  char text[256];
  Polling *client = calloc(1, sizeof *client);
  pollings = realloc(pollings, (n_pollings + 1) * sizeof *pollings);
  must(client && pollings, "memory");
  pollings[n_pollings] = client;
  append_response(&answers, text, write_open(text, n_pollings++));
}

/* For the GET that waits, or for the next. */
static void tell(Polling *client, const char *packet, size_t len) {
  static Bytes response;
  Conn *held = client->held;
  if (!held) {
    if (client->packets.len) append(&client->packets, "\x1e", 1);
    append(&client->packets, packet, len);
    return;
  }
  client->held = NULL;
  held->polling = NULL;
  response.len = 0;
  append_response(&response, packet, len);
  send_to(held, response.data, response.len);
}

static void on_get(Conn *conn, Polling *client) {
  if (client->packets.len) {
    append_response(&answers, client->packets.data, client->packets.len);
    client->packets.len = 0;
    return;
  }
  client->held = conn;
  conn->polling = client;
}

static void on_post(Polling *client, const char *body, size_t len) {
  char text[64];
  for (const char *end = body + len; body < end; body += len + 1) {
    const char *separator = memchr(body, '\x1e', (size_t)(end - body));
    len = (size_t)((separator ? separator : end) - body);
    if (begins(body, len, "42[\"echo\",")) tell(client, body, len);
    if (begins(body, len, "40")) tell(client, text, write_connect(text));
  }
  append_response(&answers, "ok", 2);
}

static const char *behind(const char *name, const char *at, size_t len) {
  const char *found = memmem(at, len, name, strlen(name));
  return found ? found + strlen(name) : NULL;
}

static size_t take_request(Conn *conn, const char *at, size_t len) {
  const char *body = behind("\r\n\r\n", at, len), *length, *sid, *key;
  size_t head, content;
  if (!body) return len + 1;
  head = (size_t)(body - at);
  length = behind("\r\nContent-Length: ", at, head);
  content = length ? strtoul(length, NULL, 10) : 0;
  if (len < head + content) return head + content;
  sid = behind("&sid=", at, head);
  if (sid) {
    Polling *client = pollings[strtoul(sid, NULL, 16)];
    if (length)
      on_post(client, body, content);
    else
      on_get(conn, client);
    return head + content;
  }
  key = behind("\r\nSec-WebSocket-Key: ", at, head);
  if (key)
    upgrade(conn, key);
  else
    open_polling();
  return head + content;
}

/* ---------------------------------------------------------------- bytes */

static bool begins(const char *text, size_t len, const char *with) {
  return len >= strlen(with) && !memcmp(text, with, strlen(with));
}

static void reserve(Bytes *bytes, size_t more) {
  if (bytes->len + more <= bytes->cap) return;
  bytes->cap = 2 * bytes->cap > bytes->len + more ? 2 * bytes->cap : bytes->len + more;
  bytes->data = realloc(bytes->data, bytes->cap + sizeof(Word));
  must(bytes->data, "memory");
}

static void append(Bytes *bytes, const char *data, size_t len) {
  reserve(bytes, len);
  memcpy(bytes->data + bytes->len, data, len);
  bytes->len += len;
}

static void must(bool well, const char *what) {
  if (well) return;
  fprintf(stderr, "floor: no %s: %s\n", what, strerror(errno));
  exit(1);
}
