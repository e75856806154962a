/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_table.c - which tables get a store, who sends old values, how a table is read, and what a
 * misuse of a table leads to.
 */
#include "dsl/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <kstreams/kstreams.h>

/* ---- callbacks: never run here --------------------------------------------------------------- */

static bool keep_all(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record != NULL;
}

static ks_value value_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static ks_pair pair_of(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){record->key, record->value};
}

static ks_value first_of(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_null();
}

static ks_value add_up(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return aggregate;
}

static ks_value newest(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)aggregate;
    (void)user;
    return value;
}

static ks_value transform(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)ctx;
    (void)state;
    (void)user;
    return record->value;
}

static ks_value join(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)ctx;
    (void)key;
    (void)right;
    (void)user;
    return left;
}

static const ks_value_transformer transformer = {.struct_size = sizeof transformer,
                                                 .transform = transform};

static void count_free(void *user)
{
    ++*(int *)user;
}

/* ---- stores and old values ------------------------------------------------------------------- */

static bool has_store(const ks_table *table)
{
    assert_int_equal(table->node->stores.count, table->table->store != NULL);
    return table->table->store != NULL;
}

static void a_table_of_a_topic_gets_its_store_when_a_group_needs_old_values(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table *kept = ks_table_filter(in, keep_all, NULL, NULL);
    ks_table *mapped = ks_table_map_values(kept, value_of, NULL, NULL);
    assert_false(has_store(in) || kept->table->send_old_values);
    (void)ks_table_group_by(mapped, pair_of, NULL, NULL);
    assert_true(has_store(in));
    assert_string_equal(in->table->store, "in-STATE-STORE-0000000000");
    assert_null(ks_table_queryable_store_name(in)); /* there, and not the program's to ask */
    assert_false(has_store(kept) || has_store(mapped));
    assert_true(in->table->send_old_values && kept->table->send_old_values &&
                mapped->table->send_old_values);
    ks_builder_free(b);
}

static void a_named_store_ends_the_search_for_old_values(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table *mapped = ks_table_map_values(in, value_of, NULL, KS_MATERIALIZED(.name = "mapped"));
    (void)ks_table_group_by(mapped, pair_of, NULL, NULL);
    assert_string_equal(ks_table_queryable_store_name(mapped), "mapped");
    assert_true(mapped->table->send_old_values);
    assert_false(has_store(in) || in->table->send_old_values);
    ks_builder_free(b);
}

static void a_filter_takes_old_values_that_are_there_and_asks_for_none(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table *kept = ks_builder_table(b, "kept", NULL, KS_MATERIALIZED(.name = "rows"));
    assert_false(ks_table_filter(in, keep_all, NULL, NULL)->table->send_old_values);
    assert_true(ks_table_filter_not(kept, keep_all, NULL, NULL)->table->send_old_values);
    assert_true(kept->table->send_old_values);
    assert_false(ks_table_map_values(kept, value_of, NULL, NULL)->table->send_old_values);
    assert_false(ksi_table_send_old_values(in, false));
    assert_false(has_store(in));
    assert_true(ksi_table_send_old_values(in, true));
    assert_true(has_store(in));
    ks_builder_free(b);
}

static void a_table_is_read_from_the_nearest_store(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table *mapped = ks_table_map_values(in, value_of, NULL, NULL);
    ks_table *kept = ks_table_filter(mapped, keep_all, NULL, NULL);
    ks_table *stored = ks_table_filter(kept, keep_all, NULL, KS_MATERIALIZED(.name = "stored"));
    assert_string_equal(ksi_table_read(stored)->store, "stored");
    assert_false(has_store(in));
    const ksi_table_view *view = ksi_table_read(kept);
    assert_null(view->store);
    assert_ptr_equal(view->derived, kept->derived);
    assert_ptr_equal(view->parent->derived, mapped->derived);
    assert_string_equal(view->parent->parent->store, "in-STATE-STORE-0000000000");
    assert_true(has_store(in)); /* for the reader */
    assert_false(in->table->send_old_values);
    ks_grouped_stream *grouped = ks_stream_group_by_key(ks_table_to_stream(in, NULL), NULL);
    ks_table *counts = ks_grouped_stream_count(grouped, KS_MATERIALIZED(.name = "counts"));
    assert_string_equal(ksi_table_read(counts)->store, "counts");
    ks_builder_free(b);
}

static void assert_reads(ks_builder *b, ks_table *table, const char *const *stores)
{
    ksi_plan_node *reader = ksi_add_plan_node(b, "reader", ksi_plan_write_processor);
    size_t count = 0;
    ksi_connect_view(reader, &b->arena, ksi_table_read(table));
    for (; stores[count] != NULL; count++) {
        assert_true(ksi_plan_has_store(reader, stores[count]));
    }
    assert_int_equal(reader->stores.count, count);
}

