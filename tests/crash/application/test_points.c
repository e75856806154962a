/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_points.c - an application on a log in a directory is killed at every named point that it
 * passes: exactly once loses nothing and repeats nothing, at least once loses nothing.
 *
 * Every point is a card, five times; the cards are shuffled and dealt to scenarios of eight, which
 * take turns in application and guarantee. A life that did not come to its point gives the card
 * back, for the first time that the point is reached. What remains in the end was never reached,
 * and that is a failure.
 *
 * Some points need what went before: cut bytes a commit that did not come to its end, and sorted
 * files a store with megabytes that is gone. Those get their own lives (lead_up()).
 *
 * KSTREAMS_CRASH=SCRIPT runs that script alone, as a failure prints it.
 */
#include "base/crash_point.h"
#include "crash_log.h"
#include "kill_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KILLS = 5, DEALT = 8, MOST_CARDS = 256, ROUNDS = 3 };

typedef struct point {
    const char *name;
    unsigned most; /* n-th times that are tried: 1 to this */
    bool without_state;
} point;

/*
 * The points of the three lists that an application passes. The others, of ksi_crash_points, need
 * stores that are bigger or stranger than those here, and are in crash.crash_points.
 */
static const point points[] = {
    {"commit.flushed", 30, false},
    {"commit.sent", 30, false},
    {"commit.committed", 30, false},
    {"commit.before-apply", 60, false},
    {"apply.begin", 20, false},
    {"apply.before-position", 20, false},
    {"apply.end", 20, false},
    {"apply.between-families", 20, false},
    {"flush.begin", 10, false},
    {"flush.end", 10, false},
    {"family.created", 2, true},
    {"close.before-flush", 1, false},
    {"close.between-families", 1, false},
    {"close.flushed", 1, false},
    {"restore.before-ingest", 2, true},
    {"restore.after-ingest", 2, true},
    {"log.before-append", 40, false},
    {"log.between-partitions", 60, false},
    {"log.roll", 10, false},
    {"log.appended", 40, false},
    {"log.committed", 40, false},
    {"log.delete", 5, false},
    {"log.compact.before-swap", 20, false},
    {"log.compact.swapped", 20, false},
    {"log.open.cut", 1, false},
    {"log.close", 1, false},
};
enum { POINTS = sizeof points / sizeof points[0] };

static uint64_t seed;
static unsigned struck[POINTS];
static unsigned times_bound; /* 1 in the last round: the first time */

static bool needs_bulk(size_t p)
{
    return strncmp(points[p].name, "restore.", 8) == 0;
}

static void add_strike(kill_script *script, const char *name, unsigned nth, bool without_state)
{
    kill_strike *strike = &script->strikes[script->strike_count++];
    *strike = (kill_strike){.nth = nth, .without_state = without_state};
    (void)snprintf(strike->point, sizeof strike->point, "%s", name);
}

/* What the life before has to do for a point. */
static void lead_up(kill_script *script, size_t p)
{
    if (strcmp(points[p].name, "log.open.cut") == 0) {
        add_strike(script, "log.appended", 3, false);
    } else if (needs_bulk(p) && script->strike_count == 0) {
        add_strike(script, "bulk", 1, false);
    }
}

/* Runs a scenario of the cards, and counts. Returns how many failures it had. */
static int run_cards(const size_t *cards, size_t count, unsigned number)
{
    kill_script script = {.plan = {.application = needs_bulk(cards[0])
                                                      ? KILL_REPARTITIONING
                                                      : (kill_application)(number % 3),
                                   .exactly_once = number / 3 % 3 != 2,
                                   .seed = seed++}};
    size_t card_of[KILL_MOST_STRIKES];
    uint64_t random = script.plan.seed;
    for (size_t i = 0; i < KILL_MOST_STRIKES; i++) {
        card_of[i] = POINTS;
    }
    for (size_t i = 0; i < count; i++) {
        const point *card = &points[cards[i]];
        lead_up(&script, cards[i]);
        card_of[script.strike_count] = cards[i];
        unsigned most = card->most < times_bound ? card->most : times_bound;
        add_strike(&script, card->name, 1 + (unsigned)crash_random_below(&random, most),
                   card->without_state);
    }
    kill_outcome outcome = kill_scenario_run(script);
    for (size_t i = 0; i < script.strike_count; i++) {
        if (card_of[i] < POINTS) {
            struck[card_of[i]] += outcome.was_struck[i];
        }
    }
    return outcome.is_broken;
}

