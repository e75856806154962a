/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_start.c - a task comes to life: its stores, the instances of its nodes, its inputs, in
 * Java's order; and how it ends.
 *
 * The order: stores first (in the order of the first node that is connected to each, which is also
 * the order of flushing), then the instances, then the inputs, then each node's init in the order
 * of the nodes. What fails ends the task again: nodes that were initialised are closed, no others.
 *
 * What the context cannot do by itself comes back here through `services`.
 */
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "runtime/sink.h"
#include "runtime/task_parts.h"

/* ---- services of the context ----------------------------------------------------------------- */

static bool handle_failure(ks_ctx *ctx)
{
    return ksi_handle_processing_error(&((ksi_task *)ctx->owner)->handlers);
}

static ksi_store *global_store(const ksi_task *task, const char *name)
{
    for (size_t i = 0; i < task->reader_count; i++) {
        if (strcmp(task->readers[i]->spec->name, name) == 0) {
            return task->readers[i];
        }
    }
    return NULL;
}

static ksi_store *connected_store(ks_ctx *ctx, const char *name)
{
    const ksi_task *task = ctx->owner;
    const ksi_node *node = ctx->node->node;
    for (size_t i = 0; i < node->store_count; i++) {
        const ksi_topology_store *wanted = &task->topology->stores[node->stores[i]];
        if (strcmp(wanted->spec.name, name) == 0) {
            return ksi_task_store_named(task, name);
        }
    }
    return global_store(task, name);
}

static ks_punctuation schedule(ks_ctx *ctx, ks_punctuator_fn *punctuate, void *user,
                               const ks_schedule *when)
{
    ksi_task *task = ctx->owner;
    if (task->subtopology == KSI_GLOBAL_STORES) {
        ks_ctx_fail(ctx, "ks_ctx_schedule(): a processor that keeps a global store has no "
                         "punctuations");
        return 0;
    }
    const ksi_punctuation what = {.node = ctx->node, .punctuate = punctuate, .user = user};
    int64_t now_ms =
        when->type == KS_PUNCTUATION_WALL_CLOCK ? ksi_wall_ms(ctx->clock) : task->group.stream_time;
    return ksi_punctuations_add(&task->punctuations, when, now_ms, &what);
}

static void cancel(ks_ctx *ctx, ks_punctuation punctuation)
{
    ksi_punctuations_cancel(&((ksi_task *)ctx->owner)->punctuations, punctuation);
}

static void request_commit(ks_ctx *ctx)
{
    ((ksi_task *)ctx->owner)->commit_requested = true;
}

static int64_t *note(ks_ctx *ctx, const char *name)
{
    return ksi_task_note(ctx->owner, name);
}

static const ksi_ctx_services services = {.handle_failure = handle_failure,
                                          .store = connected_store,
                                          .schedule = schedule,
                                          .cancel = cancel,
                                          .request_commit = request_commit,
                                          .note = note};

/* ---- making a task --------------------------------------------------------------------------- */

static const ks_timestamp_extractor *extractor_of(const ks_config *config)
{
    const char *choice = ksi_config_choice(config, "default.timestamp.extractor");
    if (strcmp(choice, "skip") == 0) {
        return &ks_timestamp_log_and_skip_on_invalid;
    }
    if (strcmp(choice, "partition") == 0) {
        return &ks_timestamp_use_partition_time_on_invalid;
    }
    return strcmp(choice, "wallclock") == 0 ? &ks_timestamp_wallclock
                                            : &ks_timestamp_fail_on_invalid;
}

static const ks_serde *default_serde(const ks_config *config, const char *property)
{
    const char *name = ksi_config_choice(config, property);
    return name != NULL ? ks_serde_by_name(name) : NULL;
}

static void make_context(ksi_task *task, const ksi_task_options *options)
{
    bool is_global = task->subtopology == KSI_GLOBAL_STORES;
    int subtopology = task->subtopology == KSI_ALL_SUBTOPOLOGIES ? 0 : task->subtopology;
    task->ctx =
        (ks_ctx){.services = &services,
                 .owner = task,
                 .arena = &task->arena,
                 .task_arena = &task->task_arena,
                 .clock = options->clock,
                 .logger = options->logger,
                 .task_id = is_global ? "-1_-1" /* as Java */
                                      : ksi_arena_format(&task->task_arena, "%d_%d", subtopology,
                                                         (int)task->partition),
                 .application_id = ksi_arena_strdup(&task->task_arena, options->application_id),
                 .topology = options->topology,
                 .config = options->config,
                 .default_key = default_serde(options->config, "default.key.serde"),
                 .default_value = default_serde(options->config, "default.value.serde"),
                 .stream_time = -1,
                 .record = {.partition = -1, .offset = -1, .timestamp = -1}};
}

