/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.c - reads topology, topics, stores and errors into JSON; see outcome.h.
 *
 * The recorder's masks are applied here and only here: the class of a topic extractor, and what the
 * headers of a dead letter say about an exception, are texts of Java's own. Everything else is
 * compared as it is. In particular nothing is sorted: topics and stores are JSON objects, and the
 * entries of a key-value store come in the order that is expected of them.
 */
#include "outcome.h"

#include "types.h"

#include <stdio.h>

/* ---- description ----------------------------------------------------------------------------- */

json_t *outcome_description(const ks_topology *topology)
{
    static const char opening[] = "(extractor class: ";
    ks_arena *arena = ks_arena_new();
    const char *rest = ks_topology_describe(topology);
    char *text = ks_arena_alloc(arena, strlen(rest) + 1);
    size_t used = 0;
    for (const char *found = NULL; (found = strstr(rest, opening)) != NULL;) {
        const char *name = found + sizeof opening - 1;
        size_t size = strcspn(name, ")");
        memcpy(text + used, rest, (size_t)(name - rest));
        used += (size_t)(name - rest);
        if (size > 0) {
            text[used++] = '*';
        }
        rest = name + size;
    }
    ks_slice tail = ks_slice_cstr(rest);
    memcpy(text + used, tail.data, tail.size);
    json_t *json = json_stringn(text, used + tail.size);
    ks_arena_free(arena);
    return json != NULL ? json : json_string("(no UTF-8)");
}

/* ---- produced -------------------------------------------------------------------------------- */

/* What a dead letter says about the exception: only that it is there is compared. */
static bool is_masked(ks_slice name)
{
    static const char *const masked[] = {"__streams.errors.exception", "__streams.errors.message",
                                         "__streams.errors.stacktrace"};
    for (size_t i = 0; i < sizeof masked / sizeof masked[0]; i++) {
        if (ks_slice_equal(name, ks_slice_cstr(masked[i]))) {
            return true;
        }
    }
    return false;
}

static json_t *headers_json(ks_arena *arena, const ks_headers *headers)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ks_headers_count(headers); i++) {
        ks_header header = ks_headers_at(headers, i);
        json_t *pair = json_array();
        json_array_append_new(pair, type_bytes_json(arena, header.name));
        json_array_append_new(pair, header.value.data != NULL && is_masked(header.name)
                                        ? json_string("*")
                                        : type_bytes_json(arena, header.value));
        json_array_append_new(list, pair);
    }
    return list;
}

json_t *outcome_record(ks_arena *arena, const ks_log_record *record)
{
    json_t *json = json_object();
    json_object_set_new(json, "key", type_bytes_json(arena, record->key));
    json_object_set_new(json, "value", type_bytes_json(arena, record->value));
    json_object_set_new(json, "ts",
                        record->timestamp < 0 ? json_null() : json_integer(record->timestamp));
    json_object_set_new(json, "headers", headers_json(arena, record->headers));
    return json;
}

json_t *outcome_produced(cf_scenario *scenario, const ks_test_driver *driver)
{
    json_t *produced = json_object();
    for (size_t i = 0; i < ks_test_driver_topic_count(driver); i++) {
        const char *topic = ks_test_driver_topic_name(driver, i);
        json_t *list = json_array();
        ks_log_record record;
        for (size_t r = 0; ks_test_driver_produced(driver, topic, r, &record); r++) {
            json_array_append_new(list, outcome_record(scenario->arena, &record));
        }
        if (json_array_size(list) != ks_test_driver_produced_count(driver, topic)) {
            problem_set(&scenario->problem, "the driver counts %zu records in `%s` and gives %zu",
                        ks_test_driver_produced_count(driver, topic), topic, json_array_size(list));
        }
        json_object_set_new(produced, topic, list);
    }
    return produced;
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* The buffer of a suppressed table, or of a join with a grace period, that has a name. */
static bool is_buffer_of(const json_t *node, const char *store)
{
    const char *op = json_string_value(json_object_get(node, "op"));
    const char *name = json_string_value(json_object_get(node, "name"));
    if (op == NULL || name == NULL || strncmp(store, name, strlen(name)) != 0) {
        return false;
    }
    const char *suffix = strcmp(op, "suppress") == 0              ? "-store"
                         : json_object_get(node, "grace") != NULL ? "-Buffer"
                                                                  : NULL;
    return suffix != NULL && strcmp(store + strlen(name), suffix) == 0;
}

/* Stores of some joins, and buffers: visible by their changelogs only. */
static bool only_serves_an_operator(const cf_scenario *scenario, const char *name)
{
    static const char *const prefixes[] = {
        "KSTREAM-JOIN-",
        "KSTREAM-LEFTJOIN-",
        "KSTREAM-JOINTHIS-",
        "KSTREAM-JOINOTHER-",
        "KSTREAM-OUTERTHIS-",
        "KSTREAM-OUTEROTHER-",
        "KSTREAM-OUTERSHARED-",
        "KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-",
        "KTABLE-SUPPRESS-STATE-STORE-",
    };
    static const char *const suffixes[] = {"-join-store", "-subscription-store"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t end = strlen(suffixes[i]);
        if (size >= end && strcmp(name + size - end, suffixes[i]) == 0) {
            return true;
        }
    }
    const json_t *nodes = json_object_get(scenario->root, "topology");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        if (is_buffer_of(json_array_get(nodes, i), name)) {
            return true;
        }
    }
    return false;
}

