/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.h - what has expired in a window or session store, and what the store knows of time.
 *
 * Rows belong to a time (the start of a window, the end of a session) and stand in segments of it.
 * The observed time is the highest of all rows that were stored. What lies the retention or more
 * behind it is hidden from readers; a whole segment of such rows goes at once, and what belongs
 * there is not stored any more. A store in memory refuses to the millisecond. @java
 * AbstractRocksDBSegmentedBytesStore, InMemoryWindowStore
 *
 * An operation that emits windows when they have closed must find each of them once, however far
 * time has jumped since. So it says from where on rows must be kept, and nothing of that is refused
 * or goes. Until it has said so for the first time, a store `by_time` keeps everything. Hidden they
 * are all the same, but for who asks for what is kept.
 *
 * The observed time stands in the note of the row store: it is written with a commit, not with each
 * put, and an abort takes it back. (A row for it, as versioned stores have, would stand behind all
 * others in key order, and then the rows of recent times would not be known from, see row_store.h.)
 *
 * Thread rule: that of the row store.
 */
#ifndef KSI_STATE_RETENTION_H
#define KSI_STATE_RETENTION_H

#include "state/row_store.h"
#include "state/store_spec.h"

typedef struct ksi_retention {
    ksi_row_store *rows;
    int64_t retention_ms;
    int64_t visible_ms; /* how far behind the observed time rows are seen */
    int64_t segment_ms;
    bool is_exact;         /* in memory: what is hidden is not stored either */
    int64_t observed;      /* -1: nothing was */
    int64_t visible_from;  /* what lies before is hidden */
    int64_t keep_from;     /* INT64_MAX: nothing is kept beyond the retention */
    int64_t expired_below; /* this segment: said to the rows */
} ksi_retention;

/* Java's length of a segment. @java Stores#defaultSegmentInterval */
int64_t ksi_retention_segment_ms(const ksi_store_spec *spec);

/*
 * KS_E_CONFIG: the rows were laid out with segments of another length, because the retention was
 * another. They must be wiped.
 */
KS_NODISCARD ks_status ksi_retention_open(ksi_retention *retention, const ksi_store_spec *spec,
                                          ksi_row_store *rows, ks_error *error);

static inline int64_t ksi_retention_segment(const ksi_retention *retention, int64_t time)
{
    return time / retention->segment_ms;
}

static inline bool ksi_retention_hides(const ksi_retention *retention, int64_t time)
{
    return time < retention->visible_from;
}

/* Before the first row is stored that can still be read or written: gives up older segments. */
void ksi_retention_expire(ksi_retention *retention);
/* A row of this time is to be stored: time goes on. False: it is too late and must not be. */
bool ksi_retention_admits(ksi_retention *retention, int64_t time);
/* The same of a row that is restored: nothing is expired, that is done by who opens the store. */
bool ksi_retention_restores(ksi_retention *retention, int64_t time);
/* Rows from this time on are kept until the next call says more. */
void ksi_retention_keep_from(ksi_retention *retention, int64_t time);
/* From where on rows are read by who asks for what is kept, too. */
int64_t ksi_retention_kept_from(const ksi_retention *retention);

#endif
