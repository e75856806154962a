/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_refusals.c - results that a log does not take: refused long after they were sent, or not
 * accepted while others wait for the stores of the task.
 */
#include "faulty_log.h"

#include "base/thread.h"
#include "runtime/patience.h"
#include "state/store_lock.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- refused after it was sent --------------------------------------------------------------- */

static struct {
    ks_failure_answer answer;
    int asked;
    char about[FAULTY_TEXT_SIZE];
} handler;

static ks_failure_answer on_production(const ks_failure *failure, void *user)
{
    (void)user;
    handler.asked++;
    (void)snprintf(handler.about, sizeof handler.about, "%s %s %s %d %.*s", failure->task_id,
                   failure->node, failure->output_topic, (int)failure->output->partition,
                   (int)failure->output->value.size, failure->output->value.data);
    return handler.answer;
}

static thread_rig *rig_with_handler(ks_log *log, ks_topology *topology, ks_failure_answer answer)
{
    thread_rig *rig = faulty_rig_new(log, topology, false);
    memset(&handler, 0, sizeof handler);
    handler.answer = answer;
    rig->failure.production = on_production;
    return rig;
}

static void a_result_refused_later_may_be_left_out(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = rig_with_handler(log, passing(), KS_FAILURE_CONTINUE);
    config_put(rig->config, "errors.dead.letter.queue.topic.name", "letters");
    rig_open(rig);
    faults.bad_topic = "out";
    faults.code = KS_E_LIMIT;
    faulty_log_produce(log, "a:1");
    rig_pass_ms(rig, 101);
    assert_int_equal(handler.asked, 1);
    assert_non_null(strstr(handler.about, "0_0 "));
    assert_non_null(strstr(handler.about, " out 0 bad"));
    assert_int_equal(ksi_stream_thread_stats_of(rig->thread).dropped_by[KS_DROP_PRODUCTION], 1);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    faulty_log_expect(log, "letters", "bad ");
    faulty_rig_free(rig, log);
}

static void a_result_refused_later_may_fail_the_thread(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = rig_with_handler(log, passing(), KS_FAILURE_FAIL);
    ks_error error = {0};
    bool progressed = false;
    rig_open(rig);
    faults.bad_topic = "out";
    faults.code = KS_E_LIMIT;
    faulty_log_produce(log, "a:1");
    assert_true(rig_step(rig));
    rig->clock.now_ms += 101;
    assert_int_equal(ksi_stream_thread_step(rig->thread, &progressed, &error), KS_E_LIMIT);
    assert_int_equal(handler.asked, 1); /* and not again for whoever found it out */
    assert_non_null(strstr(error.message, "task 0_0 for topic out, partition 0"));
    assert_non_null(strstr(error.message, "too large"));
    faulty_rig_free(rig, log);
}

/* The thread has given its tasks back as they were at the last commit; now nothing is bad. */
static void expect_it_is_done_again(thread_rig *rig, ks_log *log)
{
    assert_int_equal(rig->returned_clean, 0);
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    faults.bad_topic = NULL;
    faults.out = NO_CALL;
    faulty_rig_give_again(rig);
    rig_pass_ms(rig, KSI_BACKOFF_MS);
    rig_pass_ms(rig, 101);
    assert_int_equal(log_committed(log, "app", "in", 0), 1);
    faulty_log_expect(log, "out", "1 ");
}

static void a_result_refused_later_may_be_asked_for_once_more(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = rig_with_handler(log, passing(), KS_FAILURE_RETRY);
    rig_open(rig);
    faults.bad_topic = "out";
    faults.refusal = KS_ERROR_RETRIABLE;
    faulty_log_produce(log, "a:1");
    rig_pass_ms(rig, 101);
    assert_int_equal(handler.asked, 1);
    assert_non_null(strstr(handler.about, " out 0 bad"));
    assert_int_equal(ksi_stream_thread_stats_of(rig->thread).dropped_by[KS_DROP_PRODUCTION], 0);
    expect_it_is_done_again(rig, log);
    assert_int_equal(handler.asked, 1);
    faulty_rig_free(rig, log);
}