/* A store refuses what is older than it keeps. */
static void count_too_late(void *owner)
{
    ksi_ctx_drop(owner, KS_DROP_LATE, "older than what its store keeps");
}

/* A store without serdes fails the start, used or not. @java MeteredKeyValueStore#init */
static ks_status open_store(ksi_task *task, const ksi_store_rows *rows, ksi_record_cache *cache,
                            ks_error *error)
{
    ksi_task_store *store = &task->stores[task->store_count];
    const ksi_store_spec *spec = &rows->spec->spec;
    store->rows = rows;
    ksi_changelog_sink_init(&store->changelog, &task->collector, rows->changelog, task->partition);
    store->store = ksi_store_open(
        &(ksi_store_options){
            .spec = spec,
            .changelog = spec->logging ? &store->changelog.changelog : NULL,
            .cache = cache,
            .rows = rows->rows,
            .context = &task->ctx.record,
            .pending_max_bytes =
                rows->is_on_disk ? ksi_local_state_pending_max_bytes(task->rows->state) : 0,
            .too_late = count_too_late,
            .owner = &task->ctx},
        error);
    if (store->store == NULL) {
        return error->code;
    }
    task->store_count++;
    const char *what = ksi_arena_format(&task->task_arena, "store %s", spec->name);
    KS_TRY(ksi_ctx_key_serde(&task->ctx, spec->key, what, &store->key, error));
    return ksi_ctx_value_serde(&task->ctx, spec->value, what, &store->value, error);
}

static void open_readers(ksi_task *task, const ksi_task_options *options)
{
    const ksi_task_rows *global_rows = options->global_rows;
    const ksi_task *global = options->global_task;
    size_t count = global_rows != NULL ? global_rows->count : 0;
    task->readers = ksi_calloc(count + 1, sizeof(ksi_store *));
    for (; task->reader_count < count; task->reader_count++) {
        const ksi_store_rows *rows = &global_rows->stores[task->reader_count];
        const ksi_store_spec *spec = &rows->spec->spec;
        ksi_store *writer = global != NULL ? ksi_task_store_named(global, spec->name) : NULL;
        task->readers[task->reader_count] = ksi_store_open(
            &(ksi_store_options){.spec = spec, .query = rows->query, .writer = writer}, NULL);
    }
}

static ks_status open_stores(ksi_task *task, const ksi_task_options *options, ks_error *error)
{
    task->owns_rows = options->rows == NULL;
    task->rows = options->rows;
    if (task->owns_rows) {
        const ksi_task_rows_options in_memory = {
            .topology = options->topology,
            .id = {.subtopology = options->subtopology, .partition = options->partition},
            .application_id = options->application_id};
        task->rows = ksi_task_rows_open(&in_memory, error);
        KS_TRY(task->rows != NULL ? KS_OK : error->code);
    }
    task->stores = ksi_calloc(task->rows->count + 1, sizeof *task->stores);
    for (size_t i = 0; i < task->rows->count; i++) {
        KS_TRY(open_store(task, &task->rows->stores[i], options->cache, error));
    }
    open_readers(task, options);
    return KS_OK;
}

static void run_source(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    (void)instance;
    ksi_forward(ctx, record);
}

static void run_processor(ks_ctx *ctx, ksi_node_instance *instance, const ks_record *record)
{
    const ksi_processor *processor = &instance->node->processor;
    processor->class->process(ctx, processor->config, instance->state, record);
}

static ksi_node_instance *make_instance(const ksi_node *node)
{
    ksi_node_instance *instance = ksi_calloc(1, sizeof *instance);
    size_t state_size = 0;
    instance->node = node;
    instance->process = run_source;
    if (node->kind == KSI_NODE_PROCESSOR) {
        state_size = node->processor.class->state_size;
        instance->process = run_processor;
    } else if (node->kind == KSI_NODE_SINK) {
        state_size = sizeof(ksi_sink_state);
        instance->process = ksi_sink_process;
    }
    instance->state = state_size > 0 ? ksi_calloc(1, state_size) : NULL;
    return instance;
}