static json_t *window_json(int64_t start, int64_t end)
{
    return json_pack("[I, I]", (json_int_t)start, (json_int_t)end);
}

/* A key that is windowed has its window beside it. */
static void set_key(cf_scenario *scenario, json_t *entry, ks_value key)
{
    if (ks_value_kind(key) == KS_KIND_WINDOWED) {
        const ks_windowed *windowed = ks_value_windowed(key);
        json_object_set_new(entry, "window", window_json(windowed->start, windowed->end));
        key = windowed->key;
    }
    json_object_set_new(entry, "key", type_value_json(&scenario->problem, scenario->arena, key));
}

/* An entry of a store, without what its kind adds. */
static json_t *entry_json(cf_scenario *scenario, const ks_key_value *entry)
{
    json_t *json = json_object();
    set_key(scenario, json, entry->key);
    json_object_set_new(json, "value",
                        type_value_json(&scenario->problem, scenario->arena, entry->value));
    if (entry->timestamp >= 0) {
        json_object_set_new(json, "ts", json_integer(entry->timestamp));
    }
    return json;
}

static json_t *store_json(cf_scenario *scenario, const char *name, ks_key_value_store *store)
{
    json_t *entries = json_array();
    ks_key_value_iterator *iterator = ks_key_value_store_all(store);
    ks_key_value entry;
    ks_error error = {0};
    bool found = true;
    ks_status status = KS_OK;
    while (status == KS_OK && found) {
        status = ks_key_value_iterator_next(iterator, &entry, &found, &error);
        if (status == KS_OK && found) {
            json_array_append_new(entries, entry_json(scenario, &entry));
        }
    }
    if (status != KS_OK) {
        problem_set(&scenario->problem, "store `%s` cannot be read: %s: %s", name,
                    ks_status_name(status), error.message);
    }
    ks_key_value_iterator_free(iterator);
    return entries;
}

static json_t *version_json(cf_scenario *scenario, const ks_version *version)
{
    json_t *json = json_object();
    json_object_set_new(json, "value",
                        type_value_json(&scenario->problem, scenario->arena, version->value));
    json_object_set_new(json, "ts", json_integer(version->timestamp));
    if (version->valid_to != KS_VALID_TO_UNDEFINED) {
        json_object_set_new(json, "validTo", json_integer(version->valid_to));
    }
    return json;
}

static json_t *versioned_store_json(cf_scenario *scenario, const char *name,
                                    ks_versioned_store *store)
{
    json_t *entries = json_array();
    ks_error error = {0};
    ks_keys keys;
    ks_versions versions;
    ks_status status = ks_versioned_store_keys(store, scenario->arena, &keys, &error);
    for (size_t i = 0; status == KS_OK && i < keys.count; i++) {
        status = ks_versioned_store_versions(store, keys.items[i], NULL, scenario->arena, &versions,
                                             &error);
        if (status != KS_OK || versions.count == 0) {
            continue;
        }
        json_t *list = json_array();
        for (size_t v = 0; v < versions.count; v++) {
            json_array_append_new(list, version_json(scenario, &versions.items[v]));
        }
        json_t *entry = json_object();
        set_key(scenario, entry, keys.items[i]);
        json_object_set_new(entry, "versions", list);
        json_array_append_new(entries, entry);
    }
    if (status != KS_OK) {
        problem_set(&scenario->problem, "store `%s` cannot be read: %s: %s", name,
                    ks_status_name(status), error.message);
    }
    return entries;
}

/* ---- windows --------------------------------------------------------------------------------- */

typedef struct sorted_entry {
    json_t *entry;
    size_t index; /* what else is equal stays in its order */
} sorted_entry;

/* By the bytes that the built-in serdes make of them. */
static int compare_json_keys(const json_t *a, const json_t *b)
{
    if (json_is_string(a) && json_is_string(b)) {
        return strcmp(json_string_value(a), json_string_value(b));
    }
    uint64_t one = (uint64_t)json_integer_value(a);
    uint64_t other = (uint64_t)json_integer_value(b);
    return one == other ? 0 : one < other ? -1 : 1;
}

static int compare_entries(const void *a, const void *b)
{
    const sorted_entry *one = a;
    const sorted_entry *other = b;
    int order =
        compare_json_keys(json_object_get(one->entry, "key"), json_object_get(other->entry, "key"));
    const json_t *window = json_object_get(one->entry, "window");
    const json_t *other_window = json_object_get(other->entry, "window");
    for (size_t i = 0; order == 0 && i < json_array_size(window); i++) {
        order = compare_json_keys(json_array_get(window, i), json_array_get(other_window, i));
    }
    return order != 0 ? order : one->index < other->index ? -1 : 1;
}

