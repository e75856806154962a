/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.c - an application: checked, started, watched, closed. @java KafkaStreams
 *
 * Starting happens in the caller's thread, up to the point where records flow: assignment, internal
 * topics, tasks. So a missing topic or a serde that nobody named is the answer of ks_app_start()
 * and not a line in a log. Only restoring is left to the threads.
 *
 * Ending has one way. Whoever wants the end (close, a failed thread) asks every thread to stop;
 * each ends by itself, and the last one leaves the group and makes the last step of the state.
 * Joining them is left to close and free, which wait for that step first.
 *
 * Failure. The first failing thread's error is kept. Its tasks commit nothing; the other threads
 * commit and close as at any end, which is what Java does under SHUTDOWN_CLIENT.
 *
 * State on disk is the application's: taken before the first task is made, given back when the last
 * thread has ended, whatever the reason.
 *
 * Caught up. One thread's answer is outdated when another sends to a repartition topic it reads. So
 * all are asked twice: when every one says yes both times, by the same end offsets, then between
 * the two rounds nothing was left anywhere, because end offsets and committed offsets only grow. A
 * commit may be 30 s away; while somebody waits, a thread that runs out of work commits at once.
 *
 * Lock order: the application's lock, then the log's or the logger's. No thread takes it while it
 * holds one of those.
 *
 * Thread rule: any thread, as <kstreams/app.h> says.
 */
#include "runtime/app.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "runtime/internal_topics.h"

#include <unistd.h>

/* ---- making ---------------------------------------------------------------------------------- */

void ks_app_options_init(ks_app_options *options)
{
    *options = (ks_app_options){.head.struct_size = sizeof *options};
}

static ks_status check_needed(const ks_config *config, const char *name, const char *what,
                              ks_error *error)
{
    const char *text = ksi_config_text(config, name);
    if (text == NULL || text[0] == '\0') {
        return ksi_error_set(error, KS_E_CONFIG, name, "the property is missing; set it to %s",
                             what);
    }
    return KS_OK;
}

/*
 * To Kafka the id is a group, and those are free text. But it begins the name of every repartition
 * and changelog topic, so one that is no part of a topic's name would fail late, by a topic that
 * the program never wrote down.
 */
static ks_status check_application_id(const ks_config *config, ks_error *error)
{
    const char *id = ksi_config_text(config, "application.id");
    ks_error reason = {0};
    if (ksi_topic_name_check(id, &reason) != KS_OK) {
        return ksi_error_set(error, KS_E_CONFIG, "application.id",
                             "\"%.80s\" begins the names of internal topics, so their rule holds "
                             "for it: %s",
                             id, reason.message);
    }
    return KS_OK;
}

/* Java takes any text and fails at the first dead letter, when the record it is about is lost. */
static ks_status check_dead_letters(const ks_config *config, ks_error *error)
{
    static const char *name = "errors.dead.letter.queue.topic.name";
    const char *topic = ksi_config_text(config, name);
    ks_error reason = {0};
    if (topic != NULL && ksi_topic_name_check(topic, &reason) != KS_OK) {
        return ksi_error_set(error, KS_E_CONFIG, name, "\"%s\" is no name of a topic: %s", topic,
                             reason.message);
    }
    return KS_OK;
}

static ks_status check_config(const ks_config *config, ks_error *error)
{
    KS_TRY(check_needed(config, "application.id", "the name of the application", error));
    KS_TRY(check_application_id(config, error));
    KS_TRY(check_needed(config, "bootstrap.servers",
                        "where the topics are; \"embedded:\" is a log in this process", error));
    KS_TRY(check_dead_letters(config, error));
    return ksi_config_validate(config, error);
}

/* Far above what helps; makes a typing error a message instead of a machine without memory. */
enum { MOST_THREADS = 10000 };

static ks_status check_threads(int32_t threads, ks_error *error)
{
    if (threads < 0 || threads > MOST_THREADS) {
        return ksi_error_set(error, KS_E_CONFIG, "num.stream.threads",
                             "%d threads; give from 1 to %d", (int)threads, MOST_THREADS);
    }
    return KS_OK;
}

/* @java TopologyMetadata#getNumStreamThreads */
static ks_status check_topology(const ks_topology *topology, const ks_config *config,
                                ks_error *error)
{
    if (topology == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "topology", "must not be NULL");
    }
    bool has_source = false;
    for (size_t i = 0; i < topology->node_count; i++) {
        has_source = has_source || topology->nodes[i]->kind == KSI_NODE_SOURCE;
    }
    int32_t threads = ksi_config_i32(config, "num.stream.threads");
    KS_TRY(check_threads(threads, error));
    if (!has_source || threads == 0) {
        return ksi_error_set(error, KS_E_TOPOLOGY, "topology",
                             "Topology has no stream threads and no global threads, must subscribe "
                             "to at least one source topic or global table.%s",
                             has_source ? " num.stream.threads is 0: give 1 or more." : "");
    }
    return KS_OK;
}