static void a_joined_table_is_read_through_both_of_its_tables(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *left = ks_builder_table(b, "left", NULL, KS_MATERIALIZED(.name = "l"));
    ks_table *right = ks_builder_table(b, "right", NULL, KS_MATERIALIZED(.name = "r"));
    ks_table *mapped = ks_table_map_values(right, value_of, NULL, NULL);
    ks_table *joined = ks_table_join(left, mapped, join, NULL, NULL);
    ks_table *stored = ks_table_join(joined, left, join, NULL, KS_MATERIALIZED(.name = "stored"));
    assert_reads(b, ks_table_filter(joined, keep_all, NULL, NULL), KS_NAMES("l", "r"));
    assert_reads(b, ks_table_join(joined, right, join, NULL, NULL), KS_NAMES("l", "r"));
    assert_reads(b, stored, KS_NAMES("stored"));
    assert_null(ks_table_queryable_store_name(joined));
    assert_string_equal(ks_table_queryable_store_name(stored), "stored");
    ks_builder_free(b);
}

static void a_join_asks_those_for_old_values_whose_rows_need_no_partner(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *tables[6];
    for (size_t i = 0; i < 6; i++) {
        char topic[8];
        (void)snprintf(topic, sizeof topic, "t%zu", i);
        tables[i] = ks_builder_table(b, topic, NULL, NULL);
    }
    ks_table *inner = ks_table_join(tables[0], tables[1], join, NULL, NULL);
    (void)ks_table_left_join(tables[2], tables[3], join, NULL, NULL);
    (void)ks_table_outer_join(tables[4], tables[5], join, NULL, NULL);
    const bool expected[6] = {false, false, true, false, true, true};
    for (size_t i = 0; i < 6; i++) {
        assert_true(has_store(tables[i])); /* each is read by the other side */
        assert_int_equal(tables[i]->table->send_old_values, expected[i]);
    }
    (void)ks_table_group_by(inner, pair_of, NULL, NULL);
    assert_true(inner->table->send_old_values && tables[0]->table->send_old_values &&
                tables[1]->table->send_old_values);
    ks_builder_free(b);
}

/* ---- serdes ---------------------------------------------------------------------------------- */

static void derived_tables_inherit_what_they_cannot_change(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(
        b, "in", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_i64), NULL);
    ks_table *kept = ks_table_filter(in, keep_all, NULL, NULL);
    ks_table *mapped = ks_table_map_values(in, value_of, NULL, NULL);
    ks_table *typed = ks_table_map_values(
        in, value_of, NULL, KS_MATERIALIZED(.key = &ks_serde_bytes, .value = &ks_serde_f64));
    ks_table *transformed = ks_table_transform_values(in, &transformer, NULL, NULL, NULL);
    assert_ptr_equal(kept->key, &ks_serde_string);
    assert_ptr_equal(kept->value, &ks_serde_i64);
    assert_ptr_equal(mapped->key, &ks_serde_string);
    assert_null(mapped->value);
    assert_ptr_equal(typed->key, &ks_serde_bytes);
    assert_ptr_equal(typed->value, &ks_serde_f64);
    assert_ptr_equal(transformed->key, &ks_serde_string);
    assert_null(transformed->value);
    ks_builder_free(b);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void refused(ks_builder *b, ks_status code, const char *what)
{
    ks_error error = {0};
    assert_null(ks_builder_build(b, &error));
    assert_int_equal(error.code, code);
    if (strstr(error.where, what) == NULL && strstr(error.message, what) == NULL) {
        fail_msg("%s: %s does not mention %s", error.where, error.message, what);
    }
    ks_builder_free(b);
}

static void a_call_without_its_function_is_refused(void **state)
{
    (void)state;
    static const ks_value_transformer nothing = {.struct_size = sizeof nothing};
    static const char *const calls[] = {"ks_table_filter",           "ks_table_filter_not",
                                        "ks_table_map_values",       "ks_table_transform_values",
                                        "ks_table_transform_values", "ks_table_group_by",
                                        "ks_grouped_table_reduce",   "ks_grouped_table_aggregate"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        ks_builder *b = ks_builder_new(NULL);
        ks_table *in = ks_builder_table(b, "in", NULL, NULL);
        ks_grouped_table *grouped = ks_table_group_by(in, i == 5 ? NULL : pair_of, NULL, NULL);
        switch (i) {
        case 0:
            ks_table_filter(in, NULL, NULL, NULL);
            break;
        case 1:
            ks_table_filter_not(in, NULL, NULL, NULL);
            break;
        case 2:
            ks_table_map_values(in, NULL, NULL, NULL);
            break;
        case 3:
            ks_table_transform_values(in, NULL, NULL, NULL, NULL);
            break;
        case 4:
            ks_table_transform_values(in, &nothing, NULL, NULL, NULL);
            break;
        case 6:
            ks_grouped_table_reduce(grouped, newest, NULL, NULL, NULL);
            break;
        case 7:
            ks_grouped_table_aggregate(grouped, first_of, add_up, NULL, NULL, NULL);
            break;
        default:
            break;
        }
        refused(b, KS_E_ARGUMENT, calls[i]);
    }
}

