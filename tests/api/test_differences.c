/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_differences.c - what docs/differences.md says of this library, through the public headers
 * only.
 *
 * A difference from Java is a promise, too: who moves a program over relies on it, and a change
 * that brings one nearer to Java by accident breaks that program. The page names the test of each
 * row; most differences are pinned where their code is tested, and here stand those that only a
 * whole program can see.
 *
 * Nothing here sleeps: tests wait until an application has caught up.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

/* ---- what a test works with ------------------------------------------------------------------ */

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static ks_config *new_config(const char *application_id)
{
    ks_config *config = ks_config_new();
    set(config, "application.id", application_id);
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", state_dir_new());
    return config;
}

static ks_topology *build(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

static ks_stream *texts_from(ks_builder *builder, const char *topic)
{
    return ks_builder_stream(builder, topic,
                             KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string));
}

static void texts_to(ks_stream *stream, const char *topic)
{
    ks_stream_to(stream, topic, KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_string));
}

static ks_test_driver *drive(const ks_topology *topology, const ks_config *config,
                             const ks_test_driver_options *options)
{
    ks_error error = {0};
    ks_test_driver *driver = ks_test_driver_new(topology, config, options, &error);
    assert_ok(driver != NULL ? KS_OK : error.code, &error);
    return driver;
}

static ks_status pipe_text(ks_test_driver *driver, const char *topic, const char *value,
                           ks_error *error)
{
    const ks_log_record record = {
        .key = ks_slice_cstr("k"), .value = ks_slice_cstr(value), .timestamp = 7};
    return ks_test_driver_pipe(driver, topic, &record, error);
}

/* The values of a topic, with a blank behind each. */
static void assert_produced(const ks_test_driver *driver, const char *topic, const char *values)
{
    char all[256] = "";
    ks_log_record record;
    for (size_t i = 0; ks_test_driver_produced(driver, topic, i, &record); i++) {
        size_t length = strlen(all);
        (void)snprintf(all + length, sizeof all - length, "%.*s ", (int)record.value.size,
                       record.value.data);
    }
    assert_string_equal(all, values);
}

static ks_log *open_log(int32_t partitions)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    assert_ok(ks_log_create_topic(log, "in", partitions, &error), &error);
    assert_ok(ks_log_create_topic(log, "out", partitions, &error), &error);
    return log;
}

static void produce(ks_log *log, int32_t partition, const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr("k"),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = 1000,
                                  .partition = partition};
    assert_ok(ks_log_produce(log, "in", &record, &error), &error);
}

static ks_app *start(ks_log *log, const ks_topology *topology, const ks_config *config,
                     ks_log_line_fn *line, void *user)
{
    ks_error error = {0};
    ks_app *app = ks_app_new(topology, config,
                             KS_APP_OPTIONS(.log = log, .log_line = line, .user = user), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    return app;
}

static void catch_up(ks_app *app)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
}

static void close_app(ks_app *app)
{
    ks_error error = {0};
    assert_ok(ks_app_close(app, -1, &error), &error);
}

static void say_nothing(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

/* ---- flat operations ------------------------------------------------------------------------- */

static void emit_two_and_fail_on_bad(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    ks_emit(ctx, record->key, ks_text_of("one"));
    ks_emit_value(ctx, ks_text_of("two"));
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "bad is bad");
    }
    ks_emit_value(ctx, ks_text_of("three"));
}

static void emit_values_and_fail_on_bad(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    ks_emit_value(ctx, ks_text_of("one"));
    ks_emit_value(ctx, ks_text_of("two"));
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "bad is bad");
    }
    ks_emit_value(ctx, ks_text_of("three"));
}

static ks_topology *flat(bool values_only)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = texts_from(b, "in");
    texts_to(values_only ? ks_stream_flat_map_values(in, emit_values_and_fail_on_bad, NULL, NULL)
                         : ks_stream_flat_map(in, emit_two_and_fail_on_bad, NULL, NULL),
             "out");
    return build(b);
}

