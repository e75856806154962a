/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the options of the DSL from the fields of a node.
 *
 * Which overload of Java a scenario means decides how generated names are numbered, and here an
 * overload is what the options say: NULL is the shortest one. So these functions give NULL exactly
 * where the recorder calls the shorter overload, and set `unnamed_store` where it passes an empty
 * Materialized.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "ops.h"

#include "numbers.h"
#include "types.h"

#include <pcre2.h>
#include <stdlib.h>

/* ---- timestamps ------------------------------------------------------------------------------ */

/* The value as a whole number, or a text that is one; -1 for all else. */
static ks_status extract_embedded(const ks_timestamp_extractor *extractor,
                                  const ks_source_record *source, int64_t partition_time,
                                  int64_t *timestamp, ks_error *error)
{
    (void)extractor;
    (void)partition_time;
    (void)error;
    ks_value value = source->record.value;
    ks_slice text = ks_slice_null();
    *timestamp = -1;
    switch (ks_value_kind(value)) {
    case KS_KIND_I16:
    case KS_KIND_I32:
    case KS_KIND_I64:
        *timestamp = number_long(value);
        return KS_OK;
    case KS_KIND_TEXT:
        text = ks_value_text(value);
        break;
    case KS_KIND_BYTES:
        text = ks_value_bytes(value);
        break;
    default:
        break;
    }
    int64_t number = 0;
    if (number_parse(text, &number)) {
        *timestamp = number;
    }
    return KS_OK;
}

static const ks_timestamp_extractor embedded_value = {
    .struct_size = sizeof(ks_timestamp_extractor),
    .name = "embedded-value",
    .extract = extract_embedded,
};

const ks_timestamp_extractor *extractor_of(cf_problem *problem, const char *name)
{
    static const struct {
        const char *name;
        const ks_timestamp_extractor *extractor;
    } extractors[] = {
        {"fail", &ks_timestamp_fail_on_invalid},
        {"skip", &ks_timestamp_log_and_skip_on_invalid},
        {"partition", &ks_timestamp_use_partition_time_on_invalid},
        {"wallclock", &ks_timestamp_wallclock},
        {"embedded-value", &embedded_value},
    };
    for (size_t i = 0; i < sizeof extractors / sizeof extractors[0]; i++) {
        if (strcmp(extractors[i].name, name) == 0) {
            return extractors[i].extractor;
        }
    }
    problem_set(problem, "unknown timestamp extractor `%s`", name);
    return NULL;
}

/* ---- sources and sinks ----------------------------------------------------------------------- */

const ks_named *named_of(cf_fields *node, ks_named *storage)
{
    const char *name = fields_text(node, "name");
    *storage = *KS_NAMED(.name = name);
    return name != NULL ? storage : NULL;
}

const char *first_topic_matching(const cf_scenario *scenario, const char *pattern)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                         PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (compiled == NULL) {
        return "";
    }
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(compiled, NULL);
    const char *found = "";
    const char *topic;
    json_t *types;
    json_object_foreach(json_object_get(scenario->root, "topics"), topic, types)
    {
        if (pcre2_match(compiled, (PCRE2_SPTR)topic, PCRE2_ZERO_TERMINATED, 0, 0, match, NULL) >=
            0) {
            found = topic;
            break;
        }
    }
    pcre2_match_data_free(match);
    pcre2_code_free(compiled);
    return found;
}

static void set_reset(cf_problem *problem, const char *reset, ks_consumed *consumed)
{
    static const char by_duration[] = "by_duration:";
    size_t size = sizeof by_duration - 1;
    if (strcmp(reset, "earliest") == 0) {
        consumed->offset_reset = KS_OFFSET_RESET_EARLIEST;
    } else if (strcmp(reset, "latest") == 0) {
        consumed->offset_reset = KS_OFFSET_RESET_LATEST;
    } else if (strcmp(reset, "none") == 0) {
        consumed->offset_reset = KS_OFFSET_RESET_NONE;
    } else if (strncmp(reset, by_duration, size) == 0 &&
               number_parse(ks_slice_cstr(reset + size), &consumed->offset_reset_duration_ms)) {
        consumed->offset_reset = KS_OFFSET_RESET_BY_DURATION;
    } else {
        problem_set(problem, "unknown reset `%s`", reset);
    }
}

