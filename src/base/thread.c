/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.c - threads with every signal blocked, and locks that cannot fail quietly.
 *
 * A library must not take signals away from the program that links it: a handler that runs on one
 * of our threads runs in the middle of our locks. Every thread is therefore born with all signals
 * blocked - the mask is set in the parent around pthread_create(), because a mask set by the new
 * thread itself leaves a gap at its start.
 *
 * A mutex call that fails means a destroyed or foreign lock; going on would corrupt what it
 * protects, so it is checked in release builds too. Conditions wait on the monotonic clock: with
 * the default clock a step of the wall time would stretch or cut every timeout.
 *
 * Thread rule: any.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np() */
#endif

#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"

enum { NAME_SIZE = 16 }; /* of the kernel, with the NUL */

void ksi_mutex_init(ksi_mutex *mutex)
{
    KSI_CHECK(pthread_mutex_init(&mutex->native, NULL) == 0);
}

void ksi_mutex_destroy(ksi_mutex *mutex)
{
    KSI_CHECK(pthread_mutex_destroy(&mutex->native) == 0);
}

void ksi_mutex_lock(ksi_mutex *mutex)
{
    KSI_CHECK(pthread_mutex_lock(&mutex->native) == 0);
}

void ksi_mutex_unlock(ksi_mutex *mutex)
{
    KSI_CHECK(pthread_mutex_unlock(&mutex->native) == 0);
}

void ksi_condition_init(ksi_condition *condition)
{
    pthread_condattr_t attributes;
    KSI_CHECK(pthread_condattr_init(&attributes) == 0);
    KSI_CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    KSI_CHECK(pthread_cond_init(&condition->native, &attributes) == 0);
    KSI_CHECK(pthread_condattr_destroy(&attributes) == 0);
}

void ksi_condition_destroy(ksi_condition *condition)
{
    KSI_CHECK(pthread_cond_destroy(&condition->native) == 0);
}

void ksi_condition_wait(ksi_condition *condition, ksi_mutex *mutex)
{
    KSI_CHECK(pthread_cond_wait(&condition->native, &mutex->native) == 0);
}

bool ksi_condition_wait_for(ksi_condition *condition, ksi_mutex *mutex, int64_t timeout_ms)
{
    if (timeout_ms < 0) {
        ksi_condition_wait(condition, mutex);
        return true;
    }
    struct timespec deadline;
    KSI_CHECK(clock_gettime(CLOCK_MONOTONIC, &deadline) == 0);
    const int64_t longest_ms = INT64_C(100) * 365 * 86400 * 1000; /* keeps the sum below in range */
    int64_t bounded = timeout_ms < longest_ms ? timeout_ms : longest_ms;
    int64_t nanoseconds = deadline.tv_nsec + bounded % 1000 * 1000000;
    deadline.tv_sec += (time_t)(bounded / 1000 + nanoseconds / 1000000000);
    deadline.tv_nsec = (long)(nanoseconds % 1000000000);
    int result = pthread_cond_timedwait(&condition->native, &mutex->native, &deadline);
    KSI_CHECK(result == 0 || result == ETIMEDOUT);
    return result == 0;
}

void ksi_condition_wake_all(ksi_condition *condition)
{
    KSI_CHECK(pthread_cond_broadcast(&condition->native) == 0);
}

/* What a new thread is given; it frees it. */
typedef struct birth {
    ksi_thread_fn *body;
    void *user;
    char name[NAME_SIZE];
} birth;

static void *thread_main(void *argument)
{
    birth given = *(birth *)argument;
    ksi_free(argument);
    (void)pthread_setname_np(pthread_self(),
                             given.name); /* only for people; a refusal changes nothing */
    given.body(given.user);
    return NULL;
}

/* Nodes run depth first, each in frames of its own, so a deep topology needs room. */
#define STACK_BYTES ((size_t)16 * 1024 * 1024)

int ksi_thread_start(ksi_thread *thread, const char *name, ksi_thread_fn *body, void *user)
{
    birth *given = ksi_alloc(sizeof *given);
    *given = (birth){.body = body, .user = user};
    (void)snprintf(given->name, sizeof given->name, "%s", name);

    sigset_t all;
    sigset_t before;
    KSI_CHECK(sigfillset(&all) == 0);
    KSI_CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    pthread_attr_t attributes;
    KSI_CHECK(pthread_attr_init(&attributes) == 0);
    KSI_CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    int result = pthread_create(&thread->native, &attributes, thread_main, given);
    KSI_CHECK(pthread_attr_destroy(&attributes) == 0);
    KSI_CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);

    thread->started = result == 0;
    if (result != 0) {
        ksi_free(given);
    }
    return result;
}

void ksi_thread_join(ksi_thread *thread)
{
    if (!thread->started) {
        return;
    }
    KSI_CHECK(pthread_join(thread->native, NULL) == 0);
    thread->started = false;
}
