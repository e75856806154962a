/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_world.c - see sim_world.h.
 */
#include "sim_world.h"

#include "base/memory.h"
#include "config/config.h"
#include "runtime/local_state.h"
#include "sim_windows.h"
#include "state_dir.h"
#include "transport/embedded/embedded_log.h"
#include <kstreams/kstreams.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1700000000000)

/* ---- complaints and time --------------------------------------------------------------------- */

void sim_complain(sim_world *world, const char *format, ...)
{
    va_list arguments;
    if (world->complaint[0] != '\0') {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(world->complaint, sizeof world->complaint, format, arguments);
    va_end(arguments);
    sim_trace_add(&world->trace, "!", world->complaint, 0, 0);
}

/* Looking at the clock takes time, too: what lasts until it has moved comes to an end. */
static int64_t monotonic_ns(ksi_clock *clock)
{
    const sim_clock *own = (const sim_clock *)clock;
    sim_world *world = own->world;
    world->now_ns += 300;
    if (own->slowness_ns > 0) {
        world->now_ns += sim_random_below(&world->random, own->slowness_ns);
    }
    return world->now_ns;
}

static int64_t wall_ms(ksi_clock *clock)
{
    const sim_clock *own = (const sim_clock *)clock;
    return WALL_MS + own->world->now_ns / 1000000 + own->wall_offset_ms;
}

/* ---- the application ------------------------------------------------------------------------- */

static void set(sim_world *world, ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    if (ksi_config_set_any(config, name, value, &error) != KS_OK) {
        sim_complain(world, "%s was refused: %s", name, error.message);
    }
}

/* "i7" becomes one of a few keys, so that records of all partitions meet. */
static ks_value other_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    static const char *const names[SIM_MOST_KEYS] = {"k0", "k1", "k2", "k3",
                                                     "k4", "k5", "k6", "k7"};
    const int32_t *keys = user;
    char digits[24] = "";
    ks_slice text = ks_value_text(record->value);
    (void)ctx;
    if (text.size > 1) {
        memcpy(digits, text.data + 1, text.size - 1 < 20 ? text.size - 1 : 20);
    }
    return ks_text_of(names[strtoll(digits, NULL, 10) % *keys]);
}

static ks_pair as_a_group(ks_ctx *ctx, const ks_record *record, void *user)
{
    return (ks_pair){.key = other_key(ctx, record, user), .value = record->value};
}

static ks_table *build_table(const sim_world *world, ks_builder *builder)
{
    const ks_serde *text = &ks_serde_string;
    ks_store_type type = world->plan.is_on_disk ? KS_STORE_ROCKSDB : KS_STORE_IN_MEMORY;
    const ks_consumed *consumed = KS_CONSUMED(.key = text, .value = text);
    const ks_materialized *materialized = KS_MATERIALIZED(.name = SIM_STORE, .type = type);
    void *keys = (void *)(uintptr_t)&world->plan.keys;
    if (world->plan.kind == SIM_TABLE) {
        return ks_builder_table(builder, SIM_INPUT, consumed, materialized);
    }
    const ks_grouped *grouped = KS_GROUPED(.key = text, .value = text);
    if (world->plan.kind == SIM_GROUPS) {
        ks_table *rows =
            ks_builder_table(builder, SIM_INPUT, consumed, KS_MATERIALIZED(.type = type));
        return ks_grouped_table_count(ks_table_group_by(rows, as_a_group, keys, grouped),
                                      materialized);
    }
    ks_stream *stream = ks_builder_stream(builder, SIM_INPUT, consumed);
    ks_grouped_stream *by_key = world->plan.kind == SIM_COUNT
                                    ? ks_stream_group_by_key(stream, grouped)
                                    : ks_stream_group_by(stream, other_key, keys, grouped);
    return ks_grouped_stream_count(by_key, materialized);
}

