/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_metadata.h - the text that is committed beside an offset: how far time had come in the
 * partition. @java TopicPartitionMetadata
 *
 *     base64( version u8 = 2 | partition time i64 | processor metadata )     big endian
 *     version 1: without the last; an empty text: unknown
 *
 * Without it stream time would begin at the first record after a restart, and windows that were
 * closed would be open again.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_RUNTIME_COMMIT_METADATA_H
#define KSI_RUNTIME_COMMIT_METADATA_H

#include "base/arena.h"

/* The text for a partition time, in `arena`. */
ks_slice ksi_commit_metadata_encode(int64_t partition_time, ks_arena *arena);
/*
 * The partition time of a text; -1 when it says none or is not understood, which is no error: the
 * offset beside it is good.
 */
int64_t ksi_commit_metadata_decode(ks_slice text);

#endif
