/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coordinator.c - members of a group, one after the other by hand, and many of them at random.
 *
 * The random part has a model of what each member really runs: it begins a task some time after it
 * was told to, closes one some time after it was told to, and reports some time after that; it
 * stalls, vanishes, leaves and joins. At no moment may two members whose commits would be accepted
 * run one task. KSTREAMS_TEST_SEED=N repeats a run.
 */
#include "membership/coordinator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { TASKS = 12, CLIENTS = 6, SESSION_MS = 1000 };

static const char group_name[] = "app";

/* A member as its process sees it. */
typedef struct client {
    ksi_membership *membership; /* NULL: not there */
    ksi_group_view view;        /* its numbers only; the tasks are in the two below */
    bool wanted[TASKS];
    bool standby[TASKS];
    bool runs[TASKS];
} client;

typedef struct fixture {
    ksi_coordinator *coordinator;
    ksi_group_task tasks[TASKS];
    client clients[CLIENTS];
    int64_t now;
    int joined;
} fixture;

/* ---- what a process does --------------------------------------------------------------------- */

/* Tasks 0_0 to 0_5 are stateless, 1_0 to 1_5 stateful. */
static size_t index_of(ksi_task_id id)
{
    return (size_t)id.subtopology * TASKS / 2 + (size_t)id.partition;
}

static ksi_member_options options_of(fixture *self, const char *client_id)
{
    return (ksi_member_options){.group = group_name,
                                .process_id = "p",
                                .client_id = client_id,
                                .capacity = 1,
                                .session_timeout_ms = SESSION_MS,
                                .tasks = self->tasks,
                                .task_count = TASKS};
}

static client *join_with(fixture *self, size_t number, const ksi_member_options *options)
{
    ks_error error = {0};
    client *at = &self->clients[number];
    assert_null(at->membership);
    *at = (client){0};
    at->membership = ksi_coordinator_join(self->coordinator, options, self->now, &error);
    assert_non_null(at->membership);
    return at;
}

static client *join(fixture *self, size_t number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "c%zu", number);
    ksi_member_options options = options_of(self, name);
    return join_with(self, number, &options);
}

static ks_status poll_client(fixture *self, client *at)
{
    ksi_group_view view = {0};
    ks_error error = {0};
    ks_status status = at->membership->class->poll(at->membership, self->now, &view, &error);
    assert_int_equal(status, error.code);
    if (status == KS_OK) {
        memset(at->wanted, 0, sizeof at->wanted);
        memset(at->standby, 0, sizeof at->standby);
        for (size_t i = 0; i < view.active_count; i++) {
            at->wanted[index_of(view.active[i])] = true;
        }
        for (size_t i = 0; i < view.standby_count; i++) {
            at->standby[index_of(view.standby[i])] = true;
        }
        at->view = view;
    }
    return status;
}

static void report(fixture *self, client *at)
{
    ksi_task_id active[TASKS];
    ksi_task_state standby[TASKS];
    size_t active_count = 0;
    size_t standby_count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        if (at->runs[t]) {
            active[active_count++] = self->tasks[t].id;
        } else if (at->standby[t]) {
            standby[standby_count++] =
                (ksi_task_state){.id = self->tasks[t].id, .offsets = self->now};
        }
    }
    at->membership->class->report(at->membership, active, active_count, standby, standby_count);
}

static void obey(client *at)
{
    memcpy(at->runs, at->wanted, sizeof at->runs);
}

/* One turn of a process that is quick: asks, does all of it, says so. */
static void turn(fixture *self, client *at)
{
    assert_int_equal(poll_client(self, at), KS_OK);
    obey(at);
    report(self, at);
}

static void turns(fixture *self)
{
    for (int i = 0; i < 4; i++) {
        for (size_t c = 0; c < CLIENTS; c++) {
            if (self->clients[c].membership != NULL) {
                turn(self, &self->clients[c]);
            }
        }
    }
}

static size_t count(const bool *tasks)
{
    size_t found = 0;
    for (size_t t = 0; t < TASKS; t++) {
        found += tasks[t];
    }
    return found;
}

static bool is_current(const fixture *self, const client *at)
{
    ksi_generation generation = at->membership->class->generation(at->membership);
    return ksi_coordinator_is_current(self->coordinator, group_name, &generation);
}

static void leave(client *at)
{
    at->membership->class->leave(at->membership);
    *at = (client){0};
}

