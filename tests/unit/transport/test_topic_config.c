/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_topic_config.c - Kafka's table of a topic's configurations, as an embedded log has it.
 */
#include "transport/embedded/topic_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct seen {
    ksi_topic_config_set copy; /* every default, set as a value */
    const char *before;
    size_t count;
    size_t effective;
} seen;

static void set_again(void *user, const ksi_topic_config *config, bool is_default)
{
    seen *self = user;
    assert_true(is_default);
    assert_true(self->before == NULL || strcmp(self->before, config->name) < 0);
    assert_int_equal(ksi_topic_config_put(&self->copy, "topic", config, NULL), KS_OK);
    self->before = config->name;
    self->count++;
    self->effective += ksi_topic_config_has_effect(config->name) ? 1 : 0;
}

static void every_default_is_a_value_that_is_taken(void **state)
{
    (void)state;
    ksi_topic_config_set set;
    seen all = {.count = 0};
    ksi_topic_config_init(&set);
    ksi_topic_config_init(&all.copy);
    ksi_topic_config_each(&set, set_again, &all);
    assert_int_equal(all.count, KSI_TOPIC_CONFIGS);
    assert_true(all.effective > 8 && all.effective < all.count);
    assert_int_equal(set.settings.retention_ms, all.copy.settings.retention_ms);
    assert_int_equal(set.settings.segment_bytes, all.copy.settings.segment_bytes);
    assert_int_equal(set.settings.deletes, all.copy.settings.deletes);
    ksi_topic_config_destroy(&all.copy);
    ksi_topic_config_destroy(&set);
}

static void what_has_an_effect_is_known(void **state)
{
    (void)state;
    assert_true(ksi_topic_config_has_effect("retention.ms"));
    assert_true(ksi_topic_config_has_effect("cleanup.policy"));
    assert_false(ksi_topic_config_has_effect("min.insync.replicas"));
    assert_false(ksi_topic_config_has_effect("no.such.name"));
}

static void settings_follow_the_values(void **state)
{
    (void)state;
    ksi_topic_config_set set;
    ksi_topic_config_init(&set);
    assert_true(set.settings.deletes);
    assert_false(set.settings.compacts);
    const ksi_topic_config configs[] = {{"cleanup.policy", "compact,delete"},
                                        {"segment.bytes", "2048"},
                                        {"min.cleanable.dirty.ratio", "0.25"}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ksi_topic_config_put(&set, "topic", &configs[i], NULL), KS_OK);
    }
    assert_true(set.settings.deletes && set.settings.compacts);
    assert_int_equal(set.settings.segment_bytes, 2048);
    assert_true(set.settings.min_dirty_ratio == 0.25);
    const ksi_topic_config bad = {"segment.bytes", "12 KB"};
    ks_error error = {0};
    assert_int_equal(ksi_topic_config_put(&set, "topic", &bad, &error), KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "12 KB"));
    assert_int_equal(set.settings.segment_bytes, 2048);
    ksi_topic_config_destroy(&set);
}

static void pieces_expire_by_age_and_by_size(void **state)
{
    (void)state;
    ksi_topic_settings settings = {.deletes = true, .retention_ms = 100, .retention_bytes = -1};
    assert_false(ksi_topic_settings_expire(&settings, 900, 0, 1000));
    assert_true(ksi_topic_settings_expire(&settings, 899, 0, 1000));
    settings.retention_ms = -1;
    assert_false(ksi_topic_settings_expire(&settings, 0, 0, 1000));
    settings.retention_bytes = 50;
    assert_true(ksi_topic_settings_expire(&settings, 1000, 50, 1000));
    assert_false(ksi_topic_settings_expire(&settings, 1000, 49, 1000));
    settings.deletes = false;
    assert_false(ksi_topic_settings_expire(&settings, 0, 100, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_a_value_that_is_taken),
        cmocka_unit_test(what_has_an_effect_is_known),
        cmocka_unit_test(settings_follow_the_values),
        cmocka_unit_test(pieces_expire_by_age_and_by_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