static void make_instances(ksi_task *task)
{
    const ks_topology *topology = task->topology;
    task->instances = ksi_calloc(topology->node_count + 1, sizeof(ksi_node_instance *));
    for (size_t n = 0; n < topology->node_count; n++) {
        if (ksi_task_has_node(task->subtopology, topology->nodes[n])) {
            task->instances[n] = make_instance(topology->nodes[n]);
        }
    }
    for (size_t n = 0; n < topology->node_count; n++) {
        ksi_node_instance *instance = task->instances[n];
        if (instance == NULL) {
            continue;
        }
        instance->child_count = instance->node->child_count;
        instance->children = ksi_calloc(instance->child_count + 1, sizeof(ksi_node_instance *));
        for (size_t i = 0; i < instance->child_count; i++) {
            instance->children[i] = task->instances[instance->node->children[i]->index];
        }
    }
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static ks_status add_input(ksi_task *task, ksi_node_instance *source, const char *topic,
                           ks_error *error)
{
    const ksi_source *of = &source->node->source;
    const char *what = ksi_arena_format(&task->task_arena, "source %s", source->node->name);
    ksi_record_queue *queue = ksi_partition_group_add_queue(&task->group, topic, task->partition);
    queue->source = source;
    queue->ctx = &task->ctx;
    queue->handlers = &task->handlers;
    queue->extractor =
        of->timestamp_extractor != NULL ? of->timestamp_extractor : task->default_extractor;
    if (task->subtopology == KSI_GLOBAL_STORES) {
        queue->extractor = &ks_timestamp_fail_on_invalid; /* the record's own, as Java */
    }
    queue->needs_clock = queue->extractor != &ks_timestamp_fail_on_invalid &&
                         queue->extractor != &ks_timestamp_log_and_skip_on_invalid &&
                         queue->extractor != &ks_timestamp_use_partition_time_on_invalid;
    if (queue->extractor->extract == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, what,
                             "its timestamp extractor has no function; give it one");
    }
    KS_TRY(ksi_ctx_key_serde(&task->ctx, of->key, what, &queue->key, error));
    return ksi_envelope_serde(of->envelope, &task->ctx, of->value, what, &queue->value, error);
}

static ks_status add_pattern_inputs(ksi_task *task, ksi_node_instance *source,
                                    const ksi_task_options *options, ks_error *error)
{
    const ksi_pattern *pattern = source->node->source.pattern;
    if (options->matched_topics == NULL) {
        return add_input(task, source, ksi_pattern_text(pattern), error);
    }
    for (size_t i = 0; i < options->matched_topic_count; i++) {
        const char *topic = options->matched_topics[i];
        if (ksi_pattern_matches(pattern, topic) && ksi_task_input_of(task, topic) == SIZE_MAX) {
            KS_TRY(add_input(task, source, ksi_arena_strdup(&task->task_arena, topic), error));
        }
    }
    return KS_OK;
}

/* Named topics first: a topic that is named is not a pattern's, too. */
static ks_status add_inputs(ksi_task *task, const ksi_task_options *options, ks_error *error)
{
    const ks_topology *topology = task->topology;
    for (size_t n = 0; n < topology->node_count; n++) {
        ksi_node_instance *source = task->instances[n];
        bool is_source = source != NULL && source->node->kind == KSI_NODE_SOURCE;
        for (size_t i = 0; is_source && i < source->node->source.topic_count; i++) {
            const char *topic =
                ksi_topology_topic_name(topology, task->ctx.application_id,
                                        source->node->source.topics[i], &task->task_arena);
            KS_TRY(add_input(task, source, topic, error));
        }
    }
    for (size_t n = 0; n < topology->node_count; n++) {
        ksi_node_instance *source = task->instances[n];
        if (source != NULL && source->node->kind == KSI_NODE_SOURCE &&
            source->node->source.pattern != NULL) {
            KS_TRY(add_pattern_inputs(task, source, options, error));
        }
    }
    return KS_OK;
}

/* ---- starting and ending --------------------------------------------------------------------- */

