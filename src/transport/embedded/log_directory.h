/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_directory.h - the directory of a durable log.
 *
 *     DIR/lock                                   who holds it (storage/directory_lock.h)
 *     DIR/catalogue/                             what counts (catalogue.h)
 *     DIR/topics/<topic>/<partition>/<base>.log  records (segment.h)
 *
 * Nothing is deleted because it could not be read. What is removed on open is what the catalogue
 * says was never committed, or was deleted, and a line says so.
 *
 * Errors: KS_E_STATE when another process holds it, naming it; KS_E_CORRUPT for what is missing or
 * does not read back; KS_E_IO with the system's reason and the path.
 *
 * Thread rule: `catalogue` under the embedded log's lock; the rest does not change.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_LOG_DIRECTORY_H
#define KSI_TRANSPORT_EMBEDDED_LOG_DIRECTORY_H

#include "base/buffer.h"
#include "storage/directory_lock.h"
#include "transport/embedded/catalogue.h"

typedef struct ksi_log_directory {
    char *path;
    ksi_directory_lock *lock;
    ksi_catalogue *catalogue;
    ksi_clock *clock;
    ksi_logger logger;
    bool syncs;     /* embedded.sync=commit; the embedded log's lock guards it */
    bool is_broken; /* a write of the catalogue failed: nothing more is written */
} ksi_log_directory;

/* Makes it when it is not there, takes its lock, opens its catalogue. NULL with an error. */
ksi_log_directory *ksi_log_directory_open(const char *path, ksi_clock *clock, ks_error *error);
void ksi_log_directory_close(ksi_log_directory *directory); /* accepts NULL */

/* DIR/topics/<topic>, and /<partition> unless it is negative; to be freed. */
char *ksi_log_directory_path_of(const ksi_log_directory *directory, const char *topic,
                                int32_t partition);
/* Removes the files of a topic; what cannot be removed is an error and stays. */
ks_status ksi_log_directory_remove_topic(const ksi_log_directory *directory, const char *topic,
                                         ks_error *error);
/* What topics that were deleted have left. */
KS_NODISCARD ks_status ksi_log_directory_finish_deleting(ksi_log_directory *directory,
                                                         ks_error *error);

/*
 * Writes what was put into the catalogue: the point of commit. When that fails it is not known what
 * is on the disk, so the log takes no more writes until it is opened again.
 */
KS_NODISCARD ks_status ksi_log_directory_write(ksi_log_directory *directory, ks_error *error);
/* KS_E_IO after that has happened. */
KS_NODISCARD ks_status ksi_log_directory_check(const ksi_log_directory *directory, ks_error *error);

#endif
