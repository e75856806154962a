/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_driver.c - the topology test driver (testing.h): one task, a producer that keeps everything,
 * a clock that stands still.
 * @java TopologyTestDriver
 *
 * The loop, which decides results and is therefore Java's to the letter:
 *
 *     pipe:   put the record into its queue
 *     then:   put what was produced into the queues of those who read it
 *             while a record may be processed:
 *                 process it and what it makes due by stream time, commit (flush the caches), put
 *                 what was produced into the queues
 *
 * A record of the topic of a global store, piped or produced, is in the store before anything else
 * happens: a task of its own keeps those (KSI_GLOBAL_STORES), and its queues are always empty. It
 * skips what it cannot read, whatever the properties say, unless a handler of the test decides. The
 * record cache is one for both, so rows of global tables take room in it, and are read through it.
 *
 * A source with a pattern has one queue and one count of offsets for all topics that match, as in
 * Java's driver.
 */
#include "base/error.h"
#include "base/memory.h"
#include "config/config.h"
#include "serde/convert.h"
#include "state/store_view.h"
#include "testing/driven_task.h"

#include <kstreams/testing.h>

struct ks_test_input {
    ks_test_driver *driver;
    const char *topic;
    const ks_serde *key;
    const ks_serde *value;
    int64_t time_ms;
    int64_t advance_ms;
};

struct ks_test_output {
    ks_test_driver *driver;
    const char *topic;
    const ks_serde *key;
    const ks_serde *value;
    size_t read;
};

/* A store, and its handles. */
typedef struct driven_store {
    const char *name;
    ksi_store_kind kind;
    ksi_store_handle handle;
    ksi_store_handle stored; /* looks below the record cache */
} driven_store;

struct ks_test_driver {
    ks_config *config;
    ks_config *global_config; /* of the task that keeps the global stores */
    ksi_manual_clock clock;
    ksi_logger logger;
    bool logs;
    ksi_capture capture;
    ksi_record_cache *cache;
    ksi_driven_task all;      /* the whole topology but its global stores */
    ksi_driven_task global;   /* keeps the global stores; empty: there are none */
    ks_arena arena;           /* handles and what was read, until the driver is freed */
    size_t returned;          /* how much of what was produced has been put back */
    ks_arena scratch;         /* what calls on handles of stores make */
    driven_store *stores;     /* of the task and of that which keeps the global ones */
    const char **store_names; /* in the order of names */
    size_t store_count;
};

/* ---- life ------------------------------------------------------------------------------------ */

/*
 * What the driver chooses where the program does not: results that wait for the clock would make
 * tests wait, too.
 */