static void vanish(client *at)
{
    at->membership->class->vanish(at->membership);
    *at = (client){0};
}

static int set_up(void **state)
{
    static fixture self;
    self = (fixture){.coordinator = ksi_coordinator_new()};
    for (size_t t = 0; t < TASKS; t++) {
        self.tasks[t].id.subtopology = (int)(t / (TASKS / 2));
        self.tasks[t].id.partition = (int32_t)(t % (TASKS / 2));
        self.tasks[t].stateful = t >= TASKS / 2;
    }
    *state = &self;
    return 0;
}

static int tear_down(void **state)
{
    fixture *self = *state;
    for (size_t c = 0; c < CLIENTS; c++) {
        if (self->clients[c].membership != NULL) {
            leave(&self->clients[c]);
        }
    }
    ksi_coordinator_free(self->coordinator);
    return 0;
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void the_first_member_gets_every_task(void **state)
{
    fixture *self = *state;
    assert_false(ksi_coordinator_has_members(self->coordinator, group_name));
    client *a = join(self, 0);
    assert_true(ksi_coordinator_has_members(self->coordinator, group_name));
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count(a->wanted), TASKS);
    assert_int_equal(a->view.standby_count, 0);
}

static void a_view_changes_its_epoch_only_when_it_changes(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    turn(self, a);
    uint64_t first = a->view.epoch;
    turn(self, a);
    assert_int_equal(a->view.epoch, first);
    join(self, 1);
    turn(self, a);
    assert_int_not_equal(a->view.epoch, first);
}

static void a_task_is_handed_over_only_when_its_runner_reported_it_gone(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    turn(self, a);
    client *b = join(self, 1);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), 0);

    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count(a->wanted), TASKS / 2);
    report(self, a); /* it still runs all of them */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), 0);

    size_t given_up = 0;
    while (a->wanted[given_up]) {
        given_up++;
    }
    a->runs[given_up] = false; /* one is closed */
    report(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), 1);
    assert_true(b->wanted[given_up]);

    obey(a); /* and then the others */
    report(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), TASKS / 2);
}

static void what_stays_is_never_taken_out_of_a_view(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    turn(self, a);
    join(self, 1);
    turn(self, a);
    bool stays[TASKS];
    memcpy(stays, a->wanted, sizeof stays);
    for (int i = 0; i < 3; i++) {
        turns(self);
        assert_memory_equal(a->wanted, stays, sizeof stays);
    }
}

/* It was told to begin them, and may be about to. */
static void a_report_does_not_free_what_the_last_view_had(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    assert_int_equal(poll_client(self, a), KS_OK);
    report(self, a); /* nothing was begun yet */
    client *b = join(self, 1);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), 0);
    obey(a); /* it begins them now */
    report(self, a);
    assert_int_equal(poll_client(self, a), KS_OK); /* and is told of the other one */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), 0);
    obey(a);
    report(self, a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), TASKS / 2);
}

static void who_leaves_frees_its_tasks_at_once(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    assert_int_equal(count(b->runs), TASKS / 2);
    leave(a);
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), TASKS);
}

static void a_session_that_ended_frees_tasks_and_fences_commits(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    assert_true(is_current(self, a));
    self->now += SESSION_MS;
    turn(self, b); /* just in time for both */
    assert_true(is_current(self, a));
    self->now += 1;
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_false(is_current(self, a));
    assert_true(is_current(self, b));
    assert_int_equal(count(b->wanted), TASKS);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    report(self, a); /* says nothing to anybody */
    assert_int_equal(poll_client(self, b), KS_OK);
    assert_int_equal(count(b->wanted), TASKS);
}

static void a_member_alone_survives_its_own_stall(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    turn(self, a);
    self->now += 50 * SESSION_MS;
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_true(is_current(self, a));
}

static void a_fenced_member_joins_again_with_nothing_and_a_new_generation(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    ksi_generation old = a->membership->class->generation(a->membership);
    self->now += SESSION_MS + 1;
    turn(self, b);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);

    memset(a->runs, 0, sizeof a->runs);
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_OK);
    assert_true(is_current(self, a));
    assert_false(ksi_coordinator_is_current(self->coordinator, group_name, &old));
    assert_int_equal(poll_client(self, a), KS_OK);
    assert_int_equal(count(a->wanted), 0); /* the other one still has them */
    turns(self);
    assert_int_equal(count(a->runs), TASKS / 2);
    assert_int_equal(count(b->runs), TASKS / 2);
}

