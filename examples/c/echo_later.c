/*
 * A thread that accepts clients after a delay, like a program that checks a token
 * with another service.  A bw_deferred is an integer, so it can be passed to
 * another thread and answered there.
 */
#define _POSIX_C_SOURCE 200809L
#include "echo.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct task {
  struct task *next;
  struct timespec due;
  bw_deferred question;
} task;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_t thread;
static task *tasks; /* sorted by `due` */
static int stopping;

static int before(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static void *run(void *user) {
  (void)user;
  pthread_mutex_lock(&lock);
  while (!stopping) {
    struct timespec now;
    task *first = tasks;
    if (!first) {
      pthread_cond_wait(&changed, &lock);
      continue;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (before(&now, &first->due)) {
      struct timespec until = first->due;
      pthread_cond_timedwait(&changed, &lock, &until);
      continue;
    }
    tasks = first->next;
    pthread_mutex_unlock(&lock);
    /* Fails with BW_E_GONE if the client has disconnected meanwhile. */
    (void)bw_deferred_accept(first->question);
    free(first);
    pthread_mutex_lock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

void later_start(void) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attr);
  pthread_condattr_destroy(&attr);
  if (pthread_create(&thread, NULL, run, NULL) != 0) abort();
}

void later_accept(bw_deferred question, int delay_ms) {
  task *t = calloc(1, sizeof *t), **at = &tasks;
  if (!t) return; /* never answered: rejected after engine.deferredTimeout */
  clock_gettime(CLOCK_MONOTONIC, &t->due);
  t->due.tv_sec += delay_ms / 1000;
  t->due.tv_nsec += (long)(delay_ms % 1000) * 1000000;
  if (t->due.tv_nsec >= 1000000000) {
    t->due.tv_nsec -= 1000000000;
    t->due.tv_sec++;
  }
  t->question = question;
  pthread_mutex_lock(&lock);
  while (*at && !before(&t->due, &(*at)->due)) at = &(*at)->next;
  t->next = *at;
  *at = t;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
}

void later_stop(void) {
  pthread_mutex_lock(&lock);
  stopping = 1;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
  pthread_join(thread, NULL);
  while (tasks) {
    task *t = tasks;
    tasks = t->next;
    free(t);
  }
}