static void once_more_is_no_answer_to_what_is_refused_for_good(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = rig_with_handler(log, passing(), KS_FAILURE_RETRY);
    ks_error error = {0};
    bool progressed = false;
    rig_open(rig);
    faults.bad_topic = "out";
    faults.code = KS_E_LIMIT;
    faulty_log_produce(log, "a:1");
    assert_true(rig_step(rig));
    rig->clock.now_ms += 101;
    assert_int_equal(ksi_stream_thread_step(rig->thread, &progressed, &error), KS_E_LIMIT);
    assert_int_equal(handler.asked, 1);
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    faulty_rig_free(rig, log);
}

static void a_row_of_a_changelog_that_is_refused_is_asked_about_by_nobody(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = rig_with_handler(log, counting(), KS_FAILURE_CONTINUE);
    ks_error error = {0};
    bool progressed = false;
    rig_open(rig);
    faults.bad_topic = "app-counted-changelog";
    faults.code = KS_E_LIMIT;
    faulty_log_produce(log, "a:1");
    assert_true(rig_step(rig));
    rig->clock.now_ms += 101;
    assert_int_equal(ksi_stream_thread_step(rig->thread, &progressed, &error), KS_E_LIMIT);
    assert_int_equal(handler.asked, 0);
    assert_string_equal(error.where, "app-counted-changelog");
    assert_int_equal(log_committed(log, "app", "in", 0), -1);
    faulty_rig_free(rig, log);
}

/* ---- an outage beside readers ---------------------------------------------------------------- */

/* Somebody who asks for the stores of the task while a record of it is being sent. */
static struct {
    ksi_store_lock *lock;
    ksi_thread native;
    bool is_started;
    bool thread_came_back; /* to the lock, while the reader had it */
} reader;

static void read_stores(void *user)
{
    (void)user;
    ksi_store_lock_enter(reader.lock);
    while (!ksi_store_lock_is_wanted(reader.lock)) {
        (void)sched_yield();
    }
    reader.thread_came_back = true;
    ksi_store_lock_leave(reader.lock);
}

/* Until the reader waits for the lock, which the thread has for its batch. */
static void send_beside_reader(void)
{
    if (reader.is_started) {
        return;
    }
    reader.is_started = true;
    assert_true(ksi_store_lock_is_mine(reader.lock));
    assert_int_equal(ksi_thread_start(&reader.native, "reader", read_stores, NULL), 0);
    while (!ksi_store_lock_is_wanted(reader.lock)) {
        (void)sched_yield();
    }
}

static void who_waits_for_the_stores_gets_them_when_a_record_cannot_be_sent(void **state)
{
    (void)state;
    ks_log *log = faulty_log_open();
    thread_rig *rig = faulty_rig_new(log, passing(), false);
    rig_open(rig);
    memset(&reader, 0, sizeof reader);
    reader.lock = rig->tasks[0].rows->lock;
    faults.on_send = send_beside_reader;
    faults.out = SEND;
    faulty_log_produce(log, "a:1");
    assert_true(rig_step(rig)); /* it goes back, for which it needs the lock itself */
    ksi_thread_join(&reader.native);
    assert_true(reader.thread_came_back);
    assert_int_equal(faults.asked, 1);
    expect_it_is_done_again(rig, log);
    faulty_rig_free(rig, log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_refused_later_may_be_left_out),
        cmocka_unit_test(a_result_refused_later_may_fail_the_thread),
        cmocka_unit_test(a_result_refused_later_may_be_asked_for_once_more),
        cmocka_unit_test(once_more_is_no_answer_to_what_is_refused_for_good),
        cmocka_unit_test(a_row_of_a_changelog_that_is_refused_is_asked_about_by_nobody),
        cmocka_unit_test(who_waits_for_the_stores_gets_them_when_a_record_cannot_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
