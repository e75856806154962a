/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_assignor.c - what the assignor promises, on thousands of random groups, and some cases by
 * hand.
 *
 * A random group has members of equal or of different capacity, tasks of several sub-topologies, a
 * history (who ran what) and state lying about. KSTREAMS_TEST_SEED=N repeats a run.
 */
#include "membership/assignor.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { TASKS = 40, MEMBERS = 8, GROUPS = 4000 };

typedef struct group {
    ksi_group_task tasks[TASKS];
    size_t task_count;
    ksi_assignor_member members[MEMBERS];
    size_t member_count;
    int32_t standbys;
    char ids[MEMBERS][16];
    ksi_role before[MEMBERS][TASKS];
    int64_t offsets[MEMBERS][TASKS];
    ksi_role after[MEMBERS * TASKS];
} group;

static uint64_t seed;
static uint64_t state_of_random;

static size_t below(size_t count)
{
    KSI_CHECK(count > 0);
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (size_t)((state_of_random >> 20) % count);
}

static int start_random(void **state)
{
    (void)state;
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    seed = wanted != NULL ? strtoull(wanted, NULL, 10) : (uint64_t)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%llu\n", (unsigned long long)seed);
    state_of_random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return 0;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void add_tasks(group *self, int subtopology, int32_t partitions, bool stateful)
{
    for (int32_t p = 0; p < partitions; p++) {
        self->tasks[self->task_count++] = (ksi_group_task){
            .id = {.subtopology = subtopology, .partition = p}, .stateful = stateful};
    }
}

static size_t add_member(group *self, const char *id, int32_t capacity)
{
    size_t m = self->member_count++;
    (void)snprintf(self->ids[m], sizeof self->ids[m], "%s", id);
    for (size_t t = 0; t < TASKS; t++) {
        self->before[m][t] = KSI_ROLE_NONE;
        self->offsets[m][t] = -1;
    }
    self->members[m] = (ksi_assignor_member){.id = self->ids[m],
                                             .capacity = capacity,
                                             .before = self->before[m],
                                             .offsets = self->offsets[m]};
    return m;
}

static void assign(group *self)
{
    ksi_assignor_input input = {.tasks = self->tasks,
                                .task_count = self->task_count,
                                .members = self->members,
                                .member_count = self->member_count,
                                .standbys = self->standbys};
    memset(self->after, 0xff, sizeof self->after);
    ksi_assign(&input, self->after);
}

static ksi_role role(const group *self, size_t member, size_t task)
{
    return self->after[member * self->task_count + task];
}

static size_t count(const group *self, size_t member, ksi_role wanted)
{
    size_t found = 0;
    for (size_t t = 0; t < self->task_count; t++) {
        found += role(self, member, t) == wanted;
    }
    return found;
}

/* What came out is what there was; who runs a task is current, a standby has something. */
static void settle(group *self)
{
    for (size_t m = 0; m < self->member_count; m++) {
        for (size_t t = 0; t < self->task_count; t++) {
            self->before[m][t] = role(self, m, t);
            if (role(self, m, t) == KSI_ROLE_ACTIVE) {
                self->offsets[m][t] = KSI_OFFSETS_CURRENT;
            } else if (self->offsets[m][t] == KSI_OFFSETS_CURRENT) {
                self->offsets[m][t] = 0;
            } else if (role(self, m, t) == KSI_ROLE_STANDBY) {
                self->offsets[m][t] = (int64_t)below(1000);
            }
        }
    }
}

/* The member in front of the others goes, and the others move up. */
static void remove_member(group *self, size_t member)
{
    self->member_count--;
    for (size_t m = member; m < self->member_count; m++) {
        memcpy(self->ids[m], self->ids[m + 1], sizeof self->ids[m]);
        memcpy(self->before[m], self->before[m + 1], sizeof self->before[m]);
        memcpy(self->offsets[m], self->offsets[m + 1], sizeof self->offsets[m]);
        self->members[m].capacity = self->members[m + 1].capacity;
    }
}

static void make_random(group *self, bool equal)
{
    *self = (group){.standbys = (int32_t)below(4)};
    size_t subtopologies = 1 + below(4);
    for (size_t s = 0; s < subtopologies; s++) {
        add_tasks(self, (int)s, 1 + (int32_t)below(10), below(2) == 0);
    }
    size_t members = 1 + below(MEMBERS - 1);
    int32_t capacity = 1 + (int32_t)below(4);
    for (size_t m = 0; m < members; m++) {
        char id[16];
        (void)snprintf(id, sizeof id, "m%zu", (m * 5 + 3) % MEMBERS);
        add_member(self, id, equal ? capacity : (int32_t)below(6));
    }
    self->members[below(members)].capacity = capacity; /* somebody can run something */
}

/* Who ran what, in no order at all. */
static void make_history(group *self)
{
    for (size_t t = 0; t < self->task_count; t++) {
        for (size_t m = 0; m < self->member_count; m++) {
            bool has_state = self->tasks[t].stateful && below(3) == 0;
            self->offsets[m][t] = has_state ? (int64_t)below(100) : -1;
            self->before[m][t] = has_state && below(2) == 0 ? KSI_ROLE_STANDBY : KSI_ROLE_NONE;
        }
        if (below(5) > 0) {
            size_t runner = below(self->member_count);
            self->before[runner][t] = KSI_ROLE_ACTIVE;
            self->offsets[runner][t] = KSI_OFFSETS_CURRENT;
        }
    }
}

/* ---- what holds always ----------------------------------------------------------------------- */

static int64_t capacity_of_all(const group *self)
{
    int64_t sum = 0;
    for (size_t m = 0; m < self->member_count; m++) {
        sum += self->members[m].capacity;
    }
    return sum;
}

static void assert_each_task_placed(const group *self)
{
    int32_t able = 0;
    for (size_t m = 0; m < self->member_count; m++) {
        able += self->members[m].capacity > 0;
    }
    int32_t wanted = self->standbys < able - 1 ? self->standbys : able - 1;
    for (size_t t = 0; t < self->task_count; t++) {
        int32_t actives = 0;
        int32_t standbys = 0;
        for (size_t m = 0; m < self->member_count; m++) {
            assert_in_range(role(self, m, t), KSI_ROLE_NONE, KSI_ROLE_ACTIVE);
            actives += role(self, m, t) == KSI_ROLE_ACTIVE;
            standbys += role(self, m, t) == KSI_ROLE_STANDBY;
            assert_true(role(self, m, t) == KSI_ROLE_NONE || self->members[m].capacity > 0);
        }
        assert_int_equal(actives, 1);
        assert_int_equal(standbys, self->tasks[t].stateful ? wanted : 0);
    }
}

static void assert_shares_kept(const group *self)
{
    int64_t tasks = (int64_t)self->task_count;
    int64_t capacity = capacity_of_all(self);
    for (size_t m = 0; m < self->member_count; m++) {
        int64_t active = (int64_t)count(self, m, KSI_ROLE_ACTIVE);
        int64_t share = tasks * self->members[m].capacity;
        assert_true(active >= share / capacity);
        assert_true(active <= (share + capacity - 1) / capacity);
        for (size_t n = 0; n < self->member_count; n++) {
            int64_t a = self->members[m].capacity;
            int64_t b = self->members[n].capacity;
            int64_t other = (int64_t)count(self, n, KSI_ROLE_ACTIVE);
            assert_true(a == 0 || b == 0 || active * b - other * a <= a * b);
        }
    }
}

static void assert_standbys_even(const group *self)
{
    for (size_t m = 0; m < self->member_count; m++) {
        for (size_t n = 0; n < self->member_count; n++) {
            size_t from = count(self, m, KSI_ROLE_STANDBY) * (size_t)self->members[n].capacity;
            size_t to = (count(self, n, KSI_ROLE_STANDBY) + 1) * (size_t)self->members[m].capacity;
            if (from <= to || self->members[n].capacity == 0) {
                continue;
            }
            for (size_t t = 0; t < self->task_count; t++) {
                assert_false(role(self, m, t) == KSI_ROLE_STANDBY &&
                             role(self, n, t) == KSI_ROLE_NONE);
            }
        }
    }
}

static size_t runner_before(const group *self, size_t task)
{
    size_t first = SIZE_MAX;
    for (size_t m = 0; m < self->member_count; m++) {
        if (self->before[m][task] == KSI_ROLE_ACTIVE &&
            (first == SIZE_MAX || strcmp(self->ids[m], self->ids[first]) < 0)) {
            first = m;
        }
    }
    return first;
}

static size_t count_moves(const group *self)
{
    size_t moves = 0;
    for (size_t t = 0; t < self->task_count; t++) {
        size_t runner = runner_before(self, t);
        moves += runner != SIZE_MAX && role(self, runner, t) != KSI_ROLE_ACTIVE;
    }
    return moves;
}

/*
 * The fewest that any assignment with these shares needs: what is above the shares rounded down,
 * less one for each member that may keep one more, as far as there are such.
 */
static size_t fewest_moves(const group *self)
{
    int64_t tasks = (int64_t)self->task_count;
    int64_t capacity = capacity_of_all(self);
    int64_t extras = tasks;
    int64_t surplus = 0;
    int64_t may_keep_one = 0;
    for (size_t m = 0; m < self->member_count; m++) {
        int64_t share = tasks * self->members[m].capacity;
        int64_t ran = 0;
        for (size_t t = 0; t < self->task_count; t++) {
            ran += runner_before(self, t) == m;
        }
        extras -= share / capacity;
        if (ran > share / capacity) {
            surplus += ran - share / capacity;
            may_keep_one += share % capacity != 0;
        }
    }
    return (size_t)(surplus - (may_keep_one < extras ? may_keep_one : extras));
}

static void assert_promises(const group *self)
{
    assert_each_task_placed(self);
    assert_shares_kept(self);
    assert_standbys_even(self);
    assert_int_equal(count_moves(self), fewest_moves(self));
}

/* ---- random groups --------------------------------------------------------------------------- */

static void every_group_is_placed_evenly_with_the_fewest_moves(void **state)
{
    (void)state;
    static group self;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, i % 2 == 0);
        make_history(&self);
        assign(&self);
        assert_promises(&self);
    }
}

