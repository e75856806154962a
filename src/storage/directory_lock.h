/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_lock.h - one process holds a directory, and others are told which.
 *
 *     <directory>/lock      held with flock(2); its text says who holds it, since when
 *
 * For the directories that only one process may write: the state of an application, a durable log.
 *
 * Errors: KS_E_STATE when another holds it, naming it; KS_E_IO with the system's reason and the
 * path for everything else.
 *
 * Thread rule: the owner's; the lock is the process's.
 */
#ifndef KSI_STORAGE_DIRECTORY_LOCK_H
#define KSI_STORAGE_DIRECTORY_LOCK_H

#include "base/clock.h"
#include "base/logger.h"

typedef struct ksi_directory_lock ksi_directory_lock;

/* How to speak of the directory; outlives the lock. */
typedef struct ksi_lock_words {
    const char *what;   /* "the state" */
    const char *remedy; /* when another process has it: "give this one another state.dir" */
    const char *twice;  /* when this process has it: "two applications need two directories" */
    const char *place;  /* the property that named it: "state.dir" */
} ksi_lock_words;

/* Takes the lock of a directory that is there. NULL with an error. */
ksi_directory_lock *ksi_directory_lock_take(const char *directory, const ksi_lock_words *words,
                                            ksi_clock *clock, ksi_logger *logger, ks_error *error);
/* Gives it back. Accepts NULL. */
void ksi_directory_lock_release(ksi_directory_lock *lock);

#endif
