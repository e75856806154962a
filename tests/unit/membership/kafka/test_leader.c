/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_leader.c - subscriptions in, assignments out. What a leader does in the course of a group's
 * life stands in test_classic_protocol.c; here is what members may say.
 */
#include "membership/kafka/leader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum { TASKS = 4, MEMBERS = 3 };

static const ksi_group_task tasks[TASKS] = {
    {{0, 0}, true}, {{0, 1}, true}, {{0, 2}, true}, {{0, 3}, true}};
static const ksi_task_id ids[TASKS] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};
static const char *const names[MEMBERS] = {"a", "b", "c"};

typedef struct leader_fixture {
    ks_arena arena;
    ksi_subscription said[MEMBERS];
    size_t count;
    ks_slice garbage[MEMBERS]; /* instead, when there is any */
    ksi_assignment got[MEMBERS];
} leader_fixture;

static int begin(void **state)
{
    static leader_fixture self;
    self = (leader_fixture){.count = 2};
    ksi_arena_init(&self.arena, 0);
    for (size_t m = 0; m < MEMBERS; m++) {
        self.said[m] = (ksi_subscription){.generation = -1,
                                          .capacity = 1,
                                          .process_id = names[m],
                                          .client_id = names[m],
                                          .tasks = {tasks, TASKS}};
    }
    *state = &self;
    return 0;
}

static int end(void **state)
{
    ksi_arena_destroy(&((leader_fixture *)*state)->arena);
    return 0;
}

/* In the order of `order`, for the leader must not care. */
static void lead_in(leader_fixture *self, const size_t order[MEMBERS])
{
    assert_true(self->count <= MEMBERS);
    ksi_joined_member members[MEMBERS] = {{.id = {0}}};
    ksi_member_assignment made[MEMBERS];
    ksi_buffer bytes = {0};
    ks_error error = {0};
    for (size_t i = 0; i < self->count; i++) {
        size_t m = order[i];
        ksi_buffer_clear(&bytes);
        ksi_subscription_write(&self->said[m], (ksi_group_inputs){0}, &bytes);
        members[i].id = ks_slice_cstr(names[m]);
        members[i].metadata = self->garbage[m].data != NULL
                                  ? self->garbage[m]
                                  : ksi_arena_copy(&self->arena, ksi_buffer_slice(&bytes));
    }
    ksi_buffer_destroy(&bytes);
    ksi_lead(&(ksi_led_group){.name = "app", .members = members, .member_count = self->count},
             &self->arena, made);
    for (size_t i = 0; i < self->count; i++) {
        assert_int_equal(made[i].member.size, 1);
        assert_int_equal(made[i].member.data[0], names[order[i]][0]);
        assert_int_equal(
            ksi_assignment_read(made[i].assignment, &self->arena, &self->got[order[i]], &error),
            KS_OK);
    }
}

static void lead(leader_fixture *self)
{
    static const size_t order[MEMBERS] = {0, 1, 2};
    lead_in(self, order);
}

static ksi_task_ids some(size_t first, size_t count)
{
    return (ksi_task_ids){ids + first, count};
}

static void assert_ids(ksi_task_ids got, size_t first, size_t count)
{
    assert_int_equal(got.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(ksi_task_id_equals(got.items[i], ids[first + i]));
    }
}

static void what_another_holds_is_awaited_and_owed(void **state)
{
    leader_fixture *self = *state;
    self->said[0].generation = 3;
    self->said[0].held = some(0, 4);
    self->said[0].target_active = some(0, 4);
    lead(self);
    assert_int_equal(self->got[0].active.count, 2);
    assert_int_equal(self->got[0].owed.count, 2);
    assert_int_equal(self->got[1].active.count, 0);
    assert_int_equal(self->got[1].awaited.count, 2);
    assert_false(self->got[0].settled);
    assert_false(self->got[1].settled);
}

static void a_plan_that_is_half_carried_out_goes_on(void **state)
{
    leader_fixture *self = *state;
    self->said[0].generation = 3;
    self->said[0].held = some(2, 2); /* it gave up the first two */
    self->said[0].target_active = some(2, 2);
    self->said[1].generation = 3;
    self->said[1].target_active = some(0, 2);
    lead(self);
    assert_ids(self->got[0].active, 2, 2);
    assert_ids(self->got[1].active, 0, 2);
    assert_true(self->got[0].settled);
    assert_int_equal(self->got[0].owed.count, 0);
}

static void a_task_whose_member_went_stays_where_it_is_held(void **state)
{
    leader_fixture *self = *state;
    self->said[0].generation = 3;
    self->said[0].held = some(0, 2);
    self->said[0].target_active = some(0, 1); /* 0_1 was on its way to one that is gone */
    self->said[1].generation = 3;
    self->said[1].held = some(2, 2);
    self->said[1].target_active = some(2, 2);
    lead(self);
    assert_ids(self->got[0].active, 0, 2);
    assert_ids(self->got[1].active, 2, 2);
}

