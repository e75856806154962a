/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coordinator.c - members of a group, one after the other, by hand.
 */
#include "group_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void the_first_member_gets_every_task(void **state)
{
    client_fixture *self = *state;
    assert_false(ksi_coordinator_has_members(self->coordinator, client_group));
    group_client *a = join_client(self, 0);
    assert_true(ksi_coordinator_has_members(self->coordinator, client_group));
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count_tasks(a->wanted), TASKS);
    assert_int_equal(a->view.standby_count, 0);
}

static void a_view_changes_its_epoch_only_when_it_changes(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    take_turn(self, a);
    uint64_t first = a->view.epoch;
    take_turn(self, a);
    assert_int_equal(a->view.epoch, first);
    join_client(self, 1);
    take_turn(self, a);
    assert_int_not_equal(a->view.epoch, first);
}

static void a_task_is_handed_over_only_when_its_runner_reported_it_gone(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    take_turn(self, a);
    group_client *b = join_client(self, 1);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), 0);

    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count_tasks(a->wanted), TASKS / 2);
    report_client(self, a); /* it still runs all of them */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), 0);

    size_t given_up = 0;
    while (a->wanted[given_up]) {
        given_up++;
    }
    a->runs[given_up] = false; /* one is closed */
    report_client(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), 1);
    assert_true(b->wanted[given_up]);

    obey_view(a); /* and then the others */
    report_client(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), TASKS / 2);
}

static void what_stays_is_never_taken_out_of_a_view(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    take_turn(self, a);
    join_client(self, 1);
    take_turn(self, a);
    bool stays[TASKS];
    memcpy(stays, a->wanted, sizeof stays);
    for (int i = 0; i < 3; i++) {
        take_turns(self);
        assert_memory_equal(a->wanted, stays, sizeof stays);
    }
}

/* It was told to begin them, and may be about to. */
static void a_report_does_not_free_what_the_last_view_had(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    assert_int_equal(poll_client(self, a), KS_OK);
    report_client(self, a); /* nothing was begun yet */
    group_client *b = join_client(self, 1);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), 0);
    obey_view(a); /* it begins them now */
    report_client(self, a);
    assert_int_equal(poll_client(self, a), KS_OK); /* and is told of the other one */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), 0);
    obey_view(a);
    report_client(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), TASKS / 2);
}

static void who_leaves_frees_its_tasks_at_once(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    assert_int_equal(count_tasks(b->runs), TASKS / 2);
    leave_client(a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), TASKS);
}

static void a_session_that_ended_frees_tasks_and_fences_commits(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    assert_true(is_client_current(self, a));
    self->now += SESSION_MS;
    take_turn(self, b); /* just in time for both */
    assert_true(is_client_current(self, a));
    self->now += 1;
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_false(is_client_current(self, a));
    assert_true(is_client_current(self, b));
    assert_int_equal(count_tasks(b->wanted), TASKS);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    report_client(self, a); /* says nothing to anybody */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), TASKS);
}

static void a_member_alone_survives_its_own_stall(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    take_turn(self, a);
    self->now += 50 * SESSION_MS;
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_true(is_client_current(self, a));
}

static void a_fenced_member_joins_again_with_nothing_and_a_new_generation(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    ksi_generation old = a->membership->class->generation(a->membership);
    self->now += SESSION_MS + 1;
    take_turn(self, b);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);

    memset(a->runs, 0, sizeof a->runs);
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_OK);
    assert_true(is_client_current(self, a));
    assert_false(ksi_coordinator_is_current(self->coordinator, client_group, &old));
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count_tasks(a->wanted), 0); /* the other one still has them */
    take_turns(self);
    assert_int_equal(count_tasks(a->runs), TASKS / 2);
    assert_int_equal(count_tasks(b->runs), TASKS / 2);
}

static void joining_again_without_being_fenced_moves_nothing(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    group_client before_a = *a;
    group_client before_b = *b;
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_OK);
    memset(a->runs, 0, sizeof a->runs);
    take_turns(self);
    assert_memory_equal(a->runs, before_a.runs, sizeof a->runs);
    assert_memory_equal(b->runs, before_b.runs, sizeof b->runs);
}

static void who_joins_again_has_nothing_from_then_on(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    ksi_generation old = a->membership->class->generation(a->membership);
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_OK);
    assert_false(ksi_coordinator_is_current(self->coordinator, client_group, &old));
    a->membership->class->set_capacity(a->membership, 0);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count_tasks(b->wanted), TASKS); /* nobody has to give them up first */
}