static void log_notice(const char *name, const char *message, void *user)
{
    ks_app *app = user;
    ksi_log(&app->logger, KS_LOG_LEVEL_WARN, name, "%s", message);
}

/* The log it works on: the one given, or the one the properties name. */
static ks_status open_transport(ks_app *app, ks_log *given, ks_error *error)
{
    if (given != NULL) {
        app->transport = ksi_log_transport(given);
        return KS_OK;
    }
    ks_error reason = {0};
    bool syncs = strcmp(ksi_config_choice(app->config, "embedded.sync"), "commit") == 0;
    ks_log *log = ks_log_open_with(ksi_config_text(app->config, "bootstrap.servers"),
                                   KS_LOG_OPTIONS(.sync_commits = syncs), &reason);
    if (log == NULL) {
        if (error != NULL) {
            *error = reason;
        }
        return reason.code;
    }
    app->transport = ksi_log_transport(log);
    ks_log_free(log);
    return KS_OK;
}

ks_app *ksi_app_new(const ks_topology *topology, const ks_config *config,
                    const ks_app_options *options, ksi_clock *clock, ks_error *error)
{
    const ks_app_options none = {0};
    const ks_app_options *how = options != NULL ? options : &none;
    ks_app *app = ksi_calloc(1, sizeof *app);
    app->topology = topology;
    app->config = ksi_config_copy(config);
    app->application_id = ksi_config_text(app->config, "application.id");
    const char *client_id = ksi_config_text(app->config, "client.id");
    app->name = client_id != NULL && client_id[0] != '\0' ? client_id : app->application_id;
    app->clock = clock;
    app->listener = how->state_listener;
    app->rocksdb_config = how->rocksdb_config;
    app->user = how->user;
    app->wake_fd = -1;
    atomic_init(&app->state, KS_APP_CREATED);
    atomic_init(&app->waiters, 0);
    ksi_logger_init(&app->logger, how->log_line, how->user, KS_LOG_LEVEL_INFO);
    ksi_mutex_init(&app->lock);
    ksi_condition_init(&app->changed);
    if (check_config(app->config, error) != KS_OK ||
        check_topology(topology, app->config, error) != KS_OK ||
        open_transport(app, how->log, error) != KS_OK) {
        ks_app_free(app);
        return NULL;
    }
    ksi_config_each_notice(app->config, log_notice, app);
    return app;
}

ks_app *ks_app_new(const ks_topology *topology, const ks_config *config,
                   const ks_app_options *options, ks_error *error)
{
    return ksi_app_new(topology, config, options, &ksi_system_clock, error);
}

/* ---- what the threads tell ------------------------------------------------------------------- */

static void stop_threads(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_stop(app->threads[i]);
    }
}

static void remember_failure(ks_app *app, const ks_error *failure)
{
    if (!app->failed) {
        app->failed = true;
        app->failure = *failure;
    }
}

/* Writes out and gives back what is on disk. */
static void close_state(ks_app *app)
{
    ks_error refused = {0};
    if (app->failed) {
        (void)ksi_local_state_failed(app->local_state, &app->failure);
    }
    if (ksi_local_state_close(app->local_state, &refused) != KS_OK) {
        ksi_error_prefix(&refused, "closing the local state; what was committed comes back from "
                                   "the changelogs: ");
        char text[sizeof refused + 64];
        ksi_log(&app->logger, KS_LOG_LEVEL_ERROR, app->name, "%s",
                ks_error_text(&refused, text, sizeof text));
        remember_failure(app, &refused);
    }
    app->local_state = NULL;
}

/* The last step, when no thread is left. */
static void end(ks_app *app)
{
    close_state(app);
    if (app->is_member) {
        app->transport->class->leave(app->transport, app->application_id);
        app->is_member = false;
    }
    (void)ksi_app_set_state(app, ks_app_state_of(app) == KS_APP_PENDING_ERROR ? KS_APP_ERROR
                                                                              : KS_APP_NOT_RUNNING);
    if (app->wake_fd >= 0) {
        ssize_t written = write(app->wake_fd, "", 1);
        (void)written; /* a full pipe wakes its reader as well */
    }
}