static ks_status start_node(ksi_task *task, ksi_node_instance *instance, ks_error *error)
{
    const ksi_node *node = instance->node;
    ks_status status = KS_OK;
    ksi_ctx_set_node(&task->ctx, instance);
    if (node->kind == KSI_NODE_SINK) {
        status = ksi_sink_init(instance->state, node, task->topology, &task->handlers, error);
    } else if (node->kind == KSI_NODE_PROCESSOR && node->processor.class->init != NULL) {
        status =
            node->processor.class->init(&task->ctx, node->processor.config, instance->state, error);
        if (status == KS_OK && ksi_ctx_failed(&task->ctx)) {
            *error = task->ctx.error;
            status = error->code;
        }
    }
    ksi_ctx_set_node(&task->ctx, NULL);
    return status;
}

static ks_status start_nodes(ksi_task *task, void *unused, ks_error *error)
{
    (void)unused;
    ks_status status = KS_OK;
    task->ctx.is_starting = true;
    for (; status == KS_OK && task->started < task->topology->node_count; task->started++) {
        if (task->instances[task->started] != NULL) {
            status = start_node(task, task->instances[task->started], error);
            if (status != KS_OK) {
                break; /* a node that did not start is not closed */
            }
        }
    }
    task->ctx.is_starting = false;
    ksi_arena_reset(&task->arena);
    return status;
}

static void init_handlers(ksi_task *task, const ks_config *config)
{
    if (task->subtopology == KSI_GLOBAL_STORES) {
        ksi_error_handlers_init_global(&task->handlers, config, &task->ctx, &task->collector);
    } else {
        ksi_error_handlers_init(&task->handlers, config, &task->ctx, &task->collector);
    }
}

/* Global stores know no order among their topics, so none waits for another. */
static int64_t idle_ms_of(const ksi_task_options *options)
{
    return options->subtopology == KSI_GLOBAL_STORES
               ? -1
               : ksi_config_i64(options->config, "max.task.idle.ms");
}

ksi_task *ksi_task_new(const ksi_task_options *options, ks_error *error)
{
    ks_error local = {0};
    ks_error *reason = error != NULL ? error : &local;
    ksi_task *task = ksi_calloc(1, sizeof *task);
    task->topology = options->topology;
    task->subtopology = options->subtopology;
    task->partition = options->partition;
    task->default_extractor = extractor_of(options->config);
    ksi_arena_init(&task->arena, 0);
    ksi_arena_init(&task->task_arena, 0);
    make_context(task, options);
    ksi_collector_init(&task->collector, &task->ctx, options->producer, options->number);
    init_handlers(task, options->config);
    task->handlers.program = options->failure;
    ksi_partition_group_init(&task->group, idle_ms_of(options));
    ksi_punctuations_init(&task->punctuations);
    task->topics = ksi_map_new();
    make_instances(task);
    if (open_stores(task, options, reason) != KS_OK || add_inputs(task, options, reason) != KS_OK ||
        ksi_task_run(task, start_nodes, NULL, reason) != KS_OK) {
        ksi_task_free(task);
        return NULL;
    }
    return task;
}

static void free_instance(ksi_node_instance *instance, bool started)
{
    if (instance == NULL) {
        return;
    }
    const ksi_node *node = instance->node;
    if (started && node->kind == KSI_NODE_PROCESSOR && node->processor.class->close != NULL) {
        node->processor.class->close(node->processor.config, instance->state);
    }
    ksi_free(instance->children);
    ksi_free(instance->state);
    ksi_free(instance);
}

void ksi_task_free(ksi_task *task)
{
    if (task == NULL) {
        return;
    }
    for (size_t n = 0; n < task->topology->node_count; n++) {
        free_instance(task->instances[n], n < task->started);
    }
    ksi_ctx_tell_untold_drops(&task->ctx);
    for (size_t i = 0; i < task->store_count; i++) {
        ksi_store_close(task->stores[i].store);
    }
    for (size_t i = 0; i < task->reader_count; i++) {
        ksi_store_close(task->readers[i]);
    }
    ksi_free(task->readers);
    if (task->owns_rows) {
        ksi_task_rows_close(task->rows);
    }
    ksi_free(task->instances);
    ksi_free(task->stores);
    ksi_map_free(task->topics, NULL);
    ksi_punctuations_destroy(&task->punctuations);
    ksi_free(task->notes);
    ksi_partition_group_destroy(&task->group);
    ksi_error_handlers_destroy(&task->handlers);
    ksi_collector_destroy(&task->collector);
    ksi_arena_destroy(&task->arena);
    ksi_arena_destroy(&task->task_arena);
    ksi_free(task);
}
