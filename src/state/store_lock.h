/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_lock.h - who may touch the stores of a task now: its thread, or a query.
 *
 *     task's thread   enter | record record record ... give way | record record ... | leave
 *     query                     waits ........................ | a page |
 *
 * A stream thread does millions of records a second and queries are few, so a lock per record
 * would be paid by everyone for nothing. The thread holds the lock for a batch and asks between
 * two records whether somebody waits, which is one load; only then does it give way.
 *
 * Turns go in the order of asking. So a query waits for one record, or for what is left of a batch
 * whose thread does not ask, and for the queries before it; and any number of queries delays the
 * thread by one turn of each. The tempting wrong way is a plain mutex: a thread that unlocks and
 * locks again at once has it back before a waiting one wakes up, for seconds on end.
 *
 * What the thread borrowed from a store (rows, values) ends where it gives way. Its iterators may
 * stay open.
 *
 * The lock of the global stores is a shared one: many threads read those, for each record perhaps.
 * They enter to read, which is one atomic addition while nobody writes, and several do at once.
 * When the writer has it, or waits for it, a reader takes a ticket like everybody, and passes the
 * turn on as soon as it is its own.
 *
 * Lock order: RocksDB and the logger may be called with a store lock held, and nothing that waits
 * for another task: one thread holds one store lock at a time. A shared lock comes behind it: a
 * task may enter it within its batch, because who has it enters no other.
 *
 * Thread rule: any.
 */
#ifndef KSI_STATE_STORE_LOCK_H
#define KSI_STATE_STORE_LOCK_H

#include <stdbool.h>

typedef struct ksi_store_lock ksi_store_lock;

/* With one reference, the caller's. */
ksi_store_lock *ksi_store_lock_new(void);
ksi_store_lock *ksi_store_lock_new_shared(void);
ksi_store_lock *ksi_store_lock_retain(ksi_store_lock *lock);
void ksi_store_lock_release(ksi_store_lock *lock); /* accepts NULL */

/* Waits for its turn. Not while this thread holds one. */
void ksi_store_lock_enter(ksi_store_lock *lock);
void ksi_store_lock_leave(ksi_store_lock *lock);
/* Whether this thread may enter it now. */
bool ksi_store_lock_may_enter(const ksi_store_lock *lock);
/*
 * To read, beside others; only a shared one. What was entered so is held for one lookup, and
 * nothing else is entered meanwhile.
 */
void ksi_store_lock_enter_to_read(ksi_store_lock *lock);
void ksi_store_lock_leave_reading(ksi_store_lock *lock);
bool ksi_store_lock_is_shared(const ksi_store_lock *lock);
/* Lets all who wait now go first; returns at once when nobody does. Only while held. */
void ksi_store_lock_give_way(ksi_store_lock *lock);
/* Whether somebody waits. */
bool ksi_store_lock_is_wanted(const ksi_store_lock *lock);
/* Whether this thread holds it, other than to read; or holds any. */
bool ksi_store_lock_is_mine(const ksi_store_lock *lock);
bool ksi_store_lock_holds_any(void);

#endif