/* In Java the list is returned whole or not at all, so nothing of a bad record would come out. */
static void a_flat_callback_that_fails_has_forwarded_what_it_emitted(void **state)
{
    (void)state;
    for (int values_only = 0; values_only < 2; values_only++) {
        ks_error error = {0};
        ks_topology *topology = flat(values_only == 1);
        ks_test_driver *driver = drive(topology, NULL, NULL);
        assert_int_equal(pipe_text(driver, "in", "bad", &error), KS_E_PROCESSING);
        assert_produced(driver, "out", "one two ");
        ks_test_driver_free(driver);

        ks_config *config = ks_config_new();
        set(config, "processing.exception.handler", "LogAndContinue");
        driver = drive(topology, config, NULL);
        assert_ok(pipe_text(driver, "in", "bad", &error), &error);
        assert_produced(driver, "out", "one two ");
        assert_int_equal(ks_test_driver_dropped_records(driver), 1);
        assert_ok(pipe_text(driver, "in", "good", &error), &error);
        assert_produced(driver, "out", "one two one two three ");
        ks_test_driver_free(driver);
        ks_config_free(config);
        ks_topology_free(topology);
    }
}

/* ---- patterns -------------------------------------------------------------------------------- */

static bool reads(const char *pattern, const char *topic)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    texts_to(ks_builder_stream_matching(
                 b, pattern, KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string)),
             "out");
    ks_topology *topology = build(b);
    ks_test_driver *driver = drive(topology, NULL, NULL);
    ks_status status = pipe_text(driver, topic, "v", &error);
    assert_true(status == KS_OK ||
                status == KS_E_ARGUMENT); /* Java's answer, too: nobody reads it */
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    return status == KS_OK;
}

static void assert_no_pattern(const char *pattern)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    texts_to(ks_builder_stream_matching(b, pattern, NULL), "out");
    assert_null(ks_builder_build(b, &error));
    assert_string_equal(error.where, pattern);
    assert_non_null(strstr(error.message, "at character"));
    ks_builder_free(b);
}

static void patterns_have_the_syntax_of_pcre2(void **state)
{
    (void)state;
    assert_no_pattern("\\p{javaLowerCase}+");
    assert_no_pattern("\\p{IsLatin}+");
    assert_no_pattern("(?d)orders");

    assert_false(reads("[a-z&&[^b]]", "c")); /* a class, and then a bracket */
    assert_false(reads("[a-z&&[^b]]", "b"));
    const char *const alike[] = {"[ac-z]", "(?!b)[a-z]"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(reads(alike[i], "c"));
        assert_false(reads(alike[i], "b"));
        assert_false(reads(alike[i], "ac")); /* the whole name */
    }
    assert_true(reads("(a(?1)?b)", "aaabbb")); /* recursion, which Java has not */
    assert_false(reads("(a(?1)?b)", "aaabb"));
}

/* ---- printing -------------------------------------------------------------------------------- */

