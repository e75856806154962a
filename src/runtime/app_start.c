/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_start.c - an application is started: assignment, topics, state, threads, group, workers.
 *
 * Starting happens in the caller's thread, as far as anything can fail that the program can mend: a
 * missing topic, a serde that nobody named, a directory that another process has. That is the
 * answer of ks_app_start() and not a line in a log. To find the second, one task of each
 * sub-topology is made on empty stores, and closed again.
 *
 * A cluster that is just starting, or is just losing a broker, answers what passes: that is waited
 * for, as long as default.api.timeout.ms allows, and is no answer of ks_app_start(). Nobody waits
 * for an application that is stepped by hand; whoever steps it may start another.
 *
 * A database may open and not read all the same, which its stores find out. So they are opened
 * once, and a database that turns out broken is set aside like one that does not open.
 *
 * Thread rule: the caller of ks_app_start(), with the application's lock held.
 */
#include "runtime/app.h"

#include "base/error.h"
#include "base/memory.h"
#include "config/clients.h"
#include "config/config.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a start puts up with a log that does not answer: Java's default.api.timeout.ms. */
#define MOST_STARTING_MS 60000

/* ---- state on disk --------------------------------------------------------------------------- */

/*
 * How many stores on disk the tasks have, and the global ones; with a pattern, tasks may come that
 * are not there now.
 */
static size_t count_stores_on_disk(const ks_app *app)
{
    size_t count = 0;
    for (size_t i = 0; i < app->topology->store_count; i++) {
        const ksi_topology_store *store = &app->topology->stores[i];
        size_t tasks = (size_t)ksi_assignment_task_count(&app->assignment, store->subtopology);
        if (store->is_global || (tasks == 0 && ksi_app_has_patterns(app))) {
            tasks = 1;
        }
        count += ksi_local_state_keeps(&store->spec) ? tasks : 0;
    }
    return count;
}

static ks_status open_state(ks_app *app, ks_error *error)
{
    const ksi_local_state_options options = {.topology = app->topology,
                                             .config = app->config,
                                             .application_id = app->application_id,
                                             .row_stores = count_stores_on_disk(app),
                                             .rocksdb_config = app->rocksdb_config,
                                             .user = app->user,
                                             .clock = app->clock,
                                             .logger = &app->logger};
    if (options.row_stores == 0) {
        return KS_OK;
    }
    app->local_state = ksi_local_state_open(&options, error);
    return app->local_state != NULL ? KS_OK : ksi_error_flag(error, 0); /* as the state said */
}

static ks_status look_at_rows(ks_app *app, ksi_task_id id, ks_error *error)
{
    const ksi_task_rows_options options = {.topology = app->topology,
                                           .id = id,
                                           .application_id = app->application_id,
                                           .state = app->local_state};
    ksi_task_rows *rows = ksi_task_rows_open(&options, error);
    if (rows == NULL) {
        return ksi_error_flag(error, 0); /* as the disk said */
    }
    if (ksi_task_rows_have_state(rows) && id.subtopology != KSI_GLOBAL_STORES) {
        app->states[app->state_count++] =
            (ksi_task_state){.id = id, .offsets = ksi_task_rows_offsets(rows)};
    }
    ksi_task_rows_close(rows);
    return KS_OK;
}

/* Those of tasks that may never come here, too. */
ks_status ksi_app_look_at_state(ks_app *app, ks_error *error)
{
    ksi_free(app->states);
    app->states = ksi_calloc(app->assignment.task_count + 1, sizeof *app->states);
    app->state_count = 0;
    if (app->local_state == NULL) {
        return KS_OK;
    }
    for (size_t i = 0; i < app->assignment.task_count; i++) {
        KS_TRY(look_at_rows(app, app->assignment.tasks[i], error));
    }
    return KS_OK;
}

/* Whether the stores read. */
static ks_status look_at_all(ks_app *app, ks_error *error)
{
    KS_TRY(ksi_app_look_at_state(app, error));
    return app->local_state != NULL
               ? look_at_rows(app, (ksi_task_id){.subtopology = KSI_GLOBAL_STORES}, error)
               : KS_OK;
}

static ks_status open_good_state(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    KS_TRY(open_state(app, error));
    ks_status status = look_at_all(app, &reason);
    if (status != KS_OK && ksi_local_state_failed(app->local_state, &reason)) {
        ksi_local_state *broken = app->local_state;
        app->local_state = NULL;
        app->state_count = 0;
        KS_TRY(ksi_local_state_close(broken, error));
        return open_state(app, error);
    }
    if (status != KS_OK) {
        *error = reason;
    }
    return status;
}

/*
 * Where there is a state directory the process is known by the same id after a restart: the group
 * may give it back what it has, and its transactional ids end what the one before left open.
 */
