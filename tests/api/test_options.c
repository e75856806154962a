/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options.c - options as C++ and other languages make them: a struct and its init function.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef union any_options {
    ks_named named;
    ks_consumed consumed;
    ks_produced produced;
    ks_grouped grouped;
    ks_materialized materialized;
    ks_repartitioned repartitioned;
    ks_branched branched;
    ks_printed printed;
    ks_app_options app;
    ks_test_driver_options test_driver;
} any_options;

/* Junk, as memory is that nobody has initialised. */
static any_options *junk(void)
{
    static any_options options;
    memset(&options, 0xAB, sizeof options);
    return &options;
}

/* Its size in the head, then zeros to the end of the struct and not beyond. */
static void assert_empty(const any_options *options, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)options;
    assert_int_equal(options->named.head.struct_size, size);
    for (size_t i = offsetof(ks_options_head, file); i < sizeof *options; i++) {
        assert_int_equal(bytes[i], i < size ? 0 : 0xAB);
    }
}

static void options_start_with_their_size_and_are_empty(void **state)
{
    (void)state;
    any_options *options = junk();
    ks_named_init(&options->named);
    assert_empty(options, sizeof options->named);
    ks_consumed_init(&junk()->consumed);
    assert_empty(options, sizeof options->consumed);
    ks_produced_init(&junk()->produced);
    assert_empty(options, sizeof options->produced);
    ks_grouped_init(&junk()->grouped);
    assert_empty(options, sizeof options->grouped);
    ks_materialized_init(&junk()->materialized);
    assert_empty(options, sizeof options->materialized);
    ks_repartitioned_init(&junk()->repartitioned);
    assert_empty(options, sizeof options->repartitioned);
    ks_branched_init(&junk()->branched);
    assert_empty(options, sizeof options->branched);
    ks_printed_init(&junk()->printed);
    assert_empty(options, sizeof options->printed);
    ks_app_options_init(&junk()->app);
    assert_empty(options, sizeof options->app);
    ks_test_driver_options_init(&junk()->test_driver);
    assert_empty(options, sizeof options->test_driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_start_with_their_size_and_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
