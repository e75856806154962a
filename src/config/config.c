/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - a set of properties: setting, checking, reading.
 *
 * The set keeps texts, not numbers: ks_config_get() gives back what was written, and reading a
 * number anew costs nothing where it is done, when objects are made. Every text was checked before
 * it came in, so the getters have no errors.
 *
 * A name is one of three things: a row of the property table, a property of a client (clients.h),
 * or a typing error.
 *
 * Thread rule: the owner's.
 */
#include "config/config.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"
#include "config/value.h"

#define EXACTLY_ONCE_COMMIT_INTERVAL_MS "100"

typedef struct setting {
    char *name;
    char *text; /* trimmed and checked */
} setting;

struct ks_config {
    ksi_map *settings; /* name -> setting *, in the order in which they were first set */
};

static void setting_free(void *pointer)
{
    setting *gone = pointer;
    ksi_free(gone->name);
    ksi_free(gone->text);
    ksi_free(gone);
}

static void put(ks_config *config, const char *name, const char *text)
{
    setting *found = ksi_map_get_cstr(config->settings, name);
    if (found == NULL) {
        found = ksi_alloc(sizeof *found);
        *found = (setting){.name = ksi_strdup(name)};
        ksi_map_put_cstr(config->settings, name, found);
    }
    char *before = found->text; /* `text` may be what is there */
    found->text = ksi_strdup(text);
    ksi_free(before);
}

ks_config *ks_config_new(void)
{
    ks_config *config = ksi_alloc(sizeof *config);
    config->settings = ksi_map_new();
    return config;
}

void ks_config_free(ks_config *config)
{
    if (config != NULL) {
        ksi_map_free(config->settings, setting_free);
        ksi_free(config);
    }
}

ks_config *ksi_config_copy(const ks_config *config)
{
    ks_config *copy = ks_config_new();
    const char *name = NULL;
    const char *text = NULL;
    for (size_t i = 0; ksi_config_at(config, &i, &name, &text); i++) {
        put(copy, name, text);
    }
    return copy;
}

/* ---- setting --------------------------------------------------------------------------------- */

static ks_status unknown_name(const char *name, ks_error *error)
{
    const char *nearest = ksi_property_nearest(name);
    if (nearest == NULL) {
        return ksi_error_set(error, KS_E_CONFIG, name,
                             "there is no such property, and none comes near; properties of "
                             "clients need a prefix such as `consumer.` or `producer.`");
    }
    return ksi_error_set(error, KS_E_CONFIG, name, "there is no such property; did you mean `%s`?",
                         nearest);
}

/*
 * Type and range first: a text that is no value at all is said to be that, also where the property
 * is not built.
 */
static ks_status check(const char *name, const char *text, bool built_only, ks_error *error)
{
    const ksi_property *property = ksi_property_find(name);
    if (property != NULL) {
        KS_TRY(ksi_value_check(property, text, error));
        return built_only ? ksi_value_check_built(property, text, error) : KS_OK;
    }
    ksi_client_name meant = {0};
    if (!ksi_client_name_of(name, &meant)) {
        return unknown_name(name, error);
    }
    KS_TRY(ksi_client_check(&meant, name, text, error));
    return built_only ? ksi_client_check_built(&meant, name, text, error) : KS_OK;
}

static ks_status set(ks_config *config, const char *name, const char *value, bool built_only,
                     ks_error *error)
{
    if (config == NULL || name == NULL || value == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, name,
                             "a property needs a set, a name and a text; one of them is NULL");
    }
    ksi_buffer trimmed = {0};
    ks_slice text = ksi_value_trim(ks_slice_cstr(value));
    ksi_buffer_append(&trimmed, text.data, text.size);
    ks_status status = check(name, ksi_buffer_cstr(&trimmed), built_only, error);
    if (status == KS_OK) {
        put(config, name, ksi_buffer_cstr(&trimmed));
    }
    ksi_buffer_destroy(&trimmed);
    return status;
}

ks_status ks_config_set(ks_config *config, const char *name, const char *value, ks_error *error)
{
    return set(config, name, value, true, error);
}