static const struct {
    const char *name;
    const char *value;
} own_defaults[] = {
    {"application.id", "test"},
    {"__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "0"},
    {"__emit.interval.ms.kstreams.windowed.aggregation__", "0"},
};

static ks_status prepare_config(ks_test_driver *driver, const ks_config *config, ks_error *error)
{
    driver->config = ksi_config_copy(config);
    for (size_t i = 0; i < sizeof own_defaults / sizeof own_defaults[0]; i++) {
        if (!ksi_config_is_set(driver->config, own_defaults[i].name)) {
            KS_TRY(
                ks_config_set(driver->config, own_defaults[i].name, own_defaults[i].value, error));
        }
    }
    return ksi_config_validate(driver->config, error);
}

static ks_status start_tasks(ks_test_driver *driver, const ks_topology *topology,
                             const ksi_failure_handlers *failure, ks_error *error)
{
    int64_t cache_bytes = ksi_config_cache_max_bytes(driver->config);
    driver->cache = cache_bytes > 0 ? ksi_record_cache_new(cache_bytes) : NULL;
    ksi_task_options options = {.topology = topology,
                                .subtopology = KSI_ALL_SUBTOPOLOGIES,
                                .config = driver->config,
                                .application_id = ksi_config_text(driver->config, "application.id"),
                                .producer = &driver->capture.producer,
                                .cache = driver->cache,
                                .clock = &driver->clock.clock,
                                .failure = *failure,
                                .logger = driver->logs ? &driver->logger : NULL};
    if (ksi_topology_has_global_stores(topology)) {
        ksi_task_options global = options;
        driver->global_config = ksi_config_copy(driver->config);
        KS_TRY(ks_config_set(driver->global_config, "deserialization.exception.handler",
                             "LogAndContinueExceptionHandler", error)); /* as Java's driver */
        global.config = driver->global_config;
        global.subtopology = KSI_GLOBAL_STORES;
        global.producer = NULL;
        KS_TRY(ksi_driven_task_start(&driver->global, &global, error));
    }
    options.global_rows = driver->global.rows;
    options.global_task = driver->global.task;
    return ksi_driven_task_start(&driver->all, &options, error);
}

/* In whose name a test writes. @java TopologyTestDriver#getStateStore */
static const ksi_record_context no_record = {.partition = -1, .offset = -1, .timestamp = 0};

/* A test that asks a call for no error finds it in the log. */
static void log_failure(void *driver, const ks_error *error)
{
    ksi_log(&((ks_test_driver *)driver)->logger, KS_LOG_LEVEL_ERROR, error->where, "%s",
            error->message);
}

static void view_store(ks_test_driver *driver, ksi_task *task, size_t index)
{
    size_t at = driver->store_count++;
    ksi_store *store = ksi_task_store_at(task, index);
    const char *name = store->spec->name;
    const char *application = ksi_config_text(driver->config, "application.id");
    ksi_store_view view = {.arena = &driver->scratch,
                           .results = &driver->scratch,
                           .logger = driver->logs ? &driver->logger : NULL,
                           .owner = {.self = driver, .fail = log_failure}};
    view.serdes.store = name;
    view.serdes.topic = ksi_changelog_topic_name(application, name, &driver->arena);
    ksi_task_store_serdes(task, index, &view.serdes.key, &view.serdes.value);
    driven_store *driven = &driver->stores[at];
    *driven = (driven_store){.name = name, .kind = store->spec->kind};
    driven->stored = ksi_store_handle_of(store, &view);
    view.context = &no_record;
    view.on_mismatch = ksi_task_mismatch_handler(task);
    driven->handle = ksi_store_handle_of(store, &view);
    while (at > 0 && strcmp(driver->store_names[at - 1], name) > 0) {
        driver->store_names[at] = driver->store_names[at - 1];
        at--;
    }
    driver->store_names[at] = name;
}

/* Handles that a test has go on with the stores of a task that was started again. */
static void view_stores(ks_test_driver *driver)
{
    size_t own = ksi_task_store_count(driver->all.task);
    size_t global = driver->global.task != NULL ? ksi_task_store_count(driver->global.task) : 0;
    if (driver->stores == NULL) {
        driver->stores = ksi_calloc(own + global + 1, sizeof *driver->stores);
        driver->store_names = ksi_calloc(own + global + 1, sizeof *driver->store_names);
    }
    driver->store_count = 0;
    for (size_t i = 0; i < own; i++) {
        view_store(driver, driver->all.task, i);
    }
    for (size_t i = 0; i < global; i++) {
        view_store(driver, driver->global.task, i);
    }
}

void ks_test_driver_options_init(ks_test_driver_options *options)
{
    *options = (ks_test_driver_options){.head.struct_size = sizeof *options};
}

ks_test_driver *ks_test_driver_new(const ks_topology *topology, const ks_config *config,
                                   const ks_test_driver_options *options, ks_error *error)
{
    if (topology == NULL) {
        ksi_error_set(error, KS_E_ARGUMENT, "topology",
                      "must not be NULL; ks_builder_build() said why it made none");
        return NULL;
    }
    if (ksi_topology_begin_use(topology, error) != KS_OK) {
        return NULL;
    }
    static const ks_test_driver_options defaults = {0};
    const ks_test_driver_options *how = options != NULL ? options : &defaults;
    ks_test_driver *driver = ksi_calloc(1, sizeof *driver);
    const ksi_failure_handlers failure = {.deserialization = how->deserialization_handler,
                                          .processing = how->processing_handler,
                                          .production = how->production_handler,
                                          .user = how->user};
    driver->logs = how->log_line != NULL;
    ksi_arena_init(&driver->arena, 0);
    ksi_arena_init(&driver->scratch, 0);
    ksi_capture_init(&driver->capture);
    ksi_manual_clock_init(&driver->clock, how->wall_clock_ms);
    ksi_logger_init(&driver->logger, how->log_line, how->user, KS_LOG_LEVEL_INFO);
    if (prepare_config(driver, config, error) != KS_OK ||
        start_tasks(driver, topology, &failure, error) != KS_OK) {
        ks_test_driver_free(driver);
        return NULL;
    }
    view_stores(driver);
    return driver;
}

void ks_test_driver_free(ks_test_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    ksi_driven_task_destroy(&driver->all);
    ksi_driven_task_destroy(&driver->global);
    ksi_record_cache_free(driver->cache);
    ksi_capture_destroy(&driver->capture);
    ksi_logger_destroy(&driver->logger);
    ks_config_free(driver->config);
    ks_config_free(driver->global_config);
    ksi_free(driver->stores);
    ksi_free(driver->store_names);
    ksi_arena_destroy(&driver->arena);
    ksi_arena_destroy(&driver->scratch);
    ksi_free(driver);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Brings a record into a global store. @java TopologyTestDriver#processGlobalRecord */
static ks_status keep(ks_test_driver *driver, size_t input, const char *topic,
                      const ks_log_record *record, ks_error *error)
{
    bool processed = false;
    ksi_driven_task_enqueue(&driver->global, input, topic, record);
    KS_TRY(ksi_task_process(driver->global.task, &processed, error));
    return ksi_driven_task_commit(&driver->global, error);
}

static ks_status return_produced(ks_test_driver *driver, ks_error *error)
{
    const ksi_capture *capture = &driver->capture;
    for (; driver->returned < capture->order_count; driver->returned++) {
        const ksi_captured *produced = &capture->order[driver->returned];
        const char *topic = produced->topic->name;
        const ks_log_record *record = &produced->topic->records[produced->index];
        size_t input = ksi_driven_task_input_of(&driver->all, topic);
        size_t global = ksi_driven_task_input_of(&driver->global, topic);
        if (input != SIZE_MAX) {
            ksi_driven_task_enqueue(&driver->all, input, topic, record);
        }
        if (global != SIZE_MAX) {
            KS_TRY(keep(driver, global, topic, record, error));
        }
    }
    return KS_OK;
}

static ks_status process_all(ks_test_driver *driver, ks_error *error)
{
    bool processed = true;
    KS_TRY(return_produced(driver, error));
    while (processed) {
        KS_TRY(ksi_task_process(driver->all.task, &processed, error));
        if (processed) {
            KS_TRY(ksi_driven_task_commit(&driver->all, error));
            KS_TRY(return_produced(driver, error));
        }
    }
    return KS_OK;
}

static ks_status check_running(const ks_test_driver *driver, ks_error *error)
{
    return driver->all.task != NULL
               ? KS_OK
               : ksi_error_set(error, KS_E_STATE, "test driver",
                               "its restart failed, so there is no task; free it");
}

ks_status ks_test_driver_pipe(ks_test_driver *driver, const char *topic,
                              const ks_log_record *record, ks_error *error)
{
    KS_TRY(check_running(driver, error));
    size_t input = topic != NULL ? ksi_driven_task_input_of(&driver->all, topic) : SIZE_MAX;
    size_t global = topic != NULL ? ksi_driven_task_input_of(&driver->global, topic) : SIZE_MAX;
    if (input == SIZE_MAX && global == SIZE_MAX) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic != NULL ? topic : "topic",
                             "no source of the topology reads this topic; pipe into one that "
                             "ks_topology_describe() shows behind a source");
    }
    if (input != SIZE_MAX) {
        ksi_driven_task_enqueue(&driver->all, input, topic, record);
        KS_TRY(process_all(driver, error));
    }
    return global != SIZE_MAX ? keep(driver, global, topic, record, error) : KS_OK;
}

