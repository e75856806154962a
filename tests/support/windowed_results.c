/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed_results.c - whether a part's output is that of the truth; see windowed_app.h.
 *
 * Results are sorted before they are compared: by key, and within a key in the order in which they
 * were written where the order is promised. A table's last update may be that a row is gone; what
 * may be left out altogether is a row that nobody was told of before.
 */
#include "windowed_app.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind_of_output {
    UPDATES,       /* of a table, in the order of the records */
    FINALS,        /* one for each window */
    JOINED,        /* results whose order is nobody's promise */
    LATEST_UPDATES /* of a table made of several tasks: only the last value of a key is certain */
} kind_of_output;

static const kind_of_output kinds[WINDOWED_PARTS] = {
    [WINDOWED_HOPPING] = UPDATES,
    [WINDOWED_CLOSED] = FINALS,
    [WINDOWED_SLIDING] = UPDATES,
    [WINDOWED_CLOSED_SLIDING] = FINALS,
    [WINDOWED_SESSIONS] = UPDATES,
    [WINDOWED_CLOSED_SESSIONS] = FINALS,
    [WINDOWED_HELD] = FINALS,
    [WINDOWED_HELD_SESSIONS] = FINALS,
    [WINDOWED_INNER] = JOINED,
    [WINDOWED_LEFT] = JOINED,
    [WINDOWED_OUTER] = JOINED,
    [WINDOWED_WAITED] = JOINED,
    [WINDOWED_FOREIGN] = LATEST_UPDATES,
};

/* ---- results --------------------------------------------------------------------------------- */

typedef struct result {
    const unsigned char *key; /* owned, the value behind it */
    size_t key_size;
    size_t value_size;
    bool is_deleted;
    int64_t timestamp;
    size_t number; /* in the order in which it was read */
} result;

typedef struct results {
    result *list;
    size_t count;
    size_t capacity;
} results;

static int compare_bytes(const unsigned char *a, size_t a_size, const unsigned char *b,
                         size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_key(const result *a, const result *b)
{
    return compare_bytes(a->key, a->key_size, b->key, b->key_size);
}

static int by_all(const result *a, const result *b)
{
    int order = by_key(a, b);
    if (order == 0) {
        order =
            compare_bytes(a->key + a->key_size, a->value_size, b->key + b->key_size, b->value_size);
    }
    if (order == 0) {
        order = a->is_deleted - b->is_deleted;
    }
    return order != 0 ? order : (a->timestamp > b->timestamp) - (a->timestamp < b->timestamp);
}

static int by_key_and_number(const void *a, const void *b)
{
    const result *one = a;
    const result *other = b;
    int order = by_key(one, other);
    return order != 0 ? order : (one->number > other->number) - (one->number < other->number);
}

static int by_all_of(const void *a, const void *b)
{
    return by_all(a, b);
}

static void free_results(results *all)
{
    for (size_t i = 0; i < all->count; i++) {
        ksi_free((void *)(uintptr_t)all->list[i].key);
    }
    ksi_free(all->list);
}

static void add_result(results *all, const ks_log_record *record)
{
    unsigned char *bytes = ksi_calloc(1, record->key.size + record->value.size + 1);
    memcpy(bytes, record->key.data, record->key.size);
    if (record->value.size > 0) {
        memcpy(bytes + record->key.size, record->value.data, record->value.size);
    }
    all->list = ksi_grow(all->list, &all->capacity, all->count + 1, sizeof *all->list);
    all->list[all->count] = (result){.key = bytes,
                                     .key_size = record->key.size,
                                     .value_size = record->value.size,
                                     .is_deleted = record->value.data == NULL,
                                     .timestamp = record->timestamp,
                                     .number = all->count};
    all->count++;
}

static bool complain(char complaint[WINDOWED_COMPLAINT], const char *what, const ks_error *error)
{
    char words[300];
    (void)snprintf(complaint, WINDOWED_COMPLAINT, "%s: %s", what,
                   ks_error_text(error, words, sizeof words));
    return false;
}

static bool read_results(ks_log *log, const char *topic, results *all, char *complaint)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    if (reader == NULL) {
        return complain(complaint, topic, &error);
    }
    while (ks_log_reader_next(reader, &record)) {
        add_result(all, &record);
    }
    bool is_fine = ks_log_reader_status(reader, &error) == KS_OK;
    ks_log_reader_free(reader);
    return is_fine || complain(complaint, topic, &error);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void print_result(char *text, size_t room, const char *what, const result *one)
{
    size_t size = 0;
    if (one == NULL) {
        (void)snprintf(text, room, "%s nothing", what);
        return;
    }
    size += (size_t)snprintf(text, room, "%s ", what);
    for (size_t i = 0; i < one->key_size + one->value_size && size + 4 < room; i++) {
        const char *format = one->key[i] >= ' ' && one->key[i] < 127 ? "%c" : "<%x>";
        if (i == one->key_size) {
            size += (size_t)snprintf(text + size, room - size, "=");
        }
        if (one->key[i] != 0) {
            size += (size_t)snprintf(text + size, room - size, format, one->key[i]);
        }
    }
    if (size < room) {
        (void)snprintf(text + size, room - size, "%s @%" PRId64, one->is_deleted ? " deleted" : "",
                       one->timestamp);
    }
}

static bool differ(const char *topic, const result *is, const result *should_be, char *complaint)
{
    char texts[2][160];
    print_result(texts[0], sizeof texts[0], "is", is);
    print_result(texts[1], sizeof texts[1], "should be", should_be);
    (void)snprintf(complaint, WINDOWED_COMPLAINT, "%s: %s; %s", topic, texts[0], texts[1]);
    return false;
}

/* Sorted by key and number: whether a result is the last of its key. */
static bool is_last(const results *all, size_t i)
{
    return i + 1 == all->count || by_key(&all->list[i], &all->list[i + 1]) != 0;
}

/*
 * Leaves the last result of each key, and none where the row is gone. When it was written depends
 * on which of two tasks comes first.
 */
static void keep_the_last(results *all)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (!is_last(all, i) || all->list[i].is_deleted) {
            ksi_free((void *)(uintptr_t)all->list[i].key);
        } else {
            all->list[kept] = all->list[i];
            all->list[kept++].timestamp = 0;
        }
    }
    all->count = kept;
}
static void sort(results *all, int (*compare)(const void *, const void *))
{
    if (all->count > 0) {
        qsort(all->list, all->count, sizeof *all->list, compare);
    }
}