ks_consumed consumed_of(cf_build *build, cf_fields *node, const char *topic)
{
    cf_problem *problem = build_problem(build);
    ks_consumed consumed =
        *KS_CONSUMED(.key = type_serde(problem, scenario_topic_type(build->scenario, topic, "key")),
                     .value =
                         type_serde(problem, scenario_topic_type(build->scenario, topic, "value")),
                     .name = fields_text(node, "name"),
                     .timestamp_extractor = build->default_extractor, );
    const char *timestamp = fields_text(node, "timestamp");
    if (timestamp != NULL) {
        consumed.timestamp_extractor = extractor_of(problem, timestamp);
    }
    const char *reset = fields_text(node, "reset");
    if (reset != NULL) {
        set_reset(problem, reset, &consumed);
    }
    return consumed;
}

/* A sink takes its types from `topics`; its own go first (a dynamic sink has no topic). */
static const ks_serde *sink_serde(cf_build *build, cf_fields *node, const char *topic,
                                  const char *side)
{
    const char *own = fields_text(node, side);
    const char *type =
        own != NULL || topic == NULL ? own : scenario_topic_type(build->scenario, topic, side);
    return type_serde(build_problem(build), type);
}

ks_produced produced_of(cf_build *build, cf_fields *node, const char *topic)
{
    return *KS_PRODUCED(.key = sink_serde(build, node, topic, "key"),
                        .value = sink_serde(build, node, topic, "value"),
                        .name = fields_text(node, "name"), );
}

/* ---- groups and stores ----------------------------------------------------------------------- */

const ks_grouped *grouped_of(cf_build *build, cf_fields *node, ks_grouped *storage)
{
    const char *key = fields_text(node, "key");
    const char *value = fields_text(node, "value");
    *storage = *KS_GROUPED(.key = type_serde(build_problem(build), key),
                           .value = type_serde(build_problem(build), value),
                           .name = fields_text(node, "name"), );
    return key == NULL && value == NULL && storage->name == NULL ? NULL : storage;
}

/* Java takes a bound of 0, too: a store that gives up every entry at once. */
static int32_t read_bound(cf_problem *problem, const char *digits)
{
    char *end = NULL;
    long entries = strtol(digits, &end, 10);
    if (end == digits || *end != '\0' || entries < INT32_MIN || entries > INT32_MAX) {
        problem_set(problem, "store type `lru:%s`: no count of entries", digits);
    } else if (entries == 0) {
        problem_not_built(problem, "an LRU store of no entries");
    }
    return (int32_t)entries;
}

static int64_t read_history(cf_problem *problem, const char *digits)
{
    char *end = NULL;
    long long retention_ms = strtoll(digits, &end, 10);
    if (end == digits || *end != '\0') {
        problem_set(problem, "store type `versioned:%s`: no retention in milliseconds", digits);
    }
    return retention_ms;
}

/* What a store's type says. */
typedef struct store_storage {
    ks_store_type type;
    int32_t lru_entries;
    int64_t history_retention_ms;
} store_storage;

static store_storage read_type(cf_problem *problem, cf_fields *store)
{
    const char *type = fields_text(store, "type");
    if (type == NULL) {
        return (store_storage){.type = KS_STORE_DEFAULT};
    }
    if (strcmp(type, "rocksdb") == 0) {
        return (store_storage){.type = KS_STORE_ROCKSDB};
    }
    if (strcmp(type, "memory") == 0) {
        return (store_storage){.type = KS_STORE_IN_MEMORY};
    }
    if (strncmp(type, "lru:", 4) == 0) {
        return (store_storage){.type = KS_STORE_LRU, .lru_entries = read_bound(problem, type + 4)};
    }
    if (strncmp(type, "versioned:", 10) == 0) {
        return (store_storage){.type = KS_STORE_VERSIONED,
                               .history_retention_ms = read_history(problem, type + 10)};
    }
    problem_set(problem, "unknown store type `%s`", type);
    return (store_storage){.type = KS_STORE_DEFAULT};
}

