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
    ksi_mutex mutex;
    ksi_condition called_next;
    uint64_t next_ticket;
    uint64_t called;
    atomic_size_t waiting;
    atomic_uintptr_t holder; /* 0: nobody */
};

/* The address is a number of this thread's own; the value says that it holds a store lock. */
static _Thread_local bool holds_one;

static uintptr_t this_thread(void)
{
    return (uintptr_t)&holds_one;
}

ksi_store_lock *ksi_store_lock_new(void)
{
    ksi_store_lock *lock = ksi_calloc(1, sizeof *lock);
    ksi_mutex_init(&lock->mutex);
    ksi_condition_init(&lock->called_next);
    atomic_init(&lock->references, 1);
    atomic_init(&lock->waiting, 0);
    atomic_init(&lock->holder, 0);
    return lock;
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

void ksi_store_lock_enter(ksi_store_lock *lock)
{
    KSI_CHECK(!holds_one); /* it would wait for itself, or for one that waits for it */
    ksi_mutex_lock(&lock->mutex);
    uint64_t ticket = lock->next_ticket++;
    if (ticket != lock->called) {
        atomic_fetch_add(&lock->waiting, 1);
        while (ticket != lock->called) {
            ksi_condition_wait(&lock->called_next, &lock->mutex);
        }
        atomic_fetch_sub(&lock->waiting, 1);
    }
    atomic_store_explicit(&lock->holder, this_thread(), memory_order_relaxed);
    holds_one = true;
    ksi_mutex_unlock(&lock->mutex);
}

void ksi_store_lock_leave(ksi_store_lock *lock)
{
    KSI_CHECK(ksi_store_lock_is_mine(lock));
    ksi_mutex_lock(&lock->mutex);
    holds_one = false;
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    lock->called++;
    bool is_wanted = atomic_load(&lock->waiting) > 0;
    ksi_mutex_unlock(&lock->mutex);
    if (is_wanted) {
        ksi_condition_wake_all(&lock->called_next);
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
    return holds_one;
}
