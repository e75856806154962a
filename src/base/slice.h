/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - comparing and hashing bytes.
 */
#ifndef KSI_BASE_SLICE_H
#define KSI_BASE_SLICE_H

#include <kstreams/common.h>

/*
 * Order of unsigned bytes, shorter first when one begins the other: RocksDB's and Java's Bytes
 * order.
 */
int ksi_slice_compare(ks_slice a, ks_slice b);
bool ksi_slice_starts_with(ks_slice slice, ks_slice prefix);
/*
 * The smallest bytes behind all that begin with the prefix, in `arena`; null when nothing is behind
 * them, as with a prefix of ff bytes only.
 */
ks_slice ksi_slice_behind_prefix(ks_slice prefix, ks_arena *arena);
/* A fast hash for tables in memory; its value is nobody's format. */
uint64_t ksi_slice_hash(ks_slice slice);
/* Java's murmur2 of the default partitioner (org.apache.kafka.common.utils.Utils#murmur2). */
uint32_t ksi_murmur2(ks_slice slice);
/* Its default choice for a key: the hash without its sign, modulo. @java BuiltInPartitioner */
static inline int32_t ksi_partition_of_key(ks_slice key, int32_t partition_count)
{
    return (int32_t)((ksi_murmur2(key) & 0x7fffffffu) % (uint32_t)partition_count);
}

#endif