static ks_status keep_process_id(ks_app *app, ks_error *error)
{
    char id[KSI_PROCESS_ID_SIZE];
    if (app->local_state == NULL || app->has_own_id) {
        return KS_OK;
    }
    KS_TRY(ksi_local_state_process_id(app->local_state, app->process_id, id, error));
    memcpy(app->process_id, id, sizeof id);
    return KS_OK;
}

/* ---- a look at the tasks --------------------------------------------------------------------- */

/* What the tasks under trial write to and read, which is nothing. */
typedef struct trial {
    ksi_producer *producer;
    ksi_task_rows *global_rows;
} trial;

static ks_status try_task(ks_app *app, const trial *with, int subtopology, ks_error *error)
{
    const ksi_task_options options = {.topology = app->topology,
                                      .subtopology = subtopology,
                                      .config = app->config,
                                      .application_id = app->application_id,
                                      .producer = with->producer,
                                      .global_rows = with->global_rows,
                                      .clock = app->clock,
                                      .logger = &app->logger,
                                      .matched_topics = app->assignment.matched_topics,
                                      .matched_topic_count = app->assignment.matched_topic_count};
    ksi_task *task = ksi_task_new(&options, error);
    if (task == NULL) {
        ksi_error_prefix(error, "starting task %d_0: ", subtopology);
        return ksi_error_flag(error, 0);
    }
    ksi_task_free(task);
    return KS_OK;
}

static ks_status try_each(ks_app *app, const trial *with, ks_error *error)
{
    int last = -1;
    for (size_t i = 0; i < app->assignment.task_count; i++) {
        int subtopology = app->assignment.tasks[i].subtopology;
        if (subtopology != last) {
            KS_TRY(try_task(app, with, subtopology, error));
        }
        last = subtopology;
    }
    return KS_OK;
}

static ks_status try_tasks(ks_app *app, ks_error *error)
{
    const ksi_task_rows_options in_memory = {.topology = app->topology,
                                             .id = {.subtopology = KSI_GLOBAL_STORES},
                                             .application_id = app->application_id};
    ksi_transport *transport = app->transport;
    trial with = {.global_rows = ksi_task_rows_open(&in_memory, error)};
    if (with.global_rows != NULL) {
        with.producer = transport->class->open_producer(transport, NULL, error);
    }
    ks_status status = with.producer != NULL ? try_each(app, &with, error)
                                             : ksi_error_flag(error, 0); /* as it was said */
    if (with.producer != NULL) {
        with.producer->class->close(with.producer);
    }
    ksi_task_rows_close(with.global_rows);
    return status;
}

/* ---- the group ------------------------------------------------------------------------------- */

static int64_t consumer_ms(const ks_app *app, const char *property)
{
    return ksi_config_client_i64(app->config, KSI_CLIENT_MAIN_CONSUMER, property);
}

static bool has_changelog(const ks_app *app, int subtopology)
{
    for (size_t i = 0; i < app->topology->store_count; i++) {
        const ksi_topology_store *store = &app->topology->stores[i];
        if (store->subtopology == subtopology && ksi_topology_store_has_changelog(store)) {
            return true;
        }
    }
    return false;
}

static int compare_inputs(const void *a, const void *b)
{
    const ksi_group_input *left = a;
    const ksi_group_input *right = b;
    return left->subtopology != right->subtopology
               ? (left->subtopology > right->subtopology ? 1 : -1)
               : strcmp(left->topic, right->topic);
}

/* What the tasks read, in the group's order; to be freed. */
static ksi_group_input *list_inputs(const ksi_assignment *assignment, size_t *count)
{
    ksi_group_input *inputs = ksi_calloc(assignment->input_count + 1, sizeof *inputs);
    *count = 0;
    for (size_t i = 0; i < assignment->input_count; i++) {
        const ksi_assigned_input *input = &assignment->inputs[i];
        if (!input->source->is_global) {
            inputs[(*count)++] = (ksi_group_input){.subtopology = input->source->subtopology,
                                                   .topic = input->topic,
                                                   .partitions = input->partitions};
        }
    }
    qsort(inputs, *count, sizeof *inputs, compare_inputs);
    return inputs;
}

static ksi_group_task *list_tasks(const ks_app *app)
{
    const ksi_assignment *assignment = &app->assignment;
    ksi_group_task *tasks = ksi_calloc(assignment->task_count + 1, sizeof *tasks);
    for (size_t i = 0; i < assignment->task_count; i++) {
        ksi_task_id id = assignment->tasks[i];
        tasks[i] = (ksi_group_task){.id = id, .stateful = has_changelog(app, id.subtopology)};
    }
    return tasks;
}

