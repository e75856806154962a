/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classic_protocol.c - members of a classic group, one step after the other, by hand.
 */
#include "classic_process.h"

#include "base/slice.h"
#include "membership/kafka/kafka_error.h"
#include "membership/kafka/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { A_WHILE_MS = 4 * HEARTBEAT_MS };

/* A turn of one process: its request goes to the group, and the answer back when there is one. */
static void step(process_fixture *self, size_t number)
{
    take_turn(self, number);
    deliver(self, number);
    take_turn(self, number);
}

static void pass(process_fixture *self, int64_t duration_ms)
{
    self->now += duration_ms;
    group_model_pass(&self->group, self->now);
}

/* The next request of a process is answered by a code. */
static void step_into(process_fixture *self, size_t number, int16_t code)
{
    take_turn(self, number);
    self->group.next_code = code;
    deliver(self, number);
    take_turn(self, number);
    assert_int_equal(self->group.next_code, 0);
}

/* The group tells the first process of a rebalance: a JoinGroup of it is then under way. */
static void ask_to_join(process_fixture *self)
{
    pass(self, HEARTBEAT_MS + 1);
    step_into(self, 0, KSI_KAFKA_REBALANCE_IN_PROGRESS);
    assert_int_equal(self->processes[0].api, KSI_API_JOIN_GROUP);
}

static classic_process *start_alone(process_fixture *self)
{
    classic_process *a = start_process(self, 0);
    run_for(self, A_WHILE_MS);
    assert_int_equal(count_true(a->runs), TASKS);
    return a;
}

/* ---- joining --------------------------------------------------------------------------------- */

static void a_member_joins_with_the_id_it_is_given_and_gets_every_task(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    take_turn(self, 0);
    assert_int_equal(a->api, KSI_API_JOIN_GROUP);
    assert_int_equal(a->view.epoch, 0);
    assert_int_equal(ksi_classic_generation(a->member).number, -1);
    deliver(self, 0); /* MEMBER_ID_REQUIRED */
    assert_int_equal(group_model_count(&self->group), 0);
    step(self, 0);
    assert_string_equal(ksi_classic_generation(a->member).member, "member-1");
    assert_int_equal(ksi_classic_generation(a->member).number, 1);
    assert_int_equal(a->api, KSI_API_SYNC_GROUP);
    step(self, 0);
    assert_int_equal(a->view.epoch, 1);
    assert_int_equal(count_true(a->wanted), TASKS);
    assert_int_equal(self->group.joins, 2);
}

static void tools_see_topics_and_the_partitions_of_tasks_that_run(void **state)
{
    process_fixture *self = *state;
    start_alone(self);
    ksi_wire_reader from = ksi_wire_reader_of(ks_slice_of(self->group.members[0].assignment.data,
                                                          self->group.members[0].assignment.size));
    assert_int_equal(ksi_wire_take_i16(&from), 1);
    assert_int_equal(ksi_wire_take_count(&from, 1), 3);
    assert_int_equal(ksi_slice_compare(ksi_wire_take_string(&from), ks_slice_cstr("orders")), 0);
    assert_int_equal(ksi_wire_take_count(&from, 4), 6);
    for (int p = 0; p < 6; p++) {
        assert_int_equal(ksi_wire_take_i32(&from), p);
    }
    assert_int_equal(ksi_slice_compare(ksi_wire_take_string(&from), ks_slice_cstr("rates")), 0);
    assert_int_equal(ksi_wire_take_count(&from, 4), 2); /* it has no more partitions */
}

static void the_second_member_gets_its_half_when_the_first_has_given_it_up(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    classic_process *b = start_process(self, 1);
    step(self, 1);
    deliver(self, 1); /* parked: a has not joined */
    pass(self, HEARTBEAT_MS + 1);
    step(self, 0); /* the heartbeat says that there is a rebalance, so it joins at once */
    assert_int_equal(a->api, KSI_API_JOIN_GROUP);
    assert_int_equal(count_true(a->wanted), TASKS); /* and its tasks go on */
    step(self, 0);
    deliver(self, 0); /* it leads */
    step(self, 1);
    deliver(self, 1);
    take_turn(self, 0);
    take_turn(self, 1);
    assert_int_equal(count_true(a->wanted), TASKS / 2);
    assert_int_equal(count_true(b->wanted), 0);
    pass(self, 1);
    take_turn(self, 0);
    assert_false(a->in_flight); /* nothing was given up */
    run_for(self, A_WHILE_MS);
    assert_int_equal(count_true(a->runs), TASKS / 2);
    assert_int_equal(count_true(b->runs), TASKS / 2);
}