static void on_ready(void *owner)
{
    ks_app *app = owner;
    ksi_mutex_lock(&app->lock);
    app->restoring--;
    if (app->restoring == 0) {
        (void)ksi_app_set_state(app, KS_APP_RUNNING);
        ksi_local_state_log_memory(app->local_state, "when running");
    }
    ksi_mutex_unlock(&app->lock);
}

static void on_idle(void *owner)
{
    ks_app *app = owner;
    if (atomic_load(&app->waiters) > 0) {
        ksi_mutex_lock(&app->lock);
        ksi_condition_wake_all(&app->changed);
        ksi_mutex_unlock(&app->lock);
    }
}

static void on_ended(void *owner, const ks_error *failure)
{
    ks_app *app = owner;
    ksi_mutex_lock(&app->lock);
    if (failure != NULL) {
        char text[sizeof *failure + 64];
        ksi_log(&app->logger, KS_LOG_LEVEL_ERROR, app->name, "the application stops: %s",
                ks_error_text(failure, text, sizeof text));
        remember_failure(app, failure);
        (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
        stop_threads(app);
    }
    app->live--;
    if (app->live == 0) {
        end(app);
    }
    ksi_mutex_unlock(&app->lock);
}

/* The application whose stream thread this is: it must not wait for its own end. */
static _Thread_local const ks_app *app_of_this_thread;

ks_status ksi_app_check_may_wait(const ks_app *app, const char *call, ks_error *error)
{
    if (app_of_this_thread == app) {
        return ksi_error_set(error, KS_E_STATE, app->application_id,
                             "%s was called by a callback of the application, which would wait for "
                             "itself; call it in a thread of the program (to ask for the end only, "
                             "ks_app_close() with a timeout of 0 will do)",
                             call);
    }
    return KS_OK;
}

static void thread_body(void *user)
{
    ksi_stream_thread *thread = user;
    ks_app *app = ksi_stream_thread_owner(thread);
    app_of_this_thread = app;
    const ksi_stream_thread_events events = {
        .ready = on_ready, .idle = on_idle, .ended = on_ended, .owner = app};
    ksi_stream_thread_run(thread, &events);
}

/* ---- starting -------------------------------------------------------------------------------- */

static ks_status make_thread(ks_app *app, size_t number, size_t count, ks_error *error)
{
    int64_t cache_bytes = ksi_config_cache_max_bytes(app->config);
    ksi_buffer name = {0};
    ksi_buffer_appendf(&name, "%s-StreamThread-%zu", app->name, number);
    const ksi_stream_thread_options options = {
        .name = ksi_buffer_cstr(&name),
        .owner = app,
        .topology = app->topology,
        .config = app->config,
        .application_id = app->application_id,
        .transport = app->transport,
        .assignment = &app->assignment,
        .clock = app->clock,
        .logger = &app->logger,
        .state = app->local_state,
        .cache_bytes = cache_bytes > 0 ? cache_bytes / (int64_t)count : -1,
        .waiters = &app->waiters};
    ksi_stream_thread *thread = ksi_stream_thread_new(&options, error);
    ksi_buffer_destroy(&name);
    if (thread == NULL) {
        return ksi_error_flag(error, 0); /* as the transport said */
    }
    app->threads[app->thread_count++] = thread;
    return KS_OK;
}

static ks_status make_threads(ks_app *app, ks_error *error)
{
    size_t count = (size_t)ksi_config_i32(app->config, "num.stream.threads");
    app->threads = ksi_calloc(count, sizeof(ksi_stream_thread *));
    app->natives = ksi_calloc(count, sizeof *app->natives);
    for (size_t i = 0; i < count; i++) {
        KS_TRY(make_thread(app, i + 1, count, error));
    }
    return KS_OK;
}

/* How many stores on disk the tasks will have. */
static size_t count_stores_on_disk(const ks_app *app)
{
    size_t count = 0;
    for (size_t t = 0; t < app->assignment.task_count; t++) {
        for (size_t i = 0; i < app->topology->store_count; i++) {
            const ksi_topology_store *store = &app->topology->stores[i];
            count += store->subtopology == app->assignment.tasks[t].subtopology &&
                     ksi_local_state_keeps(&store->spec);
        }
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

static ks_status make_tasks(ks_app *app, ks_error *error)
{
    KS_TRY(open_state(app, error));
    KS_TRY(make_threads(app, error));
    for (size_t i = 0; i < app->assignment.task_count; i++) {
        ksi_stream_thread *thread = app->threads[i % app->thread_count];
        KS_TRY(ksi_stream_thread_add_task(thread, app->assignment.tasks[i], error));
    }
    return KS_OK;
}

/* The opposite, before a thread was started. */
static void drop_tasks(ks_app *app)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_free(app->threads[i]);
    }
    ksi_free(app->threads);
    ksi_free(app->natives);
    app->threads = NULL;
    app->natives = NULL;
    app->thread_count = 0;
}

/*
 * A database may open and not read all the same, which its stores find out. Then it is set aside,
 * as one that does not open, and the tasks are made on a new one.
 */
static ks_status make_tasks_on_good_state(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    ks_status status = make_tasks(app, &reason);
    if (status != KS_OK && ksi_local_state_failed(app->local_state, &reason)) {
        drop_tasks(app);
        ksi_local_state *broken = app->local_state;
        app->local_state = NULL;
        KS_TRY(ksi_local_state_close(broken, error));
        return make_tasks(app, error);
    }
    if (status != KS_OK) {
        *error = reason;
    }
    return status;
}

/* All that can fail before a thread runs. */
static ks_status prepare(ks_app *app, ks_error *error)
{
    const ksi_assignment_options options = {.topology = app->topology,
                                            .application_id = app->application_id,
                                            .transport = app->transport,
                                            .logger = &app->logger};
    KS_TRY(app->transport->class->join(app->transport, app->application_id, error));
    app->is_member = true;
    KS_TRY(ksi_assignment_make(&app->assignment, &options, error));
    KS_TRY(ksi_internal_topics_make_ready(&app->assignment, app->transport, &app->logger, error));
    return make_tasks_on_good_state(app, error);
}

static ks_status start_threads(ks_app *app, ks_error *error)
{
    app->restoring = app->thread_count;
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread *thread = app->threads[i];
        int reason = ksi_thread_start(&app->natives[i], "stream-thread", thread_body, thread);
        if (reason != 0) {
            return ksi_error_set(error, KS_E_IO, ksi_stream_thread_name(thread),
                                 "the thread could not be started: %s", strerror(reason));
        }
        app->live++;
    }
    return KS_OK;
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
        status = start_threads(app, &reason);
    }
    if (status == KS_OK) {
        return KS_OK;
    }
    remember_failure(app, &reason);
    if (error != NULL) {
        *error = reason;
    }
    (void)ksi_app_set_state(app, KS_APP_PENDING_ERROR);
    stop_threads(app);
    /* The lock is held, so none of those that were started has ended. */
    for (size_t i = app->live; i < app->thread_count; i++) {
        ksi_stream_thread_abandon(app->threads[i]);
    }
    if (app->live == 0) {
        end(app);
    }
    return status;
}