static void nothing_moves_when_nothing_changed(void **state)
{
    (void)state;
    static group self;
    static group again;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, i % 2 == 0);
        make_history(&self);
        assign(&self);
        settle(&self);
        again = self;
        for (size_t m = 0; m < again.member_count; m++) {
            again.members[m].id = again.ids[m];
            again.members[m].before = again.before[m];
            again.members[m].offsets = again.offsets[m];
        }
        assign(&again);
        assert_memory_equal(again.after, self.after, self.task_count * self.member_count);
    }
}

static void when_one_of_equals_leaves_only_its_tasks_move(void **state)
{
    (void)state;
    static group self;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, true);
        assign(&self);
        settle(&self);
        if (self.member_count == 1) {
            continue;
        }
        remove_member(&self, below(self.member_count));
        assign(&self);
        assert_int_equal(count_moves(&self), 0);
        assert_promises(&self);
    }
}

static void when_one_joins_no_more_than_its_share_moves(void **state)
{
    (void)state;
    static group self;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, true);
        assign(&self);
        settle(&self);
        size_t joined = add_member(&self, "late", self.members[0].capacity);
        assign(&self);
        assert_int_equal(count_moves(&self), count(&self, joined, KSI_ROLE_ACTIVE));
        assert_promises(&self);
        for (size_t m = 0; m < joined; m++) { /* nobody else takes anything */
            for (size_t t = 0; t < self.task_count; t++) {
                assert_true(role(&self, m, t) != KSI_ROLE_ACTIVE ||
                            self.before[m][t] == KSI_ROLE_ACTIVE);
            }
        }
    }
}

