/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_loader.c - see row_loader.h for the purpose.
 *
 * A gathered row is 24 bytes in an array, and its bytes in an arena, as RocksDB will have them:
 *
 *     partition u32 | key | timestamp u64 (if the store has them) | value
 *
 * Sorting looks at eight bytes of the keys at a time, as one number: behind what all keys have in
 * common it takes those bytes into the array and sorts that by radix, which reads the rows' own
 * bytes once and in the order they were written. Keys that are equal so far and go on are sorted
 * again by what follows, behind what *they* have in common, so each turn splits a group or ends it.
 * Radix sorting is stable: of equal keys the last is the newest, and the others are struck out.
 *
 * Keys that end within the eight bytes are filled up with zeros. Such a key is the beginning of any
 * other that looks like it, so it is the smaller one; its size is one more digit of the radix, the
 * last that counts.
 *
 * The tempting wrong way is qsort with memcmp: each of its twenty comparisons of a row waits for
 * two places in memory that no cache has.
 *
 * Thread rule: that of the store.
 */
#include "state/row_loader.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/crash_point.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"

#define BLOCK_BYTES ((size_t)256 * 1024)
#define KEPT_ROWS ((size_t)8192)
#define DELETED UINT32_MAX

enum {
    PARTITION_BYTES = 4,
    TIMESTAMP_BYTES = 8,
    WORD = 8,           /* bytes of a key that are compared as a number */
    ENDS = WORD,        /* the digit that says where a key ends, */
    GOES_ON = WORD + 1, /* and its value for a key that does not end in the word */
    DIGITS = WORD + 1,
    FEW = 24,  /* rows that are sorted by insertion */
    AHEAD = 12 /* rows whose bytes are asked for before they are needed */
};

typedef struct gathered {
    uint64_t word;     /* of the key, at the depth it was sorted at last */
    const char *bytes; /* NULL: struck out, a later row has the key */
    uint32_t key_size;
    uint32_t value_size; /* with the timestamp; DELETED: there is none */
} gathered;

struct ksi_row_loader {
    ksi_family *family;
    char partition[PARTITION_BYTES];
    bool timestamped;
    bool has_deletes;
    ks_arena arena;
    gathered *rows;
    gathered *scratch; /* as many, while sorting */
    size_t count;
    size_t capacity;
    size_t common; /* all keys begin with so many bytes of the first one */
    int64_t row_bytes;
    size_t starts[DIGITS][256]; /* of the radix: too big for a stack that recursion shares */
};

ksi_row_loader *ksi_row_loader_new(ksi_family *family, int32_t partition, bool timestamped)
{
    ksi_row_loader *loader = ksi_calloc(1, sizeof *loader);
    loader->family = family;
    loader->timestamped = timestamped;
    ksi_put_be32(loader->partition, (uint32_t)partition);
    ksi_arena_init(&loader->arena, BLOCK_BYTES);
    return loader;
}

void ksi_row_loader_free(ksi_row_loader *loader)
{
    if (loader != NULL) {
        ksi_row_loader_clear(loader);
        ksi_free(loader);
    }
}

/* ---- gathering ------------------------------------------------------------------------------- */