static size_t count_lines_of(const char *path, const char *line)
{
    char read[256];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(read, sizeof read, file) != NULL) {
        read[strcspn(read, "\n")] = '\0';
        count += strcmp(read, line) == 0 ? 1 : 0;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

static void printing_appends_to_what_the_file_had_whichever_task_writes(void **state)
{
    (void)state;
    enum { TASKS = 3, LINES = 700 };
    char path[] = "/tmp/kstreams-differences-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "before\n", 7), 7);
    assert_int_equal(close(file), 0);

    ks_builder *b = ks_builder_new(NULL);
    ks_stream_print(texts_from(b, "in"), KS_PRINTED(.path = path, .label = "seen"));
    ks_topology *topology = build(b);
    ks_config *config = new_config("app");
    ks_log *log = open_log(TASKS);
    const char *const values[TASKS] = {"the first", "a second one", "number three of all"};
    for (int i = 0; i < LINES; i++) {
        for (int32_t task = 0; task < TASKS; task++) {
            produce(log, task, values[task]);
        }
    }
    ks_app *app = start(log, topology, config, say_nothing, NULL);
    catch_up(app);
    close_app(app);

    assert_int_equal(count_lines_of(path, "before"), 1);
    assert_int_equal(count_lines_of(path, "[seen]: k, the first"), LINES);
    assert_int_equal(count_lines_of(path, "[seen]: k, a second one"), LINES);
    assert_int_equal(count_lines_of(path, "[seen]: k, number three of all"), LINES);
    assert_int_equal(unlink(path), 0);
    ks_app_free(app);
    ks_log_free(log);
    ks_config_free(config);
    ks_topology_free(topology);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Java 17 writes 1.9999999999999998E23 and 5.6843418860808015E-14. */
static void doubles_print_with_the_fewest_digits_as_since_java_19(void **state)
{
    (void)state;
    ks_arena *arena = ks_arena_new();
    assert_string_equal(ks_text_cstr(arena, ks_value_to_text(arena, ks_f64(2e23))), "2.0E23");
    assert_string_equal(ks_text_cstr(arena, ks_value_to_text(arena, ks_f64(0x1p-44))),
                        "5.684341886080802E-14");
    assert_string_equal(ks_text_cstr(arena, ks_value_to_text(arena, ks_f64(100.0))), "100.0");
    ks_arena_free(arena);
}

/* ---- constants ------------------------------------------------------------------------------- */

/* Text with the serde's own prefix on the topic. */
static ks_status add_prefix(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                            ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    ks_slice text = ks_value_text(value);
    (void)ctx;
    (void)error;
    *bytes =
        ks_text_format(arena, "%s%.*s", (const char *)serde->config, (int)text.size, text.data);
    return KS_OK;
}

static ks_status cut_prefix(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                            ks_arena *arena, ks_value *value, ks_error *error)
{
    size_t size = strlen(serde->config);
    (void)ctx;
    (void)arena;
    (void)error;
    *value = ks_text(ks_slice_of(bytes.data + size, bytes.size - size));
    return KS_OK;
}

static ks_status shift(const ks_timestamp_extractor *extractor, const ks_source_record *record,
                       int64_t partition_time, int64_t *timestamp, ks_error *error)
{
    (void)partition_time;
    (void)error;
    *timestamp = record->record.timestamp + *(const int64_t *)extractor->config;
    return KS_OK;
}

static ks_status always_this(const ks_partitioner *partitioner, const char *topic,
                             const ks_record *record, int32_t partition_count,
                             ks_partitions *partitions, ks_error *error)
{
    (void)topic;
    (void)record;
    (void)partition_count;
    (void)error;
    return ks_partitions_add(partitions, *(const int32_t *)partitioner->config);
}

static const int64_t an_hour_ms = 3600000;
static const int32_t the_last = 2;
static const ks_serde dollars = {.struct_size = sizeof(ks_serde),
                                 .name = "dollars",
                                 .kind = KS_KIND_TEXT,
                                 .serialize = add_prefix,
                                 .deserialize = cut_prefix,
                                 .config = "$"};
static const ks_serde euros = {.struct_size = sizeof(ks_serde),
                               .name = "euros",
                               .kind = KS_KIND_TEXT,
                               .serialize = add_prefix,
                               .deserialize = cut_prefix,
                               .config = "EUR "};
static const ks_timestamp_extractor later = {.struct_size = sizeof(ks_timestamp_extractor),
                                             .name = "later",
                                             .extract = shift,
                                             .config = &an_hour_ms};
static const ks_partitioner to_the_last = {.struct_size = sizeof(ks_partitioner),
                                           .name = "to the last",
                                           .partition = always_this,
                                           .config = &the_last};

static ks_topology *exchange(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(
        b, "in",
        KS_CONSUMED(.key = &ks_serde_string, .value = &dollars, .timestamp_extractor = &later));
    ks_stream_to(
        in, "out",
        KS_PRODUCED(.key = &ks_serde_string, .value = &euros, .partitioner = &to_the_last));
    return build(b);
}

/*
 * Nothing is configured, copied or closed: two applications go by the same constants at the same
 * time.
 */
static void serdes_extractors_and_partitioners_are_constants_with_their_config(void **state)
{
    (void)state;
    enum { APPS = 2, RECORDS = 50 };
    ks_error error = {0};
    ks_log *log = open_log(3);
    ks_app *apps[APPS];
    ks_topology *topologies[APPS];
    ks_config *configs[APPS];
    for (int i = 0; i < APPS; i++) {
        topologies[i] = exchange();
        configs[i] = new_config(i == 0 ? "one" : "other");
        apps[i] = start(log, topologies[i], configs[i], say_nothing, NULL);
    }
    for (int i = 0; i < RECORDS; i++) {
        produce(log, i % 3, "$5");
    }
    for (int i = 0; i < APPS; i++) {
        catch_up(apps[i]);
        ks_app_free(apps[i]);
        ks_config_free(configs[i]);
        ks_topology_free(topologies[i]);
    }
    ks_log_reader *reader = ks_log_reader_open(log, "out", &error);
    assert_non_null(reader);
    ks_log_record record;
    size_t count = 0;
    for (; ks_log_reader_next(reader, &record); count++) {
        assert_true(ks_slice_equal(record.value, ks_slice_cstr("EUR 5")));
        assert_int_equal(record.timestamp, 1000 + an_hour_ms);
        assert_int_equal(record.partition, the_last);
    }
    assert_int_equal(count, APPS * RECORDS);
    ks_log_reader_free(reader);
    ks_log_free(log);
}

/* ---- the log for people ---------------------------------------------------------------------- */

/* What a callback hears. All but the first two need no lock: that is what is tested. */
typedef struct hearing {
    atomic_int inside;
    atomic_bool at_once;
    pthread_t caller; /* who starts the application */
    size_t from_caller;
    size_t from_threads;
    bool empty; /* a line without a place or without words */
    bool levels[KS_LOG_LEVEL_ERROR + 1];
} hearing;

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    hearing *self = user;
    if (atomic_fetch_add(&self->inside, 1) != 0) {
        atomic_store(&self->at_once, true);
    }
    if (pthread_equal(pthread_self(), self->caller) != 0) {
        self->from_caller++;
    } else {
        self->from_threads++;
    }
    self->levels[level] = true;
    self->empty = self->empty || where[0] == '\0' || message[0] == '\0';
    atomic_fetch_sub(&self->inside, 1);
}

static void fail_on_bad(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("bad"))) {
        ks_ctx_fail(ctx, "bad is bad");
    }
}