static void what_is_awaited_does_not_wait_for_a_heartbeat_of_the_usual_pace(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "slow");
    options.heartbeat_interval_ms = 100000;
    options.session_timeout_ms = 400000;
    start_process_with(self, 0, &options);
    start_process_with(self, 1, &options);
    classic_process *c = start_process_with(self, 2, &options);
    run_for(self, 2000); /* all three are new: the first is alone in generation 1 */
    pass(self, 100000);
    run_for(self, 1000);
    assert_int_equal(count_true(c->runs), TASKS / 3);
    assert_one_owner_each(self);
}

static void one_slow_task_keeps_nobody_elses_waiting(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    classic_process *b = start_process(self, 1);
    bool kept[TASKS] = {false};
    size_t slow = TASKS;
    for (int i = 0; i < 200; i++) {
        pass(self, 20);
        for (size_t p = 0; p < 2; p++) {
            step(self, p);
            deliver(self, p);
        }
        memcpy(a->runs, a->wanted, sizeof a->runs);
        for (size_t t = 0; t < TASKS && count_true(a->wanted) < TASKS && slow == TASKS; t++) {
            slow = a->wanted[t] ? TASKS : t; /* the first that it is asked to give up */
        }
        kept[slow < TASKS ? slow : 0] = slow < TASKS;
        a->runs[slow < TASKS ? slow : 0] |= slow < TASKS;
        report(self, 0);
        memcpy(b->runs, b->wanted, sizeof b->runs);
        report(self, 1);
        assert_one_owner_at_most(self);
    }
    assert_int_equal(count_true(kept), 1);
    assert_int_equal(count_true(b->runs), TASKS / 2 - 1);
    assert_false(b->runs[slow]);
    run_for(self, A_WHILE_MS); /* now it gives that up, too */
    assert_true(b->runs[slow]);
}

static void a_settled_group_sends_no_more_joins(void **state)
{
    process_fixture *self = *state;
    start_alone(self);
    start_process(self, 1);
    start_process(self, 2);
    run_for(self, 3000);
    int joins = self->group.joins;
    int rebalances = self->group.rebalances;
    run_for(self, 10 * SESSION_MS);
    assert_int_equal(self->group.joins, joins);
    assert_int_equal(self->group.rebalances, rebalances);
    assert_one_owner_each(self);
}

static void threads_are_the_weight_of_a_member(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    ksi_member_options options = process_options(self, "big");
    options.capacity = 3;
    classic_process *b = start_process_with(self, 1, &options);
    run_for(self, 3000);
    assert_int_equal(count_true(a->runs), TASKS / 4);
    assert_int_equal(count_true(b->runs), TASKS / 4 * 3);
}

static void threads_that_come_or_go_count_from_the_next_rebalance(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    int joins = self->group.joins;
    ksi_classic_set_capacity(a->member, 3);
    run_for(self, 3000);
    assert_int_equal(self->group.joins, joins);
    classic_process *b = start_process(self, 1);
    run_for(self, 3000);
    assert_int_equal(count_true(a->runs), TASKS / 4 * 3);
    assert_int_equal(count_true(b->runs), TASKS / 4);
}

static void a_member_without_threads_gives_its_tasks_away_at_once(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    classic_process *b = start_process(self, 1);
    run_for(self, 3000);
    ksi_classic_set_capacity(a->member, 0);
    run_for(self, 3000);
    assert_int_equal(count_true(a->runs), 0);
    assert_int_equal(count_true(b->runs), TASKS);
    ksi_classic_set_capacity(a->member, 1);
    run_for(self, 3000);
    assert_int_equal(count_true(a->runs), TASKS / 2);
}

