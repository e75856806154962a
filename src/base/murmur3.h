/* SPDX-License-Identifier: Apache-2.0 */
/*
 * murmur3.h - MurmurHash3 of 128 bits (the variant for 64-bit machines), which Java keeps in
 * topics: it says which version of a row an answer of a foreign-key join belongs to.
 *
 * The numbers are part of a format and never change. @java Murmur3#hash128
 *
 * Thread rule: any thread.
 */
#ifndef KSI_BASE_MURMUR3_H
#define KSI_BASE_MURMUR3_H

#include <kstreams/common.h>

typedef struct ksi_hash128 {
    uint64_t high; /* written first */
    uint64_t low;
} ksi_hash128;

/* With Java's seed, 104729. */
ksi_hash128 ksi_murmur3(ks_slice bytes);

#endif
