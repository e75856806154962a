/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checker.c - what judges the kills finds what could go wrong: in topics and stores that are
 * made up and then broken in one place, and in whole scenarios with a mistake of log or runtime.
 */
#include "kill_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- made-up facts --------------------------------------------------------------------------- */

static kill_facts *right_facts(bool repartitions, bool exactly_once)
{
    kill_facts *facts = kill_facts_new(repartitions, exactly_once);
    for (int p = 0; p < KILL_PARTITIONS; p++) {
        facts->ends[p] = 200 + 7 * p;
    }
    kill_facts_fill(facts);
    return facts;
}

/* Judges, and frees. */
static void assert_right(kill_facts *facts)
{
    char complaint[KILL_COMPLAINT] = "";
    bool is_right = kill_facts_judge(facts, complaint);
    kill_facts_free(facts);
    if (!is_right) {
        fail_msg("%s", complaint);
    }
}

static void assert_wrong(kill_facts *facts, const char *why)
{
    char complaint[KILL_COMPLAINT] = "";
    assert_false(kill_facts_judge(facts, complaint));
    kill_facts_free(facts);
    if (strstr(complaint, why) == NULL) {
        fail_msg("another complaint: %s", complaint);
    }
}

static void remove_update(kill_facts *facts, size_t at)
{
    facts->update_count--;
    memmove(facts->updates + at, facts->updates + at + 1,
            (facts->update_count - at) * sizeof *facts->updates);
}

/* The last update of the key of the first one. */
static size_t last_update(const kill_facts *facts)
{
    size_t last = 0;
    for (size_t i = 0; i < facts->update_count; i++) {
        last = facts->updates[i].key == facts->updates[0].key ? i : last;
    }
    return last;
}

static void what_is_right_passes(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_right(right_facts(i % 2 == 1, i / 2 == 1));
    }
}

static void an_update_that_is_missing_is_found(void **state)
{
    (void)state;
    kill_facts *facts = right_facts(false, true);
    remove_update(facts, 100);
    assert_wrong(facts, "comes after");
}

static void a_last_update_that_is_missing_is_found_at_least_once_too(void **state)
{
    (void)state;
    for (int exactly_once = 0; exactly_once < 2; exactly_once++) {
        kill_facts *facts = right_facts(true, exactly_once == 1);
        remove_update(facts, last_update(facts));
        assert_wrong(facts, "its last update is");
    }
}

static void an_update_that_came_twice_is_found(void **state)
{
    (void)state;
    kill_facts *facts = right_facts(true, true);
    kill_facts_add_update(facts, facts->updates[last_update(facts)].key,
                          facts->updates[last_update(facts)].count);
    assert_wrong(facts, "comes after");
}

static void updates_that_changed_places_are_found(void **state)
{
    (void)state;
    kill_facts *facts = right_facts(false, true);
    kill_update first = facts->updates[0];
    size_t last = last_update(facts);
    facts->updates[0] = facts->updates[last];
    facts->updates[last] = first;
    assert_wrong(facts, "comes after");
}

static void a_record_too_many_is_found_and_is_fine_at_least_once(void **state)
{
    (void)state;
    for (int exactly_once = 0; exactly_once < 2; exactly_once++) {
        kill_facts *facts = right_facts(false, exactly_once == 1);
        kill_facts_add_update(facts, 3, ++facts->counts[3]);
        facts->latest[3]++;
        if (exactly_once == 1) {
            assert_wrong(facts, "key 3 has");
        } else {
            assert_right(facts);
        }
    }
}

static void a_store_that_lags_is_found_at_least_once_too(void **state)
{
    (void)state;
    for (int exactly_once = 0; exactly_once < 2; exactly_once++) {
        kill_facts *facts = right_facts(true, exactly_once == 1);
        facts->counts[7]--;
        assert_wrong(facts, "its count in the store");
    }
}

static void a_table_that_is_behind_its_topic_is_found(void **state)
{
    (void)state;
    for (int exactly_once = 0; exactly_once < 2; exactly_once++) {
        kill_facts *facts = right_facts(true, exactly_once == 1);
        facts->latest[7]--;
        assert_wrong(facts, "the last update of key 7");
    }
}

static void an_old_value_of_a_table_that_was_another_is_found(void **state)
{
    (void)state;
    for (int exactly_once = 0; exactly_once < 2; exactly_once++) {
        kill_facts *facts = right_facts(false, exactly_once == 1);
        facts->sums[7]++;
        if (exactly_once == 1) {
            assert_wrong(facts, "the last update of key 7");
        } else {
            assert_right(facts);
        }
    }
}

static void a_record_that_is_lost_behind_one_that_came_twice_is_found(void **state)
{
    (void)state;
    kill_facts *facts = right_facts(true, false); /* the counts agree */
    facts->numbers[5][0] = (unsigned char)(facts->numbers[5][0] & ~1u);
    assert_wrong(facts, "record 0 of key 5 is missing");
}

static void a_record_that_never_was_is_found(void **state)
{
    (void)state;
    kill_facts *facts = right_facts(false, false);
    facts->numbers[5][KILL_NUMBER_BYTES - 1] = 0x80;
    assert_wrong(facts, "of key 5 never was");
}