/* Of all parts alike, when nothing of them depends on the clock. */
static void set_for_windows(sim_world *world, ks_config *config)
{
    set(world, config, "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "0");
    set(world, config, "__emit.interval.ms.kstreams.windowed.aggregation__", "0");
    set(world, config, "dsl.store.suppliers.class",
        world->plan.is_on_disk
            ? "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$RocksDBDslStoreSuppliers"
            : "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers");
}

static void build_topology(sim_world *world)
{
    ks_error error = {0};
    ks_config *config = ks_config_new();
    set(world, config, "topology.optimization",
        world->plan.reuses_input ? "reuse.ktable.source.topics" : "none");
    set_for_windows(world, config);
    ks_builder *builder = ks_builder_new(config);
    ks_config_free(config);
    if (world->plan.kind == SIM_WINDOWS) {
        windowed_app_build(builder, SIM_INPUT, world->plan.parts);
    } else {
        ks_stream_to(ks_table_to_stream(build_table(world, builder), NULL), SIM_OUTPUT, NULL);
    }
    if (world->plan.has_global) {
        ks_builder_global_table(
            builder, SIM_OUTPUT,
            KS_CONSUMED(.key = &ks_serde_string,
                        .value = world->plan.kind == SIM_TABLE ? &ks_serde_string : &ks_serde_i64),
            KS_MATERIALIZED(.name = SIM_GLOBAL, .type = world->plan.is_on_disk
                                                            ? KS_STORE_ROCKSDB
                                                            : KS_STORE_IN_MEMORY));
    }
    world->topology = ks_builder_build(builder, &error);
    ks_builder_free(builder);
    if (world->topology == NULL) {
        sim_complain(world, "the topology was refused: %s", error.message);
    }
}

static void set_number(sim_world *world, ks_config *config, const char *name, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    set(world, config, name, text);
}

static ks_config *make_config(sim_instance *instance)
{
    sim_world *world = instance->world;
    const sim_plan *plan = &world->plan;
    ks_config *config = ks_config_new();
    set(world, config, "application.id", SIM_APPLICATION);
    set(world, config, "bootstrap.servers", "embedded:");
    set(world, config, "client.id", instance->name);
    set(world, config, "processing.guarantee",
        plan->is_exact ? "exactly_once_v2" : "at_least_once");
    set_number(world, config, "num.stream.threads", plan->threads);
    set_number(world, config, "num.standby.replicas", plan->standbys);
    set_number(world, config, "commit.interval.ms", plan->commit_ms);
    set_number(world, config, "session.timeout.ms", plan->session_ms);
    set_number(world, config, "task.timeout.ms", plan->task_timeout_ms);
    set_number(world, config, "repartition.purge.interval.ms", plan->purge_ms);
    set_number(world, config, "buffered.records.per.partition", plan->buffered_records);
    set_number(world, config, "statestore.uncommitted.max.bytes", plan->uncommitted_bytes);
    set_number(world, config, "statestore.cache.max.bytes",
               plan->is_cached ? plan->cache_bytes : 0);
    set_number(world, config, "statestore.apply.interval.ms", 500);
    set_number(world, config, "producer.buffer.memory", plan->transaction_bytes);
    set_for_windows(world, config);
    if (instance->directory[0] != '\0') {
        set(world, config, "state.dir", instance->directory);
    }
    return config;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void open_log(sim_world *world)
{
    ks_error error = {0};
    world->log = ks_log_open("embedded:", &error);
    if (world->log == NULL ||
        ks_log_create_topic(world->log, SIM_INPUT, world->plan.partitions, &error) != KS_OK ||
        ks_log_create_topic(world->log, SIM_OUTPUT, 2, &error) != KS_OK) {
        sim_complain(world, "the log was refused: %s", error.message);
        return;
    }
    world->transport = ksi_log_transport(world->log);
    sim_windows_create_topics(world);
}

void sim_world_init(sim_world *world, const sim_plan *plan, faulty_sabotage sabotage, bool has_text)
{
    *world = (sim_world){.plan = *plan,
                         .sabotage = sabotage,
                         .random = {.state = plan->seed ^ UINT64_C(0x5851f42d4c957f2d)},
                         .now_ns = 1000000000};
    sim_trace_init(&world->trace, has_text);
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        sim_instance *instance = &world->instances[i];
        *instance = (sim_instance){.world = world, .number = i};
        instance->clock = (sim_clock){.clock = {.wall_ms = wall_ms, .monotonic_ns = monotonic_ns},
                                      .world = world};
        (void)snprintf(instance->process_id, sizeof instance->process_id, "process-%d", i);
    }
    build_topology(world);
    open_log(world);
}

void sim_world_destroy(sim_world *world)
{
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        sim_instance_crash(&world->instances[i]);
        sim_instance_forget(&world->instances[i]);
    }
    if (world->transport != NULL) {
        world->transport->class->release(world->transport);
    }
    ks_log_free(world->log);
    ks_topology_free(world->topology);
    ksi_free(world->inputs);
    sim_trace_destroy(&world->trace);
}