static void a_member_that_vanished_counts_until_its_session_ends(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    vanish_client(a);
    take_turn(self, b);
    assert_int_equal(count_tasks(b->wanted), TASKS / 2);
    self->now += SESSION_MS + 1;
    take_turn(self, b);
    assert_int_equal(count_tasks(b->wanted), TASKS);
}

static void the_last_one_may_vanish_and_the_next_one_begins_anew(void **state)
{
    client_fixture *self = *state;
    take_turn(self, join_client(self, 0));
    vanish_client(&self->clients[0]);
    self->now += SESSION_MS + 1;
    group_client *b = join_client(self, 1);
    take_turn(self, b);
    assert_int_equal(count_tasks(b->runs), TASKS);
}

static void who_came_and_went_before_it_got_anything_moved_nothing(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    group_client before_a = *a;
    group_client before_b = *b;
    join_client(self, 2); /* is meant to get tasks of both */
    leave_client(&self->clients[2]);
    take_turns(self);
    assert_memory_equal(a->runs, before_a.runs, sizeof a->runs);
    assert_memory_equal(b->runs, before_b.runs, sizeof b->runs);
    assert_int_equal(a->view.epoch, before_a.view.epoch);
}

static void tasks_follow_the_capacity(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    group_client *b = join_client(self, 1);
    take_turns(self);
    b->membership->class->set_capacity(b->membership, 2);
    take_turns(self);
    assert_int_equal(count_tasks(a->runs), TASKS / 3);
    assert_int_equal(count_tasks(b->runs), TASKS - TASKS / 3);
    b->membership->class->set_capacity(b->membership, 0);
    take_turns(self);
    assert_int_equal(count_tasks(a->runs), TASKS);
    assert_int_equal(count_tasks(b->runs), 0);
}

static void standbys_are_kept_on_other_members_and_take_over(void **state)
{
    client_fixture *self = *state;
    for (size_t c = 0; c < 3; c++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%zu", c);
        ksi_member_options options = client_options(self, name);
        options.standbys = 1;
        join_client_with(self, c, &options);
    }
    take_turns(self);
    size_t standbys = 0;
    for (size_t t = 0; t < TASKS; t++) {
        for (size_t c = 0; c < 3; c++) {
            assert_false(self->clients[c].standby[t] && self->clients[c].runs[t]);
            standbys += self->clients[c].standby[t];
        }
    }
    assert_int_equal(standbys, TASKS / 2); /* one for each stateful task */

    bool ran[TASKS];
    memcpy(ran, self->clients[0].runs, sizeof ran);
    group_client before_b = self->clients[1];
    group_client before_c = self->clients[2];
    leave_client(&self->clients[0]);
    take_turns(self);
    for (size_t t = TASKS / 2; t < TASKS; t++) {
        if (ran[t]) {
            assert_true((before_b.standby[t] && self->clients[1].runs[t]) ||
                        (before_c.standby[t] && self->clients[2].runs[t]));
        }
    }
}

static void state_on_the_disk_decides_where_a_task_goes(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    take_turn(self, a);
    ksi_task_state states[] = {{.id = {1, 0}, .offsets = 5},
                               {.id = {1, 2}, .offsets = 9},
                               {.id = {1, 4}, .offsets = 0},
                               {.id = {7, 7}, .offsets = 3}}; /* left by another topology */
    ksi_member_options options = client_options(self, "b");
    options.states = states;
    options.state_count = 4;
    group_client *b = join_client_with(self, 1, &options);
    take_turns(self);
    assert_true(b->runs[6] && b->runs[8] && b->runs[10]);
}