ks_status ks_test_driver_advance_wall_clock(ks_test_driver *driver, int64_t ms, ks_error *error)
{
    KS_TRY(check_running(driver, error));
    if (ms < 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, "wall clock",
                             "it does not go back: %lld ms were asked for; give 0 or more",
                             (long long)ms);
    }
    bool punctuated = false;
    driver->clock.now_ms += ms;
    KS_TRY(ksi_task_punctuate(driver->all.task, KS_PUNCTUATION_WALL_CLOCK, &punctuated, error));
    KS_TRY(ksi_driven_task_commit(&driver->all, error));
    return process_all(driver, error);
}

ks_status ks_test_driver_restart(ks_test_driver *driver, ks_test_restart restart, ks_error *error)
{
    bool keeps = restart == KS_TEST_RESTART_KEEP_STATE;
    KS_TRY(check_running(driver, error));
    KS_TRY(ksi_driven_task_commit(&driver->all, error)); /* what a test wrote through a handle */
    KS_TRY(process_all(driver, error));
    ksi_driven_task_stop(&driver->all); /* it reads the global stores, so it goes first */
    ksi_driven_task_stop(&driver->global);
    KS_TRY(ksi_driven_task_resume(&driver->global, keeps, &driver->capture, error));
    driver->all.options.global_rows = driver->global.rows;
    driver->all.options.global_task = driver->global.task;
    KS_TRY(ksi_driven_task_resume(&driver->all, keeps, &driver->capture, error));
    view_stores(driver);
    return KS_OK;
}

