/*
 * Asynchronous operations: emitting with an acknowledgement to one client or to
 * many, and fetching the sockets of a target.  Such a call returns at once; its
 * outcome is an event, which is passed to the callback given to the call.
 */
#define _POSIX_C_SOURCE 200809L
#include "echo.h"

#include <stdlib.h>
#include <string.h>

/* The handle of the client's acknowledgement, copied to the heap because it is
 * used after the event. */
static bw_ack *keep(bw_ack ack) {
  bw_ack *kept = malloc(sizeof *kept);
  if (kept) *kept = ack;
  return kept;
}

static const char *outcome(bw_status status) {
  switch (status) {
  case BW_OK: return "ok";
  case BW_E_TIMEOUT: return "timeout";
  case BW_E_GONE: return "gone";
  default: return bw_status_name(status);
  }
}

/* Answers [outcome, <JSON array>] with the attachments of the array. */
static void answer_outcome(bw_ack ack, bw_status status, bw_str array, const bw_message *from) {
  text t = {NULL, 0, 0};
  bw_bytes bins[16];
  size_t n = 0;
  while (from && n < 16 && bw_message_bin(from, n, &bins[n]) == BW_OK) n++;
  text_add(&t, BW_S("[\""));
  text_add(&t, bw_cstr(outcome(status)));
  text_add(&t, BW_S("\","));
  text_add(&t, array);
  text_add(&t, BW_S("]"));
  (void)answer(ack, text_view(&t), bins, n);
  text_free(&t);
}

/* -------------------------------------------- acknowledgement of one client */

static void on_called(const bw_event *ev, void *user) {
  const bw_reply *reply = ev->n_replies ? ev->replies[0] : NULL;
  answer_outcome(*(bw_ack *)user, ev->status, reply ? reply->args : BW_S("[]"),
                 reply ? reply->message : NULL);
}

void on_call(const bw_event *ev, void *user) {
  bw_target to = bw_to(ev->socket);
  text args = args_from(ev, 1);
  bw_payload p = bw_payload_of(BW_S("question"), text_view(&args));
  bw_blob *blobs = blobs_of(ev->bins, ev->n_bins);
  const bw_message *question = NULL;
  bw_value timeout;
  bw_status status;
  (void)user;
  if (get(ev, "/0", &timeout)) to.timeout_ms = (uint32_t)timeout.i;
  p.bins = blobs;
  p.n_bins = ev->n_bins;
  status = bw_message_new(&p, &question);
  if (status == BW_OK) status = bw_emit_ack(&to, question, on_called, keep(ev->ack), free, NULL);
  if (status != BW_OK) answer_outcome(ev->ack, status, BW_S("[]"), NULL);
  bw_message_release(&question);
  free(blobs);
  text_free(&args);
}

/* ------------------------------------------ acknowledgements of many clients */

static void on_asked(const bw_event *ev, void *user) {
  bw_args *args = bw_args_new();
  bw_value first;
  size_t i;
  bw_args_str(args, bw_cstr(outcome(ev->status)));
  bw_args_begin_array(args);
  for (i = 0; i < ev->n_replies; i++) {
    if (bw_message_get(ev->replies[i]->message, BW_S("/0"), &first, sizeof first) != BW_OK) {
      bw_args_null(args);
    } else if (first.type == BW_V_BINARY) {
      const bw_blob bytes = {first.bin.data, first.bin.len, NULL, NULL};
      bw_args_bin(args, bytes);
    } else {
      bw_args_json(args, first.json);
    }
  }
  bw_args_end(args);
  answer_with(*(bw_ack *)user, args);
}

void on_broadcast_ack(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  text args = args_from(ev, 1);
  bw_payload p = bw_payload_of(BW_S("question"), text_view(&args));
  bw_blob *blobs = blobs_of(ev->bins, ev->n_bins);
  const bw_message *question = NULL;
  bw_status status;
  (void)user;
  p.bins = blobs;
  p.n_bins = ev->n_bins;
  status = bw_message_new(&p, &question);
  if (status == BW_OK) status = bw_emit_ack(&a.to, question, on_asked, keep(ev->ack), free, NULL);
  if (status != BW_OK) answer_outcome(ev->ack, status, BW_S("[]"), NULL);
  bw_message_release(&question);
  free(blobs);
  text_free(&args);
  audience_free(&a);
}

/* --------------------------------------------------------- fetching sockets */

static int by_sid(const void *a, const void *b) {
  const bw_remote_socket *const *x = a, *const *y = b;
  return by_text(&(*x)->sid, &(*y)->sid);
}

static void on_sockets(const bw_event *ev, void *user) {
  const bw_remote_socket **all = calloc(ev->n_sockets + 1, sizeof *all);
  bw_args *args = bw_args_new();
  size_t i;
  if (!all) abort();
  for (i = 0; i < ev->n_sockets; i++) all[i] = ev->sockets[i];
  qsort(all, ev->n_sockets, sizeof *all, by_sid);
  bw_args_begin_array(args);
  for (i = 0; i < ev->n_sockets; i++) {
    bw_str *rooms = sorted(all[i]->rooms, all[i]->n_rooms);
    bw_args_begin_object(args);
    bw_args_key(args, BW_S("id"));
    bw_args_str(args, all[i]->sid);
    bw_args_key(args, BW_S("rooms"));
    bw_args_begin_array(args);
    add_strings(args, rooms, all[i]->n_rooms);
    bw_args_end(args);
    bw_args_key(args, BW_S("data"));
    bw_args_json(args, all[i]->data_json);
    bw_args_end(args);
    free(rooms);
  }
  bw_args_end(args);
  answer_with(*(bw_ack *)user, args);
  free(all);
}

void on_fetch(const bw_event *ev, void *user) {
  audience a = audience_of(ev, "/0");
  (void)user;
  (void)bw_fetch_sockets(&a.to, on_sockets, keep(ev->ack), free, NULL);
  audience_free(&a);
}
