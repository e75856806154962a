/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - threads with every signal blocked, mutexes and condition variables that cannot fail
 * quietly.
 */
#ifndef KSI_BASE_THREAD_H
#define KSI_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ksi_mutex {
    pthread_mutex_t native;
} ksi_mutex;

typedef struct ksi_condition {
    pthread_cond_t native; /* on the monotonic clock */
} ksi_condition;

void ksi_mutex_init(ksi_mutex *mutex);
void ksi_mutex_destroy(ksi_mutex *mutex);
void ksi_mutex_lock(ksi_mutex *mutex);
void ksi_mutex_unlock(ksi_mutex *mutex);

void ksi_condition_init(ksi_condition *condition);
void ksi_condition_destroy(ksi_condition *condition);
void ksi_condition_wait(ksi_condition *condition, ksi_mutex *mutex);
/* False when `timeout_ms` passed first; negative waits for ever. */
bool ksi_condition_wait_for(ksi_condition *condition, ksi_mutex *mutex, int64_t timeout_ms);
void ksi_condition_wake_all(ksi_condition *condition);

typedef struct ksi_thread {
    pthread_t native;
    bool started;
} ksi_thread;

typedef void ksi_thread_fn(void *user);

/* Starts a thread with all signals blocked; `name` is cut to 15 characters. Returns 0 or errno. */
int ksi_thread_start(ksi_thread *thread, const char *name, ksi_thread_fn *body, void *user);
/* Waits for its end; nothing when it was not started. */
void ksi_thread_join(ksi_thread *thread);

#endif
