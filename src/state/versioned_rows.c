/* SPDX-License-Identifier: Apache-2.0 */
/*
 * versioned_rows.c - see versioned_rows.h for the layout and what it promises.
 *
 * A value that is read from history is copied, because the iterator that found it is closed before
 * the version is given out. The latest version is not: it is a row like any other.
 *
 * What the layout owes to crashes: applying writes rows in key order, so a crash keeps a beginning
 * of them and an older position, and the changelog from there on is put again. Putting a version
 * that is there already replaces it by itself; one that is missing is cut out of its neighbours
 * again, because a cut writes the older half, which stands before the other, first. What replaying
 * makes too long for a while (the latest version, when it ends, is put over what became of it)
 * is cut to its length by the versions that follow.
 */
#include "state/versioned_rows.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"

enum {
    SEGMENTS = 8, /* in the retention */
    SEGMENT_MIN_MS = 1000,
    NUMBER_BYTES = 8,
    LENGTH_BYTES = 4,
    LATEST = 0xfe,
    STORE = 0xff,
    DELETED = 0,
    PRESENT = 1
};

static const char WHERE[] = "versioned store";

struct ksi_versioned_rows {
    ksi_versioned_rows_options options;
    int64_t segment_ms;
    int64_t observed_ms;
    int64_t live_segment;   /* below it all is expired */
    bool is_replaying;      /* rows may be newer than what is put */
    ksi_buffer key;         /* scratch: of a row */
    ksi_buffer high;        /* scratch: the end of a range */
    ksi_buffer value;       /* scratch: of a row */
    ksi_buffer found_value; /* of the version that was read from history last */
};

/* ---- keys ------------------------------------------------------------------------------------ */