static void another_topology_is_refused_with_the_task_that_differs(void **state)
{
    client_fixture *self = *state;
    join_client(self, 0);
    ks_error error = {0};
    ksi_member_options options = client_options(self, "newer");
    options.task_count = TASKS - 1;
    assert_null(ksi_coordinator_join(self->coordinator, &options, self->now, &error));
    assert_int_equal(error.code, KS_E_TOPOLOGY);
    assert_string_equal(error.where, client_group);
    assert_non_null(strstr(error.message, "task 1_5 is in the group and not in the application"));
    assert_non_null(strstr(error.message, "newer"));

    ksi_group_task more[TASKS + 1];
    memcpy(more, self->tasks, sizeof self->tasks);
    more[TASKS] = (ksi_group_task){.id = {2, 0}};
    options.tasks = more;
    options.task_count = TASKS + 1;
    assert_null(ksi_coordinator_join(self->coordinator, &options, self->now, &error));
    assert_non_null(strstr(error.message, "task 2_0 is in the application that joins"));

    options.task_count = TASKS;
    more[3].stateful = true;
    assert_null(ksi_coordinator_join(self->coordinator, &options, self->now, &error));
    assert_non_null(strstr(error.message, "task 0_3 is stateful in the application that joins"));
}

static void a_group_that_everybody_left_takes_other_tasks(void **state)
{
    client_fixture *self = *state;
    join_client(self, 0);
    leave_client(&self->clients[0]);
    assert_false(ksi_coordinator_has_members(self->coordinator, client_group));
    ksi_member_options options = client_options(self, "b");
    options.task_count = 3;
    group_client *b = join_client_with(self, 1, &options);
    take_turn(self, b);
    assert_int_equal(count_tasks(b->runs), 3);
}

static void a_fenced_member_cannot_join_a_group_of_another_topology(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    self->now += SESSION_MS + 1;
    ksi_member_options options = client_options(self, "b");
    options.task_count = 3;
    join_client_with(self, 1, &options); /* ends the session of the first, and with it the group */
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_E_TOPOLOGY);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    vanish_client(a); /* nobody else has it */
}

static void options_out_of_range_are_refused(void **state)
{
    client_fixture *self = *state;
    ks_error error = {0};
    ksi_member_options options = client_options(self, "a");
    options.session_timeout_ms = 0;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    options = client_options(self, "a");
    options.capacity = -1;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    options = client_options(self, NULL);
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    ksi_group_task turned[] = {self->tasks[1], self->tasks[0]};
    options = client_options(self, "a");
    options.tasks = turned;
    options.task_count = 2;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    assert_non_null(strstr(error.message, "order"));
    assert_false(ksi_coordinator_has_members(self->coordinator, client_group));
}

static void a_poll_is_due_at_once_when_something_changed(void **state)
{
    client_fixture *self = *state;
    self->now = 5000;
    group_client *a = join_client(self, 0);
    assert_int_equal(a->membership->class->next_poll_ms(a->membership), 5000);
    take_turn(self, a);
    int64_t next = a->membership->class->next_poll_ms(a->membership);
    assert_in_range(next, 5001, 5000 + SESSION_MS / 3);
    join_client(self, 1);
    assert_int_equal(a->membership->class->next_poll_ms(a->membership), 5000);
}

typedef struct seen {
    client_fixture *of;
    size_t members;
    size_t active;
    size_t groups;
    char text[256];
} seen;

static void see_member(void *user, const ksi_member_info *member)
{
    seen *self = user;
    size_t used = strlen(self->text);
    (void)snprintf(self->text + used, sizeof self->text - used, "%s/%s/%d ", member->client_id,
                   member->process_id, (int)member->heard_ms);
    self->members++;
    self->active += member->active_count;
    assert_non_null(strstr(member->member, member->client_id));
    ksi_generation generation = {.member = member->member, .number = member->generation};
    assert_true(ksi_coordinator_is_current(self->of->coordinator, client_group, &generation));
}

static void see_group(void *user, const char *name)
{
    seen *self = user;
    assert_string_equal(name, client_group);
    self->groups++;
}

static void tools_see_members_and_what_they_have(void **state)
{
    client_fixture *self = *state;
    seen all = {.of = self};
    ksi_coordinator_each_member(self->coordinator, "nobody", see_member, &all);
    ksi_coordinator_each_group(self->coordinator, see_group, &all);
    assert_int_equal(all.members + all.groups, 0);
    join_client(self, 0);
    join_client(self, 1);
    take_turns(self);
    self->now = 70;
    take_turn(self, &self->clients[1]);
    ksi_coordinator_each_member(self->coordinator, client_group, see_member, &all);
    ksi_coordinator_each_group(self->coordinator, see_group, &all);
    assert_int_equal(all.members, 2);
    assert_int_equal(all.active, TASKS);
    assert_int_equal(all.groups, 1);
    assert_string_equal(all.text, "c0/p/0 c1/p/70 ");
}