static size_t common_beginning(const char *a, const char *b, size_t size)
{
    if (memcmp(a, b, size) == 0) {
        return size;
    }
    size_t same = 0;
    while (a[same] == b[same]) {
        same++;
    }
    return same;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void ksi_row_loader_add(ksi_row_loader *loader, const ksi_row *row)
{
    const bool is_there = row->value.data != NULL;
    const size_t key_size = PARTITION_BYTES + row->key.size;
    const size_t time_size = is_there && loader->timestamped ? TIMESTAMP_BYTES : 0;
    const size_t value_size = is_there ? time_size + row->value.size : 0;
    KSI_CHECK(key_size < DELETED && value_size < DELETED);
    char *bytes = ksi_arena_alloc(&loader->arena, key_size + value_size);
    memcpy(bytes, loader->partition, PARTITION_BYTES);
    memcpy(bytes + PARTITION_BYTES, row->key.data, row->key.size);
    if (time_size > 0) {
        ksi_put_be64(bytes + key_size, (uint64_t)row->timestamp);
    }
    if (is_there) {
        memcpy(bytes + key_size + time_size, row->value.data, row->value.size);
    }
    if (loader->count == loader->capacity) {
        loader->rows =
            ksi_grow(loader->rows, &loader->capacity, loader->count + 1, sizeof *loader->rows);
    }
    loader->rows[loader->count] =
        (gathered){.bytes = bytes,
                   .key_size = (uint32_t)key_size,
                   .value_size = is_there ? (uint32_t)value_size : DELETED};
    loader->common = loader->count == 0 ? key_size
                                        : common_beginning(loader->rows[0].bytes, bytes,
                                                           smaller(loader->common, key_size));
    loader->count++;
    loader->has_deletes = loader->has_deletes || !is_there;
    loader->row_bytes += (int64_t)((key_size + value_size + 15U) & ~(size_t)15U);
}

size_t ksi_row_loader_count(const ksi_row_loader *loader)
{
    return loader->count;
}

int64_t ksi_row_loader_bytes(const ksi_row_loader *loader)
{
    return loader->row_bytes + (int64_t)((loader->capacity + loader->count) * sizeof *loader->rows);
}

bool ksi_row_loader_has_deletes(const ksi_row_loader *loader)
{
    return loader->has_deletes;
}

/* What a standby uses again and again stays; what a restore took does not. */
static void forget(ksi_row_loader *loader, bool gives_back)
{
    if (gives_back || loader->row_bytes > (int64_t)BLOCK_BYTES) {
        ksi_arena_destroy(&loader->arena);
    } else {
        ksi_arena_reset(&loader->arena);
    }
    if (gives_back || loader->capacity > KEPT_ROWS) {
        ksi_free(loader->rows);
        loader->rows = NULL;
        loader->capacity = 0;
    }
    loader->count = 0;
    loader->row_bytes = 0;
    loader->has_deletes = false;
}

void ksi_row_loader_clear(ksi_row_loader *loader)
{
    forget(loader, true);
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* The eight bytes of a key from `depth` on; what a key does not have is zero. */
static uint64_t word_at(const gathered *row, size_t depth)
{
    size_t left = row->key_size - depth;
    if (left >= WORD) {
        return ksi_get_be64(row->bytes + depth);
    }
    char bytes[WORD] = {0};
    memcpy(bytes, row->bytes + depth, left);
    return ksi_get_be64(bytes);
}

/* How many bytes of the word are the key's, or GOES_ON. */
static unsigned ends_at(const gathered *row, size_t depth)
{
    size_t left = row->key_size - depth;
    return left > WORD ? GOES_ON : (unsigned)left;
}

static unsigned digit_of(const gathered *row, unsigned digit, size_t depth)
{
    return digit == ENDS ? ends_at(row, depth) : (unsigned)(row->word >> (8 * digit)) & 0xFF;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare(const gathered *a, const gathered *b, size_t depth)
{
    if (a->word != b->word) {
        return compare_numbers(a->word, b->word);
    }
    size_t shared = smaller(a->key_size, b->key_size);
    int order = 0;
    if (shared > depth + WORD) {
        order = memcmp(a->bytes + depth + WORD, b->bytes + depth + WORD, shared - depth - WORD);
    }
    return order != 0 ? order : compare_numbers(a->key_size, b->key_size);
}

/* Also strikes out: rows that were equal are neighbours now. */
static void sort_few(gathered *rows, size_t count, size_t depth)
{
    for (size_t i = 1; i < count; i++) {
        gathered row = rows[i];
        size_t to = i;
        while (to > 0 && compare(&rows[to - 1], &row, depth) > 0) {
            rows[to] = rows[to - 1];
            to--;
        }
        rows[to] = row;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (compare(&rows[i], &rows[i + 1], depth) == 0) {
            rows[i].bytes = NULL;
        }
    }
}

/* Of one digit: from how many rows have each value to where these begin. False: all have one. */
static bool make_starts(size_t starts[256], size_t count)
{
    size_t start = 0;
    for (int value = 0; value < 256; value++) {
        size_t rows = starts[value];
        if (rows == count) {
            return false;
        }
        starts[value] = start;
        start += rows;
    }
    return true;
}

/* By word, and by where keys end among equal words. */
static void sort_by_words(ksi_row_loader *loader, gathered *rows, size_t count, size_t depth)
{
    static const unsigned order[DIGITS] = {ENDS, 0, 1, 2, 3, 4, 5, 6, 7};
    memset(loader->starts, 0, sizeof loader->starts);
    for (size_t i = 0; i < count; i++) {
        uint64_t word = rows[i].word;
        for (unsigned digit = 0; digit < WORD; digit++) {
            loader->starts[digit][(word >> (8 * digit)) & 0xFF]++;
        }
        loader->starts[ENDS][ends_at(&rows[i], depth)]++;
    }
    gathered *from = rows;
    gathered *to = loader->scratch;
    for (unsigned turn = 0; turn < DIGITS; turn++) {
        unsigned digit = order[turn];
        size_t *starts = loader->starts[digit];
        if (!make_starts(starts, count)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            to[starts[digit_of(&from[i], digit, depth)]++] = from[i];
        }
        gathered *other = from;
        from = to;
        to = other;
    }
    if (from != rows) {
        memcpy(rows, from, count * sizeof *rows);
    }
}

static size_t group_common(const gathered *rows, size_t count)
{
    size_t common = rows[0].key_size;
    for (size_t i = 1; i < count; i++) {
        common = common_beginning(rows[0].bytes, rows[i].bytes, smaller(common, rows[i].key_size));
    }
    return common;
}

/* All keys have `depth` bytes in common. Recursion ends: every turn splits what it is given. */
static void sort_rows(ksi_row_loader *loader, gathered *rows, size_t count, size_t depth)
{
    for (size_t i = 0; i < count; i++) {
        rows[i].word = word_at(&rows[i], depth);
    }
    if (count <= FEW) {
        sort_few(rows, count, depth);
        return;
    }
    sort_by_words(loader, rows, count, depth);
    for (size_t begin = 0, end; begin < count; begin = end) {
        const unsigned ends = ends_at(&rows[begin], depth);
        end = begin + 1;
        while (end < count && rows[end].word == rows[begin].word &&
               ends_at(&rows[end], depth) == ends) {
            end++;
        }
        if (ends != GOES_ON) { /* all are one key */
            for (size_t i = begin; i + 1 < end; i++) {
                rows[i].bytes = NULL;
            }
        } else if (end - begin <= FEW) {
            sort_few(rows + begin, end - begin, depth);
        } else {
            sort_rows(loader, rows + begin, end - begin, group_common(rows + begin, end - begin));
        }
    }
}

/* Sorts, and closes the gaps of what was struck out. */
static void sort_and_strike(ksi_row_loader *loader, bool strikes_deletes)
{
    loader->scratch = ksi_alloc(loader->count * sizeof *loader->scratch);
    sort_rows(loader, loader->rows, loader->count, loader->common);
    ksi_free(loader->scratch);
    loader->scratch = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < loader->count; i++) {
        const gathered *row = &loader->rows[i];
        if (row->bytes != NULL && !(strikes_deletes && row->value_size == DELETED)) {
            loader->rows[kept++] = *row;
        }
    }
    loader->count = kept;
}

/* ---- writing --------------------------------------------------------------------------------- */

static ks_slice key_of(const gathered *row)
{
    return ks_slice_of(row->bytes, row->key_size);
}

static ks_slice value_of(const gathered *row)
{
    return ks_slice_of(row->bytes + row->key_size, row->value_size);
}

static void prefetch(const ksi_row_loader *loader, size_t row)
{
    if (row < loader->count) {
        __builtin_prefetch(loader->rows[row].bytes);
    }
}

static ks_status write_file(const ksi_row_loader *loader, ks_error *error)
{
    ksi_sst *sst = ksi_sst_begin(loader->family, error);
    if (sst == NULL) {
        return ksi_error_flag(error, 0); /* as the file said */
    }
    for (size_t i = 0; i < loader->count; i++) {
        const gathered *row = &loader->rows[i];
        prefetch(loader, i + AHEAD);
        ks_status status = row->value_size == DELETED
                               ? ksi_sst_delete(sst, key_of(row), error)
                               : ksi_sst_put(sst, key_of(row), value_of(row), error);
        if (status != KS_OK) {
            ksi_sst_abandon(sst);
            return status;
        }
    }
    KSI_CRASH_POINT("restore.before-ingest");
    KS_TRY(ksi_sst_ingest(sst, error));
    KSI_CRASH_POINT("restore.after-ingest");
    return KS_OK;
}

static ks_status write_batch(const ksi_row_loader *loader, ks_error *error)
{
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(loader->family));
    for (size_t i = 0; i < loader->count; i++) {
        const gathered *row = &loader->rows[i];
        if (row->value_size == DELETED) {
            ksi_rocks_batch_delete(batch, loader->family, key_of(row));
        } else {
            ksi_rocks_batch_put(batch, loader->family, key_of(row), value_of(row));
        }
    }
    ks_status status = ksi_rocks_write(batch, false, error);
    ksi_rocks_batch_free(batch);
    return status;
}

ks_status ksi_row_loader_write(ksi_row_loader *loader, bool family_is_empty, ks_error *error)
{
    if (loader->count == 0) {
        return KS_OK;
    }
    sort_and_strike(loader, family_is_empty);
    size_t bytes = 0;
    for (size_t i = 0; i < loader->count; i++) {
        const gathered *row = &loader->rows[i];
        bytes += row->key_size + (row->value_size == DELETED ? 0 : row->value_size);
    }
    ks_status status = KS_OK;
    if (loader->count > 0) {
        status = bytes >= KSI_ROW_LOADER_FILE_BYTES ? write_file(loader, error)
                                                    : write_batch(loader, error);
    }
    forget(loader, false);
    return status;
}