static void wrong_names_and_stores_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        ks_builder *b = ks_builder_new(NULL);
        ks_table *in = ks_builder_table(b, "in", NULL, NULL);
        ks_grouped_table *grouped = ks_table_group_by(in, pair_of, NULL, NULL);
        if (i == 0) {
            ks_table_filter(in, keep_all, NULL, KS_MATERIALIZED(.name = "a/b"));
        } else if (i == 1) {
            ks_table_transform_values(in, &transformer, NULL, KS_CONNECTED(.name = "a/b"), NULL);
        } else if (i == 2) {
            ks_grouped_table_count(grouped, KS_MATERIALIZED(.named = "a/b"));
        } else {
            ks_table_transform_values(in, &transformer, NULL,
                                      KS_CONNECTED(.stores = KS_NAMES("a-b")), NULL);
        }
        refused(b, KS_E_TOPOLOGY, i < 3 ? "a/b" : "a-b");
    }
}

static void a_store_type_that_needs_a_name_is_refused_where_no_store_is_made(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *in = ks_builder_table(b, "in", NULL, NULL);
    ks_table_filter(in, keep_all, NULL, KS_MATERIALIZED(.type = KS_STORE_LRU, .lru_entries = 5));
    refused(b, KS_E_ARGUMENT, "name");
}

static void every_call_on_a_failed_builder_gives_an_inert_handle(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *table = ks_builder_table(b, NULL, NULL, NULL);
    ks_grouped_table *grouped = ks_table_group_by(table, pair_of, NULL, NULL);
    assert_non_null(grouped);
    ks_table *tables[] = {
        ks_table_filter(table, keep_all, NULL, NULL),
        ks_table_filter_not(table, keep_all, NULL, KS_MATERIALIZED(.name = "s")),
        ks_table_map_values(table, value_of, NULL, NULL),
        ks_table_transform_values(table, &transformer, NULL, KS_CONNECTED(.stores = KS_NAMES("s")),
                                  NULL),
        ks_grouped_table_count(grouped, NULL),
        ks_grouped_table_reduce(grouped, newest, newest, NULL, NULL),
        ks_grouped_table_aggregate(grouped, first_of, add_up, add_up, NULL, NULL),
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        assert_ptr_equal(tables[i], table);
    }
    refused(b, KS_E_ARGUMENT, "ks_builder_table");
}

/* ---- user pointers --------------------------------------------------------------------------- */

enum { CALLS = 7 };

static void use_all(ks_table *in, int *freed, bool wrong)
{
    const ks_materialized *how = KS_MATERIALIZED(.user_free = count_free);
    ks_table_filter(in, wrong ? NULL : keep_all, &freed[0], how);
    ks_table_filter_not(in, wrong ? NULL : keep_all, &freed[1], how);
    ks_table_map_values(in, wrong ? NULL : value_of, &freed[2], how);
    ks_table_transform_values(in, wrong ? NULL : &transformer, &freed[3],
                              KS_CONNECTED(.user_free = count_free), how);
    ks_grouped_table *grouped = ks_table_group_by(in, wrong ? NULL : pair_of, &freed[4],
                                                  KS_GROUPED(.user_free = count_free));
    ks_grouped_table_reduce(grouped, wrong ? NULL : newest, newest, &freed[5], how);
    ks_grouped_table_aggregate(grouped, wrong ? NULL : first_of, add_up, add_up, &freed[6], how);
}

static void user_pointers_are_freed_once_in_all_cases(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        int freed[CALLS] = {0};
        ks_error error = {0};
        ks_builder *b = ks_builder_new(NULL);
        use_all(ks_builder_table(b, "in", NULL, NULL), freed, wrong != 0);
        ks_topology *topology = ks_builder_build(b, &error);
        assert_int_equal(topology == NULL, wrong);
        ks_builder_free(b);
        ks_topology_free(topology);
        for (size_t i = 0; i < CALLS; i++) {
            assert_int_equal(freed[i], 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_of_a_topic_gets_its_store_when_a_group_needs_old_values),
        cmocka_unit_test(a_named_store_ends_the_search_for_old_values),
        cmocka_unit_test(a_filter_takes_old_values_that_are_there_and_asks_for_none),
        cmocka_unit_test(a_table_is_read_from_the_nearest_store),
        cmocka_unit_test(a_joined_table_is_read_through_both_of_its_tables),
        cmocka_unit_test(a_join_asks_those_for_old_values_whose_rows_need_no_partner),
        cmocka_unit_test(derived_tables_inherit_what_they_cannot_change),
        cmocka_unit_test(a_call_without_its_function_is_refused),
        cmocka_unit_test(wrong_names_and_stores_are_refused),
        cmocka_unit_test(a_store_type_that_needs_a_name_is_refused_where_no_store_is_made),
        cmocka_unit_test(every_call_on_a_failed_builder_gives_an_inert_handle),
        cmocka_unit_test(user_pointers_are_freed_once_in_all_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
