/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - what a run left in its topics.
 */
#ifndef KS_BENCH_RESULT_H
#define KS_BENCH_RESULT_H

#include <kstreams/log.h>

/*
 * The digest does not depend on the order of keys, so it needs no sorting and says the same for any
 * number of partitions and threads: the sum, modulo 2^64, of one hash for each key that has a last
 * value. The hash is FNV-1a of 64 bits (offset basis 14695981039346656037, prime 1099511628211)
 * over the bytes of the key, one byte 0, and the bytes of the last value. Records without a key
 * count as outputs and are in no result; a last value of null deletes its key.
 */
typedef struct bench_result {
    uint64_t results; /* keys that have a last value */
    uint64_t outputs; /* records */
    uint64_t bytes;   /* of keys and values of all records */
    uint64_t digest;
} bench_result;

/* Reads a topic to its end. */
ks_status bench_result_read(ks_log *log, const char *topic, bench_result *result, ks_error *error);

/* How many records a topic has. */
ks_status bench_count_records(ks_log *log, const char *topic, uint64_t *count, ks_error *error);

#endif