ks_status ks_app_start(ks_app *app, ks_error *error)
{
    ksi_mutex_lock(&app->lock);
    ks_status status = start_locked(app, error);
    ksi_mutex_unlock(&app->lock);
    return status;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* People wait in the time of the machine, whatever clock the application goes by. */
static int64_t machine_ms(void)
{
    return ksi_system_clock.monotonic_ns(&ksi_system_clock) / 1000000;
}

/* Waits for `changed` until the deadline (negative: for ever); false when it has passed. */
static bool wait_for_change(ks_app *app, int64_t deadline_ms)
{
    if (deadline_ms < 0) {
        ksi_condition_wait(&app->changed, &app->lock);
        return true;
    }
    int64_t left = deadline_ms - machine_ms();
    if (left <= 0) {
        return false;
    }
    (void)ksi_condition_wait_for(&app->changed, &app->lock, left);
    return true;
}

/* Negative: none. A timeout longer than the clock counts is none, too. */
static int64_t deadline_of(int64_t timeout_ms)
{
    int64_t now_ms = machine_ms();
    return timeout_ms < 0 || timeout_ms > INT64_MAX - now_ms ? -1 : now_ms + timeout_ms;
}

static bool all_caught_up(const ks_app *app, uint64_t *ends)
{
    for (size_t i = 0; i < app->thread_count; i++) {
        if (!ksi_stream_thread_caught_up(app->threads[i], ends)) {
            return false;
        }
    }
    return true;
}

static bool caught_up(const ks_app *app)
{
    uint64_t first = 0;
    uint64_t second = 0;
    return ks_app_state_of(app) == KS_APP_RUNNING && all_caught_up(app, &first) &&
           all_caught_up(app, &second) && first == second;
}

/* The error that stopped the application, or that it is not running at all. */
static ks_status stopped(const ks_app *app, ks_app_state state, ks_error *error)
{
    if (app->failed) {
        if (error != NULL) {
            *error = app->failure;
        }
        return app->failure.code;
    }
    return ksi_error_set(error, KS_E_STATE, app->application_id,
                         "the application is %s; only a running one catches up",
                         ks_app_state_name(state));
}

static ks_status wait_locked(ks_app *app, int64_t deadline_ms, ks_error *error)
{
    for (;;) {
        ks_app_state state = ks_app_state_of(app);
        if (state != KS_APP_REBALANCING && state != KS_APP_RUNNING &&
            state != KS_APP_PENDING_ERROR) {
            return stopped(app, state, error);
        }
        if (caught_up(app)) {
            return KS_OK;
        }
        if (!wait_for_change(app, deadline_ms)) {
            return ksi_error_set(error, KS_E_TIMEOUT, app->application_id,
                                 "the application has not caught up with its input topics in the "
                                 "time given; it goes on");
        }
    }
}

ks_status ks_app_wait_until_caught_up(ks_app *app, int64_t timeout_ms, ks_error *error)
{
    KS_TRY(ksi_app_check_may_wait(app, "ks_app_wait_until_caught_up()", error));
    int64_t deadline_ms = deadline_of(timeout_ms);
    ksi_mutex_lock(&app->lock);
    atomic_fetch_add(&app->waiters, 1);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_wake(app->threads[i]);
    }
    ks_status status = wait_locked(app, deadline_ms, error);
    atomic_fetch_sub(&app->waiters, 1);
    ksi_mutex_unlock(&app->lock);
    return status;
}

