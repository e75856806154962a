/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_rows.h - the versions of each key of a versioned store, as rows of a row store.
 *
 * A version is a value and the time from which it is valid; it ends where the next one of its key
 * begins. Reading the latest one must be one lookup, writing behind it must not touch what is old,
 * reading as of a time must not walk over all versions, and what has expired must go without
 * looking at it. So the latest version of a key is a row by itself, and each that has ended is a
 * row under the time of its end:
 *
 *     segment i64 | length u32 | key | to i64   [from] flag, value    versions that have ended
 *     fe | key                                  [from] value          the latest; none: deleted
 *     ff                                        [observed] retention  what is known of the store
 *
 * Numbers are big-endian, what stands in brackets is the timestamp of the row, a segment is an
 * eighth of the retention, and flag is 0 where the key was deleted from `from` to `to`. The version
 * of a time is the latest if it begins by then, else the first of the key whose end lies behind
 * that time: one seek in each segment that may have it, of which there are ten at most, and one for
 * recent times.
 *
 * The answers are Java's, to its oddities: the deletion of a key at the very time of its latest
 * version leaves a trace only where an older version ends there. A deletion of what has no version
 * that could end is a row with from = to, so that older versions that come late end there.
 *
 * Invariants
 *   - The versions of a key do not overlap; between two of them may be a gap, in which it was
 *     deleted. None ends behind the beginning of the latest.
 *   - No version ends behind the observed time, which is the highest of all writes. So what is
 *     written at or behind it needs no look at history.
 *   - Rows are replaced and added, never deleted one by one: expired segments go as one range.
 *   - In key order, which is the order of applying, history stands before the latest versions and
 *     what is known of the store behind both. A crash that keeps only the first of them leaves what
 *     replaying the changelog corrects.
 *   - The retention decides where rows stand. Rows of another one are refused; they are wiped and
 *     built again from the changelog.
 *
 * The tempting wrong way is one row for all versions of a key in a segment (Java's): each update of
 * a key that is written often copies all its recent versions.
 *
 * Thread rule: that of the row store.
 */
#ifndef KSI_STATE_VERSIONED_ROWS_H
#define KSI_STATE_VERSIONED_ROWS_H

#include "state/row_store.h"

#define KSI_NOT_PUT INT64_MIN /* the answer of a put that came too late */
#define KSI_NO_END (-1)       /* of the latest version */

typedef struct ksi_versioned_rows ksi_versioned_rows;

/* A version: borrowed until the next call. */
typedef struct ksi_version {
    ks_slice value; /* null: the key was deleted */
    int64_t from;
    int64_t to; /* exclusive; KSI_NO_END: it is the latest */
} ksi_version;

typedef struct ksi_versioned_rows_options {
    ksi_row_store *rows; /* with timestamps and without a bound; outlives this */
    int64_t history_retention_ms;
    bool committed; /* reads committed rows only; then nothing may be written */
} ksi_versioned_rows_options;

/*
 * NULL with an error: the store's own row cannot be read, or (KS_E_CONFIG) its rows were written
 * under another retention.
 */
ksi_versioned_rows *ksi_versioned_rows_open(const ksi_versioned_rows_options *options,
                                            ks_error *error);
void ksi_versioned_rows_close(ksi_versioned_rows *versions); /* accepts NULL */
/* The highest time that was written; -1: nothing was. */
int64_t ksi_versioned_rows_observed(const ksi_versioned_rows *versions);
/* The beginning of the retention. */
int64_t ksi_versioned_rows_oldest(const ksi_versioned_rows *versions);
/* Whether a time lies before the retention: nothing is put there, and history not read. */
bool ksi_versioned_rows_has_expired(const ksi_versioned_rows *versions, int64_t time);

/*
 * Writes a version; a null value deletes from that time on. `*valid_to` is where it ends,
 * KSI_NO_END, or KSI_NOT_PUT when it is older than the retention allows: then nothing is written.
 * @java RocksDBVersionedStore#put
 */
KS_NODISCARD ks_status ksi_versioned_rows_put(ksi_versioned_rows *versions, ks_slice key,
                                              ks_slice value, int64_t timestamp, int64_t *valid_to,
                                              ks_error *error);
/*
 * Puts a version again that the changelog has, and brings the rows in when they are many. What came
 * too late then does so again.
 */
KS_NODISCARD ks_status ksi_versioned_rows_restore(ksi_versioned_rows *versions, ks_slice key,
                                                  ks_slice value, int64_t timestamp,
                                                  ks_error *error);

/* The latest version, if the key is there. */
KS_NODISCARD ks_status ksi_versioned_rows_get(ksi_versioned_rows *versions, ks_slice key,
                                              ksi_version *version, bool *found, ks_error *error);
/*
 * The version that is valid at a time. Of times before the retention only the latest version is
 * known. @java RocksDBVersionedStore#get(Bytes, long)
 */
KS_NODISCARD ks_status ksi_versioned_rows_get_as_of(ksi_versioned_rows *versions, ks_slice key,
                                                    int64_t time, ksi_version *version, bool *found,
                                                    ks_error *error);
/*
 * The version that is valid at a time, or else the next one that begins: so one version after the
 * other is read, each from the end of the one before. Deletions count as versions where they are
 * known; the retention is not looked at.
 */
KS_NODISCARD ks_status ksi_versioned_rows_next(ksi_versioned_rows *versions, ks_slice key,
                                               int64_t time, ksi_version *version, bool *found,
                                               ks_error *error);

/*
 * Visits the key of each row, many of them more than once; borrowed while it is visited. Reads all
 * rows.
 */
typedef void ksi_version_key_fn(void *user, ks_slice key);
KS_NODISCARD ks_status ksi_versioned_rows_each_key(ksi_versioned_rows *versions,
                                                   ksi_version_key_fn *visit, void *user,
                                                   ks_error *error);

#endif
