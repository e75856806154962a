/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_error_handlers.c - results that the log refuses: done again from the last commit, or the end
 * of the application; and what no handler is asked about. The program's handlers and what they are
 * told stand in tests/api/test_handlers.c.
 *
 * The log is the one in memory; the `send` of its producers is replaced, so that a test says which
 * result is refused and how.
 */
#include "log_fixture.h"

#include "base/error.h"
#include "runtime/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

/* ---- a log that refuses ---------------------------------------------------------------------- */

static struct {
    const char *topic; /* whose records are refused */
    atomic_int refuse; /* how many more */
    atomic_int behind; /* after so many were taken */
    uint32_t flags;    /* of the error */
    ks_status code;
    atomic_int asked; /* handlers of the program */
    ks_failure_answer answer;
    ksi_transport_class transport_class;
    const ksi_transport_class *real_transport;
    ksi_producer_class producer_class;
    const ksi_producer_class *real_producer;
} fake;

static ks_status send(ksi_producer *producer, uint32_t sender, const char *topic,
                      const ks_log_record *record, ks_error *error)
{
    if (strstr(topic, fake.topic) != NULL && atomic_fetch_sub(&fake.behind, 1) <= 0 &&
        atomic_fetch_sub(&fake.refuse, 1) > 0) {
        (void)ksi_error_set(error, fake.code, topic, "the test refuses this record");
        return ksi_error_flag(error, fake.flags);
    }
    return fake.real_producer->send(producer, sender, topic, record, error);
}

static ksi_producer *open_producer(ksi_transport *transport, const ksi_producer_options *options,
                                   ks_error *error)
{
    ksi_producer *producer = fake.real_transport->open_producer(transport, options, error);
    if (producer != NULL) {
        fake.real_producer = producer->class;
        fake.producer_class = *producer->class;
        fake.producer_class.send = send;
        producer->class = &fake.producer_class;
    }
    return producer;
}

static void refuse(ks_log *log, const char *topic, int count, ks_status code, uint32_t flags)
{
    ksi_transport *transport = ksi_log_transport(log);
    memset(&fake, 0, sizeof fake);
    fake.topic = topic;
    fake.refuse = count;
    fake.code = code;
    fake.flags = flags;
    fake.real_transport = transport->class;
    fake.transport_class = *transport->class;
    fake.transport_class.open_producer = open_producer;
    transport->class = &fake.transport_class;
    transport->class->release(transport);
}

static ks_failure_answer answer(const ks_failure *failure, void *user)
{
    (void)user;
    assert_int_equal(failure->stage, KS_FAILURE_SENDING);
    assert_non_null(failure->output);
    atomic_fetch_add(&fake.asked, 1);
    return fake.answer;
}

static ks_uncaught_answer never_asked(const ks_error *error, void *user)
{
    (void)user;
    fail_msg("asked about: %s", error->message);
    return KS_SHUTDOWN_CLIENT;
}

/* ---- an application on it -------------------------------------------------------------------- */

typedef struct rig {
    ks_log *log;
    ks_config *config;
    ks_topology *topology;
    ks_app *app;
    ks_error error;
} rig;

/* Three records in "in": k:a k:b k:c. */
static void begin(rig *self, ks_topology *topology, const char *guarantee)
{
    *self = (rig){.log = log_open(), .config = config_of("handlers"), .topology = topology};
    config_put(self->config, "processing.guarantee", guarantee);
    config_put(self->config, "errors.dead.letter.queue.topic.name", "dlq");
    log_create(self->log, "in", 1);
    log_create(self->log, "out", 1);
    log_create(self->log, "dlq", 1);
    log_produce(self->log, "in", 0, 1, "k:a");
    log_produce(self->log, "in", 0, 2, "k:b");
    log_produce(self->log, "in", 0, 3, "k:c");
}

static void start(rig *self, const ks_app_options *options)
{
    self->app = ks_app_new(self->topology, self->config, options, &self->error);
    assert_ok(self->app != NULL ? KS_OK : self->error.code, &self->error);
    assert_ok(ks_app_start(self->app, &self->error), &self->error);
}