static void note_inputs(void *user, const ksi_member_info *member)
{
    char *text = user;
    assert_string_equal(member->instance_id, "static-1");
    assert_string_equal(member->endpoint, "host:80");
    assert_null(member->host);
    for (size_t i = 0; i < member->input_count; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, 128 - used, "%s-%d ", member->inputs[i].topic,
                       (int)member->inputs[i].partition);
    }
}

static void tools_see_what_the_tasks_of_a_member_read(void **state)
{
    client_fixture *self = *state;
    const ksi_group_task tasks[] = {{{0, 0}, false}, {{0, 1}, false}, {{1, 0}, true}};
    const ksi_group_input inputs[] = {{0, "long", 2}, {0, "short", 1}, {1, "other", 1}};
    ksi_member_options options = client_options(self, "p");
    options.instance_id = "static-1";
    options.endpoint = "host:80";
    options.tasks = tasks;
    options.task_count = 3;
    options.inputs = inputs;
    options.input_count = 3;
    join_client_with(self, 0, &options);
    char text[128] = "";
    ksi_coordinator_each_member(self->coordinator, client_group, note_inputs, text);
    assert_string_equal(text, ""); /* nothing was shown to it yet */
    take_turns(self);
    ksi_coordinator_each_member(self->coordinator, client_group, note_inputs, text);
    assert_string_equal(text, "long-0 long-1 short-0 other-0 ");
}

static void groups_have_nothing_to_do_with_each_other(void **state)
{
    client_fixture *self = *state;
    group_client *a = join_client(self, 0);
    ksi_member_options options = client_options(self, "b");
    options.group = "other";
    options.task_count = 2;
    group_client *b = join_client_with(self, 1, &options);
    take_turns(self);
    assert_int_equal(count_tasks(a->runs), TASKS);
    assert_int_equal(count_tasks(b->runs), 2);
    ksi_generation generation = b->membership->class->generation(b->membership);
    assert_false(ksi_coordinator_is_current(self->coordinator, client_group, &generation));
    assert_true(ksi_coordinator_is_current(self->coordinator, "other", &generation));
}

int main(void)
{
#define IN_A_GROUP(test) cmocka_unit_test_setup_teardown(test, set_up_clients, tear_down_clients)
    const struct CMUnitTest tests[] = {
        IN_A_GROUP(the_first_member_gets_every_task),
        IN_A_GROUP(a_view_changes_its_epoch_only_when_it_changes),
        IN_A_GROUP(a_task_is_handed_over_only_when_its_runner_reported_it_gone),
        IN_A_GROUP(what_stays_is_never_taken_out_of_a_view),
        IN_A_GROUP(a_report_does_not_free_what_the_last_view_had),
        IN_A_GROUP(who_leaves_frees_its_tasks_at_once),
        IN_A_GROUP(a_session_that_ended_frees_tasks_and_fences_commits),
        IN_A_GROUP(a_member_alone_survives_its_own_stall),
        IN_A_GROUP(a_fenced_member_joins_again_with_nothing_and_a_new_generation),
        IN_A_GROUP(joining_again_without_being_fenced_moves_nothing),
        IN_A_GROUP(who_joins_again_has_nothing_from_then_on),
        IN_A_GROUP(a_member_that_vanished_counts_until_its_session_ends),
        IN_A_GROUP(the_last_one_may_vanish_and_the_next_one_begins_anew),
        IN_A_GROUP(who_came_and_went_before_it_got_anything_moved_nothing),
        IN_A_GROUP(tasks_follow_the_capacity),
        IN_A_GROUP(standbys_are_kept_on_other_members_and_take_over),
        IN_A_GROUP(state_on_the_disk_decides_where_a_task_goes),
        IN_A_GROUP(another_topology_is_refused_with_the_task_that_differs),
        IN_A_GROUP(a_group_that_everybody_left_takes_other_tasks),
        IN_A_GROUP(a_fenced_member_cannot_join_a_group_of_another_topology),
        IN_A_GROUP(options_out_of_range_are_refused),
        IN_A_GROUP(a_poll_is_due_at_once_when_something_changed),
        IN_A_GROUP(tools_see_members_and_what_they_have),
        IN_A_GROUP(tools_see_what_the_tasks_of_a_member_read),
        IN_A_GROUP(groups_have_nothing_to_do_with_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