/* `all_of_them`: no more than should be is there. */
static bool are_the_same(const char *topic, const results *is, const results *should_be,
                         bool all_of_them, char *complaint)
{
    size_t at = 0;
    for (size_t i = 0; i < should_be->count; i++, at++) {
        while (!all_of_them && at < is->count && by_all(&is->list[at], &should_be->list[i]) < 0) {
            at++;
        }
        if (at == is->count || by_all(&is->list[at], &should_be->list[i]) != 0) {
            return differ(topic, at < is->count ? &is->list[at] : NULL, &should_be->list[i],
                          complaint);
        }
    }
    return !all_of_them || at == is->count || differ(topic, &is->list[at], NULL, complaint);
}

/* Sorted by key and number: whether one may be left out behind those of `is` before `at`. */
static bool may_be_missing(const results *is, size_t at, const results *should_be, size_t i)
{
    const result *one = &should_be->list[i];
    bool was_told = at > 0 && by_key(&is->list[at - 1], one) == 0;
    return !is_last(should_be, i) ||
           (one->is_deleted && (!was_told || is->list[at - 1].is_deleted));
}

/* Of tables: some updates are missing, but for each key the end is right. */
static bool are_some(const char *topic, const results *is, const results *should_be,
                     char *complaint)
{
    size_t at = 0;
    for (size_t i = 0; i < should_be->count; i++) {
        if (at < is->count && by_all(&is->list[at], &should_be->list[i]) == 0) {
            at++;
        } else if (!may_be_missing(is, at, should_be, i)) {
            return differ(topic, at < is->count ? &is->list[at] : NULL, &should_be->list[i],
                          complaint);
        }
    }
    return at == is->count || differ(topic, &is->list[at], NULL, complaint);
}

static bool are_right(windowed_part part, windowed_promise promise, results *is, results *should_be,
                      char *complaint)
{
    const char *topic = windowed_topics[part];
    kind_of_output kind = kinds[part];
    bool is_table = kind == UPDATES || kind == LATEST_UPDATES;
    bool at_least = promise == WINDOWED_AT_LEAST;
    bool last_only = kind == LATEST_UPDATES || (kind == UPDATES && at_least);
    bool in_order = is_table || (kind == FINALS && !at_least);
    results *both[] = {is, should_be};
    for (size_t i = 0; i < 2; i++) {
        sort(both[i], in_order ? by_key_and_number : by_all_of);
        if (last_only) {
            keep_the_last(both[i]);
        }
    }
    if (kind == UPDATES && promise == WINDOWED_SOME) {
        return are_some(topic, is, should_be, complaint);
    }
    return are_the_same(topic, is, should_be, !at_least || is_table, complaint);
}

bool windowed_results_match(ks_log *log, ks_log *truth, windowed_part part,
                            windowed_promise promise, char complaint[WINDOWED_COMPLAINT])
{
    const char *topic = windowed_topics[part];
    results is = {0};
    results should_be = {0};
    bool is_fine = read_results(log, topic, &is, complaint) &&
                   read_results(truth, topic, &should_be, complaint);
    is_fine = is_fine && are_right(part, promise, &is, &should_be, complaint);
    free_results(&is);
    free_results(&should_be);
    return is_fine;
}