/* A text that is not set is none. */
static const char *text_or_none(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

ks_status ksi_app_join_group(ks_app *app, ks_error *error)
{
    size_t input_count = 0;
    ksi_group_input *inputs = list_inputs(&app->assignment, &input_count);
    ksi_group_task *tasks = list_tasks(app);
    app->max_poll_interval_ms = consumer_ms(app, "max.poll.interval.ms");
    const ksi_member_options options = {
        .group = app->application_id,
        .instance_id = text_or_none(
            ksi_config_client(app->config, KSI_CLIENT_MAIN_CONSUMER, "group.instance.id")),
        .endpoint = text_or_none(ksi_config_text(app->config, "application.server")),
        .process_id = app->process_id,
        .client_id = app->name,
        .capacity = (int32_t)ksi_app_working_threads(app),
        .standbys = ksi_config_i32(app->config, "num.standby.replicas"),
        .session_timeout_ms = consumer_ms(app, "session.timeout.ms"),
        .heartbeat_interval_ms = consumer_ms(app, "heartbeat.interval.ms"),
        .rebalance_timeout_ms = app->max_poll_interval_ms,
        .inputs = inputs,
        .input_count = input_count,
        .tasks = tasks,
        .task_count = app->assignment.task_count,
        .states = app->states,
        .state_count = app->state_count};
    app->membership =
        app->transport->class->join(app->transport, &options, ksi_monotonic_ms(app->clock), error);
    ksi_free(inputs);
    ksi_free(tasks);
    return app->membership != NULL ? KS_OK : ksi_error_flag(error, 0); /* as the group said */
}

/* ---- workers --------------------------------------------------------------------------------- */

static void task_restored(void *owner, ksi_task_handle *task)
{
    ksi_app_post(owner, KSI_APP_RETURNED, task);
}

static ks_status make_restorer(ks_app *app, ks_error *error)
{
    const ksi_restorer_options options = {.name = app->name,
                                          .transport = app->transport,
                                          .clock = app->clock,
                                          .logger = &app->logger,
                                          .task_timeout_ms = app->puts_up.timeout_ms,
                                          .events = {.returned = task_restored, .owner = app},
                                          .listener = app->restore_listener,
                                          .user = app->user};
    app->restorer = ksi_restorer_new(&options, error);
    return app->restorer != NULL ? KS_OK : ksi_error_flag(error, 0); /* as the transport said */
}

static bool step_restorer(ks_app *app, bool *progressed)
{
    if (ksi_restorer_is_stopping(app->restorer)) {
        ksi_restorer_finish(app->restorer);
        ksi_app_post(app, KSI_APP_RESTORED_ALL, NULL);
        *progressed = true;
        return false;
    }
    ksi_restorer_step(app->restorer, progressed);
    return true;
}

static void restorer_body(void *user)
{
    ks_app *app = user;
    bool progressed = false;
    ksi_app_enter_thread(app);
    while (step_restorer(app, &progressed)) {
        if (!progressed) {
            ksi_restorer_wait(app->restorer);
        }
    }
}

static void supervisor_body(void *user)
{
    ks_app *app = user;
    bool progressed = false;
    ksi_app_enter_thread(app);
    while (ksi_app_supervise(app, &progressed)) {
        if (!progressed) {
            ksi_app_wait_supervisor(app);
        }
    }
}

static ks_status start_worker(ks_app *app, ksi_thread *native, const char *name,
                              ksi_thread_fn *body, ks_error *error)
{
    int reason = app->is_manual ? 0 : ksi_thread_start(native, name, body, app);
    if (reason != 0) {
        return ksi_error_set(error, KS_E_IO, name, "the thread could not be started: %s",
                             strerror(reason));
    }
    return KS_OK;
}

/* ---- starting -------------------------------------------------------------------------------- */

static ks_status make_threads(ks_app *app, ks_error *error)
{
    int32_t count = ksi_config_i32(app->config, "num.stream.threads");
    for (int32_t i = 0; i < count; i++) {
        KS_TRY(ksi_app_add_thread(app, error));
    }
    return KS_OK;
}

static int64_t start_timeout_ms(const ks_app *app)
{
    const char *text = ksi_config_client(app->config, KSI_CLIENT_ADMIN, "default.api.timeout.ms");
    int64_t timeout_ms = 0;
    return text != NULL && ksi_value_i64(text, &timeout_ms) ? timeout_ms : MOST_STARTING_MS;
}

/*
 * A log that answered when it was opened may fall silent: brokers go and come. A start puts up with
 * that for a while; the program waits for it, so not for as long as a running task.
 */
static ks_status find_topics(ks_app *app, ks_error *error)
{
    const struct timespec turn = {.tv_nsec = KSI_BACKOFF_MS * 1000 * 1000};
    const int64_t end_ms = ksi_monotonic_ms(app->clock) + start_timeout_ms(app);
    for (;;) {
        ks_error reason;
        ksi_error_begin(&reason);
        ks_status status = ksi_app_find_topics(app, &reason);
        if (status == KS_OK) {
            ksi_patience_settle(&app->patience);
            return KS_OK;
        }
        bool may_wait =
            ksi_is_retriable(&reason) && !app->is_manual && ksi_monotonic_ms(app->clock) < end_ms;
        if (!may_wait || ksi_patience_fail(&app->patience, &reason, &reason) != KS_OK) {
            *error = reason;
            return reason.code;
        }
        ksi_assignment_destroy(&app->assignment);
        (void)nanosleep(&turn, NULL);
    }
}

/* All that can fail before a worker runs. */
static ks_status prepare(ks_app *app, ks_error *error)
{
    KS_TRY(find_topics(app, error));
    KS_TRY(try_tasks(app, error));
    KS_TRY(open_good_state(app, error));
    KS_TRY(keep_process_id(app, error));
    KS_TRY(ksi_app_make_global(app, error));
    KS_TRY(make_restorer(app, error));
    KS_TRY(make_threads(app, error));
    ksi_app_looked_at_topics(app);
    return ksi_app_join_group(app, error);
}

static ks_status start_workers(ks_app *app, ks_error *error)
{
    app->has_workers = true;
    ksi_app_share_cache(app);
    for (size_t i = 0; i < app->thread_count; i++) {
        KS_TRY(ksi_app_start_native(app, app->threads[i], error));
    }
    KS_TRY(ksi_app_start_global(app, error));
    KS_TRY(start_worker(app, &app->restorer_native, "restorer", restorer_body, error));
    return start_worker(app, &app->supervisor_native, "supervisor", supervisor_body, error);
}

/*
 * A start that failed: whatever runs already has nothing to do yet and ends by itself; then the
 * rest is the supervisor's, which never ran.
 */
static void call_off(ks_app *app)
{
    (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
    ksi_app_begin_end(app);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_thread_join(&app->threads[i]->native);
        app->threads[i]->has_ended = true;
    }
    if (app->restorer != NULL) {
        ksi_restorer_stop(app->restorer);
        ksi_thread_join(&app->restorer_native);
    }
    app->restorer_has_ended = true;
    if (app->global != NULL) {
        ksi_global_thread_stop(app->global);
        ksi_thread_join(&app->global_native);
    }
    app->global_has_ended = true;
    ksi_app_end(app);
}

/*
 * The lock is held throughout: a thread that is ready, and a close, wait until the start is over.
 */
static ks_status start_locked(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    if (!ksi_app_set_state(app, KS_APP_REBALANCING)) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "an application is started once; this one is %s. Make a new one",
                             ks_app_state_name(ks_app_state_of(app)));
    }
    ks_status status = prepare(app, &reason);
    if (status == KS_OK) {
        status = start_workers(app, &reason);
    }
    if (status == KS_OK) {
        return KS_OK;
    }
    ksi_app_remember_failure(app, &reason);
    if (error != NULL) {
        *error = reason;
    }
    call_off(app);
    return status;
}

