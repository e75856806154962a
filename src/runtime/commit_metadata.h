/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_metadata.h - the text that is committed beside an offset: how far time had come in the
 * partition, and numbers that nodes of the task keep. @java TopicPartitionMetadata,
 * ProcessorMetadata
 *
 *     base64( version u8 = 2 | partition time i64 | notes )                  big endian
 *     notes: nothing, or  count i32 | ( size i32 | name | number i64 ) for each
 *     version 1: without notes; an empty text: unknown
 *
 * A broker refuses a commit whose text is longer than its offset.metadata.max.bytes (4096), so a
 * text that would be longer than KSI_COMMIT_METADATA_MAX leaves out the notes that Java has not
 * (KSI_OWN_NOTE): then an operator begins its time anew after a restart, as in Java.
 *
 * Without the time, stream time would begin at the first record after a restart. Without the notes,
 * windows that were emitted when they closed would be emitted again.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_RUNTIME_COMMIT_METADATA_H
#define KSI_RUNTIME_COMMIT_METADATA_H

#include "base/arena.h"

enum { KSI_COMMIT_METADATA_MAX = 4000 };

/* A number that a node keeps, under a name that no other node of its task uses. */
typedef struct ksi_commit_note {
    const char *name;
    int64_t number;
} ksi_commit_note;

typedef struct ksi_commit_notes {
    ksi_commit_note *items;
    size_t count;
} ksi_commit_notes;

/* The text for a partition time and the notes of the task, in `arena`. */
ks_slice ksi_commit_metadata_encode(int64_t partition_time, const ksi_commit_notes *notes,
                                    ks_arena *arena);
/* Whether that text leaves out notes. */
bool ksi_commit_metadata_is_shortened(const ksi_commit_notes *notes);
/*
 * The partition time of a text; -1 when it says none or is not understood, which is no error: the
 * offset beside it is good. `*notes`, in `arena`, has then none, as when the text has none.
 */
int64_t ksi_commit_metadata_decode(ks_slice text, ks_arena *arena, ksi_commit_notes *notes);

#endif