ks_store_type store_type_of(cf_problem *problem, cf_fields *store)
{
    return read_type(problem, store).type;
}

/*
 * Java's withRetention() means nothing to a key-value store, but it refuses a negative one, which
 * cannot be said here. To say 0 is here to say nothing, and so it is in Java for windows that need
 * no more; it refuses it for others, which would show.
 */
static void read_retention(cf_problem *problem, cf_fields *store, bool windowed,
                           ks_materialized *materialized)
{
    int64_t retention = 0;
    (void)fields_number(store, "retention", &retention);
    if (!windowed && retention < 0) {
        problem_not_built(problem, "a retention of %lld", (long long)retention);
    }
    materialized->retention_ms = windowed ? retention : 0;
}

static void read_store(cf_problem *problem, cf_fields *store, bool windowed,
                       ks_materialized *materialized)
{
    materialized->name = fields_text(store, "name");
    const store_storage kept = read_type(problem, store);
    materialized->type = kept.type;
    materialized->lru_entries = kept.lru_entries;
    materialized->history_retention_ms = kept.history_retention_ms;
    read_retention(problem, store, windowed, materialized);
    bool caching = true;
    bool logging = true;
    fields_bool(store, "caching", &caching);
    fields_bool(store, "logging", &logging);
    materialized->caching_disabled = !caching;
    materialized->logging_disabled = !logging;
    fields_done(store);
}

static const ks_materialized *read_materialized(cf_build *build, cf_fields *node, bool named,
                                                bool windowed, ks_materialized *storage)
{
    cf_problem *problem = build_problem(build);
    const char *key = fields_text(node, "key");
    const char *value = fields_text(node, "value");
    *storage =
        *KS_MATERIALIZED(.named = named ? fields_text(node, "name") : NULL,
                         .key = type_serde(problem, key), .value = type_serde(problem, value), );
    cf_fields store;
    bool has_store = fields_object(node, "store", &store);
    if (has_store) {
        read_store(problem, &store, windowed, storage);
    }
    if (!has_store && key == NULL && value == NULL) {
        return storage->named != NULL ? storage : NULL;
    }
    bool says_nothing = storage->name == NULL && storage->key == NULL && storage->value == NULL &&
                        storage->type == KS_STORE_DEFAULT && !storage->caching_disabled &&
                        !storage->logging_disabled && storage->retention_ms == 0;
    storage->unnamed_store = says_nothing;
    return storage;
}

const ks_materialized *materialized_of(cf_build *build, cf_fields *node, bool named,
                                       ks_materialized *storage)
{
    return read_materialized(build, node, named, false, storage);
}

const ks_materialized *windowed_materialized_of(cf_build *build, cf_fields *node,
                                                ks_materialized *storage)
{
    return read_materialized(build, node, true, true, storage);
}

ks_store_builder *store_of(cf_build *build, cf_fields *node, const char *key, const char *value)
{
    cf_problem *problem = build_problem(build);
    ks_store_builder *builder = ks_arena_alloc(build->scenario->arena, sizeof *builder);
    *builder =
        *KS_STORE_BUILDER(.key = type_serde(problem, key), .value = type_serde(problem, value), );
    cf_fields store;
    if (!fields_object(node, "store", &store)) {
        problem_set(problem, "%s: `store` is needed", node->where);
        return builder;
    }
    bool timestamped = false;
    bool logging = true;
    builder->name = fields_need_text(&store, "name");
    const store_storage kept = read_type(problem, &store);
    builder->lru_entries = kept.lru_entries;
    builder->history_retention_ms = kept.history_retention_ms;
    fields_bool(&store, "timestamped", &timestamped);
    fields_bool(&store, "caching", &builder->caching_enabled);
    fields_bool(&store, "logging", &logging);
    if (kept.type == KS_STORE_VERSIONED) {
        builder->kind = KS_STORE_KIND_VERSIONED_KEY_VALUE;
    } else {
        builder->type = kept.type;
        builder->kind = timestamped ? KS_STORE_KIND_TIMESTAMPED_KEY_VALUE : KS_STORE_KIND_KEY_VALUE;
    }
    builder->logging_disabled = !logging;
    fields_done(&store);
    return builder;
}