ks_status ks_app_start(ks_app *app, ks_error *error)
{
    KS_TRY(ksi_app_check_given(app, error));
    ksi_mutex_lock(&app->lock);
    ks_status status = start_locked(app, error);
    ksi_mutex_unlock(&app->lock);
    return status;
}

/* ---- stepping by hand ------------------------------------------------------------------------ */

/* The numbers of workers stay as they are while stream threads come. */
static size_t first_thread(const ks_app *app)
{
    return app->global != NULL ? 3 : 2;
}

size_t ksi_app_worker_count(const ks_app *app)
{
    return first_thread(app) + app->thread_count;
}

/* Ended, as it says itself when its end is still in the mail. */
static bool step_global(ks_app *app, bool *progressed)
{
    if (app->global_has_ended || app->global_has_said_so) {
        return false;
    }
    bool goes_on = ksi_app_step_global(app, progressed);
    app->global_has_said_so = !goes_on;
    return goes_on;
}

bool ksi_app_step_worker(ks_app *app, size_t worker, bool *progressed)
{
    *progressed = false;
    if (worker == 0) {
        return !ksi_app_has_ended(app) && ksi_app_supervise(app, progressed);
    }
    if (worker == 1) {
        return !app->restorer_has_ended && step_restorer(app, progressed);
    }
    if (worker == 2 && app->global != NULL) {
        return step_global(app, progressed);
    }
    ksi_app_thread *slot = app->threads[worker - first_thread(app)];
    if (slot->has_ended || slot->has_said_so) {
        return false;
    }
    bool goes_on = ksi_app_step_thread(slot, progressed);
    slot->has_said_so = !goes_on;
    return goes_on;
}