static void a_row_that_is_lost_or_in_two_partitions_is_found(void **state)
{
    (void)state;
    for (unsigned char times = 0; times < 3; times += 2) {
        kill_facts *facts = right_facts(true, false);
        facts->rows[2][100] = times;
        assert_wrong(facts, "the record 2:100 is there");
    }
}

/* ---- whole scenarios ------------------------------------------------------------------------- */

/* Kills behind the records and before the offsets, so that they are processed again. */
static kill_outcome scenario_with(kill_fault fault, bool exactly_once, kill_application application)
{
    kill_script script = {
        .plan = {.application = application, .exactly_once = exactly_once, .fault = fault},
        .strikes = {{.point = "commit.sent", .nth = 5},
                    {.point = "commit.flushed", .nth = 9},
                    {.point = "commit.sent", .nth = 14}},
        .strike_count = 3};
    script.plan.seed = 4242 + (uint64_t)application;
    return kill_scenario_run(script);
}

static void assert_found(kill_outcome outcome, const char *one, const char *other)
{
    assert_true(outcome.is_broken);
    if (strstr(outcome.complaint, one) == NULL && strstr(outcome.complaint, other) == NULL) {
        fail_msg("another complaint: %s", outcome.complaint);
    }
}

static void an_offset_that_runs_ahead_is_found(void **state)
{
    (void)state;
    assert_found(scenario_with(KILL_OFFSET_FORWARD, true, KILL_COUNTING), "has ", "is missing");
    assert_found(scenario_with(KILL_OFFSET_FORWARD, false, KILL_REPARTITIONING), "has ",
                 "is missing");
    assert_found(scenario_with(KILL_OFFSET_FORWARD, true, KILL_WINDOWING), "kill-", "should be");
    assert_found(scenario_with(KILL_OFFSET_FORWARD, false, KILL_WINDOWING), "kill-", "should be");
}

static void an_offset_that_stays_behind_is_found(void **state)
{
    (void)state;
    assert_found(scenario_with(KILL_OFFSET_BACK, true, KILL_REPARTITIONING), "has ", "comes after");
    assert_found(scenario_with(KILL_OFFSET_BACK, true, KILL_COUNTING), "has ", "comes after");
    assert_found(scenario_with(KILL_OFFSET_BACK, true, KILL_WINDOWING), "kill-", "should be");
}

static void at_least_once_is_told_from_exactly_once(void **state)
{
    (void)state;
    assert_found(scenario_with(KILL_JUDGED_TOO_STRICTLY, false, KILL_COUNTING), "has ",
                 "comes after");
}

static void the_same_kills_without_a_fault_are_right(void **state)
{
    (void)state;
    assert_false(scenario_with(KILL_NO_FAULT, true, KILL_REPARTITIONING).is_broken);
    assert_false(scenario_with(KILL_NO_FAULT, false, KILL_COUNTING).is_broken);
    assert_false(scenario_with(KILL_NO_FAULT, true, KILL_WINDOWING).is_broken);
    assert_false(scenario_with(KILL_NO_FAULT, false, KILL_WINDOWING).is_broken);
}

static void a_script_is_read_as_it_was_written(void **state)
{
    (void)state;
    const char *text = "repartitioning,alos,77,!log.roll:3,moment:12,bulk:1";
    char again[KILL_SCRIPT_TEXT];
    kill_script script;
    assert_true(kill_script_read(text, &script));
    assert_int_equal(script.strike_count, 3);
    assert_true(script.strikes[0].without_state);
    kill_script_write(&script, again);
    assert_string_equal(again, text);
    assert_true(kill_script_read("windowing,eos,1,moment:1", &script));
    assert_int_equal(script.plan.application, KILL_WINDOWING);
    assert_false(kill_script_read("joining,eos,1,moment:1", &script));
    assert_false(kill_script_read("counting,eos", &script));
    assert_false(kill_script_read("counting,eos,1,log.roll", &script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_passes),
        cmocka_unit_test(an_update_that_is_missing_is_found),
        cmocka_unit_test(a_last_update_that_is_missing_is_found_at_least_once_too),
        cmocka_unit_test(an_update_that_came_twice_is_found),
        cmocka_unit_test(updates_that_changed_places_are_found),
        cmocka_unit_test(a_record_too_many_is_found_and_is_fine_at_least_once),
        cmocka_unit_test(a_store_that_lags_is_found_at_least_once_too),
        cmocka_unit_test(a_table_that_is_behind_its_topic_is_found),
        cmocka_unit_test(an_old_value_of_a_table_that_was_another_is_found),
        cmocka_unit_test(a_record_that_is_lost_behind_one_that_came_twice_is_found),
        cmocka_unit_test(a_record_that_never_was_is_found),
        cmocka_unit_test(a_row_that_is_lost_or_in_two_partitions_is_found),
        cmocka_unit_test(an_offset_that_runs_ahead_is_found),
        cmocka_unit_test(an_offset_that_stays_behind_is_found),
        cmocka_unit_test(at_least_once_is_told_from_exactly_once),
        cmocka_unit_test(the_same_kills_without_a_fault_are_right),
        cmocka_unit_test(a_script_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
