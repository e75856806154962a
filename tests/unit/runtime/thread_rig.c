/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_rig.c - see thread_rig.h.
 */
#include "thread_rig.h"

#include "config/config.h"
#include "runtime/internal_topics.h"
#include "runtime/stream_thread_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- what is told ---------------------------------------------------------------------------- */

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    thread_rig *rig = user;
    (void)level;
    (void)where;
    if (strstr(message, "was wiped") != NULL) {
        (void)snprintf(rig->wiped, sizeof rig->wiped, "%s", message);
    } else if (strstr(message, "the log does not answer") != NULL) {
        rig->outages++;
    } else if (strstr(message, "the log answers again") != NULL) {
        rig->outages_over++;
    } else if (strstr(message, "restored store") != NULL) {
        (void)snprintf(rig->restored_line, sizeof rig->restored_line, "%s", message);
    } else if (strstr(message, "waits for the end of a transaction") != NULL) {
        rig->held_up++;
        (void)snprintf(rig->held_up_line, sizeof rig->held_up_line, "%s", message);
    }
}

static void on_restored(void *owner, ksi_task_handle *task)
{
    thread_rig *rig = owner;
    assert_ok(task->failure.code, &task->failure);
    rig->restored += task->is_restored;
    task->place = KSI_AT_SUPERVISOR;
}

static void on_taken(void *owner, ksi_task_handle *task)
{
    ((thread_rig *)owner)->taken++;
    task->is_running = true;
}

static void on_returned(void *owner, ksi_task_handle *task)
{
    thread_rig *rig = owner;
    rig->returned++;
    rig->returned_clean += task->is_clean;
    task->place = KSI_AT_SUPERVISOR;
    task->is_running = false;
}

static void on_missing(void *owner)
{
    ((thread_rig *)owner)->missing++;
}

static void on_fenced(void *owner)
{
    ((thread_rig *)owner)->fenced++;
}

static void on_idle(void *owner)
{
    ((thread_rig *)owner)->idle++;
}

/* ---- made and freed -------------------------------------------------------------------------- */

static void join_group(thread_rig *rig)
{
    ks_error error = {0};
    ksi_group_view view = {0};
    ksi_group_task tasks[16] = {0};
    const size_t count = rig->assignment.task_count;
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (ksi_group_task){.id = rig->assignment.tasks[i]};
    }
    const ksi_member_options options = {.group = "app",
                                        .process_id = "process",
                                        .client_id = "client",
                                        .capacity = 1,
                                        .session_timeout_ms = INT32_MAX,
                                        .tasks = tasks,
                                        .task_count = count};
    rig->membership = rig->transport->class->join(rig->transport, &options, 0, &error);
    assert_non_null(rig->membership);
    assert_ok(rig->membership->class->poll(rig->membership, 0, &view, &error), &error);
    assert_int_equal(view.active_count, count);
    ksi_group_session_init(&rig->session);
    assert_true(ksi_group_session_follow(&rig->session,
                                         rig->membership->class->generation(rig->membership)));
}

thread_rig *rig_new(ks_log *log, ks_topology *topology, ks_config *config)
{
    ks_error error = {0};
    thread_rig *rig = test_calloc(1, sizeof *rig);
    rig->log = log;
    rig->topology = topology;
    rig->config = config;
    rig->transport = ksi_log_transport(log);
    ksi_logger_init(&rig->logger, hear, rig, KS_LOG_LEVEL_INFO);
    ksi_manual_clock_init(&rig->clock, 1000000);
    const ksi_assignment_options wanted = {
        .topology = topology, .application_id = "app", .transport = rig->transport};
    assert_ok(ksi_assignment_make(&rig->assignment, &wanted, &error), &error);
    assert_ok(
        ksi_internal_topics_make_ready(&rig->assignment, rig->config, rig->transport, NULL, &error),
        &error);
    ksi_progress_init(&rig->progress, &rig->assignment);
    for (size_t i = 0; i < rig->assignment.task_count; i++) {
        ksi_progress_assign(&rig->progress, rig->assignment.tasks[i], true);
    }
    join_group(rig);
    return rig;
}

void rig_free(thread_rig *rig)
{
    if (rig->thread != NULL) {
        rig_abandon(rig);
    }
    rig->membership->class->leave(rig->membership);
    ksi_group_session_destroy(&rig->session);
    ksi_progress_destroy(&rig->progress);
    ksi_assignment_destroy(&rig->assignment);
    rig->transport->class->release(rig->transport);
    ksi_logger_destroy(&rig->logger);
    ks_topology_free(rig->topology);
    ks_config_free(rig->config);
    test_free(rig);
}

/* ---- opened and closed ----------------------------------------------------------------------- */

void rig_open_state(thread_rig *rig)
{
    ks_error error = {0};
    const ksi_local_state_options options = {.topology = rig->topology,
                                             .config = rig->config,
                                             .application_id = "app",
                                             .row_stores = 1,
                                             .clock = &rig->clock.clock,
                                             .logger = &rig->logger};
    rig->state = ksi_local_state_open(&options, &error);
    assert_ok(rig->state != NULL ? KS_OK : error.code, &error);
}

void rig_close_state(thread_rig *rig)
{
    ks_error error = {0};
    assert_ok(ksi_local_state_close(rig->state, &error), &error);
    rig->state = NULL;
}

