/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_properties.c - the table as a whole, and the nearest name for a misspelt one.
 */
#include "config_test.h"

#include "config/clients.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

typedef void row_check(const ksi_property *row);

static void each_row(row_check *check)
{
    size_t rows = 0;
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        for (size_t r = 0; r < table->count; r++, rows++) {
            check(&table->rows[r]);
        }
    }
    assert_true(rows > 80);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void is_its_own_first_row(const ksi_property *row)
{
    assert_ptr_equal(ksi_property_find(row->name), row);
    ksi_client_name meant = {0};
    if (ksi_client_name_of(row->name, &meant)) {
        fail_msg("%s is a row and a property of clients", row->name);
    }
}

static void a_name_has_one_row(void **state)
{
    (void)state;
    each_row(is_its_own_first_row);
    assert_null(ksi_property_find("no.such.property"));
    assert_null(ksi_property_find(""));
}

static void the_rows_of_a_group_are_in_order(void **state)
{
    (void)state;
    const ksi_property_table *table = NULL;
    for (size_t t = 0; (table = ksi_property_table_at(t)) != NULL; t++) {
        assert_true(table->title != NULL && table->prose != NULL && table->count > 0);
        for (size_t r = 1; r < table->count; r++) {
            if (strcmp(table->rows[r - 1].name, table->rows[r].name) >= 0) {
                fail_msg("%s stands before %s", table->rows[r - 1].name, table->rows[r].name);
            }
        }
    }
}

static void ends_as_a_sentence(const char *name, const char *prose)
{
    if (prose == NULL || prose[0] == '\0' || prose[strlen(prose) - 1] != '.') {
        fail_msg("%s: the prose is no sentence", name);
    }
}

static void says_why(const ksi_property *row)
{
    ends_as_a_sentence(row->name, row->prose);
    if (row->support != KSI_SUPPORT_BUILT && (row->reason == NULL || row->reason[0] == '\0')) {
        fail_msg("%s: has no reason", row->name);
    }
}

static void what_does_nothing_has_a_reason_and_everything_has_prose(void **state)
{
    (void)state;
    each_row(says_why);
}

static void takes_its_default(const ksi_property *row)
{
    ks_error error = {0};
    if (row->default_text != NULL && (ksi_value_check(row, row->default_text, &error) != KS_OK ||
                                      ksi_value_check_built(row, row->default_text, &error))) {
        fail_msg("%s: %s", row->name, error.message);
    }
    if (row->default_text == NULL && row->support == KSI_SUPPORT_BUILT && row->older == NULL) {
        /* A number or a truth value that code reads must have a value. */
        assert_true(row->type == KSI_PROPERTY_TEXT || row->type == KSI_PROPERTY_CLASS ||
                    row->type == KSI_PROPERTY_LIST || row->type == KSI_PROPERTY_CHOICE);
    }
}

static void every_default_is_taken(void **state)
{
    (void)state;
    each_row(takes_its_default);
}

static void older_is_deprecated(const ksi_property *row)
{
    if (row->older != NULL) {
        const ksi_property *older = ksi_property_find(row->older);
        assert_non_null(older);
        assert_non_null(older->deprecated);
        assert_contains(older->deprecated, row->name);
    }
}

static void an_older_name_is_a_row_that_names_the_newer_one(void **state)
{
    (void)state;
    each_row(older_is_deprecated);
}

static void choices_are_where_they_are_needed(const ksi_property *row)
{
    if (row->type == KSI_PROPERTY_CHOICE) {
        assert_non_null(row->choices);
    }
    for (const ksi_choice *choice = row->choices; choice != NULL && choice->word != NULL;
         choice++) {
        ks_error error = {0};
        assert_int_equal(ksi_value_check(row, choice->word, &error), KS_OK);
        if (choice->java != NULL) {
            const ksi_choice *found = ksi_value_choice(row, choice->java);
            assert_string_equal(found->word, choice->word);
        }
    }
}

static void every_choice_is_taken_in_each_of_its_forms(void **state)
{
    (void)state;
    each_row(choices_are_where_they_are_needed);
}

/* ---- the nearest name ------------------------------------------------------------------------ */

static void assert_nearest(const char *wrong, const char *expected)
{
    const char *nearest = ksi_property_nearest(wrong);
    if (nearest == NULL || strcmp(nearest, expected) != 0) {
        fail_msg("nearest to %s is %s, not %s", wrong, nearest != NULL ? nearest : "nothing",
                 expected);
    }
}

static void a_slip_of_the_finger_finds_its_name(void **state)
{
    (void)state;
    assert_nearest("aplication.id", "application.id");
    assert_nearest("applicationid", "application.id");
    assert_nearest("commit.intervall.ms", "commit.interval.ms");
    assert_nearest("commit.interval", "commit.interval.ms");
    assert_nearest("bootstrap.server", "bootstrap.servers");
    assert_nearest("num.streams.threads", "num.stream.threads");
    assert_nearest("auto.ofset.reset", "auto.offset.reset");
    assert_nearest("statestore.cache.max.byte", "statestore.cache.max.bytes");
}

static void names_as_other_programs_write_them_find_theirs(void **state)
{
    (void)state;
    assert_nearest("COMMIT_INTERVAL_MS", "commit.interval.ms");
    assert_nearest("max-task-idle-ms", "max.task.idle.ms");
    assert_nearest("STATE_DIR", "state.dir");
}

static void what_is_far_from_everything_has_no_nearest_name(void **state)
{
    (void)state;
    assert_null(ksi_property_nearest(""));
    assert_null(ksi_property_nearest("x"));
    assert_null(ksi_property_nearest("the quick brown fox"));
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_null(ksi_property_nearest(long_name));
}

static void finds_itself_without_one_letter(const ksi_property *row)
{
    char shortened[128];
    size_t size = strlen(row->name);
    assert_true(size > 2 && size < sizeof shortened);
    for (size_t gone = 0; gone < size; gone++) {
        memcpy(shortened, row->name, gone);
        memcpy(shortened + gone, row->name + gone + 1, size - gone);
        assert_non_null(ksi_property_nearest(shortened));
    }
}

static void a_name_without_one_of_its_letters_always_has_a_nearest_one(void **state)
{
    (void)state;
    each_row(finds_itself_without_one_letter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_row),
        cmocka_unit_test(the_rows_of_a_group_are_in_order),
        cmocka_unit_test(what_does_nothing_has_a_reason_and_everything_has_prose),
        cmocka_unit_test(every_default_is_taken),
        cmocka_unit_test(an_older_name_is_a_row_that_names_the_newer_one),
        cmocka_unit_test(every_choice_is_taken_in_each_of_its_forms),
        cmocka_unit_test(a_slip_of_the_finger_finds_its_name),
        cmocka_unit_test(names_as_other_programs_write_them_find_theirs),
        cmocka_unit_test(what_is_far_from_everything_has_no_nearest_name),
        cmocka_unit_test(a_name_without_one_of_its_letters_always_has_a_nearest_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