static void the_claim_of_the_newer_generation_counts(void **state)
{
    leader_fixture *self = *state;
    self->said[0].generation = 3; /* it missed generation 4, where b got these */
    self->said[0].target_active = some(0, 2);
    self->said[1].generation = 4;
    self->said[1].target_active = some(0, 2);
    self->said[1].held = some(0, 2);
    lead(self);
    assert_ids(self->got[1].active, 0, 2);
    assert_ids(self->got[0].active, 2, 2);
}

static void a_task_that_two_say_they_hold_is_given_to_neither_before_both_gave_it_up(void **state)
{
    leader_fixture *self = *state;
    self->said[0].generation = 3;
    self->said[0].held = some(0, 1);
    self->said[1].generation = 4;
    self->said[1].held = some(0, 1);
    lead(self);
    for (size_t m = 0; m < 2; m++) {
        assert_ids(self->got[m].owed, 0, 1);
        for (size_t i = 0; i < self->got[m].active.count; i++) {
            assert_false(ksi_task_id_equals(self->got[m].active.items[i], ids[0]));
        }
    }
    assert_int_equal(self->got[0].awaited.count + self->got[1].awaited.count, 1);
}

static void the_order_of_members_does_not_matter(void **state)
{
    static const size_t orders[][MEMBERS] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    leader_fixture *self = *state;
    ksi_assignment first[MEMBERS];
    self->count = MEMBERS;
    self->said[2].held = some(1, 3);
    for (size_t i = 0; i < 3; i++) {
        lead_in(self, orders[i]);
        if (i == 0) {
            memcpy(first, self->got, sizeof first);
        }
        for (size_t m = 0; m < MEMBERS; m++) {
            assert_int_equal(self->got[m].active.count, first[m].active.count);
            for (size_t t = 0; t < first[m].active.count; t++) {
                assert_true(
                    ksi_task_id_equals(self->got[m].active.items[t], first[m].active.items[t]));
            }
        }
    }
}

static void the_largest_number_of_standbys_counts(void **state)
{
    leader_fixture *self = *state;
    self->said[1].standbys = 1;
    lead(self);
    assert_int_equal(self->got[0].standby.count, 2);
    assert_int_equal(self->got[1].standby.count, 2);
}

static void members_with_other_tasks_are_refused_with_the_first_difference(void **state)
{
    static const ksi_group_task stateless[TASKS] = {
        {{0, 0}, true}, {{0, 1}, false}, {{0, 2}, true}, {{0, 3}, true}};
    leader_fixture *self = *state;
    self->said[0].tasks = (ksi_group_tasks){stateless, TASKS}; /* first by id, but new */
    self->said[1].generation = 7;
    lead(self);
    assert_non_null(self->got[0].refusal);
    assert_non_null(strstr(self->got[0].refusal, "task 0_1 is stateless"));
    assert_true(self->got[1].disputed);
    assert_int_equal(self->got[0].active.count, 0);
    assert_null(self->got[1].refusal);
    assert_int_equal(self->got[1].active.count, TASKS);
}

static void who_cannot_be_read_is_refused_and_the_others_go_on(void **state)
{
    leader_fixture *self = *state;
    self->garbage[0] = ks_slice_cstr("garbage");
    lead(self);
    assert_non_null(strstr(self->got[0].refusal, "the leader of the group says"));
    assert_int_equal(self->got[1].active.count, TASKS);
    self->garbage[1] = ks_slice_cstr("");
    lead(self);
    assert_non_null(self->got[0].refusal);
    assert_non_null(self->got[1].refusal);
}

static void who_wants_all_to_end_is_passed_on_to_all(void **state)
{
    leader_fixture *self = *state;
    lead(self);
    assert_false(self->got[0].shuts_down);
    self->said[1].shuts_down = true;
    lead(self);
    assert_true(self->got[0].shuts_down);
    assert_true(self->got[1].shuts_down);
}

#define LEADING(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest list[] = {
        LEADING(what_another_holds_is_awaited_and_owed),
        LEADING(a_plan_that_is_half_carried_out_goes_on),
        LEADING(a_task_whose_member_went_stays_where_it_is_held),
        LEADING(the_claim_of_the_newer_generation_counts),
        LEADING(a_task_that_two_say_they_hold_is_given_to_neither_before_both_gave_it_up),
        LEADING(the_order_of_members_does_not_matter),
        LEADING(the_largest_number_of_standbys_counts),
        LEADING(members_with_other_tasks_are_refused_with_the_first_difference),
        LEADING(who_cannot_be_read_is_refused_and_the_others_go_on),
        LEADING(who_wants_all_to_end_is_passed_on_to_all),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