static void open_tasks(thread_rig *rig)
{
    ks_error error = {0};
    rig->tasks = test_calloc(rig->assignment.task_count, sizeof *rig->tasks);
    for (size_t i = 0; i < rig->assignment.task_count; i++) {
        ksi_task_handle *task = &rig->tasks[i];
        const ksi_task_rows_options options = {.topology = rig->topology,
                                               .id = rig->assignment.tasks[i],
                                               .application_id = "app",
                                               .state = rig->state};
        task->id = options.id;
        task->rows = ksi_task_rows_open(&options, &error);
        assert_ok(task->rows != NULL ? KS_OK : error.code, &error);
        task->name = ksi_arena_format(&task->rows->arena, "%d_%d", task->id.subtopology,
                                      (int)task->id.partition);
        task->is_clean = true;
        task->session = ksi_group_session_number(&rig->session);
    }
}

static void open_workers(thread_rig *rig)
{
    ks_error error = {0};
    const ksi_restorer_options restoring = {.name = "restorer",
                                            .transport = rig->transport,
                                            .clock = &rig->clock.clock,
                                            .logger = &rig->logger,
                                            .task_timeout_ms = 5000,
                                            .events = {.returned = on_restored, .owner = rig}};
    int64_t cache_bytes = ksi_config_cache_max_bytes(rig->config);
    const ksi_stream_thread_options options = {.name = "thread",
                                               .transactional_id = rig->transactional_id,
                                               .topology = rig->topology,
                                               .config = rig->config,
                                               .application_id = "app",
                                               .transport = rig->transport,
                                               .assignment = &rig->assignment,
                                               .progress = &rig->progress,
                                               .session = &rig->session,
                                               .clock = &rig->clock.clock,
                                               .logger = &rig->logger,
                                               .failure = rig->failure,
                                               .keeps_state = rig->state != NULL,
                                               .cache_bytes = cache_bytes > 0 ? cache_bytes : -1,
                                               .waiters = &rig->waiters,
                                               .paused = &rig->paused,
                                               .events = {.taken = on_taken,
                                                          .returned = on_returned,
                                                          .missing = on_missing,
                                                          .fenced = on_fenced,
                                                          .idle = on_idle,
                                                          .owner = rig}};
    rig->restorer = ksi_restorer_new(&restoring, &error);
    assert_ok(rig->restorer != NULL ? KS_OK : error.code, &error);
    rig->thread = ksi_stream_thread_new(&options, &error);
    assert_ok(rig->thread != NULL ? KS_OK : error.code, &error);
}

void rig_restore(thread_rig *rig)
{
    bool progressed = true;
    for (size_t i = 0; i < rig->assignment.task_count; i++) {
        if (ksi_task_rows_are_logged(rig->tasks[i].rows) && !rig->tasks[i].is_restored) {
            rig->tasks[i].place = KSI_AT_RESTORER;
            ksi_restorer_give(rig->restorer, &rig->tasks[i]);
        }
    }
    while (progressed) {
        ksi_restorer_step(rig->restorer, &progressed);
    }
    for (size_t i = 0; i < rig->assignment.task_count; i++) {
        if (rig->tasks[i].place == KSI_AT_SUPERVISOR) {
            rig->tasks[i].place = KSI_AT_THREAD;
            ksi_stream_thread_give(rig->thread, &rig->tasks[i]);
        }
    }
}

void rig_open_unrestored(thread_rig *rig)
{
    rig->wiped[0] = '\0';
    rig->restored_line[0] = '\0';
    if (rig->keeps_state) {
        rig_open_state(rig);
    }
    open_tasks(rig);
    open_workers(rig);
}

void rig_open_unstepped(thread_rig *rig)
{
    rig_open_unrestored(rig);
    rig_restore(rig);
}

void rig_open(thread_rig *rig)
{
    rig_open_unstepped(rig);
    assert_true(rig_step(rig));
    assert_int_equal(rig->taken, rig->assignment.task_count);
    rig->taken = 0;
}

void rig_end_workers(thread_rig *rig)
{
    ksi_stream_thread_free(rig->thread);
    ksi_restorer_free(rig->restorer);
    for (size_t i = 0; i < rig->assignment.task_count; i++) {
        ksi_task_rows_close(rig->tasks[i].rows);
    }
    test_free(rig->tasks);
    rig->thread = NULL;
    rig->restorer = NULL;
    rig->tasks = NULL;
}

void rig_abandon(thread_rig *rig)
{
    rig_end_workers(rig);
    if (rig->state != NULL) {
        rig_close_state(rig);
    }
}

void rig_close(thread_rig *rig)
{
    ks_error error = {0};
    bool finished = false;
    assert_ok(ksi_stream_thread_finish(rig->thread, &finished, &error), &error);
    assert_true(finished);
    rig_abandon(rig);
}

/* ---- turns ----------------------------------------------------------------------------------- */

bool rig_step(thread_rig *rig)
{
    ks_error error = {0};
    bool progressed = false;
    assert_ok(ksi_stream_thread_step(rig->thread, &progressed, &error), &error);
    return progressed;
}

void rig_step_until_idle(thread_rig *rig)
{
    while (rig_step(rig)) {
    }
}

void rig_pass_ms(thread_rig *rig, int64_t ms)
{
    rig->clock.now_ms += ms;
    rig_step_until_idle(rig);
}

bool rig_caught_up(const thread_rig *rig)
{
    uint64_t ends = 0;
    return ksi_progress_is_caught_up(&rig->progress, rig->transport, &ends);
}

uint64_t rig_commits(const thread_rig *rig)
{
    return ksi_stream_thread_stats_of(rig->thread).commits;
}

ksi_task *rig_task(const thread_rig *rig)
{
    assert_true(rig->thread->task_count > 0);
    return rig->thread->tasks[0]->task;
}

ksi_row_store *rig_rows(const thread_rig *rig)
{
    return rig->tasks[0].rows->stores[0].rows;
}