/* The cards of points that were not struck often enough; those that need bulk, or all others. */
static size_t deal(size_t cards[MOST_CARDS], bool with_bulk)
{
    size_t count = 0;
    for (size_t p = 0; p < POINTS; p++) {
        for (unsigned k = struck[p]; k < KILLS && needs_bulk(p) == with_bulk; k++) {
            cards[count++] = p;
        }
    }
    uint64_t random = seed;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)crash_random_below(&random, i);
        size_t card = cards[i - 1];
        cards[i - 1] = cards[other];
        cards[other] = card;
    }
    return count;
}

static int run_round(unsigned *number)
{
    int failures = 0;
    for (int with_bulk = 0; with_bulk < 2; with_bulk++) {
        size_t cards[MOST_CARDS];
        size_t count = deal(cards, with_bulk != 0);
        for (size_t i = 0; i < count; i += DEALT) {
            size_t some = count - i < DEALT ? count - i : DEALT;
            failures += run_cards(cards + i, some, (*number)++);
        }
    }
    return failures;
}

static void a_kill_at_every_point_loses_nothing_and_repeats_nothing(void **state)
{
    (void)state;
    int failures = 0;
    int missed = 0;
    unsigned number = 0;
    for (int round = 0; round < ROUNDS && failures == 0; round++) {
        times_bound = round == 0 ? 1000 : 1;
        failures += run_round(&number);
    }
    for (size_t p = 0; p < POINTS && failures == 0; p++) {
        if (struck[p] < KILLS) {
            fprintf(stderr, "%s: %u kills of %d: the point was not reached\n", points[p].name,
                    struck[p], KILLS);
            missed++;
        }
    }
    assert_int_equal(failures, 0);
    assert_int_equal(missed, 0);
}

static bool is_killed_here(const char *name)
{
    for (size_t p = 0; p < POINTS; p++) {
        if (strcmp(points[p].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void all_are_killed_here(const char *const *names)
{
    for (; *names != NULL; names++) {
        if (!is_killed_here(*names)) {
            fail_msg("%s is not in the table of this test", *names);
        }
    }
}

static void every_point_that_only_applications_pass_is_killed_here(void **state)
{
    (void)state;
    all_are_killed_here(ksi_commit_crash_points);
    all_are_killed_here(ksi_log_crash_points);
}

static void the_script_loses_nothing_and_repeats_nothing(void **state)
{
    const kill_script *script = *state;
    kill_outcome outcome = kill_scenario_run(*script);
    for (size_t i = 0; i < script->strike_count; i++) {
        printf("%s: %s\n", script->strikes[i].point,
               outcome.was_struck[i] ? "killed" : "came to its end");
    }
    assert_false(outcome.is_broken);
}

int main(void)
{
    const char *given = getenv("KSTREAMS_CRASH");
    kill_script script;
    if (given != NULL) {
        if (!kill_script_read(given, &script)) {
            fprintf(stderr, "KSTREAMS_CRASH=%s: write APPLICATION,GUARANTEE,SEED,POINT:N,...\n",
                    given);
            return 1;
        }
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_prestate(the_script_loses_nothing_and_repeats_nothing, &script),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_that_only_applications_pass_is_killed_here),
        cmocka_unit_test(a_kill_at_every_point_loses_nothing_and_repeats_nothing),
    };
    seed = kill_first_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
