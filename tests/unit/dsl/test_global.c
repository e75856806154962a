/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_global.c - global tables and stores as the builder writes them.
 */
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

static void a_global_table_takes_the_numbers_of_a_table(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_global_table *first = ks_builder_global_table(b, "a", NULL, NULL);
    ks_global_table *second = ks_builder_global_table(b, "b", KS_CONSUMED(.name = "own"),
                                                      KS_MATERIALIZED(.name = "store"));
    ks_global_table *third =
        ks_builder_global_table(b, "c", NULL, KS_MATERIALIZED(.type = KS_STORE_IN_MEMORY));
    assert_string_equal(ks_global_table_queryable_store_name(first), "a-STATE-STORE-0000000000");
    assert_string_equal(ks_global_table_queryable_store_name(second), "store");
    assert_string_equal(ks_global_table_queryable_store_name(third), "c-STATE-STORE-0000000005");
    ks_topology *topology = ks_builder_build(b, NULL);
    assert_non_null(topology);
    const ksi_node *processor = ksi_topology_node(topology, "KTABLE-SOURCE-0000000002");
    assert_non_null(processor);
    assert_true(processor->is_global);
    assert_non_null(ksi_topology_node(topology, "KSTREAM-SOURCE-0000000001"));
    assert_non_null(ksi_topology_node(topology, "own-source"));
    assert_non_null(ksi_topology_node(topology, "own"));
    assert_non_null(ksi_topology_node(topology, "KTABLE-SOURCE-0000000007"));
    for (size_t i = 0; i < topology->store_count; i++) {
        assert_true(topology->stores[i].is_global);
        assert_false(topology->stores[i].spec.logging);
        assert_true(topology->stores[i].spec.caching); /* as any table's, where it is cached */
    }
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void a_global_table_takes_the_serdes_of_consumed_or_else_of_its_store(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    const ks_materialized *numbers = KS_MATERIALIZED(.key = &ks_serde_i64, .value = &ks_serde_i64);
    ks_builder_global_table(b, "a", KS_CONSUMED(.key = &ks_serde_string), numbers);
    ks_builder_global_table(b, "b", NULL, numbers);
    ks_topology *topology = ks_builder_build(b, NULL);
    assert_non_null(topology);
    assert_ptr_equal(topology->stores[0].spec.key, &ks_serde_string);
    assert_null(topology->stores[0].spec.value);
    assert_ptr_equal(topology->stores[1].spec.key, &ks_serde_i64);
    assert_ptr_equal(topology->stores[1].spec.value, &ks_serde_i64);
    ks_topology_free(topology);
    ks_builder_free(b);
}

static void a_failed_builder_gives_an_inert_global_table(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_global_table *table = ks_builder_global_table(b, NULL, NULL, NULL);
    assert_non_null(table);
    assert_null(ks_global_table_queryable_store_name(table));
    assert_ptr_equal(ks_builder_global_table(b, "t", NULL, NULL), table);
    assert_null(ks_builder_build(b, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    ks_builder_free(b);
}

static void put_nothing(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)ctx;
    (void)record;
    (void)state;
    (void)user;
}

static void count_call(void *user)
{
    ++*(int *)user;
}

static void a_global_store_is_added_to_a_topology_node_by_node(void **state)
{
    (void)state;
    int freed = 0;
    ks_error error = {0};
    const ks_processor keeper = {.struct_size = sizeof keeper, .process = put_nothing};
    const ks_store_builder *store = KS_STORE_BUILDER(.name = "kept", .caching_enabled = true);
    const ks_store_source *source =
        KS_STORE_SOURCE(.topic = "g", .source_name = "from", .processor_name = "keeper",
                        .user_free = count_call);
    ks_topology *topology = ks_topology_new(NULL);
    assert_int_equal(ks_topology_add_global_store(topology, store, &keeper, &freed, source, &error),
                     KS_OK);
    assert_string_equal(ks_topology_describe(topology),
                        "Topologies:\n"
                        "   Sub-topology: 0 for global store (will not generate tasks)\n"
                        "    Source: from (topics: [g])\n      --> keeper\n"
                        "    Processor: keeper (stores: [kept])\n      --> none\n"
                        "      <-- from\n");
    assert_true(topology->stores[0].reprocesses);
    assert_true(topology->stores[0].spec.caching);
    assert_int_equal(ks_topology_add_global_store(topology, store, &keeper, &freed, source, &error),
                     KS_E_TOPOLOGY);
    assert_string_equal(error.where, "from");
    assert_int_equal(ks_topology_add_global_store(topology, store, NULL, &freed, source, &error),
                     KS_E_ARGUMENT);
    ks_topology_free(topology);
    assert_int_equal(freed, 3);
}

static ks_topology *with_global_store(const ks_store_source *source, int *freed, ks_error *error)
{
    static const ks_processor keeper = {.struct_size = sizeof keeper, .process = put_nothing};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_global_store(b, KS_STORE_BUILDER(.name = "kept"), &keeper, freed, source);
    ks_topology *topology = ks_builder_build(b, error);
    ks_builder_free(b);
    return topology;
}

static void a_global_store_of_the_dsl_is_named_after_its_processor(void **state)
{
    (void)state;
    int freed = 0;
    ks_error error = {0};
    ks_topology *topology = with_global_store(
        KS_STORE_SOURCE(.topic = "g", .processor_name = "keeper", .user_free = count_call), &freed,
        &error);
    assert_non_null(topology);
    assert_non_null(strstr(ks_topology_describe(topology), "Source: keeper-source (topics: [g])"));
    assert_int_equal(freed, 0);
    ks_topology_free(topology);
    assert_int_equal(freed, 1);
}

static void a_refused_global_store_frees_the_user_pointer_and_says_why(void **state)
{
    (void)state;
    int freed = 0;
    ks_error error = {0};
    assert_null(with_global_store(
        KS_STORE_SOURCE(.topic = "g", .source_name = "s", .user_free = count_call), &freed,
        &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "give processor_name alone"));
    assert_int_equal(freed, 1);
    assert_null(with_global_store(NULL, &freed, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_global_table_takes_the_numbers_of_a_table),
        cmocka_unit_test(a_global_table_takes_the_serdes_of_consumed_or_else_of_its_store),
        cmocka_unit_test(a_global_store_is_added_to_a_topology_node_by_node),
        cmocka_unit_test(a_failed_builder_gives_an_inert_global_table),
        cmocka_unit_test(a_global_store_of_the_dsl_is_named_after_its_processor),
        cmocka_unit_test(a_refused_global_store_frees_the_user_pointer_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
