/* A server for tests, and a journal of its events. */
#include "host.h"

#include <errno.h>
#include <time.h>

bw_server new_server(const char *options) {
  bw_server server = 0;
  bw_config *config = bw_config_new();
  if (!config) FAIL("bw_config_new: %s", bw_last_error());
  /* Two workers, so that engine threads run in parallel. */
  OK(bw_config_set_json(config, BW_S("{\"engine\":{\"workerThreads\":2}}")));
  if (options) OK(bw_config_set_json(config, bw_cstr(options)));
  OK(bw_server_new(config, &server));
  bw_config_free(&config);
  CHECK(config == NULL);
  CHECK(server != 0);
  return server;
}

void host_start(host *h, const char *options) {
  memset(h, 0, sizeof *h);
  h->server = new_server(options);
  OK(bw_nsp_get(h->server, BW_S("/"), &h->nsp));
  OK(bw_server_listen_tcp(h->server, BW_S("127.0.0.1"), 0, &h->port));
  CHECK(h->port != 0);
}

static void *poll_on(void *user) {
  host *h = user;
  while (atomic_load(&h->polling)) {
    const int32_t n = bw_server_poll(h->server, 0, 10);
    if (n == BW_E_CLOSED) break;
    if (n < 0) FAIL("poll: %s", bw_status_name(n));
  }
  return NULL;
}

void host_poll_in_background(host *h) {
  atomic_store(&h->polling, 1);
  if (pthread_create(&h->poller, NULL, poll_on, h) != 0) FAIL("no thread");
}

void host_stop(host *h) {
  if (atomic_exchange(&h->polling, 0)) pthread_join(h->poller, NULL);
  OK(bw_server_free(&h->server));
  CHECK_INT(0, (int64_t)h->server);
}

void journal_start(journal *j) {
  memset(j, 0, sizeof *j);
  pthread_mutex_init(&j->lock, NULL);
  pthread_cond_init(&j->changed, NULL);
  j->entries = calloc(JOURNAL_SIZE, sizeof *j->entries);
  if (!j->entries) FAIL("no memory");
}

void journal_end(journal *j) {
  pthread_mutex_destroy(&j->lock);
  pthread_cond_destroy(&j->changed);
  free(j->entries);
}

static void copy(char *to, size_t size, bw_str from) {
  const size_t n = from.len < size - 1 ? from.len : size - 1;
  if (n) memcpy(to, from.data, n);
  to[n] = '\0';
}

enum {
  HAS_NSP = 1 << 0,
  HAS_SOCKET = 1 << 1,
  HAS_NAME = 1 << 2,
  HAS_CODE = 1 << 3,
  HAS_STATUS = 1 << 4,
  HAS_ARGS = 1 << 5,
  HAS_MESSAGE = 1 << 6,
  HAS_ACK = 1 << 7,
  HAS_DEFERRED = 1 << 8,
  HAS_OP = 1 << 9,
  HAS_HANDSHAKE = 1 << 10,
  HAS_CAUSE = 1 << 11,
  HAS_REPLIES = 1 << 12,
  HAS_SOCKETS = 1 << 13
};

static const struct field_row {
  bw_event_type type;
  unsigned always, sometimes;
  int needs_listener;
} field_rows[] = {
#include "event_fields.inc"
};

static const struct field_row *row_of(bw_event_type type) {
  size_t i;
  for (i = 0; i < sizeof field_rows / sizeof *field_rows; i++)
    if (field_rows[i].type == type) return &field_rows[i];
  FAIL("event %d is not in the table", (int)type);
}

int needs_listener(bw_event_type type) { return row_of(type)->needs_listener; }

static unsigned fields_of(const bw_event *ev) {
  unsigned has = 0;
  CHECK((ev->nsp != 0) == (ev->nsp_name.len > 0));
  if (ev->nsp) has |= HAS_NSP;
  if (ev->socket) has |= HAS_SOCKET;
  if (ev->name.len) has |= HAS_NAME;
  if (ev->code) has |= HAS_CODE;
  if (ev->status) has |= HAS_STATUS;
  if (ev->args.len && !ev->message) has |= HAS_ARGS;
  if (ev->message) has |= HAS_MESSAGE;
  if (ev->ack) has |= HAS_ACK;
  if (ev->deferred) has |= HAS_DEFERRED;
  if (ev->op) has |= HAS_OP;
  if (ev->handshake) has |= HAS_HANDSHAKE;
  if (ev->cause) has |= HAS_CAUSE;
  if (ev->n_replies) has |= HAS_REPLIES;
  if (ev->n_sockets) has |= HAS_SOCKETS;
  return has;
}