static ks_topology *looking(ks_action_fn *look, void *user)
{
    ks_builder *b = ks_builder_new(NULL);
    texts_to(ks_stream_peek(texts_from(b, "in"), look, user, NULL), "out");
    return build(b);
}

/* Runs an application with a property that is warned of into a failing callback. */
static void run_into_a_failure(ks_log_line_fn *line, void *user)
{
    ks_error error = {0};
    ks_log *log = open_log(1);
    ks_topology *topology = looking(fail_on_bad, NULL);
    ks_config *config = new_config("app");
    set(config, "state.cleanup.delay.ms", "1");
    ks_app *app = start(log, topology, config, line, user);
    catch_up(app);
    produce(log, 0, "bad");
    ks_status status = ks_app_wait_until_caught_up(app, -1, &error);
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
    assert_int_equal(status, KS_E_PROCESSING);
}

static void one_callback_hears_every_line_one_at_a_time(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        hearing heard = {.caller = pthread_self()};
        run_into_a_failure(hear, &heard);
        assert_false(atomic_load(&heard.at_once));
        assert_false(heard.empty);
        assert_true(heard.from_caller > 0);
        assert_true(heard.from_threads > 0);
        assert_true(heard.levels[KS_LOG_LEVEL_INFO]);
        assert_true(heard.levels[KS_LOG_LEVEL_WARN]);
        assert_true(heard.levels[KS_LOG_LEVEL_ERROR]);
    }
}