void sim_produce(sim_world *world)
{
    ks_error error = {0};
    char key[16];
    char value[32];
    if (world->plan.kind == SIM_WINDOWS) {
        sim_windows_produce(world,
                            (int32_t)sim_random_below(&world->random, world->plan.partitions), 0);
        return;
    }
    int64_t number = (int64_t)world->input_count;
    int32_t drawn = (int32_t)sim_random_below(&world->random, world->plan.keys);
    (void)snprintf(key, sizeof key, "k%d", (int)drawn);
    (void)snprintf(value, sizeof value, "i%" PRId64, number);
    const ks_log_record record = {.key = ks_slice_cstr(key),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = WALL_MS + sim_random_below(&world->random, 100000),
                                  .partition = -1};
    if (ks_log_produce(world->log, SIM_INPUT, &record, &error) != KS_OK) {
        sim_complain(world, "an input was refused: %s", error.message);
    }
    world->inputs = ksi_grow(world->inputs, &world->input_capacity, world->input_count + 1,
                             sizeof *world->inputs);
    world->inputs[world->input_count++] = (sim_input){
        .key = world->plan.kind == SIM_REPARTITION ? (int32_t)(number % world->plan.keys) : drawn,
        .value = number};
    sim_trace_add(&world->trace, "in", key, number, 0);
}

int64_t sim_disturbances(const sim_world *world)
{
    int64_t count = world->disturbances;
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        const faulty_transport *faulty = world->instances[i].faulty;
        count += faulty != NULL ? faulty->disturbances : 0;
    }
    return count;
}

/* ---- what an application tells --------------------------------------------------------------- */

static void on_line(ks_log_level level, const char *where, const char *message, void *user)
{
    sim_instance *instance = user;
    (void)where;
    sim_trace_add(&instance->world->trace, instance->name, message, (int64_t)level, 0);
}

static void on_state(ks_app_state from, ks_app_state to, void *user)
{
    sim_instance *instance = user;
    sim_trace_add(&instance->world->trace, instance->name, ks_app_state_name(to), (int64_t)from, 0);
}

/* Threads give up when an outage is longer than they may wait; one lost answer is not. */
static bool was_given_up(sim_world *world, const ks_error *error)
{
    bool is_over = strstr(error->message, "as long as task.timeout.ms allows") != NULL &&
                   world->plan.task_timeout_ms < SIM_LONG_TIMEOUT_MS;
    bool is_end = strstr(error->message, "gave up when it was to end") != NULL;
    world->trace.counts[SIM_GIVEN_UP] += is_over || is_end;
    return is_over || is_end;
}

static ks_uncaught_answer on_uncaught(const ks_error *error, void *user)
{
    sim_instance *instance = user;
    sim_world *world = instance->world;
    int64_t drawn = sim_random_below(&world->random, 100);
    if (error->code == KS_E_FENCED) {
        sim_complain(world, "%s: being fenced was taken for a failure: %s", instance->name,
                     error->message);
    }
    if (error->code == KS_E_TIMEOUT && !was_given_up(world, error)) {
        sim_complain(world, "%s: a thread failed because an answer was lost", instance->name);
    }
    if (world->is_settled) {
        sim_complain(world, "%s: a thread failed with nothing wrong: %s", instance->name,
                     error->message);
    }
    world->trace.counts[drawn < 90 ? SIM_REPLACED_THREAD : SIM_FAILED_INSTANCE]++;
    return drawn < 90   ? KS_REPLACE_THREAD
           : drawn < 98 ? KS_SHUTDOWN_CLIENT
                        : KS_SHUTDOWN_APPLICATION;
}