static void state_on_the_disk_wins_a_task_back(void **state)
{
    process_fixture *self = *state;
    ksi_task_state has[] = {{{1, 0}, 100}, {{1, 1}, 100}, {{1, 2}, 100}};
    ksi_task_state other[] = {{{1, 3}, 100}, {{1, 4}, 100}, {{1, 5}, 100}, {{1, 0}, 7}};
    ksi_member_options a_options = process_options(self, "a");
    ksi_member_options b_options = process_options(self, "b");
    a_options.states = has;
    a_options.state_count = 3;
    b_options.states = other;
    b_options.state_count = 4;
    classic_process *a = start_process_with(self, 0, &a_options);
    classic_process *b = start_process_with(self, 1, &b_options);
    run_for(self, 3000);
    for (size_t p = 0; p < 3; p++) {
        assert_true(a->runs[TASKS / 2 + p]);
        assert_true(b->runs[TASKS / 2 + 3 + p]);
    }
}

static void standbys_are_with_the_member_that_does_not_run_the_task(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "a");
    options.standbys = 1;
    classic_process *a = start_process_with(self, 0, &options);
    classic_process *b = start_process(self, 1);
    run_for(self, 3000);
    for (size_t t = TASKS / 2; t < TASKS; t++) {
        assert_int_equal(a->standby[t], b->runs[t]);
        assert_int_equal(b->standby[t], a->runs[t]);
    }
}

/* ---- members go ------------------------------------------------------------------------------ */

