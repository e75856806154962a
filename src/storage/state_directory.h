/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_directory.h - the directory of an application's state: who holds it, what is in it.
 *
 *     <state.dir>/<application.id>/
 *         lock        held with flock(2) while the application lives; says who holds it
 *         version     "kstreams state 1"
 *         process-id  by which the group and the log know this process, over restarts
 *         rocksdb/    one database for all stores
 *         rocksdb.set-aside-<time>-<n>/   a database that could not be read, with why in `reason`
 *
 * Nothing is ever deleted because it could not be read: it is renamed, and the log says why.
 *
 * Errors: KS_E_STATE when another process (or another application of this one) holds it, naming it;
 * KS_E_STATE for a directory that a newer version wrote, or that has no version; KS_E_ARGUMENT for
 * an application.id that is no name of a directory; KS_E_IO with the system's reason and the path
 * for everything else.
 *
 * Thread rule: the application's; the lock is the process's.
 */
#ifndef KSI_STORAGE_STATE_DIRECTORY_H
#define KSI_STORAGE_STATE_DIRECTORY_H

#include "base/clock.h"
#include "base/logger.h"

typedef struct ksi_state_directory ksi_state_directory;

/* Makes missing directories, takes the lock, checks the version. NULL with an error. */
ksi_state_directory *ksi_state_directory_open(const char *state_dir, const char *application_id,
                                              ksi_clock *clock, ksi_logger *logger,
                                              ks_error *error);
/* Gives the lock back; the files stay. Accepts NULL. */
void ksi_state_directory_close(ksi_state_directory *directory);

const char *ksi_state_directory_path(const ksi_state_directory *directory);
/* Where the database is or will be. */
const char *ksi_state_directory_database(const ksi_state_directory *directory);

enum { KSI_PROCESS_ID_SIZE = 40 };

/*
 * The process id that is kept here; `fresh` where there is none yet, or none that can be one, which
 * is kept from then on. @java StateDirectory#initializeProcessId
 */
KS_NODISCARD ks_status ksi_state_directory_process_id(const ksi_state_directory *directory,
                                                      const char *fresh,
                                                      char id[KSI_PROCESS_ID_SIZE],
                                                      ks_error *error);

/*
 * Deletes the database of an application; what was set aside stays. KS_OK when there is none;
 * KS_E_STATE while somebody holds the directory.
 */
KS_NODISCARD ks_status ksi_state_directory_delete_database(const char *state_dir,
                                                           const char *application_id,
                                                           ksi_clock *clock, ksi_logger *logger,
                                                           ks_error *error);

/* Renames the database out of the way and writes `reason` beside it; logs both names. */
ks_status ksi_state_directory_set_aside(ksi_state_directory *directory, const char *reason,
                                        ks_error *error);

#endif