static void end(rig *self)
{
    ks_app_free(self->app);
    ks_log_free(self->log);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_result_that_may_succeed_later_is_done_again_from_the_last_commit(void **state)
{
    (void)state;
    rig self;
    char text[200];
    begin(&self, counting(), "exactly_once_v2");
    refuse(self.log, "out", 2, KS_E_IO, KS_ERROR_RETRIABLE);
    start(&self, KS_APP_OPTIONS(.log = self.log, .uncaught_error = never_asked));
    assert_ok(ks_app_wait_until_caught_up(self.app, -1, &self.error), &self.error);
    assert_ok(ks_app_close(self.app, -1, &self.error), &self.error);
    assert_int_equal(ks_app_state_of(self.app), KS_APP_NOT_RUNNING);
    assert_true(atomic_load(&fake.refuse) <= 0);
    (void)log_values(self.log, "out", text, sizeof text);
    assert_string_equal(text + strlen(text) - 2, "3 "); /* nothing is counted twice */
    assert_int_equal(log_count(self.log, "dlq"), 0);
    assert_int_equal(ks_app_dropped_records(self.app, KS_DROP_PRODUCTION), 0);
    end(&self);
}

static void a_result_that_never_will_ends_the_application_whatever_asks_for_another_try(
    void **state)
{
    (void)state;
    rig self;
    begin(&self, passing(), "at_least_once");
    refuse(self.log, "out", 1000, KS_E_LIMIT, 0);
    fake.answer = KS_FAILURE_RETRY;
    start(&self, KS_APP_OPTIONS(.log = self.log, .production_handler = answer));
    assert_int_equal(ks_app_wait_until_caught_up(self.app, -1, &self.error), KS_E_LIMIT);
    assert_int_equal(atomic_load(&fake.asked), 1);
    end(&self);
}

static void a_lost_producer_and_a_changelog_are_nobody_s_question(void **state)
{
    (void)state;
    rig self;
    begin(&self, passing(), "at_least_once");
    refuse(self.log, "out", 1000, KS_E_LIMIT, KS_ERROR_FATAL);
    fake.answer = KS_FAILURE_CONTINUE;
    start(&self, KS_APP_OPTIONS(.log = self.log, .production_handler = answer));
    assert_int_equal(ks_app_wait_until_caught_up(self.app, -1, &self.error), KS_E_LIMIT);
    assert_int_equal(atomic_load(&fake.asked), 0);
    end(&self);

    begin(&self, counting(), "at_least_once");
    refuse(self.log, "changelog", 1000, KS_E_LIMIT, 0);
    fake.answer = KS_FAILURE_CONTINUE;
    start(&self, KS_APP_OPTIONS(.log = self.log, .production_handler = answer));
    assert_int_equal(ks_app_wait_until_caught_up(self.app, -1, &self.error), KS_E_PROCESSOR_STATE);
    assert_non_null(strstr(self.error.where, "handlers-counted-changelog"));
    assert_int_equal(atomic_load(&fake.asked), 0);
    end(&self);
}

static void a_result_that_is_left_out_leaves_the_others(void **state)
{
    (void)state;
    rig self;
    char text[200];
    begin(&self, passing(), "at_least_once");
    refuse(self.log, "out", 1, KS_E_LIMIT, 0);
    fake.behind = 1;
    fake.answer = KS_FAILURE_CONTINUE;
    start(&self, KS_APP_OPTIONS(.log = self.log, .production_handler = answer));
    assert_ok(ks_app_wait_until_caught_up(self.app, -1, &self.error), &self.error);
    assert_ok(ks_app_close(self.app, -1, &self.error), &self.error);
    assert_string_equal(log_values(self.log, "out", text, sizeof text), "a c ");
    assert_int_equal(log_count(self.log, "dlq"), 1);
    assert_int_equal(ks_app_dropped_records(self.app, KS_DROP_PRODUCTION), 1);
    end(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_that_may_succeed_later_is_done_again_from_the_last_commit),
        cmocka_unit_test(
            a_result_that_never_will_ends_the_application_whatever_asks_for_another_try),
        cmocka_unit_test(a_lost_producer_and_a_changelog_are_nobody_s_question),
        cmocka_unit_test(a_result_that_is_left_out_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
