/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_test.c - what the tests of this room share.
 */
#include "config_test.h"

#include <string.h>

ks_config *config_of(const char *name, ...)
{
    ks_config *config = ks_config_new();
    va_list pairs;
    va_start(pairs, name);
    while (name != NULL) {
        const char *value = va_arg(pairs, const char *);
        ks_error error = {0};
        if (ksi_config_set_any(config, name, value, &error) != KS_OK) {
            fail_msg("%s=%s: %s", name, value, error.message);
        }
        name = va_arg(pairs, const char *);
    }
    va_end(pairs);
    return config;
}

void assert_taken(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    if (ks_config_set(config, name, value, &error) != KS_OK) {
        fail_msg("%s=%s: %s", name, value, error.message);
    }
}

void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" has no \"%s\" in it", text, part);
    }
}

void assert_refused(const char *name, const char *value, ks_status status, const char *const *parts)
{
    ks_config *config = ks_config_new();
    ks_error error = {0};
    ks_status answer = ks_config_set(config, name, value, &error);
    if (answer != status) {
        fail_msg("%s=%s: %s \"%s\"", name, value, ks_status_name(answer), error.message);
    }
    assert_int_equal(error.code, status);
    assert_string_equal(error.where, name);
    for (; *parts != NULL; parts++) {
        assert_contains(error.message, *parts);
    }
    assert_false(ksi_config_is_set(config, name));
    ks_config_free(config);
}