static void append_be64(ksi_buffer *to, int64_t number)
{
    char bytes[NUMBER_BYTES];
    ksi_put_be64(bytes, (uint64_t)number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

static int64_t segment_of(const ksi_versioned_rows *versions, int64_t time)
{
    return time / versions->segment_ms;
}

static ks_slice history_key(ksi_buffer *in, int64_t segment, ks_slice key, int64_t to)
{
    char length[LENGTH_BYTES];
    ksi_put_be32(length, (uint32_t)key.size);
    ksi_buffer_clear(in);
    append_be64(in, segment);
    ksi_buffer_append(in, length, sizeof length);
    ksi_buffer_append(in, key.data, key.size);
    append_be64(in, to);
    return ksi_buffer_slice(in);
}

static ks_slice prefixed_key(ksi_versioned_rows *versions, int prefix, ks_slice key)
{
    char byte = (char)prefix;
    ksi_buffer_clear(&versions->key);
    ksi_buffer_append(&versions->key, &byte, 1);
    ksi_buffer_append(&versions->key, key.data, key.size);
    return ksi_buffer_slice(&versions->key);
}

/* ---- what is known of the store -------------------------------------------------------------- */

static int64_t segment_ms_of(int64_t history_retention_ms)
{
    int64_t segment_ms = history_retention_ms / SEGMENTS;
    return segment_ms > SEGMENT_MIN_MS ? segment_ms : SEGMENT_MIN_MS;
}

int64_t ksi_versioned_rows_oldest(const ksi_versioned_rows *versions)
{
    return versions->observed_ms - versions->options.history_retention_ms;
}

/* Of the segments that may have a version which is valid within the retention, the first. */
static int64_t oldest_segment(const ksi_versioned_rows *versions)
{
    int64_t oldest_ms = ksi_versioned_rows_oldest(versions);
    return oldest_ms > 0 ? segment_of(versions, oldest_ms) : 0;
}

static ks_status read_store(ksi_versioned_rows *versions, ks_error *error)
{
    ksi_row row;
    bool found;
    KS_TRY(ksi_row_store_get(versions->options.rows,
                             prefixed_key(versions, STORE, ks_slice_of("", 0)),
                             versions->options.committed, &row, &found, error));
    if (!found) {
        return KS_OK;
    }
    int64_t written_ms =
        row.value.size == NUMBER_BYTES ? (int64_t)ksi_get_be64(row.value.data) : -1;
    if (written_ms < 0 || row.timestamp < 0) {
        return ksi_error_set(error, KS_E_CORRUPT, WHERE,
                             "the row that says how far the store is does not read");
    }
    if (written_ms != versions->options.history_retention_ms) {
        return ksi_error_set(error, KS_E_CONFIG, WHERE,
                             "it was written with a history retention of %lld ms, and rows of one "
                             "retention cannot be read with another, now %lld ms",
                             (long long)written_ms,
                             (long long)versions->options.history_retention_ms);
    }
    versions->observed_ms = row.timestamp;
    versions->live_segment = oldest_segment(versions);
    return KS_OK;
}

static void write_store(ksi_versioned_rows *versions)
{
    ksi_buffer_clear(&versions->value);
    append_be64(&versions->value, versions->options.history_retention_ms);
    ksi_row_store_put(versions->options.rows, prefixed_key(versions, STORE, ks_slice_of("", 0)),
                      ksi_buffer_slice(&versions->value), versions->observed_ms);
}

ksi_versioned_rows *ksi_versioned_rows_open(const ksi_versioned_rows_options *options,
                                            ks_error *error)
{
    ksi_versioned_rows *versions = ksi_calloc(1, sizeof *versions);
    versions->options = *options;
    versions->segment_ms = segment_ms_of(options->history_retention_ms);
    versions->observed_ms = -1;
    if (read_store(versions, error) != KS_OK) {
        ksi_versioned_rows_close(versions);
        return NULL;
    }
    return versions;
}

void ksi_versioned_rows_close(ksi_versioned_rows *versions)
{
    if (versions == NULL) {
        return;
    }
    ksi_buffer_destroy(&versions->key);
    ksi_buffer_destroy(&versions->high);
    ksi_buffer_destroy(&versions->value);
    ksi_buffer_destroy(&versions->found_value);
    ksi_free(versions);
}

int64_t ksi_versioned_rows_observed(const ksi_versioned_rows *versions)
{
    return versions->observed_ms;
}

bool ksi_versioned_rows_has_expired(const ksi_versioned_rows *versions, int64_t time)
{
    return time < ksi_versioned_rows_oldest(versions);
}

/* Time goes on: the store says so, and what has expired by now is given up. */
static void observe(ksi_versioned_rows *versions, int64_t time)
{
    if (time <= versions->observed_ms) {
        return;
    }
    versions->observed_ms = time;
    write_store(versions);
    int64_t live = oldest_segment(versions);
    if (live > versions->live_segment) {
        char below[NUMBER_BYTES];
        ksi_put_be64(below, (uint64_t)live);
        ksi_row_store_expire(versions->options.rows, ks_slice_of(below, sizeof below));
        versions->live_segment = live;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Where to look for a version that has ended. */
typedef struct ends {
    int64_t segment;
    int64_t low;
    int64_t high;
    bool last;         /* of those; else the first */
    ksi_buffer *value; /* where its value is copied; NULL: it is not wanted */
} ends;

/* The row, which is borrowed from the row store. */
static ks_status find_latest(ksi_versioned_rows *versions, ks_slice key, ksi_row *row, bool *found,
                             ks_error *error)
{
    return ksi_row_store_get(versions->options.rows, prefixed_key(versions, LATEST, key),
                             versions->options.committed, row, found, error);
}

static ks_status read_history(const ksi_row *row, ksi_buffer *value, ksi_version *version,
                              ks_error *error)
{
    if (row->value.size == 0) {
        return ksi_error_set(error, KS_E_CORRUPT, WHERE,
                             "a version that has ended has no bytes, not even its flag");
    }
    version->from = row->timestamp;
    version->to = (int64_t)ksi_get_be64(row->key.data + row->key.size - NUMBER_BYTES);
    version->value = ks_slice_null();
    if (value != NULL && row->value.data[0] == PRESENT) {
        ksi_buffer_clear(value);
        ksi_buffer_append(value, row->value.data + 1, row->value.size - 1);
        version->value = ksi_buffer_slice(value);
    }
    return KS_OK;
}

/* The first version of a segment, or the last, whose end lies in a range: low <= to <= high. */
static ks_status find_in_segment(ksi_versioned_rows *versions, ks_slice key, const ends *where,
                                 ksi_version *version, bool *found, ks_error *error)
{
    const ksi_row_range range = {
        .low = history_key(&versions->key, where->segment, key, where->low),
        .high = history_key(&versions->high, where->segment, key, where->high),
        .high_inclusive = true,
        .backward = where->last,
        .committed = versions->options.committed};
    ksi_row_iterator *iterator = ksi_row_iterator_open(versions->options.rows, &range);
    ksi_row row;
    ks_status status = ksi_row_iterator_next(iterator, &row, found, error);
    if (status == KS_OK && *found) {
        status = read_history(&row, where->value, version, error);
    }
    ksi_row_iterator_close(iterator);
    return status;
}

static int64_t first_segment(const ksi_versioned_rows *versions, int64_t time)
{
    int64_t segment = segment_of(versions, time);
    return segment > versions->live_segment ? segment : versions->live_segment;
}

/* A time, and the one behind which no version ends: where the latest begins, or the observed. */
typedef struct span {
    int64_t time;
    int64_t limit;
} span;

/* The first version of history that ends behind a time. */
static ks_status find_ending_behind(ksi_versioned_rows *versions, ks_slice key, span within,
                                    ksi_version *version, bool *found, ks_error *error)
{
    *found = false;
    if (within.time >= within.limit) {
        return KS_OK;
    }
    ends where = {.segment = first_segment(versions, within.time),
                  .low = within.time + 1,
                  .high = INT64_MAX,
                  .value = &versions->found_value};
    for (; !*found && where.segment <= segment_of(versions, within.limit); where.segment++) {
        KS_TRY(find_in_segment(versions, key, &where, version, found, error));
    }
    return KS_OK;
}

ks_status ksi_versioned_rows_get(ksi_versioned_rows *versions, ks_slice key, ksi_version *version,
                                 bool *found, ks_error *error)
{
    ksi_row row;
    KS_TRY(find_latest(versions, key, &row, found, error));
    if (*found) {
        *version = (ksi_version){.value = row.value, .from = row.timestamp, .to = KSI_NO_END};
    }
    return KS_OK;
}

ks_status ksi_versioned_rows_next(ksi_versioned_rows *versions, ks_slice key, int64_t time,
                                  ksi_version *version, bool *found, ks_error *error)
{
    ksi_version latest;
    bool has_latest;
    KS_TRY(ksi_versioned_rows_get(versions, key, &latest, &has_latest, error));
    *found = has_latest && latest.from <= time;
    int64_t limit = has_latest ? latest.from : versions->observed_ms;
    if (!*found) {
        const span behind = {.time = time > 0 ? time : 0, .limit = limit};
        KS_TRY(find_ending_behind(versions, key, behind, version, found, error));
    } else {
        *version = latest;
    }
    return *found || !has_latest ? KS_OK
                                 : ksi_versioned_rows_get(versions, key, version, found, error);
}

ks_status ksi_versioned_rows_get_as_of(ksi_versioned_rows *versions, ks_slice key, int64_t time,
                                       ksi_version *version, bool *found, ks_error *error)
{
    KS_TRY(ksi_versioned_rows_get(versions, key, version, found, error));
    if (*found && version->from <= time) {
        return KS_OK;
    }
    int64_t limit = *found ? version->from : versions->observed_ms;
    *found = false;
    if (time < 0 || ksi_versioned_rows_has_expired(versions, time)) {
        return KS_OK;
    }
    KS_TRY(find_ending_behind(versions, key, (span){time, limit}, version, found, error));
    *found = *found && version->from <= time && version->value.data != NULL;
    return KS_OK;
}

/* The key within that of a row; null in the store's own. */
static ks_slice key_within(ks_slice row)
{
    const size_t head = NUMBER_BYTES + LENGTH_BYTES;
    if ((unsigned char)row.data[0] == STORE) {
        return ks_slice_null();
    }
    return (unsigned char)row.data[0] == LATEST
               ? ks_slice_of(row.data + 1, row.size - 1)
               : ks_slice_of(row.data + head, row.size - head - NUMBER_BYTES);
}

ks_status ksi_versioned_rows_each_key(ksi_versioned_rows *versions, ksi_version_key_fn *visit,
                                      void *user, ks_error *error)
{
    const ksi_row_range all = {.committed = versions->options.committed};
    ksi_row_iterator *iterator = ksi_row_iterator_open(versions->options.rows, &all);
    ks_status status = KS_OK;
    bool found = true;
    while (status == KS_OK && found) {
        ksi_row row;
        status = ksi_row_iterator_next(iterator, &row, &found, error);
        ks_slice key = status == KS_OK && found ? key_within(row.key) : ks_slice_null();
        if (key.data != NULL) {
            visit(user, key);
        }
    }
    ksi_row_iterator_close(iterator);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The value may be that of any version that was read before. */
static void put_history(ksi_versioned_rows *versions, ks_slice key, const ksi_version *version)
{
    char flag = version->value.data != NULL ? PRESENT : DELETED;
    ksi_buffer_clear(&versions->value);
    ksi_buffer_append(&versions->value, &flag, 1);
    ksi_buffer_append(&versions->value, version->value.data, version->value.size);
    ksi_row_store_put(
        versions->options.rows,
        history_key(&versions->key, segment_of(versions, version->to), key, version->to),
        ksi_buffer_slice(&versions->value), version->from);
}

static void put_latest(ksi_versioned_rows *versions, ks_slice key, ks_slice value,
                       int64_t timestamp)
{
    ksi_row_store_put(versions->options.rows, prefixed_key(versions, LATEST, key), value,
                      timestamp);
}

/*
 * A deletion behind all versions: where the last one ends then it says so itself, else a row of no
 * duration does.
 */
static ks_status put_end(ksi_versioned_rows *versions, ks_slice key, int64_t timestamp,
                         ks_error *error)
{
    ksi_row row;
    bool found;
    ks_slice at = history_key(&versions->key, segment_of(versions, timestamp), key, timestamp);
    KS_TRY(ksi_row_store_get(versions->options.rows, at, false, &row, &found, error));
    if (!found) {
        put_history(versions, key,
                    &(ksi_version){.value = ks_slice_null(), .from = timestamp, .to = timestamp});
    }
    return KS_OK;
}

/*
 * While puts are replayed over rows that are newer, a version may seem to begin before others that
 * end within it: the move of the latest into history does not look at what is there. Before such a
 * version is cut it is made as short as it is.
 */
static ks_status begin_behind_others(ksi_versioned_rows *versions, ks_slice key, int64_t time,
                                     int64_t *from, ks_error *error)
{
    ksi_version before = {.to = KSI_NO_END};
    bool found = false;
    ends where = {
        .segment = segment_of(versions, time), .low = *from + 1, .high = time, .last = true};
    for (; !found && where.segment >= first_segment(versions, *from); where.segment--) {
        KS_TRY(find_in_segment(versions, key, &where, &before, &found, error));
    }
    *from = found ? before.to : *from;
    return KS_OK;
}

/* What is left of a version before the time at which another begins. */
static ks_status cut(ksi_versioned_rows *versions, ks_slice key, const ksi_version *version,
                     int64_t time, ks_error *error)
{
    ksi_version left = {.value = version->value, .from = version->from, .to = time};
    if (versions->is_replaying) {
        KS_TRY(begin_behind_others(versions, key, time, &left.from, error));
    }
    if (left.from < time) {
        put_history(versions, key, &left);
    }
    return KS_OK;
}

/* A version that does not replace the latest: there is none, or it begins later. */
static ks_status put_behind(ksi_versioned_rows *versions, ks_slice key, const ksi_version *put,
                            int64_t latest, int64_t *valid_to, ks_error *error)
{
    ksi_version next;
    bool has_next;
    int64_t limit = latest != KSI_NO_END ? latest : versions->observed_ms;
    KS_TRY(find_ending_behind(versions, key, (span){put->from, limit}, &next, &has_next, error));
    *valid_to = latest;
    if (has_next) {
        *valid_to = next.from <= put->from ? next.to : next.from;
    }
    if (*valid_to == KSI_NO_END && put->value.data == NULL) {
        return put_end(versions, key, put->from, error);
    }
    if (*valid_to == KSI_NO_END) {
        put_latest(versions, key, put->value, put->from);
        return KS_OK;
    }
    if (has_next && next.from < put->from) {
        KS_TRY(cut(versions, key, &next, put->from, error));
    }
    put_history(versions, key,
                &(ksi_version){.value = put->value, .from = put->from, .to = *valid_to});
    return KS_OK;
}

ks_status ksi_versioned_rows_put(ksi_versioned_rows *versions, ks_slice key, ks_slice value,
                                 int64_t timestamp, int64_t *valid_to, ks_error *error)
{
    KSI_CHECK(!versions->options.committed);
    *valid_to = KSI_NOT_PUT;
    if (timestamp < 0) {
        return ksi_error_set(error, KS_E_TIMESTAMP, WHERE,
                             "a version that begins at %lld cannot be put; times begin at 0",
                             (long long)timestamp);
    }
    if (ksi_versioned_rows_has_expired(versions, timestamp)) {
        return KS_OK;
    }
    observe(versions, timestamp);
    ksi_row latest;
    bool has_latest;
    KS_TRY(find_latest(versions, key, &latest, &has_latest, error));
    if (!has_latest || timestamp < latest.timestamp) {
        const ksi_version put = {.value = value, .from = timestamp};
        return put_behind(versions, key, &put, has_latest ? latest.timestamp : KSI_NO_END, valid_to,
                          error);
    }
    if (timestamp > latest.timestamp) {
        put_history(
            versions, key,
            &(ksi_version){.value = latest.value, .from = latest.timestamp, .to = timestamp});
    }
    put_latest(versions, key, value, timestamp);
    *valid_to = KSI_NO_END;
    return KS_OK;
}

ks_status ksi_versioned_rows_restore(ksi_versioned_rows *versions, ks_slice key, ks_slice value,
                                     int64_t timestamp, ks_error *error)
{
    int64_t valid_to;
    versions->is_replaying = true;
    ks_status status = ksi_versioned_rows_put(versions, key, value, timestamp, &valid_to, error);
    versions->is_replaying = false;
    KS_TRY(status);
    return ksi_row_store_bound_restored(versions->options.rows, error);
}