/* Entries of windows, in the order in which scenarios have them. */
static json_t *sort_entries(json_t *entries)
{
    size_t count = json_array_size(entries);
    sorted_entry *sorted = calloc(count + 1, sizeof *sorted);
    json_t *result = json_array();
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        sorted[i] = (sorted_entry){.entry = json_array_get(entries, i), .index = i};
    }
    if (sorted != NULL && count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_entries);
    }
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        json_array_append(result, sorted[i].entry);
    }
    free(sorted);
    json_decref(entries);
    return result;
}

static json_t *window_store_json(cf_scenario *scenario, const char *name, ks_window_store *store)
{
    json_t *entries = json_array();
    ks_window_iterator *iterator = ks_window_store_all(store);
    ks_window_entry window;
    ks_error error = {0};
    bool found = true;
    ks_status status = KS_OK;
    while (status == KS_OK && found) {
        status = ks_window_iterator_next(iterator, &window, &found, &error);
        if (status == KS_OK && found) {
            const ks_key_value entry = {
                .key = window.key, .value = window.value, .timestamp = window.timestamp};
            json_t *json = entry_json(scenario, &entry);
            json_object_set_new(json, "window", window_json(window.start, window.end));
            json_array_append_new(entries, json);
        }
    }
    if (status != KS_OK) {
        problem_set(&scenario->problem, "store `%s` cannot be read: %s: %s", name,
                    ks_status_name(status), error.message);
    }
    ks_window_iterator_free(iterator);
    return sort_entries(entries);
}

static json_t *session_store_json(cf_scenario *scenario, const char *name, ks_session_store *store)
{
    json_t *entries = json_array();
    ks_session_iterator *iterator = ks_session_store_fetch_range(store, ks_null(), ks_null(), NULL);
    ks_session_entry session;
    ks_error error = {0};
    bool found = true;
    ks_status status = KS_OK;
    while (status == KS_OK && found) {
        status = ks_session_iterator_next(iterator, &session, &found, &error);
        if (status == KS_OK && found) {
            json_t *json = entry_json(
                scenario,
                &(ks_key_value){.key = session.key, .value = session.value, .timestamp = -1});
            json_object_set_new(json, "window", window_json(session.start, session.end));
            json_array_append_new(entries, json);
        }
    }
    if (status != KS_OK) {
        problem_set(&scenario->problem, "store `%s` cannot be read: %s: %s", name,
                    ks_status_name(status), error.message);
    }
    ks_session_iterator_free(iterator);
    return sort_entries(entries);
}

/* NULL: it is of a kind that cannot be read yet. */
static json_t *any_store_json(cf_scenario *scenario, ks_test_driver *driver, const char *name)
{
    ks_key_value_store *store = ks_test_driver_stored_key_value_store(driver, name);
    ks_versioned_store *versioned = ks_test_driver_versioned_store(driver, name);
    ks_window_store *windows = ks_test_driver_stored_window_store(driver, name);
    ks_session_store *sessions = ks_test_driver_stored_session_store(driver, name);
    if (store != NULL) {
        return store_json(scenario, name, store);
    }
    if (versioned != NULL) {
        return versioned_store_json(scenario, name, versioned);
    }
    if (windows != NULL) {
        return window_store_json(scenario, name, windows);
    }
    return sessions != NULL ? session_store_json(scenario, name, sessions) : NULL;
}

json_t *outcome_stores(cf_scenario *scenario, ks_test_driver *driver)
{
    json_t *stores = json_object();
    for (size_t i = 0; i < ks_test_driver_store_count(driver); i++) {
        const char *name = ks_test_driver_store_name(driver, i);
        if (only_serves_an_operator(scenario, name)) {
            continue;
        }
        json_t *store = any_store_json(scenario, driver, name);
        if (store == NULL) {
            problem_not_built(&scenario->problem, "reading store `%s`", name);
            break;
        }
        json_object_set_new(stores, name, store);
    }
    return stores;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static const char *kind_of(ks_status code)
{
    switch (code) {
    case KS_E_TOPOLOGY:
        return "TopologyException";
    case KS_E_ARGUMENT:
        return "IllegalArgumentException";
    case KS_E_PROCESSOR_STATE:
        return "ProcessorStateException";
    case KS_E_CONFIG:
        return "ConfigException";
    default:
        return "StreamsException";
    }
}

json_t *outcome_error(cf_scenario *scenario, json_t *at, const ks_error *error)
{
    ks_error_text(error, scenario->error_text, sizeof scenario->error_text);
    if (error->code == KS_E_NOT_BUILT) {
        problem_not_built(&scenario->problem, "%s: %s", error->where, error->message);
    } else if (error->code == KS_OK) {
        problem_set(&scenario->problem, "the library failed and left no error code");
    }
    if (problem_is_set(&scenario->problem)) {
        json_decref(at);
        return NULL;
    }
    json_t *json = json_object();
    json_object_set_new(json, "at", at);
    json_object_set_new(json, "kind", json_string(kind_of(error->code)));
    return json;
}
