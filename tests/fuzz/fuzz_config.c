/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c - any bytes as a properties file, and any pairs of texts as properties.
 *
 * Beside not crashing, what was taken must keep its promise: the getters have no errors, so each
 * must be able to read every text that was let in; a text that was taken is taken again; and what
 * only this version refuses is taken by ksi_config_set_any().
 */
#include "base/buffer.h"
#include "base/check.h"
#include "config/config.h"
#include "config/properties.h"

/* Longer inputs find nothing more. */
#define LONGEST_INPUT 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read so that no getter is optimised away. */
static volatile uint64_t seen;

static void read_row(const ks_config *config, const ksi_property *row)
{
    const char *text = ks_config_get(config, row->name);
    seen += text != NULL ? strlen(text) : 0;
    if (ksi_config_text(config, row->name) == NULL) {
        return;
    }
    switch (row->type) {
    case KSI_PROPERTY_I64:
        seen += (uint64_t)ksi_config_i64(config, row->name);
        break;
    case KSI_PROPERTY_I32:
        seen += (uint64_t)ksi_config_i32(config, row->name);
        break;
    case KSI_PROPERTY_BOOL:
        seen += ksi_config_bool(config, row->name);
        break;
    case KSI_PROPERTY_CHOICE:
    case KSI_PROPERTY_CLASS:
        KSI_CHECK(row->choices == NULL || ksi_config_choice(config, row->name) != NULL);
        break;
    case KSI_PROPERTY_TEXT:
    case KSI_PROPERTY_LIST:
        break;
    }
}

static void count_notice(const char *name, const char *message, void *user)
{
    (void)user;
    KSI_CHECK(name[0] != '\0' && message[0] != '\0');
    seen++;
}

/* What is set is read, and so are the rules and notices, which read the rest. */
static void read_all(const ks_config *config)
{
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; ksi_config_at(config, &at, &name, &value); at++) {
        const ksi_property *row = ksi_property_find(name);
        if (row != NULL) {
            read_row(config, row);
        }
    }
    seen += ksi_config_client(config, KSI_CLIENT_MAIN_CONSUMER, "fetch.max.bytes") != NULL;
    ks_error error = {0};
    ks_status status = ksi_config_validate(config, &error);
    KSI_CHECK(status == KS_OK || (error.code == status && error.message[0] != '\0'));
    ksi_config_each_notice(config, false, count_notice, NULL);
    ksi_config_each_notice(config, true, count_notice, NULL);
}

/* Each property of the set is taken again and reads the same. */
static void set_again(const ks_config *config)
{
    ks_config *copy = ks_config_new();
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; ksi_config_at(config, &at, &name, &value); at++) {
        KSI_CHECK(ks_config_set(copy, name, value, NULL) == KS_OK);
        KSI_CHECK(strcmp(ks_config_get(copy, name), value) == 0);
    }
    ks_config_free(copy);
}

static void parse(ks_slice text)
{
    ks_config *config = ks_config_new();
    ks_error error = {0};
    ks_status status = ksi_config_parse(config, text, "fuzz", &error);
    KSI_CHECK(status == KS_OK || status == KS_E_CONFIG || status == KS_E_NOT_BUILT);
    KSI_CHECK(status == KS_OK || error.message[0] != '\0');
    set_again(config);
    read_all(config);
    ks_config_free(config);
}

/*
 * Whether the name is refused whatever its value. The search for the nearest name is slow here, and
 * parse() makes it often enough.
 */
static bool is_unknown(const char *name)
{
    ksi_client_name meant = {0};
    return ksi_property_find(name) == NULL && !ksi_client_name_of(name, &meant);
}

static void set_line(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    ks_status status = ks_config_set(config, name, value, &error);
    if (status != KS_E_CONFIG) {
        KSI_CHECK(status == KS_OK || status == KS_E_NOT_BUILT);
        KSI_CHECK(ksi_config_set_any(config, name, value, &error) == KS_OK);
    }
}

/*
 * Lines `name=value`, set one by one past what is refused, so that a later line is reached whatever
 * stands before it.
 */
static void set_lines(ks_slice rest)
{
    ks_config *config = ks_config_new();
    ksi_buffer name = {0};
    ksi_buffer value = {0};
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        const char *equals = memchr(rest.data, '=', size);
        size_t name_size = equals != NULL ? (size_t)(equals - rest.data) : size;
        size_t value_start = equals != NULL ? name_size + 1 : size;
        ksi_buffer_clear(&name);
        ksi_buffer_clear(&value);
        ksi_buffer_append(&name, rest.data, name_size);
        ksi_buffer_append(&value, rest.data + value_start, size - value_start);
        if (!is_unknown(ksi_buffer_cstr(&name))) {
            set_line(config, ksi_buffer_cstr(&name), ksi_buffer_cstr(&value));
        }
        size_t used = end != NULL ? size + 1 : size;
        rest = ks_slice_of(rest.data + used, rest.size - used);
    }
    read_all(config);
    ks_config_free(ksi_config_copy(config));
    ks_config_free(config);
    ksi_buffer_destroy(&name);
    ksi_buffer_destroy(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > LONGEST_INPUT) {
        return -1;
    }
    ks_slice text = ks_slice_of(data, size);
    parse(text);
    set_lines(text);
    return 0;
}