static void joining_again_without_being_fenced_moves_nothing(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    client before_a = *a;
    client before_b = *b;
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_OK);
    memset(a->runs, 0, sizeof a->runs);
    turns(self);
    assert_memory_equal(a->runs, before_a.runs, sizeof a->runs);
    assert_memory_equal(b->runs, before_b.runs, sizeof b->runs);
}

static void a_member_that_vanished_counts_until_its_session_ends(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    vanish(a);
    turn(self, b);
    assert_int_equal(count(b->wanted), TASKS / 2);
    self->now += SESSION_MS + 1;
    turn(self, b);
    assert_int_equal(count(b->wanted), TASKS);
}

static void the_last_one_may_vanish_and_the_next_one_begins_anew(void **state)
{
    fixture *self = *state;
    turn(self, join(self, 0));
    vanish(&self->clients[0]);
    self->now += SESSION_MS + 1;
    client *b = join(self, 1);
    turn(self, b);
    assert_int_equal(count(b->runs), TASKS);
}

static void tasks_follow_the_capacity(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    client *b = join(self, 1);
    turns(self);
    b->membership->class->set_capacity(b->membership, 2);
    turns(self);
    assert_int_equal(count(a->runs), TASKS / 3);
    assert_int_equal(count(b->runs), TASKS - TASKS / 3);
    b->membership->class->set_capacity(b->membership, 0);
    turns(self);
    assert_int_equal(count(a->runs), TASKS);
    assert_int_equal(count(b->runs), 0);
}

static void standbys_are_kept_on_other_members_and_take_over(void **state)
{
    fixture *self = *state;
    for (size_t c = 0; c < 3; c++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%zu", c);
        ksi_member_options options = options_of(self, name);
        options.standbys = 1;
        join_with(self, c, &options);
    }
    turns(self);
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
    client before_b = self->clients[1];
    client before_c = self->clients[2];
    leave(&self->clients[0]);
    turns(self);
    for (size_t t = TASKS / 2; t < TASKS; t++) {
        if (ran[t]) {
            assert_true((before_b.standby[t] && self->clients[1].runs[t]) ||
                        (before_c.standby[t] && self->clients[2].runs[t]));
        }
    }
}

static void state_on_the_disk_decides_where_a_task_goes(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    turn(self, a);
    ksi_task_state states[] = {{.id = {1, 0}, .offsets = 5},
                               {.id = {1, 2}, .offsets = 9},
                               {.id = {1, 4}, .offsets = 0},
                               {.id = {7, 7}, .offsets = 3}}; /* left by another topology */
    ksi_member_options options = options_of(self, "b");
    options.states = states;
    options.state_count = 4;
    client *b = join_with(self, 1, &options);
    turns(self);
    assert_true(b->runs[6] && b->runs[8] && b->runs[10]);
}

static void another_topology_is_refused_with_the_task_that_differs(void **state)
{
    fixture *self = *state;
    join(self, 0);
    ks_error error = {0};
    ksi_member_options options = options_of(self, "newer");
    options.task_count = TASKS - 1;
    assert_null(ksi_coordinator_join(self->coordinator, &options, self->now, &error));
    assert_int_equal(error.code, KS_E_TOPOLOGY);
    assert_string_equal(error.where, group_name);
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
    fixture *self = *state;
    join(self, 0);
    leave(&self->clients[0]);
    assert_false(ksi_coordinator_has_members(self->coordinator, group_name));
    ksi_member_options options = options_of(self, "b");
    options.task_count = 3;
    client *b = join_with(self, 1, &options);
    turn(self, b);
    assert_int_equal(count(b->runs), 3);
}

static void a_fenced_member_cannot_join_a_group_of_another_topology(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    self->now += SESSION_MS + 1;
    ksi_member_options options = options_of(self, "b");
    options.task_count = 3;
    join_with(self, 1, &options); /* ends the session of the first, and with it the group */
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    ks_error error = {0};
    assert_int_equal(a->membership->class->rejoin(a->membership, self->now, &error), KS_E_TOPOLOGY);
    assert_int_equal(poll_client(self, a), KS_E_FENCED);
    vanish(a); /* nobody else has it */
}