static void the_order_of_members_does_not_matter(void **state)
{
    (void)state;
    static group self;
    static group turned;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, i % 2 == 0);
        make_history(&self);
        assign(&self);
        turned = self;
        for (size_t m = 0; m < self.member_count; m++) {
            turned.members[self.member_count - 1 - m] = self.members[m];
        }
        assign(&turned);
        for (size_t m = 0; m < self.member_count; m++) {
            assert_memory_equal(&self.after[m * self.task_count],
                                &turned.after[(self.member_count - 1 - m) * self.task_count],
                                self.task_count);
        }
    }
}

static void a_new_group_of_equals_has_each_subtopology_within_one(void **state)
{
    (void)state;
    static group self;
    for (int i = 0; i < GROUPS; i++) {
        make_random(&self, true);
        assign(&self);
        for (size_t t = 0; t < self.task_count; t++) {
            size_t least = SIZE_MAX;
            size_t most = 0;
            for (size_t m = 0; m < self.member_count; m++) {
                size_t here = 0;
                for (size_t u = 0; u < self.task_count; u++) {
                    here += role(&self, m, u) == KSI_ROLE_ACTIVE &&
                            self.tasks[u].id.subtopology == self.tasks[t].id.subtopology;
                }
                least = here < least ? here : least;
                most = here > most ? here : most;
            }
            assert_true(most - least <= 1);
        }
    }
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void a_second_member_takes_half_of_each_subtopology(void **state)
{
    (void)state;
    static group self;
    self = (group){0};
    add_tasks(&self, 0, 4, false);
    add_tasks(&self, 1, 4, false);
    add_member(&self, "a", 4);
    assign(&self);
    assert_int_equal(count(&self, 0, KSI_ROLE_ACTIVE), 8);
    settle(&self);
    add_member(&self, "b", 4);
    assign(&self);
    size_t of_first = 0;
    for (size_t t = 0; t < 4; t++) {
        of_first += role(&self, 1, t) == KSI_ROLE_ACTIVE;
    }
    assert_int_equal(of_first, 2);
    assert_int_equal(count(&self, 1, KSI_ROLE_ACTIVE), 4);
}

static void a_member_with_three_threads_gets_three_times_as_much(void **state)
{
    (void)state;
    static group self;
    self = (group){0};
    add_tasks(&self, 0, 8, false);
    add_member(&self, "a", 1);
    add_member(&self, "b", 3);
    assign(&self);
    assert_int_equal(count(&self, 0, KSI_ROLE_ACTIVE), 2);
    assert_int_equal(count(&self, 1, KSI_ROLE_ACTIVE), 6);
}

static void a_stateful_task_goes_to_the_most_current_state(void **state)
{
    (void)state;
    static group self;
    self = (group){0};
    add_tasks(&self, 0, 3, true);
    add_member(&self, "a", 1);
    add_member(&self, "b", 1);
    add_member(&self, "c", 1);
    self.offsets[0][0] = 10;
    self.offsets[1][0] = 500;
    self.offsets[2][0] = 499;
    self.offsets[1][1] = 900; /* b is taken by 0_0, where more have a choice: so 0_1 comes first */
    assign(&self);
    assert_int_equal(role(&self, 1, 1), KSI_ROLE_ACTIVE);
    assert_int_equal(role(&self, 2, 0), KSI_ROLE_ACTIVE);
    assert_int_equal(role(&self, 0, 2), KSI_ROLE_ACTIVE);
}

static void a_member_that_comes_back_gets_the_tasks_it_has_state_of(void **state)
{
    (void)state;
    static group self;
    self = (group){0};
    add_tasks(&self, 0, 4, true);
    add_member(&self, "a", 1);
    assign(&self);
    settle(&self);
    size_t back = add_member(&self, "b", 1);
    self.offsets[back][0] = 77;
    self.offsets[back][2] = 78;
    assign(&self);
    assert_int_equal(role(&self, back, 0), KSI_ROLE_ACTIVE);
    assert_int_equal(role(&self, back, 2), KSI_ROLE_ACTIVE);
}

static void a_standby_takes_over_and_the_former_runner_stands_by(void **state)
{
    (void)state;
    static group self;
    self = (group){.standbys = 1};
    add_tasks(&self, 0, 2, true);
    add_member(&self, "a", 1);
    add_member(&self, "b", 1);
    add_member(&self, "c", 1);
    self.before[0][0] = KSI_ROLE_ACTIVE;
    self.before[0][1] = KSI_ROLE_ACTIVE; /* one too many */
    self.offsets[0][0] = KSI_OFFSETS_CURRENT;
    self.offsets[0][1] = KSI_OFFSETS_CURRENT;
    self.before[1][0] = KSI_ROLE_STANDBY;
    self.offsets[1][0] = 40;
    self.before[2][1] = KSI_ROLE_STANDBY;
    self.offsets[2][1] = 50;
    assign(&self);
    assert_int_equal(role(&self, 0, 0), KSI_ROLE_ACTIVE);
    assert_int_equal(role(&self, 1, 0), KSI_ROLE_STANDBY);
    assert_int_equal(role(&self, 2, 1), KSI_ROLE_ACTIVE);
    assert_int_equal(role(&self, 0, 1), KSI_ROLE_STANDBY);
}

static void without_capacity_nothing_is_placed(void **state)
{
    (void)state;
    static group self;
    self = (group){.standbys = 1};
    add_tasks(&self, 0, 3, true);
    add_member(&self, "a", 0);
    assign(&self);
    assert_int_equal(count(&self, 0, KSI_ROLE_NONE), 3);
    add_member(&self, "b", 2);
    assign(&self);
    assert_int_equal(count(&self, 0, KSI_ROLE_NONE), 3);
    assert_int_equal(count(&self, 1, KSI_ROLE_ACTIVE), 3);
}

static void a_group_without_tasks_or_members_is_no_trouble(void **state)
{
    (void)state;
    ksi_assign(&(ksi_assignor_input){0}, NULL);
    static group self;
    self = (group){0};
    add_member(&self, "a", 1);
    assign(&self);
    assert_int_equal(self.after[0], 0xff); /* nothing was written */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_is_placed_evenly_with_the_fewest_moves),
        cmocka_unit_test(nothing_moves_when_nothing_changed),
        cmocka_unit_test(when_one_of_equals_leaves_only_its_tasks_move),
        cmocka_unit_test(when_one_joins_no_more_than_its_share_moves),
        cmocka_unit_test(the_order_of_members_does_not_matter),
        cmocka_unit_test(a_new_group_of_equals_has_each_subtopology_within_one),
        cmocka_unit_test(a_second_member_takes_half_of_each_subtopology),
        cmocka_unit_test(a_member_with_three_threads_gets_three_times_as_much),
        cmocka_unit_test(a_stateful_task_goes_to_the_most_current_state),
        cmocka_unit_test(a_member_that_comes_back_gets_the_tasks_it_has_state_of),
        cmocka_unit_test(a_standby_takes_over_and_the_former_runner_stands_by),
        cmocka_unit_test(without_capacity_nothing_is_placed),
        cmocka_unit_test(a_group_without_tasks_or_members_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, start_random, NULL);
}
