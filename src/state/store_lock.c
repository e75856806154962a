/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_lock.c - see store_lock.h.
 *
 * Tickets: whoever comes takes the next number and waits until it is called. Leaving calls the
 * number behind.
 *
 * `waiting` and `holder` are also read without the mutex: by the holder between records, and by a
 * thread that asks about itself. Neither needs more than its own value.
 *
 * Readers of a shared lock count themselves in `readers` and look whether there is a holder; the
 * holder sets itself and looks whether there are readers. Both in one order for all threads, so at
 * least one of them sees the other: a reader that sees a holder takes its count back and queues, a
 * holder that sees readers waits until they have left.
 *
 * Thread rule: any.
 */
#include "state/store_lock.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ksi_store_lock {
    atomic_size_t references;
    bool is_shared;
    ksi_mutex mutex;
    ksi_condition called_next;
    uint64_t next_ticket;
    uint64_t called;
    atomic_size_t waiting;
    atomic_uintptr_t holder; /* 0: nobody */
    atomic_size_t readers;
};

/* What this thread has entered. */
typedef struct held_locks {
    bool own;    /* of a task */
    bool shared; /* of global stores */
} held_locks;

/* Its address is a number of this thread's own. */
static _Thread_local held_locks held;

static uintptr_t this_thread(void)
{
    return (uintptr_t)&held;
}

static ksi_store_lock *new_lock(bool is_shared)
{
    ksi_store_lock *lock = ksi_calloc(1, sizeof *lock);
    lock->is_shared = is_shared;
    ksi_mutex_init(&lock->mutex);
    ksi_condition_init(&lock->called_next);
    atomic_init(&lock->references, 1);
    atomic_init(&lock->waiting, 0);
    atomic_init(&lock->holder, 0);
    atomic_init(&lock->readers, 0);
    return lock;
}

ksi_store_lock *ksi_store_lock_new(void)
{
    return new_lock(false);
}

ksi_store_lock *ksi_store_lock_new_shared(void)
{
    return new_lock(true);
}

bool ksi_store_lock_is_shared(const ksi_store_lock *lock)
{
    return lock->is_shared;
}

ksi_store_lock *ksi_store_lock_retain(ksi_store_lock *lock)
{
    atomic_fetch_add(&lock->references, 1);
    return lock;
}

void ksi_store_lock_release(ksi_store_lock *lock)
{
    if (lock == NULL || atomic_fetch_sub(&lock->references, 1) > 1) {
        return;
    }
    KSI_CHECK(atomic_load(&lock->holder) == 0);
    ksi_condition_destroy(&lock->called_next);
    ksi_mutex_destroy(&lock->mutex);
    ksi_free(lock);
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* With the mutex held. */
static void wait_for_turn(ksi_store_lock *lock)
{
    uint64_t ticket = lock->next_ticket++;
    if (ticket == lock->called) {
        return;
    }
    atomic_fetch_add(&lock->waiting, 1);
    while (ticket != lock->called) {
        ksi_condition_wait(&lock->called_next, &lock->mutex);
    }
    atomic_fetch_sub(&lock->waiting, 1);
}

/* Calls the next one, if there is. With the mutex held. */
static void pass_on(ksi_store_lock *lock)
{
    lock->called++;
    if (atomic_load(&lock->waiting) > 0) {
        ksi_condition_wake_all(&lock->called_next);
    }
}

static void note_held(const ksi_store_lock *lock, bool is_held)
{
    if (lock->is_shared) {
        held.shared = is_held;
    } else {
        held.own = is_held;
    }
}

bool ksi_store_lock_may_enter(const ksi_store_lock *lock)
{
    return !held.shared && (lock->is_shared || !held.own);
}

void ksi_store_lock_enter(ksi_store_lock *lock)
{
    /* It would wait for itself, or for one that waits for it. */
    KSI_CHECK(ksi_store_lock_may_enter(lock));
    ksi_mutex_lock(&lock->mutex);
    wait_for_turn(lock);
    atomic_store(&lock->holder, this_thread());
    while (atomic_load(&lock->readers) > 0) {
        ksi_condition_wait(&lock->called_next, &lock->mutex);
    }
    note_held(lock, true);
    ksi_mutex_unlock(&lock->mutex);
}

void ksi_store_lock_leave(ksi_store_lock *lock)
{
    KSI_CHECK(ksi_store_lock_is_mine(lock));
    ksi_mutex_lock(&lock->mutex);
    note_held(lock, false);
    atomic_store(&lock->holder, 0);
    pass_on(lock);
    ksi_mutex_unlock(&lock->mutex);
}

void ksi_store_lock_enter_to_read(ksi_store_lock *lock)
{
    KSI_CHECK(lock->is_shared && ksi_store_lock_may_enter(lock));
    held.shared = true;
    atomic_fetch_add(&lock->readers, 1);
    if (atomic_load(&lock->holder) == 0) {
        return;
    }
    ksi_store_lock_leave_reading(lock);
    ksi_mutex_lock(&lock->mutex);
    wait_for_turn(lock);
    atomic_fetch_add(&lock->readers, 1);
    held.shared = true;
    pass_on(lock);
    ksi_mutex_unlock(&lock->mutex);
}

void ksi_store_lock_leave_reading(ksi_store_lock *lock)
{
    held.shared = false;
    if (atomic_fetch_sub(&lock->readers, 1) == 1 && atomic_load(&lock->holder) != 0) {
        ksi_mutex_lock(&lock->mutex);
        ksi_condition_wake_all(&lock->called_next);
        ksi_mutex_unlock(&lock->mutex);
    }
}

void ksi_store_lock_give_way(ksi_store_lock *lock)
{
    if (ksi_store_lock_is_wanted(lock)) {
        ksi_store_lock_leave(lock);
        ksi_store_lock_enter(lock);
    }
}

bool ksi_store_lock_is_wanted(const ksi_store_lock *lock)
{
    return atomic_load_explicit(&lock->waiting, memory_order_relaxed) > 0;
}

bool ksi_store_lock_is_mine(const ksi_store_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == this_thread();
}

bool ksi_store_lock_holds_any(void)
{
    return held.own || held.shared;
}