static void options_out_of_range_are_refused(void **state)
{
    fixture *self = *state;
    ks_error error = {0};
    ksi_member_options options = options_of(self, "a");
    options.session_timeout_ms = 0;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    options = options_of(self, "a");
    options.capacity = -1;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    options = options_of(self, NULL);
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    ksi_group_task turned[] = {self->tasks[1], self->tasks[0]};
    options = options_of(self, "a");
    options.tasks = turned;
    options.task_count = 2;
    assert_null(ksi_coordinator_join(self->coordinator, &options, 0, &error));
    assert_non_null(strstr(error.message, "order"));
    assert_false(ksi_coordinator_has_members(self->coordinator, group_name));
}

static void a_poll_is_due_at_once_when_something_changed(void **state)
{
    fixture *self = *state;
    self->now = 5000;
    client *a = join(self, 0);
    assert_int_equal(a->membership->class->next_poll_ms(a->membership), 5000);
    turn(self, a);
    int64_t next = a->membership->class->next_poll_ms(a->membership);
    assert_in_range(next, 5001, 5000 + SESSION_MS / 3);
    join(self, 1);
    assert_int_equal(a->membership->class->next_poll_ms(a->membership), 5000);
}

typedef struct seen {
    fixture *of;
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
    assert_true(ksi_coordinator_is_current(self->of->coordinator, group_name, &generation));
}

static void see_group(void *user, const char *name)
{
    seen *self = user;
    assert_string_equal(name, group_name);
    self->groups++;
}

static void tools_see_members_and_what_they_have(void **state)
{
    fixture *self = *state;
    seen all = {.of = self};
    ksi_coordinator_each_member(self->coordinator, "nobody", see_member, &all);
    ksi_coordinator_each_group(self->coordinator, see_group, &all);
    assert_int_equal(all.members + all.groups, 0);
    join(self, 0);
    join(self, 1);
    turns(self);
    self->now = 70;
    turn(self, &self->clients[1]);
    ksi_coordinator_each_member(self->coordinator, group_name, see_member, &all);
    ksi_coordinator_each_group(self->coordinator, see_group, &all);
    assert_int_equal(all.members, 2);
    assert_int_equal(all.active, TASKS);
    assert_int_equal(all.groups, 1);
    assert_string_equal(all.text, "c0/p/0 c1/p/70 ");
}

static void groups_have_nothing_to_do_with_each_other(void **state)
{
    fixture *self = *state;
    client *a = join(self, 0);
    ksi_member_options options = options_of(self, "b");
    options.group = "other";
    options.task_count = 2;
    client *b = join_with(self, 1, &options);
    turns(self);
    assert_int_equal(count(a->runs), TASKS);
    assert_int_equal(count(b->runs), 2);
    ksi_generation generation = b->membership->class->generation(b->membership);
    assert_false(ksi_coordinator_is_current(self->coordinator, group_name, &generation));
    assert_true(ksi_coordinator_is_current(self->coordinator, "other", &generation));
}

/* ---- at random ------------------------------------------------------------------------------- */

static uint64_t state_of_random;

static size_t below(size_t limit)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (size_t)((state_of_random >> 20) % limit);
}

