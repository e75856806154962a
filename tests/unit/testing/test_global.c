/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_global.c - global tables under the test driver. That their stores are Java's is shown by the
 * conformance scenarios.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    ks_config *config;
    ks_topology *topology;
    ks_test_driver *driver;
    ks_test_input *in;
    ks_test_input *rates;
} fixture;

static void begin(fixture *f, ks_builder *b)
{
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    f->topology = ks_builder_build(b, &error);
    ks_builder_free(b);
    assert_non_null(f->topology);
    f->driver = ks_test_driver_new(f->topology, f->config, NULL, &error);
    assert_non_null(f->driver);
    f->in = ks_test_driver_input(f->driver, "in", text, &ks_serde_i64, 0, 1);
    f->rates = ks_test_driver_input(f->driver, "rates", text, &ks_serde_i64, 0, 1);
}

static void end(fixture *f)
{
    ks_test_driver_free(f->driver);
    ks_topology_free(f->topology);
    ks_config_free(f->config);
}

/* A global table of "rates"; what comes in by "in" goes there. */
static void build_rates(ks_builder *b)
{
    const ks_consumed *how = KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_i64);
    ks_builder_global_table(b, "rates", how, KS_MATERIALIZED(.name = "rates-store"));
    ks_stream_to(ks_builder_stream(b, "in", how), "rates", NULL);
}

static void assert_rate(const fixture *f, const char *key, int64_t expected)
{
    ks_error error = {0};
    ks_arena *arena = ks_arena_new();
    ks_key_value entry;
    bool found = false;
    ks_key_value_store *store = ks_test_driver_key_value_store(f->driver, "rates-store");
    assert_non_null(store);
    assert_int_equal(ks_key_value_store_get(store, ks_text_of(key), arena, &entry, &found, &error),
                     KS_OK);
    assert_int_equal(found, expected >= 0);
    if (found) {
        assert_int_equal(ks_value_i64(entry.value), expected);
    }
    ks_arena_free(arena);
}

static void pipe_number(ks_test_input *to, const char *key, int64_t number)
{
    ks_error error = {0};
    assert_int_equal(ks_test_input_pipe(to, ks_text_of(key), ks_i64(number), &error), KS_OK);
}

static void a_record_is_in_the_store_when_pipe_returns(void **state)
{
    (void)state;
    fixture f = {.config = ks_config_new()};
    ks_builder *b = ks_builder_new(NULL);
    build_rates(b);
    begin(&f, b);
    pipe_number(f.rates, "EUR", 7);
    assert_rate(&f, "EUR", 7);
    pipe_number(f.in, "USD", 8); /* through the sink */
    assert_rate(&f, "USD", 8);
    assert_rate(&f, "JPY", -1);
    assert_int_equal(ks_test_driver_store_count(f.driver), 1);
    assert_string_equal(ks_test_driver_store_name(f.driver, 0), "rates-store");
    end(&f);
}

static void a_topology_of_global_tables_only_has_a_driver(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f = {.config = ks_config_new()};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_global_table(b, "rates",
                            KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_i64),
                            KS_MATERIALIZED(.name = "rates-store"));
    begin(&f, b);
    pipe_number(f.rates, "EUR", 7);
    assert_rate(&f, "EUR", 7);
    assert_int_equal(ks_test_driver_advance_wall_clock(f.driver, 1000, &error), KS_OK);
    const ks_log_record record = {.key = ks_slice_cstr("k")};
    assert_int_equal(ks_test_driver_pipe(f.driver, "in", &record, &error), KS_E_ARGUMENT);
    end(&f);
}

static ks_status pipe_broken(const fixture *f, ks_error *error)
{
    const ks_log_record broken = {.key = ks_slice_cstr("k"), .value = ks_slice_cstr("short")};
    return ks_test_driver_pipe(f->driver, "rates", &broken, error);
}

static ks_failure_answer fail_always(const ks_failure *failure, void *user)
{
    ++*(int *)user;
    assert_string_equal(failure->topic, "rates");
    return KS_FAILURE_FAIL;
}

static void what_does_not_read_is_skipped_unless_a_handler_of_the_test_says_no(void **state)
{
    (void)state;
    ks_error error = {0};
    int asked = 0;
    fixture f = {.config = ks_config_new()};
    ks_builder *b = ks_builder_new(NULL);
    build_rates(b);
    begin(&f, b);
    assert_int_equal(pipe_broken(&f, &error), KS_OK);
    assert_int_equal(ks_test_driver_dropped_by(f.driver, KS_DROP_DESERIALIZATION), 1);
    ks_test_driver_free(f.driver);
    f.driver = ks_test_driver_new(
        f.topology, f.config,
        KS_TEST_DRIVER_OPTIONS(.deserialization_handler = fail_always, .user = &asked), &error);
    assert_non_null(f.driver);
    assert_int_equal(pipe_broken(&f, &error), KS_E_SERDE);
    assert_non_null(strstr(error.message, "topic rates partition 0 offset 0"));
    assert_int_equal(asked, 1);
    end(&f);
}

static void a_record_that_does_not_read_is_no_dead_letter(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture f = {.config = ks_config_new()};
    assert_int_equal(ks_config_set(f.config, "errors.dead.letter.queue.topic.name", "dead", &error),
                     KS_OK);
    ks_builder *b = ks_builder_new(NULL);
    build_rates(b);
    begin(&f, b);
    assert_int_equal(pipe_broken(&f, &error), KS_OK);
    assert_int_equal(ks_test_driver_produced_count(f.driver, "dead"), 0);
    pipe_number(f.rates, "k", 3);
    assert_rate(&f, "k", 3);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_in_the_store_when_pipe_returns),
        cmocka_unit_test(a_topology_of_global_tables_only_has_a_driver),
        cmocka_unit_test(what_does_not_read_is_skipped_unless_a_handler_of_the_test_says_no),
        cmocka_unit_test(a_record_that_does_not_read_is_no_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
