/*
 * Functions that the handlers of the echo server share: reading arguments and
 * building acknowledgements.  Arguments are addressed with JSON pointers (RFC 6901).
 */
#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int get(const bw_event *ev, const char *pointer, bw_value *out) {
  return bw_message_get(ev->message, bw_cstr(pointer), out, sizeof *out) == BW_OK;
}

int by_text(const void *a, const void *b) {
  const bw_str *x = a, *y = b;
  const size_t shorter = x->len < y->len ? x->len : y->len;
  const int order = shorter ? memcmp(x->data, y->data, shorter) : 0;
  if (order) return order;
  return x->len < y->len ? -1 : x->len > y->len;
}

bw_str *sorted(const bw_str *items, size_t n) {
  bw_str *copy = calloc(n + 1, sizeof *copy);
  if (!copy) abort();
  if (n) memcpy(copy, items, n * sizeof *copy);
  qsort(copy, n, sizeof *copy, by_text);
  return copy;
}

void add_strings(bw_args *args, const bw_str *items, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) bw_args_str(args, items[i]);
}

/* ------------------------------------------------------------------ strings */

void text_add(text *t, bw_str s) {
  if (t->len + s.len > t->cap) {
    const size_t cap = (t->len + s.len) * 2;
    char *grown = realloc(t->data, cap);
    if (!grown) abort();
    t->data = grown;
    t->cap = cap;
  }
  if (s.len) memcpy(t->data + t->len, s.data, s.len);
  t->len += s.len;
}

void text_free(text *t) {
  free(t->data);
  t->data = NULL;
  t->len = t->cap = 0;
}

bw_str text_view(const text *t) {
  bw_str s;
  s.data = t->data;
  s.len = t->len;
  return s;
}

text args_from(const bw_event *ev, size_t first) {
  text t = {NULL, 0, 0};
  char pointer[32];
  bw_value v;
  size_t i;
  text_add(&t, BW_S("["));
  for (i = first; i < ev->n_args; i++) {
    snprintf(pointer, sizeof pointer, "/%zu", i);
    if (!get(ev, pointer, &v)) continue;
    if (i > first) text_add(&t, BW_S(","));
    text_add(&t, v.json);
  }
  text_add(&t, BW_S("]"));
  return t;
}

bw_blob *blobs_of(const bw_bytes *bins, size_t n) {
  bw_blob *blobs = calloc(n + 1, sizeof *blobs);
  size_t i;
  if (!blobs) abort();
  for (i = 0; i < n; i++) {
    blobs[i].data = bins[i].data;
    blobs[i].len = bins[i].len;
  }
  return blobs;
}

/* ------------------------------------------------------------------ answers */

bw_status answer(bw_ack ack, bw_str args, const bw_bytes *bins, size_t n_bins) {
  bw_payload p = bw_payload_of(BW_S(""), args);
  bw_blob *blobs = blobs_of(bins, n_bins);
  bw_status status;
  p.bins = blobs;
  p.n_bins = n_bins;
  status = bw_ack_send(ack, &p);
  free(blobs);
  return status;
}

void answer_with(bw_ack ack, bw_args *args) {
  bw_payload p;
  if (bw_args_payload(args, BW_S(""), &p) == BW_OK) (void)bw_ack_send(ack, &p);
  bw_args_free(&args);
}

/* ------------------------------------------------------------------ targets */

/* Returns the strings of the array at pointer/name and sets *n to their number. */
static bw_str *strings_at(const bw_event *ev, const char *pointer, const char *name, size_t *n) {
  bw_value array, item;
  char path[64];
  bw_str *items;
  size_t i;
  *n = 0;
  snprintf(path, sizeof path, "%s/%s", pointer, name);
  if (!get(ev, path, &array) || array.type != BW_V_ARRAY) return NULL;
  if (!(items = calloc(array.n + 1, sizeof *items))) abort();
  for (i = 0; i < array.n; i++) {
    snprintf(path, sizeof path, "%s/%s/%zu", pointer, name, i);
    if (get(ev, path, &item) && item.type == BW_V_STRING) items[(*n)++] = item.s;
  }
  return items;
}

static int flag_at(const bw_event *ev, const char *pointer, const char *name, int otherwise) {
  bw_value v;
  char path[64];
  snprintf(path, sizeof path, "%s/%s", pointer, name);
  return get(ev, path, &v) && v.type == BW_V_BOOL ? v.b : otherwise;
}

audience audience_of(const bw_event *ev, const char *pointer) {
  audience a;
  bw_value timeout;
  char path[64];
  a.to = bw_to(ev->nsp);
  a.to.rooms = a.rooms = strings_at(ev, pointer, "rooms", &a.to.n_rooms);
  a.to.except = a.except = strings_at(ev, pointer, "except", &a.to.n_except);
  if (!flag_at(ev, pointer, "self", 1)) a.to.sender = ev->socket;
  if (flag_at(ev, pointer, "volatile", 0)) a.to.flags |= BW_TO_VOLATILE;
  snprintf(path, sizeof path, "%s/timeout", pointer);
  if (get(ev, path, &timeout) && timeout.i > 0) a.to.timeout_ms = (uint32_t)timeout.i;
  return a;
}

void audience_free(audience *a) {
  free(a->rooms);
  free(a->except);
}