static void start_random(void)
{
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : (uint64_t)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%llu\n", (unsigned long long)seed);
    state_of_random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* A process that was fenced may run on for a while, but none of its commits counts. */
static void assert_one_owner_at_most(const fixture *self)
{
    for (size_t t = 0; t < TASKS; t++) {
        size_t owners = 0;
        for (size_t c = 0; c < CLIENTS; c++) {
            const client *at = &self->clients[c];
            owners += at->membership != NULL && at->runs[t] && is_current(self, at);
        }
        assert_true(owners <= 1);
    }
}

static void poll_or_rejoin(fixture *self, client *at)
{
    if (poll_client(self, at) == KS_E_FENCED) {
        ks_error error = {0};
        memset(at->runs, 0, sizeof at->runs);
        memset(at->wanted, 0, sizeof at->wanted);
        assert_int_equal(at->membership->class->rejoin(at->membership, self->now, &error), KS_OK);
    }
}

/* Begins a task that is wanted, or closes one that is not. */
static void do_something(client *at)
{
    size_t first = below(TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        size_t t = (first + i) % TASKS;
        if (at->runs[t] != at->wanted[t]) {
            at->runs[t] = at->wanted[t];
            return;
        }
    }
}

static void one_random_step(fixture *self)
{
    size_t number = below(CLIENTS);
    client *at = &self->clients[number];
    self->now += (int64_t)below(40);
    if (at->membership == NULL) {
        if (below(8) == 0) {
            char name[16];
            (void)snprintf(name, sizeof name, "c%d", self->joined++);
            ksi_member_options options = options_of(self, name);
            options.capacity = (int32_t)below(4);
            options.standbys = (int32_t)below(3);
            join_with(self, number, &options);
        }
        return;
    }
    size_t what = below(200);
    if (what == 0) {
        leave(at);
    } else if (what == 1) {
        vanish(at);
    } else if (what == 2) {
        at->membership->class->set_capacity(at->membership, (int32_t)below(4));
    } else if (what < 70) {
        poll_or_rejoin(self, at);
    } else if (what < 140) {
        do_something(at);
    } else {
        report(self, at);
    }
}

/* Everybody behaves, until sessions of those who vanished are over and all is handed over. */
static void calm_down(fixture *self)
{
    for (int round = 0; round < 12; round++) {
        self->now += SESSION_MS / 5;
        for (size_t c = 0; c < CLIENTS; c++) {
            client *at = &self->clients[c];
            if (at->membership != NULL) {
                poll_or_rejoin(self, at);
                obey(at);
                report(self, at);
                assert_one_owner_at_most(self);
            }
        }
    }
}

static void copy_runs(const fixture *self, bool runs[CLIENTS][TASKS])
{
    for (size_t c = 0; c < CLIENTS; c++) {
        memcpy(runs[c], self->clients[c].runs, sizeof runs[c]);
    }
}

static size_t count_stopped(const fixture *self, bool before[CLIENTS][TASKS], size_t but)
{
    size_t stopped = 0;
    for (size_t c = 0; c < CLIENTS; c++) {
        for (size_t t = 0; c != but && t < TASKS; t++) {
            stopped += before[c][t] && !self->clients[c].runs[t];
        }
    }
    return stopped;
}

static void no_task_ever_has_two_owners_and_all_have_one_in_the_end(void **state)
{
    fixture *self = *state;
    start_random();
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 600; i++) {
            one_random_step(self);
            assert_one_owner_at_most(self);
        }
        if (self->clients[0].membership == NULL) {
            join(self, 0);
        }
        self->clients[0].membership->class->set_capacity(self->clients[0].membership, 1);
        calm_down(self);
        uint64_t epoch = self->clients[0].view.epoch;
        size_t runs = 0;
        for (size_t c = 0; c < CLIENTS; c++) {
            runs += count(self->clients[c].runs);
        }
        assert_int_equal(runs, TASKS);
        calm_down(self);
        assert_int_equal(self->clients[0].view.epoch, epoch);
    }
}

static void among_equals_a_change_stops_no_more_tasks_than_it_must(void **state)
{
    fixture *self = *state;
    bool before[CLIENTS][TASKS];
    start_random();
    join(self, 0);
    turns(self);
    for (int round = 0; round < 400; round++) {
        size_t number = 1 + below(CLIENTS - 1);
        client *at = &self->clients[number];
        copy_runs(self, before);
        if (at->membership == NULL) {
            join(self, number);
            calm_down(self);
            assert_int_equal(count_stopped(self, before, number), count(at->runs));
        } else {
            if (below(2) == 0) {
                leave(at);
            } else {
                vanish(at);
            }
            calm_down(self);
            assert_int_equal(count_stopped(self, before, number), 0);
        }
    }
}

int main(void)
{
#define IN_A_GROUP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
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
        IN_A_GROUP(a_member_that_vanished_counts_until_its_session_ends),
        IN_A_GROUP(the_last_one_may_vanish_and_the_next_one_begins_anew),
        IN_A_GROUP(tasks_follow_the_capacity),
        IN_A_GROUP(standbys_are_kept_on_other_members_and_take_over),
        IN_A_GROUP(state_on_the_disk_decides_where_a_task_goes),
        IN_A_GROUP(another_topology_is_refused_with_the_task_that_differs),
        IN_A_GROUP(a_group_that_everybody_left_takes_other_tasks),
        IN_A_GROUP(a_fenced_member_cannot_join_a_group_of_another_topology),
        IN_A_GROUP(options_out_of_range_are_refused),
        IN_A_GROUP(a_poll_is_due_at_once_when_something_changed),
        IN_A_GROUP(tools_see_members_and_what_they_have),
        IN_A_GROUP(groups_have_nothing_to_do_with_each_other),
        IN_A_GROUP(no_task_ever_has_two_owners_and_all_have_one_in_the_end),
        IN_A_GROUP(among_equals_a_change_stops_no_more_tasks_than_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