static void a_member_that_leaves_is_not_waited_for(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    start_process(self, 1);
    run_for(self, 3000);
    stop_process(self, 1);
    run_for(self, 2 * HEARTBEAT_MS);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void a_member_that_vanishes_is_waited_for_until_its_session_is_over(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    start_process(self, 1);
    run_for(self, 3000);
    kill_process(self, 1);
    run_for(self, SESSION_MS - 2 * HEARTBEAT_MS);
    assert_int_equal(count_true(a->runs), TASKS / 2);
    run_for(self, 4 * HEARTBEAT_MS);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void any_member_may_lead_next_and_moves_no_task_for_it(void **state)
{
    process_fixture *self = *state;
    start_alone(self);
    classic_process *b = start_process(self, 1);
    classic_process *c = start_process(self, 2);
    run_for(self, 3000);
    bool b_ran[TASKS];
    bool c_ran[TASKS];
    memcpy(b_ran, b->runs, sizeof b_ran);
    memcpy(c_ran, c->runs, sizeof c_ran);
    stop_process(self, 0); /* it led */
    run_for(self, 3000);
    assert_one_owner_each(self);
    for (size_t t = 0; t < TASKS; t++) {
        assert_true(!b_ran[t] || b->runs[t]);
        assert_true(!c_ran[t] || c->runs[t]);
    }
}

static void shut_down_reaches_every_member(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    classic_process *b = start_process(self, 1);
    run_for(self, 3000);
    uint64_t epoch = a->view.epoch;
    ksi_classic_shut_down(b->member);
    take_turn(self, 1);
    assert_false(b->view.shuts_down); /* not before the others can hear of it */
    run_for(self, 2 * HEARTBEAT_MS);
    assert_true(a->view.shuts_down);
    assert_true(b->view.shuts_down);
    assert_int_not_equal(a->view.epoch, epoch);
    classic_process *c = start_process(self, 2);
    run_for(self, 3000);
    assert_true(c->view.shuts_down);
}

/* ---- lost answers ---------------------------------------------------------------------------- */

static void a_join_whose_answer_is_lost_is_sent_again(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    step(self, 0);
    deliver(self, 0);
    assert_int_equal(group_model_count(&self->group), 1);
    cut(self, 0);
    run_for(self, A_WHILE_MS);
    assert_int_equal(count_true(a->runs), TASKS);
    assert_int_equal(group_model_count(&self->group), 1);
}

static void a_sync_whose_answer_is_lost_is_sent_again_without_a_join(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    step(self, 0);
    step(self, 0);
    assert_int_equal(a->api, KSI_API_SYNC_GROUP);
    deliver(self, 0);
    cut(self, 0);
    pass(self, 100);
    step(self, 0);
    assert_int_equal(count_true(a->wanted), TASKS);
    assert_int_equal(self->group.generation, 1);
    assert_int_equal(self->group.joins, 2);
}

static void a_sync_that_never_arrived_is_sent_again_with_its_assignments(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    step(self, 0);
    step(self, 0);
    assert_int_equal(a->api, KSI_API_SYNC_GROUP);
    cut(self, 0);
    pass(self, 100);
    step(self, 0);
    assert_int_equal(count_true(a->wanted), TASKS);
    assert_int_equal(self->group.joins, 2);
}

static void an_answer_that_cannot_be_read_is_none(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    take_turn(self, 0);
    (void)ksi_classic_answered(a->member, ks_slice_cstr("no"), self->now);
    a->in_flight = false;
    take_turn(self, 0);
    assert_false(a->in_flight); /* not at once */
    run_for(self, A_WHILE_MS);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void without_answers_for_its_session_a_member_is_fenced(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    for (int i = 0; i < 6; i++) {
        pass(self, SESSION_MS / 10);
        take_turn(self, 0);
        assert_int_equal(a->status, KS_OK);
        cut(self, 0);
    }
    pass(self, SESSION_MS / 2);
    take_turn(self, 0);
    assert_int_equal(a->status, KS_E_FENCED);
    assert_int_equal(a->error.flags & KS_ERROR_RETRIABLE, 0);
    assert_non_null(strstr(a->error.message, "session.timeout.ms"));
    assert_false(is_current(self, a));
    take_turn(self, 0); /* until it begins anew */
    assert_int_equal(a->status, KS_E_FENCED);
    obey(self, 0);
    run_for(self, A_WHILE_MS);
    assert_int_equal(a->status, KS_OK);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void time_that_a_join_is_parked_does_not_count(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "late");
    options.rebalance_timeout_ms = 10 * SESSION_MS;
    classic_process *a = start_process_with(self, 0, &options);
    ksi_member_options slow_options = options;
    slow_options.session_timeout_ms = 20 * SESSION_MS;
    start_process_with(self, 1, &slow_options);
    run_for(self, 3000);
    ask_to_join(self); /* b is silent: the group waits for it */
    for (int i = 0; i < 60; i++) {
        pass(self, SESSION_MS / 10);
        take_turn(self, 0);
        deliver(self, 0);
        assert_int_equal(a->status, KS_OK);
    }
    assert_int_equal(a->api, KSI_API_JOIN_GROUP);
    assert_true(a->in_flight);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* Brings a running member to where the request in question is the next it sends. */
static void bring_to(process_fixture *self, ksi_api api)
{
    if (api == KSI_API_HEARTBEAT) {
        pass(self, HEARTBEAT_MS + 1);
        return;
    }
    ask_to_join(self);
    if (api == KSI_API_SYNC_GROUP) {
        deliver(self, 0);
    }
}

static const ksi_api requests[] = {KSI_API_JOIN_GROUP, KSI_API_SYNC_GROUP, KSI_API_HEARTBEAT};

static void an_unknown_member_is_fenced_in_every_state(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    for (size_t i = 0; i < 3; i++) {
        run_for(self, 2 * SESSION_MS);
        bring_to(self, requests[i]);
        step_into(self, 0, KSI_KAFKA_UNKNOWN_MEMBER_ID);
        assert_int_equal(a->api, requests[i]);
        assert_int_equal(a->status, KS_E_FENCED);
        assert_false(is_current(self, a));
        obey(self, 0);
        run_for(self, 3 * SESSION_MS); /* its former self has to go first */
        assert_int_equal(count_true(a->runs), TASKS);
    }
}

static void an_unknown_member_with_nothing_to_lose_just_joins_again(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    step(self, 0);
    step_into(self, 0, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(a->status, KS_OK);
    run_for(self, 3 * SESSION_MS);
    assert_int_equal(count_true(a->runs), TASKS);
}

/* ---- doubt ----------------------------------------------------------------------------------- */

static void doubt(process_fixture *self, size_t number)
{
    ksi_classic_doubt(self->processes[number].member, self->now);
    assert_int_equal(ksi_classic_next_ms(self->processes[number].member), self->now);
    take_turn(self, number);
    assert_true(self->processes[number].view.is_in_doubt);
}

static void a_member_in_doubt_asks_at_once_and_is_sure_when_it_is_known(void **state)
{
    static const int16_t codes[] = {KSI_KAFKA_NONE, KSI_KAFKA_REBALANCE_IN_PROGRESS,
                                    KSI_KAFKA_ILLEGAL_GENERATION};
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    for (size_t i = 0; i < 3; i++) {
        run_for(self, 2 * SESSION_MS);
        pass(self, 1);
        take_turn(self, 0);
        deliver(self, 0);
        take_turn(self, 0);
        assert_false(a->in_flight);
        uint64_t epoch = a->view.epoch;
        doubt(self, 0);
        assert_int_equal(a->api, KSI_API_HEARTBEAT);
        step_into(self, 0, codes[i]);
        assert_false(a->view.is_in_doubt);
        assert_int_equal(a->view.epoch, epoch);
        assert_int_equal(count_true(a->wanted), TASKS);
    }
}

static void a_member_in_doubt_that_is_not_known_is_fenced_at_once(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    doubt(self, 0);
    step_into(self, 0, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    assert_int_equal(a->status, KS_E_FENCED);
    obey(self, 0);
    take_turn(self, 0);
    assert_int_equal(a->status, KS_OK);
    assert_false(a->view.is_in_doubt); /* it knows, and has nothing */
}

static void an_answer_to_what_was_asked_before_the_doubt_does_not_end_it(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    pass(self, HEARTBEAT_MS + 1);
    take_turn(self, 0);
    deliver(self, 0);
    assert_int_equal(a->api, KSI_API_HEARTBEAT);
    ksi_classic_doubt(a->member, self->now);
    take_turn(self, 0);
    assert_true(a->view.is_in_doubt);
    assert_true(a->in_flight); /* the next one, at the same moment */
    assert_int_equal(a->api, KSI_API_HEARTBEAT);
    step(self, 0);
    assert_false(a->view.is_in_doubt);
}

static void doubt_lasts_until_somebody_who_knows_answers(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    doubt(self, 0);
    cut(self, 0);
    take_turn(self, 0);
    assert_true(a->view.is_in_doubt);
    assert_false(a->in_flight); /* not in a tight loop */
    pass(self, HEARTBEAT_MS);
    take_turn(self, 0);
    step_into(self, 0, KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    assert_true(a->view.is_in_doubt);
    pass(self, HEARTBEAT_MS);
    step(self, 0);
    assert_false(a->view.is_in_doubt);
}

static void a_doubt_in_a_rebalance_ends_with_it(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    ask_to_join(self);
    ksi_classic_doubt(a->member, self->now);
    deliver(self, 0);
    take_turn(self, 0);
    assert_true(a->view.is_in_doubt);
    assert_int_equal(a->api, KSI_API_SYNC_GROUP);
    step(self, 0);
    assert_false(a->view.is_in_doubt);
    assert_int_equal(count_true(a->wanted), TASKS);
}

static void another_generation_means_to_join_again_with_all_tasks(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    for (size_t i = 1; i < 3; i++) {
        run_for(self, 2 * SESSION_MS);
        int rebalances = self->group.rebalances;
        bring_to(self, requests[i]);
        step_into(self, 0, KSI_KAFKA_ILLEGAL_GENERATION);
        assert_int_equal(a->api, KSI_API_JOIN_GROUP);
        assert_int_equal(a->status, KS_OK);
        assert_int_equal(count_true(a->wanted), TASKS);
        run_for(self, A_WHILE_MS);
        assert_true(self->group.rebalances > rebalances);
        assert_int_equal(count_true(a->runs), TASKS);
    }
}

static void a_coordinator_that_moves_or_loads_is_asked_again(void **state)
{
    static const int16_t codes[] = {KSI_KAFKA_NOT_COORDINATOR, KSI_KAFKA_COORDINATOR_NOT_AVAILABLE,
                                    KSI_KAFKA_COORDINATOR_LOAD_IN_PROGRESS};
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    for (size_t i = 0; i < 9; i++) {
        ksi_api api = requests[i % 3];
        run_for(self, A_WHILE_MS);
        bring_to(self, api);
        step_into(self, 0, codes[i / 3]);
        assert_int_equal(a->status, KS_OK);
        assert_int_equal(a->api, api);
        assert_true(a->in_flight); /* the same again: the link looks for the coordinator first */
        run_for(self, A_WHILE_MS);
        assert_int_equal(count_true(a->runs), TASKS);
    }
}

static void a_second_process_of_an_instance_ends_the_first_for_good(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    classic_process *a = start_process_with(self, 0, &options);
    run_for(self, A_WHILE_MS);
    classic_process *b = start_process_with(self, 1, &options);
    step(self, 1);
    step(self, 1);
    assert_int_equal(count_true(b->wanted), TASKS);
    pass(self, HEARTBEAT_MS + 1);
    step(self, 0);
    assert_int_equal(a->status, KS_E_STATE);
    assert_int_equal(a->error.flags & (KS_ERROR_RETRIABLE | KS_ERROR_FATAL), KS_ERROR_FATAL);
    assert_non_null(strstr(a->error.message, "another process has the same group.instance.id"));
    assert_false(is_current(self, a));
    assert_true(is_current(self, b));
}

static void what_the_group_refuses_is_an_error_that_stays(void **state)
{
    static const int16_t codes[] = {KSI_KAFKA_GROUP_AUTHORIZATION_FAILED,
                                    KSI_KAFKA_GROUP_MAX_SIZE_REACHED,
                                    KSI_KAFKA_INVALID_SESSION_TIMEOUT};
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    for (size_t i = 0; i < 3; i++) {
        step_into(self, 0, codes[i]);
        ks_status status = a->status;
        assert_int_not_equal(status, KS_OK);
        assert_int_not_equal(status, KS_E_FENCED);
        assert_int_equal(a->error.flags & KS_ERROR_RETRIABLE, 0);
        assert_non_null(strstr(a->error.message, ksi_kafka_code_name(codes[i])));
        pass(self, 10 * SESSION_MS);
        take_turn(self, 0);
        assert_false(a->in_flight);
        assert_int_equal(a->status, status);
        ksi_classic_rejoin(a->member, self->now);
    }
}

static void members_of_another_kind_are_waited_for(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    self->group.others_are_in = true;
    run_for(self, 30000);
    assert_int_equal(a->status, KS_OK);
    assert_true(self->group.joins < 40);
    self->group.others_are_in = false;
    run_for(self, 3000);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void members_of_another_kind_that_stay_are_an_error(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_process(self, 0);
    self->group.others_are_in = true;
    for (int i = 0; i < 70; i++) {
        pass(self, 1000);
        step(self, 0);
    }
    assert_int_equal(a->status, KS_E_STATE);
    assert_non_null(strstr(a->error.message, "choose another application.id"));
}

static void a_member_with_other_tasks_is_refused_and_the_group_goes_on(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    ksi_member_options options = process_options(self, "odd");
    options.task_count = TASKS - 1;
    classic_process *b = start_process_with(self, 1, &options);
    for (int i = 0; i < 100 && b->status == KS_OK; i++) {
        pass(self, 20);
        step(self, 0);
        deliver(self, 0);
        step(self, 1);
        deliver(self, 1);
    }
    assert_int_equal(b->status, KS_E_TOPOLOGY);
    assert_non_null(strstr(b->error.message, "task 1_5 is in the group"));
    assert_non_null(strstr(b->error.message, "odd"));
    stop_process(self, 1);
    run_for(self, A_WHILE_MS);
    assert_int_equal(a->status, KS_OK);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void a_newcomer_that_leads_refuses_itself_and_not_the_group(void **state)
{
    process_fixture *self = *state;
    classic_process *a = start_alone(self);
    ksi_member_options options = process_options(self, "odd");
    options.task_count = TASKS - 1;
    classic_process *b = start_process_with(self, 1, &options);
    step(self, 1);
    deliver(self, 1);
    (void)snprintf(self->group.leader, sizeof self->group.leader, "member-2");
    for (int i = 0; i < 100 && b->status == KS_OK; i++) {
        pass(self, 20);
        step(self, 0);
        deliver(self, 0);
        step(self, 1);
        deliver(self, 1);
    }
    assert_int_equal(b->status, KS_E_TOPOLOGY);
    assert_int_equal(a->status, KS_OK);
    assert_int_equal(count_true(a->wanted), TASKS);
}

/* ---- static members -------------------------------------------------------------------------- */

static void a_static_member_that_restarts_in_time_gets_the_same_without_a_rebalance(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    classic_process *a = start_process_with(self, 0, &options);
    start_process(self, 1);
    run_for(self, 3000);
    bool before[TASKS];
    memcpy(before, a->runs, sizeof before);
    int rebalances = self->group.rebalances;
    stop_process(self, 0); /* it says nothing */
    run_for(self, SESSION_MS / 2);
    a = start_process_with(self, 0, &options);
    run_for(self, 3000);
    assert_memory_equal(a->runs, before, sizeof before);
    assert_int_equal(self->group.rebalances, rebalances);
    assert_one_owner_each(self);
}

static void a_static_leader_that_restarts_assigns_nothing(void **state)
{
    static const unsigned char no_assignments[] = {1, 0}; /* and no tagged fields */
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    classic_process *a = start_process_with(self, 0, &options);
    start_process(self, 1);
    run_for(self, 3000);
    assert_string_equal(self->group.leader, ksi_classic_generation(a->member).member);
    stop_process(self, 0);
    a = start_process_with(self, 0, &options);
    step(self, 0);
    assert_int_equal(a->api, KSI_API_SYNC_GROUP);
    assert_string_equal(self->group.leader, ksi_classic_generation(a->member).member);
    assert_true(a->request.size > sizeof no_assignments);
    assert_memory_equal(a->request.data + a->request.size - sizeof no_assignments, no_assignments,
                        sizeof no_assignments);
    int rebalances = self->group.rebalances;
    classic_process *c = start_process(self, 2); /* now there is something to assign */
    run_for(self, 3000);
    assert_true(self->group.rebalances > rebalances);
    assert_int_equal(count_true(c->runs), TASKS / 3);
    assert_one_owner_each(self);
}

static void a_static_member_that_restarts_with_tasks_to_give_up_gives_them_up(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    classic_process *a = start_process_with(self, 0, &options);
    run_for(self, A_WHILE_MS);
    classic_process *b = start_process(self, 1);
    for (int i = 0; i < 100 && count_true(a->wanted) == TASKS; i++) {
        pass(self, 20);
        for (size_t p = 0; p < 2; p++) {
            step(self, p);
            deliver(self, p);
        }
    }
    assert_int_equal(count_true(b->wanted), 0);
    kill_process(self, 0); /* before it has given anything up */
    start_process_with(self, 0, &options);
    run_for(self, SESSION_MS / 2);
    assert_one_owner_each(self);
}

static void a_static_member_that_restarts_with_more_tasks_gets_them_all(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    options.task_count = TASKS - 2;
    start_process_with(self, 0, &options);
    run_for(self, A_WHILE_MS);
    stop_process(self, 0);
    options.task_count = TASKS;
    classic_process *a = start_process_with(self, 0, &options);
    run_for(self, A_WHILE_MS);
    assert_int_equal(count_true(a->runs), TASKS);
}

static void a_static_member_that_missed_a_rebalance_has_lost_its_tasks(void **state)
{
    process_fixture *self = *state;
    ksi_member_options options = process_options(self, "static");
    options.instance_id = "i1";
    options.session_timeout_ms = 20 * SESSION_MS;
    classic_process *a = start_process_with(self, 0, &options);
    run_for(self, A_WHILE_MS);
    start_process(self, 1);
    for (int i = 0; i < 200; i++) { /* a is silent; the group keeps it, and goes on without it */
        pass(self, 20);
        step(self, 1);
        deliver(self, 1);
    }
    assert_true(self->group.generation > ksi_classic_generation(a->member).number);
    for (int i = 0; i < 20 && a->status == KS_OK; i++) {
        pass(self, HEARTBEAT_MS);
        step(self, 0);
        deliver(self, 0);
        step(self, 1);
        deliver(self, 1);
        assert_one_owner_at_most(self);
    }
    assert_int_equal(a->status, KS_E_FENCED);
    obey(self, 0);
    run_for(self, 3000);
    assert_one_owner_each(self);
}

#define ON_PROCESSES(test) \
    cmocka_unit_test_setup_teardown(test, set_up_processes, tear_down_processes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PROCESSES(a_member_joins_with_the_id_it_is_given_and_gets_every_task),
        ON_PROCESSES(tools_see_topics_and_the_partitions_of_tasks_that_run),
        ON_PROCESSES(the_second_member_gets_its_half_when_the_first_has_given_it_up),
        ON_PROCESSES(what_is_awaited_does_not_wait_for_a_heartbeat_of_the_usual_pace),
        ON_PROCESSES(one_slow_task_keeps_nobody_elses_waiting),
        ON_PROCESSES(a_settled_group_sends_no_more_joins),
        ON_PROCESSES(threads_are_the_weight_of_a_member),
        ON_PROCESSES(threads_that_come_or_go_count_from_the_next_rebalance),
        ON_PROCESSES(a_member_without_threads_gives_its_tasks_away_at_once),
        ON_PROCESSES(state_on_the_disk_wins_a_task_back),
        ON_PROCESSES(standbys_are_with_the_member_that_does_not_run_the_task),
        ON_PROCESSES(a_member_that_leaves_is_not_waited_for),
        ON_PROCESSES(a_member_that_vanishes_is_waited_for_until_its_session_is_over),
        ON_PROCESSES(any_member_may_lead_next_and_moves_no_task_for_it),
        ON_PROCESSES(shut_down_reaches_every_member),
        ON_PROCESSES(a_join_whose_answer_is_lost_is_sent_again),
        ON_PROCESSES(a_sync_whose_answer_is_lost_is_sent_again_without_a_join),
        ON_PROCESSES(a_sync_that_never_arrived_is_sent_again_with_its_assignments),
        ON_PROCESSES(an_answer_that_cannot_be_read_is_none),
        ON_PROCESSES(without_answers_for_its_session_a_member_is_fenced),
        ON_PROCESSES(time_that_a_join_is_parked_does_not_count),
        ON_PROCESSES(an_unknown_member_is_fenced_in_every_state),
        ON_PROCESSES(an_unknown_member_with_nothing_to_lose_just_joins_again),
        ON_PROCESSES(a_member_in_doubt_asks_at_once_and_is_sure_when_it_is_known),
        ON_PROCESSES(a_member_in_doubt_that_is_not_known_is_fenced_at_once),
        ON_PROCESSES(an_answer_to_what_was_asked_before_the_doubt_does_not_end_it),
        ON_PROCESSES(doubt_lasts_until_somebody_who_knows_answers),
        ON_PROCESSES(a_doubt_in_a_rebalance_ends_with_it),
        ON_PROCESSES(another_generation_means_to_join_again_with_all_tasks),
        ON_PROCESSES(a_coordinator_that_moves_or_loads_is_asked_again),
        ON_PROCESSES(a_second_process_of_an_instance_ends_the_first_for_good),
        ON_PROCESSES(what_the_group_refuses_is_an_error_that_stays),
        ON_PROCESSES(members_of_another_kind_are_waited_for),
        ON_PROCESSES(members_of_another_kind_that_stay_are_an_error),
        ON_PROCESSES(a_member_with_other_tasks_is_refused_and_the_group_goes_on),
        ON_PROCESSES(a_newcomer_that_leads_refuses_itself_and_not_the_group),
        ON_PROCESSES(a_static_member_that_restarts_in_time_gets_the_same_without_a_rebalance),
        ON_PROCESSES(a_static_leader_that_restarts_assigns_nothing),
        ON_PROCESSES(a_static_member_that_restarts_with_tasks_to_give_up_gives_them_up),
        ON_PROCESSES(a_static_member_that_restarts_with_more_tasks_gets_them_all),
        ON_PROCESSES(a_static_member_that_missed_a_rebalance_has_lost_its_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