static void on_restore(const ks_restore_progress *progress, void *user)
{
    sim_trace *trace = &((sim_instance *)user)->world->trace;
    if (progress->step == KS_RESTORE_END && progress->records > 0) {
        trace->counts[SIM_RESTORED_STORE]++;
    } else if (progress->step == KS_STANDBY_PROMOTED) {
        trace->counts[SIM_PROMOTED_STANDBY]++;
    }
}

/* A worker of an instance that is not in the middle of a step. */
static void step_another(sim_instance *instance)
{
    sim_world *world = instance->world;
    size_t workers = ksi_app_worker_count(instance->app);
    size_t worker = (size_t)sim_random_below(&world->random, (int64_t)workers);
    if ((instance->busy_workers >> worker % 64 & 1) == 0) {
        (void)sim_instance_step(instance, worker);
    }
}

/* A worker waits for an answer; all others go on, perhaps for longer than its session. */
static void on_meanwhile(void *user)
{
    const sim_instance *instance = user;
    sim_world *world = instance->world;
    if (world->is_within) {
        return;
    }
    world->is_within = true;
    world->trace.counts[SIM_LONG_CALL]++;
    bool alone = sim_random_strikes(&world->random, 5000); /* its own instance waits, too */
    int64_t steps = sim_random_between(&world->random, 1, 100);
    int64_t most_ns = world->plan.session_ms * 1000000 * (alone ? 3 : 1) / steps;
    sim_trace_add(&world->trace, instance->name, "waits", steps, alone);
    for (int64_t i = 0; i < steps; i++) {
        int64_t drawn = sim_random_below(&world->random, SIM_MOST_INSTANCES);
        sim_instance *other = &world->instances[drawn];
        world->now_ns += sim_random_below(&world->random, most_ns);
        if (other->app != NULL && world->now_ns >= other->stalled_until_ns &&
            (other != instance || !alone)) {
            step_another(other);
        }
    }
    sim_trace_add(&world->trace, instance->name, "goes on", 0, 0);
    world->is_within = false;
}

/* ---- lives of an instance -------------------------------------------------------------------- */

static void make_app(sim_instance *instance, ks_config *config)
{
    sim_world *world = instance->world;
    ks_error error = {0};
    const ksi_app_seams seams = {.clock = &instance->clock.clock,
                                 .process_id = instance->process_id,
                                 .transport = &instance->faulty->transport,
                                 .is_manual = true};
    instance->app = ksi_app_new(world->topology, config,
                                KS_APP_OPTIONS(.log_line = on_line, .state_listener = on_state,
                                               .uncaught_error = on_uncaught,
                                               .restore_listener = on_restore, .user = instance),
                                &seams, &error);
    if (instance->app == NULL || ks_app_start(instance->app, &error) != KS_OK) {
        sim_complain(world, "%s did not start: %s", instance->name, error.message);
    }
}

/* A versioned store is always on disk. */
static bool needs_disk(const sim_plan *plan)
{
    return plan->is_on_disk || (plan->parts >> WINDOWED_WAITED & 1) != 0;
}

void sim_instance_start(sim_instance *instance)
{
    sim_world *world = instance->world;
    (void)snprintf(instance->name, sizeof instance->name, "%c%d", 'A' + (char)instance->number,
                   ++instance->lives % 1000);
    if (needs_disk(&world->plan) && instance->directory[0] == '\0') {
        (void)snprintf(instance->directory, sizeof instance->directory, "%s", state_dir_new());
    }
    instance->faulty = faulty_transport_new(world->transport, instance->name,
                                            &instance->clock.clock, &world->random, &world->trace);
    instance->faulty->odds = world->plan.odds;
    instance->faulty->sabotage = world->sabotage;
    instance->faulty->meanwhile = on_meanwhile;
    instance->faulty->user = instance;
    instance->is_closing = false;
    instance->is_paused = false;
    instance->stalled_until_ns = 0;
    world->lives++;
    sim_trace_add(&world->trace, instance->name, "starts", instance->lives, 0);
    ks_config *config = make_config(instance);
    make_app(instance, config);
    ks_config_free(config);
    instance->faulty->is_enabled = !world->is_settling;
}

/* The application has ended, one way or another. */
static void bury(sim_instance *instance)
{
    ks_app_free(instance->app);
    instance->app = NULL;
    instance->world->disturbances += instance->faulty->disturbances;
    faulty_transport_release(instance->faulty);
    instance->faulty = NULL;
}