static void without_a_callback_warnings_and_errors_go_to_standard_error(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stderr);
    int before = dup(STDERR_FILENO);
    assert_true(before >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    run_into_a_failure(NULL, NULL);
    (void)fflush(stderr);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_int_equal(close(before), 0);

    char line[1024];
    size_t warnings = 0;
    size_t errors = 0;
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        bool warns = strstr(line, "warn state.cleanup.delay.ms: ") == line;
        bool fails = strncmp(line, "error app: ", 11) == 0;
        warnings += warns ? 1 : 0;
        errors += fails && strstr(line, "bad is bad") != NULL ? 1 : 0;
        if (!warns && !fails) {
            fail_msg("also said: %s", line);
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(warnings, 1);
    assert_int_equal(errors, 1);
}

/* ---- signals --------------------------------------------------------------------------------- */

static const int some_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,
                                   SIGPIPE, SIGALRM, SIGTERM, SIGCHLD};
enum { SIGNALS = sizeof some_signals / sizeof some_signals[0] };

/* What a library thread found. */
typedef struct signal_view {
    atomic_int open; /* of some_signals, not blocked */
    atomic_bool default_int;
    atomic_bool default_term;
    bool ask_for_the_end;
} signal_view;

static bool is_default(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

static void look_at_signals(ks_ctx *ctx, const ks_record *record, void *user)
{
    signal_view *self = user;
    sigset_t mask;
    (void)record;
    if (pthread_sigmask(SIG_BLOCK, NULL, &mask) != 0) {
        ks_ctx_fail(ctx, "no mask");
    }
    for (int i = 0; i < SIGNALS; i++) {
        atomic_fetch_add(&self->open, sigismember(&mask, some_signals[i]) == 1 ? 0 : 1);
    }
    atomic_store(&self->default_int, is_default(SIGINT));
    atomic_store(&self->default_term, is_default(SIGTERM));
    if (self->ask_for_the_end) {
        (void)kill(getpid(), SIGINT);
    }
}

/* A shell starts programs in the background with SIGINT ignored; this one begins like any other. */
static void begin_with_default_signals(void)
{
    sigset_t none;
    assert_int_equal(sigemptyset(&none), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
    assert_true(signal(SIGINT, SIG_DFL) != SIG_ERR);
    assert_true(signal(SIGTERM, SIG_DFL) != SIG_ERR);
}

static void assert_signals_are_the_programs(void)
{
    sigset_t mask;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    for (int i = 0; i < SIGNALS; i++) {
        assert_int_equal(sigismember(&mask, some_signals[i]), 0);
    }
    assert_true(is_default(SIGINT));
    assert_true(is_default(SIGTERM));
}

static void library_threads_block_signals_and_only_running_handles_any(void **state)
{
    (void)state;
    ks_error error = {0};
    begin_with_default_signals();
    for (int runs = 0; runs < 2; runs++) {
        signal_view seen = {.ask_for_the_end = runs == 1};
        ks_log *log = open_log(1);
        ks_topology *topology = looking(look_at_signals, &seen);
        ks_config *config = new_config("app");
        produce(log, 0, "v");
        ks_app *app = ks_app_new(topology, config,
                                 KS_APP_OPTIONS(.log = log, .log_line = say_nothing), &error);
        assert_non_null(app);
        if (runs == 1) {
            assert_ok(ks_app_run(app, &error), &error); /* until the callback's SIGINT */
        } else {
            assert_ok(ks_app_start(app, &error), &error);
            catch_up(app);
            assert_signals_are_the_programs();
        }
        ks_app_free(app);
        assert_int_equal(atomic_load(&seen.open), 0);
        assert_int_equal(atomic_load(&seen.default_int), runs == 0);
        assert_int_equal(atomic_load(&seen.default_term), runs == 0);
        assert_signals_are_the_programs();
        ks_config_free(config);
        ks_topology_free(topology);
        ks_log_free(log);
    }
}

/* ---- being done ------------------------------------------------------------------------------ */

static void who_waits_until_it_has_caught_up_waits_for_no_commit_interval(void **state)
{
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_grouped_stream *by_key = ks_stream_group_by_key(
        texts_from(b, "in"), KS_GROUPED(.key = &ks_serde_string, .value = &ks_serde_string));
    ks_stream_to(ks_table_to_stream(ks_grouped_stream_count(by_key, NULL), NULL), "out", NULL);
    ks_topology *topology = build(b);
    ks_config *config = new_config("app");
    set(config, "commit.interval.ms", "86400000"); /* the cache would keep the count for a day */
    ks_log *log = open_log(1);
    ks_app *app = start(log, topology, config, say_nothing, NULL);
    for (uint64_t round = 1; round <= 3; round++) {
        ks_error error = {0};
        produce(log, 0, "v");
        assert_int_equal(ks_app_stats_of(app).commits, round - 1);
        catch_up(app);
        assert_int_equal(ks_app_stats_of(app).commits, round);
        ks_log_reader *reader = ks_log_reader_open(log, "out", &error);
        assert_non_null(reader);
        ks_log_record record;
        uint64_t counts = 0;
        while (ks_log_reader_next(reader, &record)) {
            counts++;
            assert_int_equal(record.value.data[7], counts); /* the last byte of an i64 */
        }
        assert_int_equal(counts, round);
        ks_log_reader_free(reader);
    }
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
    ks_log_free(log);
}

/* ---- names checked at once ------------------------------------------------------------------- */

static void the_name_of_the_dead_letter_topic_is_checked_before_anything_runs(void **state)
{
    (void)state;
    const char *const wrong[] = {"dead letters", "", "dead/letters"};
    ks_topology *topology = looking(fail_on_bad, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ks_error error = {0};
        ks_config *config = new_config("app");
        set(config, "errors.dead.letter.queue.topic.name", wrong[i]);
        assert_null(ks_app_new(topology, config, NULL, &error));
        assert_int_equal(error.code, KS_E_CONFIG);
        assert_string_equal(error.where, "errors.dead.letter.queue.topic.name");
        ks_config_free(config);
    }
    ks_topology_free(topology);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void assert_header(const ks_headers *headers, const char *name, const char *beginning)
{
    ks_slice value;
    assert_true(ks_headers_last(headers, name, &value));
    assert_true(value.size >= strlen(beginning));
    assert_memory_equal(value.data, beginning, strlen(beginning));
}

static void a_dead_letter_says_status_and_node_where_java_names_a_class(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log_record letter;
    ks_config *config = ks_config_new();
    set(config, "errors.dead.letter.queue.topic.name", "dead-letters");
    ks_topology *topology = looking(fail_on_bad, NULL);
    ks_test_driver *driver = drive(topology, config, NULL);
    assert_int_equal(pipe_text(driver, "in", "bad", &error), KS_E_PROCESSING);
    assert_true(ks_test_driver_produced(driver, "dead-letters", 0, &letter));
    assert_header(letter.headers, "__streams.errors.exception", "KS_E_PROCESSING");
    assert_header(letter.headers, "__streams.errors.message", "task 0_0, topic in, partition 0");
    assert_header(letter.headers, "__streams.errors.stacktrace",
                  "KS_E_PROCESSING at KSTREAM-PEEK-0000000001: ");
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_config_free(config);
}

/* ---- the test driver ------------------------------------------------------------------------- */

static void each_output_of_a_test_reads_its_topic_from_the_beginning(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_record record;
    ks_topology *topology = looking(fail_on_bad, NULL);
    ks_test_driver *driver = drive(topology, NULL, NULL);
    const ks_serde *text = &ks_serde_string;
    ks_test_output *first = ks_test_driver_output(driver, "out", text, text);
    assert_ok(pipe_text(driver, "in", "a", &error), &error);
    assert_ok(pipe_text(driver, "in", "b", &error), &error);
    assert_true(ks_test_output_read(first, &record, &error));
    assert_true(ks_value_equal(record.value, ks_text_of("a")));
    ks_test_output *second = ks_test_driver_output(driver, "out", text, text);
    assert_int_equal(ks_test_output_size(first), 1);
    assert_int_equal(ks_test_output_size(second), 2);
    assert_true(ks_test_output_read(second, &record, &error));
    assert_true(ks_value_equal(record.value, ks_text_of("a")));
    assert_true(ks_test_output_read(first, &record, &error));
    assert_true(ks_value_equal(record.value, ks_text_of("b")));
    assert_false(ks_test_output_read(first, &record, &error));
    assert_int_equal(ks_test_output_size(second), 1);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

static ks_value wall_clock(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)record;
    (void)user;
    return ks_i64(ks_ctx_wall_clock(ctx));
}

static void assert_clock(ks_test_driver *driver, int64_t ms)
{
    ks_error error = {0};
    ks_record record;
    ks_test_output *out = ks_test_driver_output(driver, "out", &ks_serde_string, &ks_serde_i64);
    size_t before = ks_test_output_size(out);
    assert_ok(pipe_text(driver, "in", "v", &error), &error);
    for (size_t i = 0; i <= before; i++) {
        assert_true(ks_test_output_read(out, &record, &error));
    }
    assert_int_equal(ks_value_i64(record.value), ms);
    assert_int_equal(record.timestamp, ms);
}

static void the_clock_of_a_test_begins_at_zero_and_stamps_records(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in =
        ks_builder_stream(b, "in",
                          KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string,
                                      .timestamp_extractor = &ks_timestamp_wallclock));
    ks_stream_to(ks_stream_map_values(in, wall_clock, NULL, NULL), "out",
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    ks_topology *topology = build(b);
    ks_test_driver *driver = drive(topology, NULL, NULL);
    assert_clock(driver, 0);
    assert_ok(ks_test_driver_advance_wall_clock(driver, 500, &error), &error);
    assert_clock(driver, 500);
    assert_clock(driver, 500); /* it stands still */
    ks_test_driver_free(driver);

    driver = drive(topology, NULL, KS_TEST_DRIVER_OPTIONS(.wall_clock_ms = 1700000000000));
    assert_clock(driver, 1700000000000);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

/* ---- windows --------------------------------------------------------------------------------- */

static const ks_serde of_windows = KS_TIME_WINDOWED_SERDE(&ks_serde_string, 10);
static const ks_serde of_sessions = KS_SESSION_WINDOWED_SERDE(&ks_serde_string);

static void pipe_at(ks_test_driver *driver, const char *key, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {
        .key = ks_slice_cstr(key), .value = ks_slice_cstr("v"), .timestamp = timestamp};
    assert_ok(ks_test_driver_pipe(driver, "in", &record, &error), &error);
}

/* Counts in windows that are emitted when they close; "key@start=count" of each that came out. */
static void assert_closed(ks_windows windows, const char *suppliers, const char *cache,
                          const char *expected)
{
    ks_error error = {0};
    ks_record record;
    char all[128] = "";
    ks_builder *b = ks_builder_new(NULL);
    ks_grouped_stream *grouped = ks_stream_group_by_key(texts_from(b, "in"), NULL);
    ks_windowed_stream *windowed = ks_windowed_stream_emit_strategy(
        ks_grouped_stream_windowed_by(grouped, windows), KS_EMIT_ON_WINDOW_CLOSE);
    ks_stream_to(ks_table_to_stream(ks_windowed_stream_count(windowed, NULL), NULL), "out", NULL);
    ks_topology *topology = build(b);
    ks_config *config = new_config("closing");
    set(config, "statestore.cache.max.bytes", cache);
    set(config, "dsl.store.suppliers.class", suppliers);
    ks_test_driver *driver = drive(topology, config, NULL);
    pipe_at(driver, "a", 12);
    pipe_at(driver, "b", 13);
    pipe_at(driver, "a", 1000000); /* far behind all retention */
    pipe_at(driver, "a", 2000000);
    const ks_serde *keys = windows.kind == KS_WINDOWS_SESSION ? &of_sessions : &of_windows;
    ks_test_output *out = ks_test_driver_output(driver, "out", keys, &ks_serde_i64);
    while (ks_test_output_read(out, &record, &error)) {
        const ks_windowed *key = ks_value_windowed(record.key);
        const ks_slice name = ks_value_text(key->key);
        size_t length = strlen(all);
        (void)snprintf(all + length, sizeof all - length, "%.*s@%lld=%lld ", (int)name.size,
                       name.data, (long long)key->start, (long long)ks_value_i64(record.value));
    }
    assert_string_equal(all, expected);
    ks_test_driver_free(driver);
    ks_config_free(config);
    ks_topology_free(topology);
}

static void windows_that_a_jump_of_time_closes_come_out(void **state)
{
    (void)state;
    static const char *const suppliers[] = {"RocksDBDslStoreSuppliers",
                                            "InMemoryDslStoreSuppliers"};
    for (size_t i = 0; i < 2; i++) {
        for (const char *cache = "0"; cache != NULL; cache = *cache == '0' ? "100000" : NULL) {
            assert_closed(ks_tumbling_windows(10, 0), suppliers[i], cache,
                          "a@10=1 b@10=1 a@1000000=1 ");
            assert_closed(ks_hopping_windows(10, 5, 3), suppliers[i], cache,
                          "a@5=1 b@5=1 a@10=1 b@10=1 a@999995=1 a@1000000=1 ");
            assert_closed(ks_sliding_windows(10, 0), suppliers[i], cache,
                          "a@2=1 b@3=1 a@999990=1 ");
            assert_closed(ks_session_windows(5, 0), suppliers[i], cache,
                          "a@12=1 b@13=1 a@1000000=1 ");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flat_callback_that_fails_has_forwarded_what_it_emitted),
        cmocka_unit_test(patterns_have_the_syntax_of_pcre2),
        cmocka_unit_test(printing_appends_to_what_the_file_had_whichever_task_writes),
        cmocka_unit_test(doubles_print_with_the_fewest_digits_as_since_java_19),
        cmocka_unit_test(serdes_extractors_and_partitioners_are_constants_with_their_config),
        cmocka_unit_test(one_callback_hears_every_line_one_at_a_time),
        cmocka_unit_test(without_a_callback_warnings_and_errors_go_to_standard_error),
        cmocka_unit_test(library_threads_block_signals_and_only_running_handles_any),
        cmocka_unit_test(who_waits_until_it_has_caught_up_waits_for_no_commit_interval),
        cmocka_unit_test(the_name_of_the_dead_letter_topic_is_checked_before_anything_runs),
        cmocka_unit_test(a_dead_letter_says_status_and_node_where_java_names_a_class),
        cmocka_unit_test(each_output_of_a_test_reads_its_topic_from_the_beginning),
        cmocka_unit_test(the_clock_of_a_test_begins_at_zero_and_stamps_records),
        cmocka_unit_test(windows_that_a_jump_of_time_closes_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
