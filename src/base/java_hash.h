/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_hash.h - the order in which a java.util.HashMap or HashSet of texts is iterated.
 *
 * Java's topology descriptions print lists in that order, so describing byte for byte needs it: a
 * table of 16 buckets that doubles when more than 3/4 full, bucket = (h ^ h >>> 16) & (size - 1) of
 * String.hashCode(), entries of a bucket in the order of insertion (a resize keeps the relative
 * order). A bucket that would get a ninth entry doubles a table of fewer than 64 buckets and
 * becomes a red-black tree in a larger one, whose iteration order is no longer that of insertion;
 * both are followed exactly.
 */
#ifndef KSI_BASE_JAVA_HASH_H
#define KSI_BASE_JAVA_HASH_H

#include <kstreams/common.h>

/* String.hashCode() of UTF-8 text (over its UTF-16 units). */
int32_t ksi_java_string_hash(const char *text);

/*
 * Writes to `order` the indices of `texts` (distinct, in the order of insertion) in the order in
 * which Java would iterate them. `initial_capacity` is the argument of `new HashMap(n)`, or 0 for
 * `new HashMap()`.
 */
void ksi_java_hash_order(const char *const *texts, size_t count, size_t initial_capacity,
                         size_t *order);

#endif