/* ---- typed topics ---------------------------------------------------------------------------- */

ks_test_input *ks_test_driver_input(ks_test_driver *driver, const char *topic, const ks_serde *key,
                                    const ks_serde *value, int64_t start_ms, int64_t advance_ms)
{
    ks_test_input *input = ksi_arena_alloc(&driver->arena, sizeof *input);
    *input = (ks_test_input){.driver = driver,
                             .topic = ksi_arena_strdup(&driver->arena, topic),
                             .key = key,
                             .value = value,
                             .time_ms = start_ms,
                             .advance_ms = advance_ms};
    return input;
}

/* NULL is no default here: a topic of a test is not told by the topology what is in it. */
static ks_status missing_serde(const char *topic, bool is_key, ks_error *error)
{
    return ksi_error_set(error, KS_E_ARGUMENT, topic,
                         "the %s serde of this topic of the test is NULL; name one, or "
                         "ks_serde_void where there is only null",
                         is_key ? "key" : "value");
}

static ks_status serialize(const ks_test_input *input, bool is_key, ks_value value,
                           const ks_headers *headers, ks_slice *bytes, ks_error *error)
{
    const ks_serde *serde = is_key ? input->key : input->value;
    const ks_serde_ctx where = {.topic = input->topic, .is_key = is_key, .headers = headers};
    if (serde == NULL && !ks_value_is_null(value)) {
        return missing_serde(input->topic, is_key, error);
    }
    ks_status status = ksi_serialize(serde, &where, value, &input->driver->arena, bytes, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "the %s piped into topic %s: ", is_key ? "key" : "value",
                         input->topic);
    }
    return status;
}

ks_status ks_test_input_pipe_record(ks_test_input *input, const ks_record *record, ks_error *error)
{
    ks_log_record bytes = {.timestamp = record->timestamp, .headers = record->headers};
    KS_TRY(serialize(input, true, record->key, record->headers, &bytes.key, error));
    KS_TRY(serialize(input, false, record->value, record->headers, &bytes.value, error));
    return ks_test_driver_pipe(input->driver, input->topic, &bytes, error);
}

ks_status ks_test_input_pipe(ks_test_input *input, ks_value key, ks_value value, ks_error *error)
{
    const ks_record record = {.key = key, .value = value, .timestamp = input->time_ms};
    input->time_ms += input->advance_ms;
    return ks_test_input_pipe_record(input, &record, error);
}

void ks_test_input_advance_time(ks_test_input *input, int64_t ms)
{
    input->time_ms += ms;
}

ks_test_output *ks_test_driver_output(ks_test_driver *driver, const char *topic,
                                      const ks_serde *key, const ks_serde *value)
{
    ks_test_output *output = ksi_arena_alloc(&driver->arena, sizeof *output);
    *output = (ks_test_output){.driver = driver,
                               .topic = ksi_arena_strdup(&driver->arena, topic),
                               .key = key,
                               .value = value};
    return output;
}

static ks_status deserialize(const ks_test_output *output, bool is_key, ks_slice bytes,
                             const ks_headers *headers, ks_value *value, ks_error *error)
{
    const ks_serde *serde = is_key ? output->key : output->value;
    const ks_serde_ctx where = {.topic = output->topic, .is_key = is_key, .headers = headers};
    if (serde == NULL && bytes.data != NULL) {
        return missing_serde(output->topic, is_key, error);
    }
    ks_status status = ksi_deserialize(serde, &where, bytes, &output->driver->arena, value, error);
    if (status != KS_OK) {
        ksi_error_prefix(error, "the %s of record %zu of topic %s: ", is_key ? "key" : "value",
                         output->read, output->topic);
    }
    return status;
}