void check_fields(const bw_event *ev) {
  const struct field_row *row = row_of(ev->type);
  const unsigned has = fields_of(ev);
  if (row->always & ~has) FAIL("event %d is without fields %#x", (int)ev->type, row->always & ~has);
  if (has & ~(row->always | row->sometimes))
    FAIL("event %d has fields %#x, which the table does not have", (int)ev->type,
         has & ~(row->always | row->sometimes));
  CHECK(ev->struct_size == sizeof *ev && ev->server && ev->mono_ns);
  CHECK(ev->socket || !ev->user);
  CHECK(ev->message || (!ev->n_bins && (ev->n_args == 1) == (ev->args.len > 0)));
}

void journal_note(const bw_event *ev, void *user) {
  journal *j = user;
  check_fields(ev);
  pthread_mutex_lock(&j->lock);
  if (j->n < JOURNAL_SIZE) {
    entry *e = &j->entries[j->n];
    e->type = ev->type;
    e->status = ev->status;
    e->code = ev->code;
    e->flags = ev->flags;
    e->server = ev->server;
    e->nsp = ev->nsp;
    e->socket = ev->socket;
    e->ack = ev->ack;
    e->deferred = ev->deferred;
    e->op = ev->op;
    e->user = ev->user;
    e->n_bins = ev->n_bins;
    e->n_replies = ev->n_replies;
    e->n_sockets = ev->n_sockets;
    copy(e->name, sizeof e->name, ev->name);
    copy(e->args, sizeof e->args, ev->args);
    j->n++;
  }
  pthread_cond_broadcast(&j->changed);
  pthread_mutex_unlock(&j->lock);
}

void journal_drop(void *user) { atomic_fetch_add(&((journal *)user)->drops, 1); }

void count_drop(void *user) { atomic_fetch_add((atomic_int *)user, 1); }

bw_listener journal_on(journal *j, bw_scope scope, bw_event_type type, const char *name) {
  bw_listener listener = 0;
  OK(bw_on(scope, type, bw_cstr(name), 0, journal_note, j, journal_drop, &listener));
  CHECK(listener != 0);
  return listener;
}

static const entry *nth_of(journal *j, bw_event_type type, size_t nth) {
  size_t i;
  for (i = 0; i < j->n; i++)
    if (j->entries[i].type == type && --nth == 0) return &j->entries[i];
  return NULL;
}

size_t journal_count(journal *j, bw_event_type type) {
  size_t i, n = 0;
  pthread_mutex_lock(&j->lock);
  for (i = 0; i < j->n; i++) n += j->entries[i].type == type;
  pthread_mutex_unlock(&j->lock);
  return n;
}

entry journal_wait(journal *j, bw_event_type type, size_t nth) {
  const int64_t until = now_ms() + PATIENCE_MS;
  const entry *found;
  entry copy_of;
  pthread_mutex_lock(&j->lock);
  while (!(found = nth_of(j, type, nth))) {
    if (now_ms() > until) FAIL("event %d did not happen %zu times", (int)type, nth);
    if (j->polled) {
      pthread_mutex_unlock(&j->lock);
      if (bw_server_poll(j->polled, 0, 50) < 0) FAIL("poll: %s", bw_last_error());
      pthread_mutex_lock(&j->lock);
    } else {
      struct timespec at;
      clock_gettime(CLOCK_REALTIME, &at);
      at.tv_sec += 1;
      pthread_cond_timedwait(&j->changed, &j->lock, &at);
    }
  }
  copy_of = *found;
  pthread_mutex_unlock(&j->lock);
  return copy_of;
}

client *join_host(host *h, journal *j, bw_socket *out) {
  const size_t before = journal_count(j, BW_EV_CONNECTION);
  client *c = client_open(h->port);
  client_send(c, "40");
  if (out) *out = journal_wait(j, BW_EV_CONNECTION, before + 1).socket;
  client_expect_start(c, "40{\"sid\":\"");
  return c;
}