ks_app_stats ks_app_stats_of(ks_app *app)
{
    ks_app_stats all = {0};
    ksi_mutex_lock(&app->lock);
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_stats one = ksi_stream_thread_stats_of(app->threads[i]);
        all.records_processed += one.processed;
        all.records_produced += one.sent;
        all.records_dropped += one.dropped;
        all.commits += one.commits;
        all.records_behind += one.behind;
    }
    ksi_mutex_unlock(&app->lock);
    return all;
}

ks_app_memory ks_app_memory_of(ks_app *app)
{
    ksi_mutex_lock(&app->lock);
    ks_app_memory memory = ksi_local_state_memory(app->local_state);
    ksi_mutex_unlock(&app->lock);
    return memory;
}

/* ---- closing --------------------------------------------------------------------------------- */

static ks_status close_locked(ks_app *app, int64_t deadline_ms, ks_error *error)
{
    if (ksi_app_set_state(app, KS_APP_PENDING_SHUTDOWN)) {
        ksi_local_state_log_memory(app->local_state, "when closing");
        stop_threads(app);
        if (app->live == 0) {
            end(app);
        }
    }
    while (!ksi_app_has_ended(app)) {
        if (!wait_for_change(app, deadline_ms)) {
            return ksi_error_set(error, KS_E_TIMEOUT, app->application_id,
                                 "the application has not closed in the time given; it goes on "
                                 "closing, and may be closed again to wait longer");
        }
    }
    /* An ended thread has given the lock back for good, so it can be joined under it. */
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_thread_join(&app->natives[i]);
    }
    if (app->failed && ks_app_state_of(app) == KS_APP_NOT_RUNNING) {
        return stopped(app, KS_APP_NOT_RUNNING, error); /* the commit of the closing failed */
    }
    return KS_OK;
}

ks_status ks_app_close(ks_app *app, int64_t timeout_ms, ks_error *error)
{
    if (timeout_ms != 0) {
        KS_TRY(ksi_app_check_may_wait(app, "ks_app_close()", error));
    }
    int64_t deadline_ms = deadline_of(timeout_ms);
    ksi_mutex_lock(&app->lock);
    ks_status status = close_locked(app, deadline_ms, error);
    ksi_mutex_unlock(&app->lock);
    return status;
}

void ks_app_free(ks_app *app)
{
    if (app == NULL) {
        return;
    }
    KSI_CHECK(app_of_this_thread != app); /* a callback cannot free the application it runs in */
    if (app->thread_count > 0) {
        ks_status status = ks_app_close(app, -1, NULL);
        (void)status; /* nobody to tell: a failure was logged when it happened */
    }
    for (size_t i = 0; i < app->thread_count; i++) {
        ksi_stream_thread_free(app->threads[i]);
    }
    ksi_free(app->threads);
    ksi_free(app->natives);
    ksi_assignment_destroy(&app->assignment);
    if (app->transport != NULL) {
        app->transport->class->release(app->transport);
    }
    ksi_logger_destroy(&app->logger);
    ksi_condition_destroy(&app->changed);
    ksi_mutex_destroy(&app->lock);
    ks_config_free(app->config);
    ksi_free(app);
}
