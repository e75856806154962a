/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - the base of a store, opening one of any kind, and when two specs are one. See store.h.
 */
#include "state/store.h"

#include "base/check.h"
#include "state/custom_store.h"
#include "state/key_value_store.h"
#include "state/session_key.h"
#include "state/session_store.h"
#include "state/suppress_buffer.h"
#include "state/versioned_store.h"
#include "state/window_keys.h"
#include "state/window_store.h"

#include <string.h>

uint8_t ksi_store_layout(const ksi_store_spec *spec)
{
    static const uint8_t layouts[] = {
        [KSI_STORE_KEY_VALUE] = 0, [KSI_STORE_VERSIONED] = 2, [KSI_STORE_CUSTOM] = 4,
        [KSI_STORE_WINDOW] = 6,    [KSI_STORE_SUPPRESS] = 10, [KSI_STORE_SESSION] = 12};
    int layout = layouts[spec->kind] + (spec->by_time ? 2 : 0);
    return (uint8_t)(layout + (spec->timestamped ? 1 : 0));
}

size_t ksi_store_least_key(const ksi_store_spec *spec)
{
    if (spec->kind == KSI_STORE_WINDOW) {
        return ksi_window_key_bytes(ksi_window_layout_of(spec));
    }
    if (spec->kind == KSI_STORE_SESSION) {
        const ksi_session_keys keys = ksi_session_keys_of(spec);
        return ksi_session_key_bytes(&keys);
    }
    return 0;
}

const char *ksi_store_kind_name(ksi_store_kind kind)
{
    static const char *const names[] = {
        [KSI_STORE_KEY_VALUE] = "key-value", [KSI_STORE_VERSIONED] = "versioned key-value",
        [KSI_STORE_CUSTOM] = "custom",       [KSI_STORE_SUPPRESS] = "suppress",
        [KSI_STORE_WINDOW] = "window",       [KSI_STORE_SESSION] = "session"};
    return names[kind];
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_configs(const ks_topic_config *a, const ks_topic_config *b)
{
    static const ks_topic_config none = {0};
    a = a != NULL ? a : &none;
    b = b != NULL ? b : &none;
    for (; a->name != NULL && b->name != NULL; a++, b++) {
        if (!same_text(a->name, b->name) || !same_text(a->value, b->value)) {
            return false;
        }
    }
    return a->name == b->name;
}

const ks_topic_config *ksi_topic_configs_copy(ks_arena *arena, const ks_topic_config *configs)
{
    size_t count = 0;
    while (configs != NULL && configs[count].name != NULL) {
        count++;
    }
    ks_topic_config *copy = ksi_arena_zalloc(arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i].name = ksi_arena_strdup(arena, configs[i].name);
        copy[i].value = ksi_arena_strdup(arena, configs[i].value);
    }
    return count > 0 ? copy : NULL;
}

/*
 * A description may be a literal in a function that is called twice, at one address and with other
 * contents: so what it says is compared, too.
 */
bool ksi_store_spec_is_same(const ksi_store_spec *a, const ksi_store_spec *b)
{
    return a->origin != NULL && a->origin == b->origin && a->kind == b->kind &&
           a->type == b->type && a->max_rows == b->max_rows && a->retention_ms == b->retention_ms &&
           a->window_size_ms == b->window_size_ms && a->retain_duplicates == b->retain_duplicates &&
           a->by_time == b->by_time && a->timestamped == b->timestamped &&
           a->caching == b->caching && a->logging == b->logging && a->key == b->key &&
           a->value == b->value && a->custom == b->custom && a->custom_user == b->custom_user &&
           same_text(a->name, b->name) && same_configs(a->changelog_config, b->changelog_config);
}

ksi_row_store *ksi_store_rows_in_memory(const ksi_store_spec *spec)
{
    ksi_row_store *rows =
        ksi_row_store_open(&(ksi_row_store_options){.name = spec->name,
                                                    .timestamped = spec->timestamped,
                                                    .logged = spec->logging,
                                                    .max_rows = spec->max_rows},
                           NULL);
    KSI_CHECK(rows != NULL); /* only reading from a disk can fail */
    return rows;
}

void ksi_store_begin(ksi_store *store, const ksi_store_class *class,
                     const ksi_store_options *options)
{
    *store = (ksi_store){.class = class, .spec = options->spec, .rows = options->rows};
    if (options->rows == NULL && options->query == NULL) {
        store->rows = ksi_store_rows_in_memory(options->spec);
        store->owns_rows = true;
    }
}

void ksi_store_end(ksi_store *store)
{
    if (store->owns_rows) {
        ksi_row_store_close(store->rows);
    }
}

ksi_store *ksi_store_open(const ksi_store_options *options, ks_error *error)
{
    if (options->spec->kind == KSI_STORE_VERSIONED) {
        return ksi_versioned_store_base(ksi_versioned_store_open(options, error));
    }
    if (options->spec->kind == KSI_STORE_CUSTOM) {
        return ksi_custom_store_base(ksi_custom_store_open(options, error));
    }
    if (options->spec->kind == KSI_STORE_SUPPRESS) {
        return ksi_suppress_buffer_base(ksi_suppress_buffer_open(options, error));
    }
    if (options->spec->kind == KSI_STORE_WINDOW) {
        return ksi_window_store_base(ksi_window_store_open(options, error));
    }
    if (options->spec->kind == KSI_STORE_SESSION) {
        return ksi_session_store_base(ksi_session_store_open(options, error));
    }
    KSI_CHECK(options->spec->kind == KSI_STORE_KEY_VALUE);
    return ksi_key_value_store_base(ksi_key_value_store_open(options));
}