void sim_instance_crash(sim_instance *instance)
{
    if (instance->app == NULL) {
        return;
    }
    sim_trace_add(&instance->world->trace, instance->name, "crashes", 0, 0);
    instance->world->disturbances++;
    instance->world->trace.counts[SIM_CRASH]++;
    instance->faulty->is_dead = true;
    if (!ksi_app_has_ended(instance->app)) {
        ksi_app_crash(instance->app);
    }
    bury(instance);
}

void sim_instance_close(sim_instance *instance)
{
    ks_error error = {0};
    sim_trace_add(&instance->world->trace, instance->name, "closes", 0, 0);
    ks_status status = ks_app_close(instance->app, 0, &error);
    (void)status; /* it ends later, or it has failed: both is seen by its state */
    instance->is_closing = true;
    instance->world->trace.counts[SIM_CLOSE]++;
}

void sim_instance_forget(sim_instance *instance)
{
    if (instance->directory[0] != '\0') {
        state_dir_remove(instance->directory);
        instance->directory[0] = '\0';
    }
    (void)snprintf(instance->process_id, sizeof instance->process_id, "process-%d.%d",
                   instance->number, instance->lives);
}

/* ---- stepping -------------------------------------------------------------------------------- */

/* Whether what an instance runs may be committed. */
static bool is_current(const sim_instance *instance, const ksi_task_handle *task)
{
    ksi_embedded_log *log = ksi_embedded_log_of(instance->world->transport);
    ksi_generation newest;
    return ksi_group_session_generation(&instance->app->session, task->session, &newest, NULL) ==
               KS_OK &&
           ksi_coordinator_is_current(log->coordinator, SIM_APPLICATION, &newest);
}

/* Whether another instance that is current has a task, too. */
static bool is_elsewhere(const sim_instance *here, const ksi_task_handle *task)
{
    for (int i = 0; i < SIM_MOST_INSTANCES; i++) {
        const sim_instance *other = &here->world->instances[i];
        for (size_t t = 0; other != here && other->app != NULL && t < other->app->task_count; t++) {
            const ksi_task_handle *its = other->app->tasks[t];
            if (its->place == KSI_AT_THREAD && its->id.subtopology == task->id.subtopology &&
                its->id.partition == task->id.partition && is_current(other, its)) {
                return true;
            }
        }
    }
    return false;
}

/* No task runs in two instances that may both commit. */
static void look_at_tasks(sim_instance *instance)
{
    sim_world *world = instance->world;
    for (size_t t = 0; t < instance->app->task_count; t++) {
        const ksi_task_handle *task = instance->app->tasks[t];
        if (task->place != KSI_AT_THREAD) {
            continue;
        }
        if (!is_current(instance, task)) {
            world->was_fenced = true;
            world->trace.counts[SIM_FENCED_MEMBER]++;
        } else if (is_elsewhere(instance, task)) {
            sim_complain(world, "task %s runs in %s and in another instance", task->name,
                         instance->name);
        }
    }
}

/* What a step may have led to; not while another of its steps is under way. */
static void look_after(sim_instance *instance)
{
    sim_world *world = instance->world;
    if (instance->faulty->is_dead) {
        sim_instance_crash(instance);
        return;
    }
    look_at_tasks(instance);
    if (ksi_app_has_ended(instance->app)) {
        if (instance->app->failed && instance->app->failure.code == KS_E_TIMEOUT &&
            !was_given_up(world, &instance->app->failure)) {
            sim_complain(world, "%s ended because an answer was lost", instance->name);
        }
        sim_trace_add(&world->trace, instance->name, "has ended", instance->is_closing, 0);
        bury(instance);
    }
}

bool sim_instance_step(sim_instance *instance, size_t worker)
{
    sim_world *world = instance->world;
    size_t bit = (size_t)1 << worker % 64;
    bool progressed = false;
    sim_trace_add(&world->trace, instance->name, "step", (int64_t)worker, world->now_ns);
    instance->steps++;
    instance->busy_workers |= bit;
    (void)ksi_app_step_worker(instance->app, worker, &progressed);
    instance->busy_workers &= ~bit;
    if (--instance->steps == 0) {
        look_after(instance);
    }
    return progressed;
}