ks_status ksi_config_set_any(ks_config *config, const char *name, const char *value,
                             ks_error *error)
{
    return set(config, name, value, false, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *set_text(const ks_config *config, const char *name)
{
    const setting *found = config != NULL ? ksi_map_get_cstr(config->settings, name) : NULL;
    return found != NULL ? found->text : NULL;
}

static bool is_exactly_once(const ks_config *config)
{
    const char *guarantee = set_text(config, "processing.guarantee");
    return guarantee != NULL && strcmp(guarantee, "exactly_once_v2") == 0;
}

/* The default, where it depends on another property too. */
static const char *default_text(const ks_config *config, const ksi_property *property)
{
    if (strcmp(property->name, "commit.interval.ms") == 0 && is_exactly_once(config)) {
        return EXACTLY_ONCE_COMMIT_INTERVAL_MS;
    }
    if (strcmp(property->name, "reconnect.backoff.max.ms") == 0) {
        const char *backoff = set_text(config, "reconnect.backoff.ms");
        return backoff != NULL ? backoff : property->default_text;
    }
    return property->default_text;
}

const char *ks_config_get(const ks_config *config, const char *name)
{
    if (name == NULL) {
        return NULL;
    }
    const char *text = set_text(config, name);
    const ksi_property *property = text == NULL ? ksi_property_find(name) : NULL;
    return property != NULL ? default_text(config, property) : text;
}

bool ksi_config_is_set(const ks_config *config, const char *name)
{
    return set_text(config, name) != NULL;
}

/*
 * What holds for a row, and the row whose text it is: an older name may speak another language than
 * the newer one.
 */
static const char *effective_text(const ks_config *config, const char *name,
                                  const ksi_property **row)
{
    const ksi_property *property = ksi_property_find(name);
    KSI_CHECK(property != NULL);
    const char *text = set_text(config, name);
    if (text == NULL && property->older != NULL && ksi_config_is_set(config, property->older)) {
        property = ksi_property_find(property->older);
        text = set_text(config, property->name);
    }
    *row = property;
    return text != NULL ? text : default_text(config, property);
}

static int64_t number_of(const ks_config *config, const char *name, ksi_property_type type)
{
    const ksi_property *property = NULL;
    const char *text = effective_text(config, name, &property);
    int64_t number = 0;
    KSI_CHECK(property->type == type && text != NULL && ksi_value_i64(text, &number));
    return number;
}

int64_t ksi_config_i64(const ks_config *config, const char *name)
{
    return number_of(config, name, KSI_PROPERTY_I64);
}

int32_t ksi_config_i32(const ks_config *config, const char *name)
{
    return (int32_t)number_of(config, name, KSI_PROPERTY_I32);
}

bool ksi_config_bool(const ks_config *config, const char *name)
{
    const ksi_property *property = NULL;
    const char *text = effective_text(config, name, &property);
    bool truth = false;
    KSI_CHECK(property->type == KSI_PROPERTY_BOOL && text != NULL && ksi_value_bool(text, &truth));
    return truth;
}

const char *ksi_config_text(const ks_config *config, const char *name)
{
    const ksi_property *property = NULL;
    return effective_text(config, name, &property);
}

const char *ksi_config_choice(const ks_config *config, const char *name)
{
    const ksi_property *property = NULL;
    const char *text = effective_text(config, name, &property);
    KSI_CHECK(property->choices != NULL && property->type != KSI_PROPERTY_LIST);
    const ksi_choice *choice = text != NULL ? ksi_value_choice(property, text) : NULL;
    return choice != NULL ? choice->word : NULL;
}

const char *ksi_config_client(const ks_config *config, ksi_client client, const char *property)
{
    /*
     * A prefix of one client goes before `consumer.`, whose bits are those of three and so a
     * greater number.
     */
    const char *best = NULL;
    unsigned fewest = KSI_CLIENT_ANY + 1;
    ksi_buffer name = {0};
    const ksi_client_prefix *prefix = NULL;
    for (size_t i = 0; (prefix = ksi_client_prefix_at(i)) != NULL; i++) {
        if ((prefix->clients & (unsigned)client) == 0 || prefix->clients >= fewest) {
            continue;
        }
        ksi_buffer_clear(&name);
        ksi_buffer_appendf(&name, "%s%s", prefix->prefix, property);
        const char *text = set_text(config, ksi_buffer_cstr(&name));
        if (text != NULL) {
            best = text;
            fewest = prefix->clients;
        }
    }
    ksi_buffer_destroy(&name);
    bool may_be_bare = ((unsigned)client & KSI_CLIENT_ANY) != 0;
    return best == NULL && may_be_bare ? set_text(config, property) : best;
}

int64_t ksi_config_client_i64(const ks_config *config, ksi_client client, const char *property)
{
    const ksi_client_name meant = {.property = property, .clients = client};
    const ksi_client_rule *rule = ksi_client_rule_of(&meant);
    const char *text = ksi_config_client(config, client, property);
    int64_t number = 0;
    KSI_CHECK(rule != NULL && rule->most > 0);
    KSI_CHECK(ksi_value_i64(text != NULL ? text : rule->kept, &number)); /* checked when set */
    return number;
}

int64_t ksi_config_cache_max_bytes(const ks_config *config)
{
    return ksi_config_i64(config, "statestore.cache.max.bytes");
}

bool ksi_config_exactly_once(const ks_config *config)
{
    return is_exactly_once(config);
}

bool ksi_config_at(const ks_config *config, size_t *at, const char **name, const char **value)
{
    void *found = NULL;
    if (config == NULL || !ksi_map_at(config->settings, at, NULL, &found)) {
        return false;
    }
    const setting *here = found;
    *name = here->name;
    *value = here->text;
    return true;
}