bool ks_test_output_read(ks_test_output *output, ks_record *record, ks_error *error)
{
    ks_log_record bytes;
    if (!ks_test_driver_produced(output->driver, output->topic, output->read, &bytes)) {
        return false;
    }
    if (deserialize(output, true, bytes.key, bytes.headers, &record->key, error) != KS_OK ||
        deserialize(output, false, bytes.value, bytes.headers, &record->value, error) != KS_OK) {
        return false;
    }
    record->timestamp = bytes.timestamp;
    record->headers = bytes.headers;
    output->read++;
    return true;
}

size_t ks_test_output_size(const ks_test_output *output)
{
    return ks_test_driver_produced_count(output->driver, output->topic) - output->read;
}

/* ---- what was produced ----------------------------------------------------------------------- */

size_t ks_test_driver_topic_count(const ks_test_driver *driver)
{
    return driver->capture.topic_count;
}

const char *ks_test_driver_topic_name(const ks_test_driver *driver, size_t index)
{
    return index < driver->capture.topic_count ? driver->capture.topics[index]->name : NULL;
}

static const ksi_captured_topic *captured_topic(const ks_test_driver *driver, const char *topic)
{
    return topic != NULL ? ksi_capture_topic(&driver->capture, topic) : NULL;
}

size_t ks_test_driver_produced_count(const ks_test_driver *driver, const char *topic)
{
    const ksi_captured_topic *captured = captured_topic(driver, topic);
    return captured != NULL ? captured->count : 0;
}

bool ks_test_driver_produced(const ks_test_driver *driver, const char *topic, size_t index,
                             ks_log_record *record)
{
    const ksi_captured_topic *captured = captured_topic(driver, topic);
    if (captured == NULL || index >= captured->count) {
        return false;
    }
    *record = captured->records[index];
    return true;
}

/* ---- stores, counters ------------------------------------------------------------------------ */

static driven_store *find_store(const ks_test_driver *driver, const char *name, ksi_store_kind kind)
{
    for (size_t i = 0; name != NULL && i < driver->store_count; i++) {
        driven_store *store = &driver->stores[i];
        if (store->kind == kind && strcmp(store->name, name) == 0) {
            return store;
        }
    }
    return NULL;
}

ks_key_value_store *ks_test_driver_key_value_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_KEY_VALUE);
    return found != NULL ? &found->handle.key_value : NULL;
}

ks_key_value_store *ks_test_driver_stored_key_value_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_KEY_VALUE);
    return found != NULL ? &found->stored.key_value : NULL;
}

ks_versioned_store *ks_test_driver_versioned_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_VERSIONED);
    return found != NULL ? &found->handle.versioned : NULL;
}

ks_window_store *ks_test_driver_window_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_WINDOW);
    return found != NULL ? &found->handle.window : NULL;
}

ks_window_store *ks_test_driver_stored_window_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_WINDOW);
    return found != NULL ? &found->stored.window : NULL;
}

ks_session_store *ks_test_driver_session_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_SESSION);
    return found != NULL ? &found->handle.session : NULL;
}

ks_session_store *ks_test_driver_stored_session_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_SESSION);
    return found != NULL ? &found->stored.session : NULL;
}

ks_custom_store *ks_test_driver_custom_store(ks_test_driver *driver, const char *name)
{
    driven_store *found = find_store(driver, name, KSI_STORE_CUSTOM);
    return found != NULL ? &found->handle.custom : NULL;
}

size_t ks_test_driver_store_count(const ks_test_driver *driver)
{
    return driver->store_count;
}

const char *ks_test_driver_store_name(const ks_test_driver *driver, size_t index)
{
    return index < driver->store_count ? driver->store_names[index] : NULL;
}

uint64_t ks_test_driver_dropped_records(const ks_test_driver *driver)
{
    uint64_t sum = 0;
    for (ks_drop_reason reason = 0; reason < KS_DROP_REASON_COUNT; reason++) {
        sum += ks_test_driver_dropped_by(driver, reason);
    }
    return sum;
}

uint64_t ks_test_driver_dropped_by(const ks_test_driver *driver, ks_drop_reason reason)
{
    return (size_t)reason < KS_DROP_REASON_COUNT
               ? ksi_driven_task_dropped_by(&driver->all, reason) +
                     ksi_driven_task_dropped_by(&driver->global, reason)
               : 0;
}
