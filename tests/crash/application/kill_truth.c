/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_truth.c - what the windowing application should have written, and whether it did; see
 * kill_windows.h.
 *
 * Thread rule: one thread.
 */
#include "kill_windows.h"

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

const char *const kill_windows_outputs[] = {
    "kill-hopping",  "kill-closed", "kill-sliding",         "kill-closed-sliding",
    "kill-sessions", "kill-held",   "kill-closed-sessions", "kill-held-sessions",
    "kill-inner",    "kill-left",   "kill-outer",           "kill-waited",
    "kill-foreign",  NULL};
static const kind_of_output kinds[] = {UPDATES, FINALS, UPDATES,       FINALS, UPDATES,
                                       FINALS,  FINALS, FINALS,        JOINED, JOINED,
                                       JOINED,  JOINED, LATEST_UPDATES};

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

static bool complain(char complaint[KILL_COMPLAINT], const char *what, const ks_error *error)
{
    char words[300];
    (void)snprintf(complaint, KILL_COMPLAINT, "%s: %s", what,
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
    (void)snprintf(complaint, KILL_COMPLAINT, "%s: %s; %s", topic, texts[0], texts[1]);
    return false;
}

/* Leaves the last result of each key; sorted by key and number before. */
static void keep_the_last(results *all)
{
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (i + 1 < all->count && by_key(&all->list[i], &all->list[i + 1]) == 0) {
            ksi_free((void *)(uintptr_t)all->list[i].key);
        } else {
            all->list[kept] = all->list[i];
            all->list[kept++].timestamp = 0; /* who comes first of two tasks decides it */
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

static bool output_is_right(size_t output, bool exactly_once, results *is, results *should_be,
                            char *complaint)
{
    kind_of_output kind = kinds[output];
    bool is_table = kind == UPDATES || kind == LATEST_UPDATES;
    bool last_only = kind == LATEST_UPDATES || (kind == UPDATES && !exactly_once);
    bool in_order = is_table || (kind == FINALS && exactly_once);
    results *both[] = {is, should_be};
    for (size_t i = 0; i < 2; i++) {
        sort(both[i], in_order ? by_key_and_number : by_all_of);
        if (last_only) {
            keep_the_last(both[i]);
        }
    }
    return are_the_same(kill_windows_outputs[output], is, should_be, exactly_once || is_table,
                        complaint);
}

/* ---- the application that nobody kills ------------------------------------------------------- */

static bool copy_input(ks_log *from, ks_log *to, char *complaint)
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(from, KILL_INPUT, &error);
    ks_log_producer *producer = reader != NULL ? ks_log_producer_open(to, &error) : NULL;
    bool is_fine = producer != NULL;
    while (is_fine && ks_log_reader_next(reader, &record)) {
        is_fine = ks_log_producer_send(producer, KILL_INPUT, &record, &error) == KS_OK;
    }
    is_fine = is_fine && ks_log_reader_status(reader, &error) == KS_OK &&
              ks_log_producer_flush(producer, &error) == KS_OK;
    ks_log_producer_free(producer);
    ks_log_reader_free(reader);
    return is_fine || complain(complaint, "copying the input", &error);
}

static bool create_topics(ks_log *log, char *complaint)
{
    ks_error error = {0};
    bool is_fine = ks_log_create_topic(log, KILL_INPUT, KILL_PARTITIONS, &error) == KS_OK;
    for (size_t i = 0; is_fine && kill_windows_outputs[i] != NULL; i++) {
        is_fine =
            ks_log_create_topic(log, kill_windows_outputs[i], KILL_PARTITIONS, &error) == KS_OK;
    }
    return is_fine || complain(complaint, "creating topics", &error);
}

static bool set_properties(ks_config *config, const char *directory, ks_error *error)
{
    const char *const properties[][2] = {
        {"application.id", KILL_APPLICATION},
        {"bootstrap.servers", "embedded:"},
        {"state.dir", directory},
        {"statestore.cache.max.bytes", "0"},
        {"dsl.store.suppliers.class",
         "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers"},
        {"__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "0"},
        {"__emit.interval.ms.kstreams.windowed.aggregation__", "0"},
    };
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (ks_config_set(config, properties[i][0], properties[i][1], error) != KS_OK) {
            return false;
        }
    }
    return true;
}

static bool run_to_the_end(ks_log *log, const char *directory, char *complaint)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    ks_builder *builder = NULL;
    const ks_topology *topology = NULL;
    ks_app *app = NULL;
    bool is_fine = set_properties(config, directory, &error);
    if (is_fine) {
        builder = ks_builder_new(config);
        kill_windows_topology(builder);
        topology = ks_builder_build(builder, &error);
    }
    if (topology != NULL) {
        app = ks_app_new(topology, config, KS_APP_OPTIONS(.log = log), &error);
    }
    is_fine = app != NULL && ks_app_start(app, &error) == KS_OK &&
              ks_app_wait_until_caught_up(app, KILL_CATCH_UP_MS, &error) == KS_OK &&
              ks_app_close(app, -1, &error) == KS_OK;
    ks_app_free(app);
    ks_config_free(config); /* builder and topology live as long as the process */
    return is_fine || complain(complaint, "the application that is not killed", &error);
}

bool kill_windows_judge(ks_log *log, bool exactly_once, const char *directory,
                        char complaint[KILL_COMPLAINT])
{
    ks_error error = {0};
    ks_log *undisturbed = ks_log_open("embedded:", &error);
    if (undisturbed == NULL) {
        return complain(complaint, "a log in memory", &error);
    }
    bool is_fine = create_topics(undisturbed, complaint) &&
                   copy_input(log, undisturbed, complaint) &&
                   run_to_the_end(undisturbed, directory, complaint);
    for (size_t i = 0; is_fine && kill_windows_outputs[i] != NULL; i++) {
        const char *topic = kill_windows_outputs[i];
        results is = {0};
        results should_be = {0};
        is_fine = read_results(log, topic, &is, complaint) &&
                  read_results(undisturbed, topic, &should_be, complaint);
        if (is_fine && should_be.count == 0) {
            (void)snprintf(complaint, KILL_COMPLAINT, "%s: nothing comes out", topic);
            is_fine = false;
        }
        is_fine = is_fine && output_is_right(i, exactly_once, &is, &should_be, complaint);
        free_results(&is);
        free_results(&should_be);
    }
    ks_log_free(undisturbed);
    return is_fine;
}
