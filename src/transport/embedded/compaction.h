/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compaction.h - the last record of each key is kept, the ones before it go. @java LogCleaner
 *
 *     closed segments                                    the one that grows
 *     | clean, settled | clean | dirty | dirty | dirty | | active |
 *     '--- rewritten ----------------------------------' ' never  '
 *
 * A segment is dirty until it was compacted for the first time. Compaction notes the last offset of
 * each key of the dirty segments, and copies all closed segments without the records that have a
 * younger one. Offsets stay what they are: gaps are left. Records without a key all stay.
 *
 * A tombstone (a null value) says that a key is gone. It has to stay long enough for a reader that
 * has seen the key's value: `delete.retention.ms` from its first compaction. A segment that has
 * been clean for so long is *settled*, and its tombstones go. Segments are merged with neighbours
 * of their own kind only, or the young would make the old ones young again.
 *
 * New segments take the place of old ones with one write of the catalogue. Readers of the old ones
 * read on in files that have no name any more.
 *
 * The tempting wrong way is to remember in memory what was compacted: a crash would begin anew. The
 * generation of a segment, in its name and its row, is that memory.
 *
 * Thread rule: one compaction of a log at a time; it holds the log's lock only for the swap.
 */
#ifndef KSI_TRANSPORT_EMBEDDED_COMPACTION_H
#define KSI_TRANSPORT_EMBEDDED_COMPACTION_H

#include "transport/embedded/embedded_log.h"

/* Compacts a partition if its topic wants it and it is worth while; adds to `*segments`. */
KS_NODISCARD ks_status ksi_compact_partition(ksi_embedded_log *log, ksi_embedded_topic *topic,
                                             int32_t number, int64_t now_ms, size_t *segments,
                                             ks_error *error);

#endif
