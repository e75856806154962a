/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_builder.c - what a program says of a store, checked and made a spec. @java Stores,
 * AbstractStoreBuilder
 *
 * Any name but the empty one will do here: only a log that shall hold the changelog has rules for
 * it, as in Java.
 *
 * The spec borrows names and configurations, which the topology copies, and remembers the
 * description by its address: adding it again is adding the same store.
 *
 * Thread rule: the builder's thread.
 */
#include "base/error.h"
#include "topology/topology.h"

static const char *contradiction_of_custom(const ks_store_builder *builder)
{
    const ks_custom_store_class *class = builder->custom;
    if (class == NULL) {
        return "a store of KS_STORE_KIND_CUSTOM needs its class; give .custom";
    }
    if (class->load == NULL || class->state_size == 0) {
        return "the class of a custom store needs a state_size and a function load";
    }
    if (builder->key != NULL || builder->value != NULL) {
        return "the rows of a custom store are bytes; leave its serdes out";
    }
    if (builder->caching_enabled) {
        return "a custom store is not cached: its structure is the cache; let its flush put rows";
    }
    if (builder->type == KS_STORE_LRU) {
        return "a custom store decides itself which rows go; it cannot be an LRU store";
    }
    return NULL;
}

static bool has_windows(const ks_store_builder *builder)
{
    return builder->kind == KS_STORE_KIND_WINDOW ||
           builder->kind == KS_STORE_KIND_TIMESTAMPED_WINDOW;
}

/* What is wrong with how long rows are kept, and with windows; NULL: nothing. */
static const char *contradiction_of_windows(const ks_store_builder *builder)
{
    bool is_kept = has_windows(builder) || builder->kind == KS_STORE_KIND_SESSION;
    if (builder->retention_ms < 0 || builder->window_size_ms < 0) {
        return "retention_ms or window_size_ms is negative; give at least 0";
    }
    if (!is_kept && builder->retention_ms != 0) {
        return "retention_ms is for window and session stores only";
    }
    if (!has_windows(builder) && (builder->window_size_ms != 0 || builder->retain_duplicates)) {
        return "window_size_ms and retain_duplicates are for window stores only";
    }
    if (has_windows(builder) && builder->window_size_ms > builder->retention_ms) {
        return "retention_ms is less than window_size_ms; a window must be kept while it is open";
    }
    if (is_kept && builder->type == KS_STORE_LRU) {
        return "a store of windows or sessions is kept on RocksDB or in memory";
    }
    return NULL;
}

/* What is wrong with the parts taken together; NULL: nothing. */
static const char *contradiction(const ks_store_builder *builder)
{
    bool is_lru = builder->type == KS_STORE_LRU;
    bool is_versioned = builder->kind == KS_STORE_KIND_VERSIONED_KEY_VALUE;
    if (is_lru && builder->lru_entries < 1) {
        return "a store of type KS_STORE_LRU needs lru_entries of at least 1";
    }
    if (!is_lru && builder->lru_entries != 0) {
        return "lru_entries is for KS_STORE_LRU only";
    }
    if (is_versioned && builder->type != KS_STORE_DEFAULT && builder->type != KS_STORE_ROCKSDB) {
        return "a versioned store is kept on RocksDB; leave type out";
    }
    if (builder->type == KS_STORE_VERSIONED) {
        return "a store is versioned by its kind, KS_STORE_KIND_VERSIONED_KEY_VALUE; leave type "
               "out";
    }
    if (is_versioned && builder->caching_enabled) {
        return "a versioned store cannot be cached: each of its versions counts";
    }
    if (builder->history_retention_ms < 0) {
        return "history_retention_ms is negative; give at least 0";
    }
    if (!is_versioned && builder->history_retention_ms != 0) {
        return "history_retention_ms is for KS_STORE_KIND_VERSIONED_KEY_VALUE only";
    }
    if (builder->logging_disabled && builder->changelog_config != NULL) {
        return "changelog_config is for a changelog, which logging_disabled takes away";
    }
    if (builder->kind == KS_STORE_KIND_CUSTOM) {
        return contradiction_of_custom(builder);
    }
    if (builder->custom != NULL || builder->custom_user != NULL) {
        return "custom and custom_user are for KS_STORE_KIND_CUSTOM only";
    }
    return contradiction_of_windows(builder);
}

ks_status ksi_store_spec_of(const ks_store_builder *builder, ks_store_type default_type,
                            ksi_store_spec *spec, ks_error *error)
{
    static const ksi_store_kind kinds[] = {
        [KS_STORE_KIND_KEY_VALUE] = KSI_STORE_KEY_VALUE,
        [KS_STORE_KIND_TIMESTAMPED_KEY_VALUE] = KSI_STORE_KEY_VALUE,
        [KS_STORE_KIND_VERSIONED_KEY_VALUE] = KSI_STORE_VERSIONED,
        [KS_STORE_KIND_CUSTOM] = KSI_STORE_CUSTOM,
        [KS_STORE_KIND_WINDOW] = KSI_STORE_WINDOW,
        [KS_STORE_KIND_TIMESTAMPED_WINDOW] = KSI_STORE_WINDOW,
        [KS_STORE_KIND_SESSION] = KSI_STORE_SESSION};
    /* The database of the stores cannot have a part without a name. */
    if (builder == NULL || builder->name == NULL || builder->name[0] == '\0') {
        return ksi_error_set(error, KS_E_ARGUMENT, "KS_STORE_BUILDER",
                             "a store needs a name; give .name");
    }
    if ((size_t)builder->kind >= sizeof kinds / sizeof *kinds) {
        return ksi_error_set(error, KS_E_ARGUMENT, builder->name, "%d is no kind of store",
                             (int)builder->kind);
    }
    const char *wrong = contradiction(builder);
    if (wrong != NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, builder->name, "%s", wrong);
    }
    *spec = (ksi_store_spec){
        .name = builder->name,
        .kind = kinds[builder->kind],
        .type = builder->type != KS_STORE_DEFAULT ? builder->type : default_type,
        .max_rows = (size_t)builder->lru_entries,
        .retention_ms = kinds[builder->kind] == KSI_STORE_VERSIONED ? builder->history_retention_ms
                                                                    : builder->retention_ms,
        .window_size_ms = builder->window_size_ms,
        .retain_duplicates = builder->retain_duplicates,
        .timestamped = builder->kind == KS_STORE_KIND_TIMESTAMPED_KEY_VALUE ||
                       builder->kind == KS_STORE_KIND_TIMESTAMPED_WINDOW ||
                       builder->kind == KS_STORE_KIND_VERSIONED_KEY_VALUE,
        .caching = builder->caching_enabled,
        .logging = !builder->logging_disabled,
        .changelog_config = builder->changelog_config,
        .key = builder->key,
        .value = builder->value,
        .custom = builder->custom,
        .custom_user = builder->custom_user,
        .origin = builder,
    };
    if (spec->kind == KSI_STORE_CUSTOM) { /* bytes, whatever the properties say of other stores */
        spec->key = &ks_serde_bytes;
        spec->value = &ks_serde_bytes;
    }
    if (spec->kind == KSI_STORE_VERSIONED) {
        spec->type = KS_STORE_VERSIONED;
    }
    return KS_OK;
}
