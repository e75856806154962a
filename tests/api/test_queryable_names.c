/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_queryable_names.c - which tables can be queried, and under which name: as Java's
 * queryableStoreName().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kstreams/kstreams.h>

static bool keep_all(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return true;
}

static int set_up(void **state)
{
    *state = ks_builder_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    ks_builder_free(*state);
    return 0;
}

static const ks_consumed *texts(void)
{
    static ks_consumed consumed;
    consumed = *KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string);
    return &consumed;
}

static void a_source_table_is_queryable_by_the_name_that_the_program_gave(void **state)
{
    ks_builder *builder = *state;
    ks_table *unnamed = ks_builder_table(builder, "a", texts(), NULL);
    ks_table *named = ks_builder_table(builder, "b", texts(), KS_MATERIALIZED(.name = "kept"));
    assert_null(ks_table_queryable_store_name(unnamed));
    assert_string_equal(ks_table_queryable_store_name(named), "kept");
}

static void an_aggregate_has_a_store_always_and_a_queryable_one_by_its_name(void **state)
{
    ks_builder *builder = *state;
    ks_grouped_stream *grouped =
        ks_stream_group_by_key(ks_builder_stream(builder, "a", texts()), NULL);
    ks_table *unnamed = ks_grouped_stream_count(grouped, NULL);
    ks_table *named = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counts"));
    assert_null(ks_table_queryable_store_name(unnamed));
    assert_string_equal(ks_table_queryable_store_name(named), "counts");
}

static void a_view_is_queryable_only_by_a_store_of_its_own(void **state)
{
    ks_builder *builder = *state;
    ks_table *kept = ks_builder_table(builder, "a", texts(), KS_MATERIALIZED(.name = "kept"));
    ks_table *view = ks_table_filter(kept, keep_all, NULL, NULL);
    ks_table *stored = ks_table_filter(
        kept, keep_all, NULL,
        KS_MATERIALIZED(.name = "stored", .key = &ks_serde_string, .value = &ks_serde_string));
    assert_null(ks_table_queryable_store_name(view));
    assert_string_equal(ks_table_queryable_store_name(stored), "stored");
}

static void a_global_table_is_always_queryable(void **state)
{
    ks_builder *builder = *state;
    ks_global_table *named =
        ks_builder_global_table(builder, "a", texts(), KS_MATERIALIZED(.name = "everywhere"));
    ks_global_table *unnamed = ks_builder_global_table(builder, "b", texts(), NULL);
    assert_string_equal(ks_global_table_queryable_store_name(named), "everywhere");
    assert_non_null(ks_global_table_queryable_store_name(unnamed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_source_table_is_queryable_by_the_name_that_the_program_gave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_aggregate_has_a_store_always_and_a_queryable_one_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_view_is_queryable_only_by_a_store_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_global_table_is_always_queryable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
