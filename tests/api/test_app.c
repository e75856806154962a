/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_app.c - applications on the log in memory, through the public headers only.
 *
 * Nothing here sleeps: tests wait until an application has caught up, or block a callback until the
 * test has looked at what it wants to see.
 */
#include <kstreams/kstreams.h>

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

enum { EVENTS_SIZE = 512 };

/* ---- what a test works with ------------------------------------------------------------------ */

/* Fails with the library's own words. */
static ks_log *open_log(void)
{
    ks_error error = {0};
    ks_log *log = ks_log_open("embedded:", &error);
    assert_non_null(log);
    return log;
}

static void create(ks_log *log, const char *topic, int32_t partitions)
{
    ks_error error = {0};
    assert_ok(ks_log_create_topic(log, topic, partitions, &error), &error);
}

static void produce(ks_log *log, const char *topic, const char *key, const char *value)
{
    ks_error error = {0};
    ks_log_record record = {.key = ks_slice_cstr(key),
                            .value = ks_slice_cstr(value),
                            .timestamp = 1000,
                            .partition = -1};
    assert_ok(ks_log_produce(log, topic, &record, &error), &error);
}

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

/* An application and what it was made of. */
typedef struct running {
    ks_log *log;
    ks_config *config;
    ks_topology *topology;
    ks_app *app;
    char events[EVENTS_SIZE]; /* "CREATED>REBALANCING " ... */
    char warnings[EVENTS_SIZE];
} running;

static void append(char *to, const char *text)
{
    size_t length = strlen(to);
    (void)snprintf(to + length, EVENTS_SIZE - length, "%s", text);
}

static void remember_state(ks_app_state from, ks_app_state to, void *user)
{
    running *self = user;
    append(self->events, ks_app_state_name(from));
    append(self->events, ">");
    append(self->events, ks_app_state_name(to));
    append(self->events, " ");
}

static void remember_line(ks_log_level level, const char *where, const char *message, void *user)
{
    running *self = user;
    (void)message;
    if (level >= KS_LOG_LEVEL_WARN) {
        append(self->warnings, where);
        append(self->warnings, " ");
    }
}

static void make_app(running *self, ks_error *error)
{
    self->app = ks_app_new(self->topology, self->config,
                           KS_APP_OPTIONS(.log = self->log, .log_line = remember_line,
                                          .state_listener = remember_state, .user = self),
                           error);
}

/* Takes config and topology over. */
static running *new_app(ks_log *log, ks_config *config, ks_topology *topology)
{
    ks_error error = {0};
    running *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->log = log;
    self->config = config;
    self->topology = topology;
    make_app(self, &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    return self;
}

static void free_app(running *self)
{
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    free(self);
}

static void start(const running *self)
{
    ks_error error = {0};
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void catch_up(const running *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
}

static uint64_t processed_by(const running *self)
{
    return ks_app_stats_of(self->app).records_processed;
}

static void close_app(const running *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
}

/* How many records a topic has, and the last value of a key, which is an i64. */
static size_t count_records(ks_log *log, const char *topic)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    ks_log_record record;
    size_t count = 0;
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        count++;
    }
    ks_log_reader_free(reader);
    return count;
}

static int64_t last_count(ks_log *log, const char *topic, const char *key)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(log, topic, &error);
    ks_log_record record;
    int64_t last = -1;
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        if (ks_slice_equal(record.key, ks_slice_cstr(key))) {
            assert_int_equal(record.value.size, 8);
            last = 0;
            for (size_t i = 0; i < 8; i++) {
                last = last * 256 + (unsigned char)record.value.data[i];
            }
        }
    }
    ks_log_reader_free(reader);
    return last;
}

/* ---- topologies ------------------------------------------------------------------------------ */

static void split_words(ks_ctx *ctx, const ks_record *line, void *user)
{
    ks_slice rest = ks_value_text(line->value);
    ks_slice word;
    (void)user;
    while (ks_text_next_word(&rest, &word)) {
        ks_emit_value(ctx, ks_text(ks_text_lower(ks_ctx_arena(ctx), word)));
    }
}

static ks_value word_as_key(ks_ctx *ctx, const ks_record *word, void *user)
{
    (void)ctx;
    (void)user;
    return word->value;
}

static ks_topology *word_count(void)
{
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *lines = ks_builder_stream(b, "lines", KS_CONSUMED(.key = text, .value = text));
    ks_stream *words = ks_stream_flat_map_values(lines, split_words, NULL, NULL);
    ks_grouped_stream *by_word =
        ks_stream_group_by(words, word_as_key, NULL, KS_GROUPED(.key = text, .value = text));
    ks_table *counts = ks_grouped_stream_count(by_word, KS_MATERIALIZED(.name = "words"));
    ks_stream_to(ks_table_to_stream(counts, NULL), "counts", NULL);
    return build(b);
}

/* in -> look -> out; texts. `user` is `look`'s. */
static ks_topology *pass_through(ks_action_fn *look, void *user)
{
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *in = ks_builder_stream(b, "in", KS_CONSUMED(.key = text, .value = text));
    ks_stream *seen = ks_stream_peek(in, look, user, KS_NAMED(.name = "looking"));
    ks_stream_to(seen, "out", KS_PRODUCED(.key = text, .value = text));
    return build(b);
}

static ks_log *word_count_log(void)
{
    ks_log *log = open_log();
    create(log, "lines", 3);
    create(log, "counts", 2);
    return log;
}

/* ---- working --------------------------------------------------------------------------------- */

static void words_are_counted_through_a_repartition_topic(void **state)
{
    (void)state;
    ks_log *log = word_count_log();
    running *self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_state_of(self->app), KS_APP_CREATED);
    produce(log, "lines", "1", "The quick brown fox");
    produce(log, "lines", "2", "the lazy dog and the quick cat");
    start(self);
    catch_up(self);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_RUNNING);
    assert_int_equal(last_count(log, "counts", "the"), 3);
    assert_int_equal(last_count(log, "counts", "quick"), 2);
    assert_int_equal(last_count(log, "counts", "cat"), 1);
    assert_int_equal(last_count(log, "counts", "mouse"), -1);

    produce(log, "lines", "3", "mouse and fox"); /* while it runs */
    catch_up(self);
    assert_int_equal(last_count(log, "counts", "mouse"), 1);
    assert_int_equal(last_count(log, "counts", "fox"), 2);

    /* As many partitions as the widest topic above, and one changelog partition a task. */
    assert_int_equal(ks_log_partition_count(log, "wc-words-repartition"), 3);
    assert_int_equal(ks_log_partition_count(log, "wc-words-changelog"), 3);
    close_app(self);
    assert_string_equal(self->events,
                        "CREATED>REBALANCING REBALANCING>RUNNING RUNNING>PENDING_SHUTDOWN "
                        "PENDING_SHUTDOWN>NOT_RUNNING ");
    free_app(self);
    ks_log_free(log);
}

static void stats_say_what_was_done(void **state)
{
    (void)state;
    ks_log *log = word_count_log();
    running *self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_stats_of(self->app).records_processed, 0);
    produce(log, "lines", "1", "one two two");
    produce(log, "lines", "1", NULL); /* flatMapValues gives nothing for it */
    start(self);
    catch_up(self);
    ks_app_stats stats = ks_app_stats_of(self->app);
    assert_int_equal(stats.records_processed, 2 + 3);
    /* 3 words, and for each of 2 keys a result and a changelog row. */
    assert_int_equal(stats.records_produced, 3 + 2 + 2);
    assert_int_equal(stats.records_behind, 0);
    assert_true(stats.commits > 0);
    close_app(self);
    stats = ks_app_stats_of(self->app); /* stays after the end */
    assert_int_equal(stats.records_processed, 5);
    produce(log, "lines", "1", "three");
    assert_int_equal(ks_app_stats_of(self->app).records_behind, 1);
    free_app(self);
    ks_log_free(log);
}

static void a_second_application_goes_on_with_offsets_and_state(void **state)
{
    (void)state;
    ks_log *log = word_count_log();
    running *first = new_app(log, new_config("wc"), word_count());
    produce(log, "lines", "1", "apple pear apple");
    start(first);
    catch_up(first);
    close_app(first);
    free_app(first);
    assert_int_equal(last_count(log, "counts", "apple"), 2);

    produce(log, "lines", "2", "apple plum");
    running *second = new_app(log, new_config("wc"), word_count());
    start(second);
    catch_up(second);
    assert_int_equal(last_count(log, "counts", "apple"), 3);
    assert_int_equal(last_count(log, "counts", "pear"), 1);
    assert_int_equal(last_count(log, "counts", "plum"), 1);
    assert_int_equal(ks_app_stats_of(second->app).records_processed, 1 + 2);
    free_app(second); /* closes it */

    running *other = new_app(log, new_config("other"), word_count());
    start(other);
    catch_up(other);
    assert_int_equal(ks_app_stats_of(other->app).records_processed, 2 + 5);
    free_app(other);
    ks_log_free(log);
}

static void count_calls(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    atomic_fetch_add((atomic_int *)user, 1);
}

static void many_records_pass_a_small_queue(void **state)
{
    (void)state;
    enum { RECORDS = 5000 };
    atomic_int seen = 0;
    ks_log *log = open_log();
    create(log, "in", 2);
    create(log, "out", 1);
    ks_config *config = new_config("app");
    set(config, "buffered.records.per.partition", "7");
    running *self = new_app(log, config, pass_through(count_calls, &seen));
    start(self);
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        produce(log, "in", key, "value");
    }
    catch_up(self);
    assert_int_equal(atomic_load(&seen), RECORDS);
    assert_int_equal(count_records(log, "out"), RECORDS);
    free_app(self);
    ks_log_free(log);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void assert_refused(ks_config *config, ks_topology *topology, ks_status code,
                           const char *where)
{
    ks_error error = {0};
    ks_log *log = open_log();
    running self = {.log = log, .config = config, .topology = topology};
    make_app(&self, &error);
    assert_null(self.app);
    assert_int_equal(error.code, code);
    assert_string_equal(error.where, where);
    assert_true(error.message[0] != '\0');
    ks_log_free(log);
    ks_config_free(config);
    ks_topology_free(topology);
}

static void an_application_needs_an_id_a_log_and_a_source(void **state)
{
    (void)state;
    ks_config *config = ks_config_new();
    set(config, "bootstrap.servers", "embedded:");
    assert_refused(config, word_count(), KS_E_CONFIG, "application.id");

    config = ks_config_new();
    set(config, "application.id", "wc");
    assert_refused(config, word_count(), KS_E_CONFIG, "bootstrap.servers");
    assert_refused(NULL, word_count(), KS_E_CONFIG, "application.id");
    assert_refused(new_config("wc"), NULL, KS_E_ARGUMENT, "topology");
    assert_refused(new_config("wc"), build(ks_builder_new(NULL)), KS_E_TOPOLOGY, "topology");
}

static void assert_id_is_refused(const char *id, const char *said)
{
    ks_error error = {0};
    ks_config *config = new_config(id);
    ks_topology *topology = word_count();
    assert_null(ks_app_new(topology, config, NULL, &error));
    assert_int_equal(error.code, KS_E_CONFIG);
    assert_string_equal(error.where, "application.id");
    assert_non_null(strstr(error.message, said));
    ks_topology_free(topology);
    ks_config_free(config);
}

static void an_id_must_be_able_to_begin_the_name_of_a_topic(void **state)
{
    (void)state;
    char long_id[251];
    memset(long_id, 'a', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    assert_id_is_refused("a b", "\"a b\" begins the names of internal topics");
    assert_id_is_refused("a b", "ASCII letters, digits, '.', '_' and '-'; change character 2");
    assert_id_is_refused("wc/1", "change character 3");
    assert_id_is_refused("z\xc3\xa4hler", "change character 2");
    assert_id_is_refused("..", "\"..\"");
    assert_id_is_refused(long_id, "at most 249 characters; this one has 250");

    ks_log *log = word_count_log();
    running *self = new_app(log, new_config("Orders_2.eu-west"), word_count());
    start(self);
    assert_int_equal(ks_log_partition_count(log, "Orders_2.eu-west-words-changelog"), 3);
    free_app(self);
    ks_log_free(log);
}

static void a_log_of_its_own_is_opened_by_bootstrap_servers(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_config *config = new_config("wc");
    ks_topology *topology = word_count();
    ks_app *app = ks_app_new(topology, config, NULL, &error);
    assert_non_null(app);
    assert_int_equal(ks_app_start(app, &error), KS_E_UNKNOWN_TOPIC); /* a new log is empty */
    ks_app_free(app);
    set(config, "bootstrap.servers", "broker:9092");
    set(config, "security.protocol", "SASL_SSL");
    assert_null(ks_app_new(topology, config, NULL, &error));
    assert_int_equal(error.code, KS_E_NOT_BUILT);
    assert_string_equal(error.where, "security.protocol");
    ks_topology_free(topology);
    ks_config_free(config);
}

static void a_missing_input_topic_is_named(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = open_log();
    running *self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_start(self->app, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "lines");
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    assert_string_equal(self->events, "CREATED>REBALANCING REBALANCING>PENDING_ERROR "
                                      "PENDING_ERROR>ERROR ");
    assert_int_equal(ks_log_partition_count(log, "wc-words-repartition"), 0);
    assert_int_equal(ks_app_start(self->app, &error), KS_E_STATE);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, 0, &error), KS_E_UNKNOWN_TOPIC);
    close_app(self); /* changes nothing */
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    free_app(self);

    create(log, "lines", 1);
    create(log, "counts", 1);
    self = new_app(log, new_config("wc"), word_count()); /* the id is free again */
    start(self);
    free_app(self);
    ks_log_free(log);
}

static void an_internal_topic_with_another_count_is_refused(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = word_count_log();
    create(log, "wc-words-changelog", 2);
    running *self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_start(self->app, &error), KS_E_TOPOLOGY);
    assert_string_equal(error.where, "wc-words-changelog");
    assert_non_null(strstr(error.message, "exists with 2 partitions"));
    assert_non_null(strstr(error.message, "needs 3"));
    assert_int_equal(ks_log_partition_count(log, "wc-words-repartition"), 0);
    free_app(self);
    ks_log_free(log);
}

static void two_applications_of_one_id_share_its_tasks(void **state)
{
    (void)state;
    ks_log *log = word_count_log();
    running *first = new_app(log, new_config("wc"), word_count());
    running *second = new_app(log, new_config("wc"), word_count());
    start(first);
    start(second);
    uint64_t sent = 0;
    while (processed_by(second) == 0) { /* the first gives up its tasks while it goes on */
        produce(log, "lines", "1", "one two three four five six seven eight");
        sent += 1 + 8;
        while (processed_by(first) + processed_by(second) < sent) {
            catch_up(first); /* each with the tasks it has: one on its way is nobody's */
            catch_up(second);
        }
        assert_int_equal(processed_by(first) + processed_by(second), sent);
    }
    free_app(second);
    produce(log, "lines", "1", "nine");
    catch_up(first);
    free_app(first);
    ks_log_free(log);
}

static void properties_without_effect_are_warned_of_once(void **state)
{
    (void)state;
    ks_log *log = word_count_log();
    ks_config *config = new_config("wc");
    set(config, "state.cleanup.delay.ms", "1");
    running *self = new_app(log, config, word_count());
    assert_string_equal(self->warnings, "state.cleanup.delay.ms ");
    start(self);
    catch_up(self);
    close_app(self);
    assert_string_equal(self->warnings, "state.cleanup.delay.ms ");
    free_app(self);
    ks_log_free(log);
}

/* ---- closing and waiting --------------------------------------------------------------------- */

static void closing_is_fine_in_every_state(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = word_count_log();
    running *self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_wait_until_caught_up(self->app, -1, &error), KS_E_STATE);
    close_app(self);
    assert_string_equal(self->events, "CREATED>PENDING_SHUTDOWN PENDING_SHUTDOWN>NOT_RUNNING ");
    close_app(self);
    assert_int_equal(ks_app_start(self->app, &error), KS_E_STATE);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, -1, &error), KS_E_STATE);
    free_app(self);

    self = new_app(log, new_config("wc"), word_count());
    start(self);
    assert_int_equal(ks_app_start(self->app, &error), KS_E_STATE);
    close_app(self);
    close_app(self);
    free_app(self);
    free_app(new_app(log, new_config("wc"), word_count())); /* never started */
    ks_app_free(NULL);
    ks_log_free(log);
}

/* A gate that a callback stands before until the test opens it. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reached;
    bool open;
} gate;

static void stand_before(ks_ctx *ctx, const ks_record *record, void *user)
{
    gate *self = user;
    (void)ctx;
    (void)record;
    pthread_mutex_lock(&self->lock);
    self->reached = true;
    pthread_cond_broadcast(&self->changed);
    while (!self->open) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

static void wait_until_reached(gate *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->reached) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

static void open_gate(gate *self)
{
    pthread_mutex_lock(&self->lock);
    self->open = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void waiting_and_closing_stop_at_their_time(void **state)
{
    (void)state;
    ks_error error = {0};
    gate before = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    ks_log *log = open_log();
    create(log, "in", 1);
    create(log, "out", 1);
    running *self = new_app(log, new_config("app"), pass_through(stand_before, &before));
    produce(log, "in", "key", "value");
    start(self);
    wait_until_reached(&before);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, 5, &error), KS_E_TIMEOUT);
    assert_int_equal(ks_app_stats_of(self->app).records_behind, 1);
    assert_int_equal(ks_app_close(self->app, 0, &error), KS_E_TIMEOUT);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_PENDING_SHUTDOWN);
    open_gate(&before);
    close_app(self); /* the record in hand is finished and committed */
    assert_int_equal(ks_app_state_of(self->app), KS_APP_NOT_RUNNING);
    assert_int_equal(count_records(log, "out"), 1);
    assert_int_equal(ks_app_stats_of(self->app).commits, 1);
    free_app(self);
    ks_log_free(log);
}

/* What a callback got when it waited for its own application. */
typedef struct waiting_callback {
    _Atomic(ks_app *) app;
    ks_status waited;
    ks_status closed;
    ks_status ran;
    ks_status asked;
} waiting_callback;

static void wait_for_itself(ks_ctx *ctx, const ks_record *record, void *user)
{
    waiting_callback *self = user;
    ks_app *app = atomic_load(&self->app);
    (void)ctx;
    (void)record;
    self->waited = ks_app_wait_until_caught_up(app, -1, NULL);
    self->closed = ks_app_close(app, INT64_MAX, NULL);
    self->ran = ks_app_run(app, NULL);
    self->asked = ks_app_close(app, 0, NULL);
}

static void a_callback_does_not_wait_for_its_own_application(void **state)
{
    (void)state;
    ks_error error = {0};
    waiting_callback callback = {.app = NULL};
    ks_log *log = open_log();
    create(log, "in", 1);
    create(log, "out", 1);
    running *self = new_app(log, new_config("app"), pass_through(wait_for_itself, &callback));
    atomic_store(&callback.app, self->app);
    produce(log, "in", "key", "value");
    assert_ok(ks_app_run(self->app, &error), &error); /* ends because the callback asked for it */
    assert_int_equal(callback.waited, KS_E_STATE);
    assert_int_equal(callback.closed, KS_E_STATE);
    assert_int_equal(callback.ran, KS_E_STATE);
    assert_int_equal(callback.asked, KS_E_TIMEOUT);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_NOT_RUNNING);
    assert_int_equal(count_records(log, "out"), 1);
    free_app(self);
    ks_log_free(log);
}

static void the_longest_time_is_for_ever(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = word_count_log();
    running *self = new_app(log, new_config("wc"), word_count());
    start(self);
    assert_ok(ks_app_wait_until_caught_up(self->app, INT64_MAX, &error), &error);
    assert_ok(ks_app_close(self->app, INT64_MAX, &error), &error);
    free_app(self);
    ks_log_free(log);
}

static void a_number_of_threads_that_cannot_be_meant_is_refused(void **state)
{
    (void)state;
    static const char *const counts[] = {"-1", "0", "10001", "2147483647"};
    ks_topology *topology = word_count();
    ks_config *config = new_config("wc");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ks_error error = {0};
        set(config, "num.stream.threads", counts[i]);
        assert_null(ks_app_new(topology, config, NULL, &error));
        assert_int_equal(error.code, i == 1 ? KS_E_TOPOLOGY : KS_E_CONFIG); /* 0: as in Java */
        char text[800];
        assert_non_null(strstr(ks_error_text(&error, text, sizeof text), "num.stream.threads"));
    }
    ks_config_free(config);
    ks_topology_free(topology);
}

/* ---- signals --------------------------------------------------------------------------------- */

/*
 * Sends the process a signal at the third record. The library's threads block it, so another gets
 * it.
 */
static void signal_at_third(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("3"))) {
        kill(getpid(), SIGTERM);
    }
}

static void sigterm_closes_cleanly(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = open_log();
    create(log, "in", 1);
    create(log, "out", 1);
    running *self = new_app(log, new_config("app"), pass_through(signal_at_third, NULL));
    produce(log, "in", "key", "1");
    produce(log, "in", "key", "2");
    produce(log, "in", "key", "3");
    assert_ok(ks_app_run(self->app, &error), &error);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_NOT_RUNNING);
    assert_int_equal(count_records(log, "out"), 3);
    free_app(self);

    struct sigaction now;
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL); /* as it was */
    atomic_int again = 0;
    sigset_t mask;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    assert_false(sigismember(&mask, SIGTERM));

    self = new_app(log, new_config("app"), pass_through(count_calls, &again));
    start(self);
    catch_up(self);
    assert_int_equal(atomic_load(&again), 0); /* all of it was committed */
    free_app(self);
    ks_log_free(log);
}

typedef struct runner {
    running *running;
    ks_status status;
} runner;

static void *run_app(void *user)
{
    runner *self = user;
    self->status = ks_app_run(self->running->app, NULL);
    return NULL;
}

static void one_signal_closes_every_application_that_runs(void **state)
{
    (void)state;
    enum { APPS = 3 };
    ks_log *log = open_log();
    create(log, "in", 1);
    create(log, "out", 1);
    runner runners[APPS];
    pthread_t threads[APPS];
    gate gates[APPS];
    produce(log, "in", "key", "value");
    for (int i = 0; i < APPS; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "app-%d", i);
        gates[i] = (gate){
            .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .open = true};
        runners[i].running = new_app(log, new_config(id), pass_through(stand_before, &gates[i]));
        assert_int_equal(pthread_create(&threads[i], NULL, run_app, &runners[i]), 0);
    }
    for (int i = 0; i < APPS; i++) {
        wait_until_reached(&gates[i]); /* every one runs */
    }
    assert_int_equal(kill(getpid(), SIGINT), 0);
    for (int i = 0; i < APPS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(runners[i].status, KS_OK);
        assert_int_equal(ks_app_state_of(runners[i].running->app), KS_APP_NOT_RUNNING);
        free_app(runners[i].running);
    }
    assert_int_equal(count_records(log, "out"), APPS);
    ks_log_free(log);
}

/* ---- failing --------------------------------------------------------------------------------- */

static void fail_at_third(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    if (ks_slice_equal(ks_value_text(record->value), ks_slice_cstr("3"))) {
        ks_ctx_fail(ctx, "three is too much");
    }
}

static void a_failing_callback_stops_the_application_and_names_its_node(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = open_log();
    create(log, "in", 1);
    create(log, "out", 1);
    running *self = new_app(log, new_config("app"), pass_through(fail_at_third, NULL));
    produce(log, "in", "key", "1");
    produce(log, "in", "key", "2");
    produce(log, "in", "key", "3");
    start(self);
    assert_int_equal(ks_app_wait_until_caught_up(self->app, -1, &error), KS_E_PROCESSING);
    assert_string_equal(error.where, "looking");
    assert_non_null(strstr(error.message, "three is too much"));
    assert_non_null(strstr(error.message, "task 0_0"));
    close_app(self);
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    assert_string_equal(self->events,
                        "CREATED>REBALANCING REBALANCING>RUNNING RUNNING>PENDING_ERROR "
                        "PENDING_ERROR>ERROR ");
    assert_non_null(strstr(self->warnings, "app "));
    assert_int_equal(ks_app_stats_of(self->app).commits, 0);
    free_app(self);

    /* Nothing was committed: the next one, which does not fail, sees all of it again. */
    atomic_int seen = 0;
    self = new_app(log, new_config("app"), pass_through(count_calls, &seen));
    start(self);
    catch_up(self);
    assert_int_equal(atomic_load(&seen), 3);
    free_app(self);
    ks_log_free(log);
}

static void running_answers_the_error_that_stopped_it(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_log *log = open_log();
    create(log, "in", 1);
    running *self = new_app(log, new_config("app"), pass_through(fail_at_third, NULL));
    create(log, "out", 1);
    produce(log, "in", "key", "3");
    assert_int_equal(ks_app_run(self->app, &error), KS_E_PROCESSING);
    assert_string_equal(error.where, "looking");
    assert_int_equal(ks_app_state_of(self->app), KS_APP_ERROR);
    error = (ks_error){0};
    assert_int_equal(ks_app_run(self->app, &error), KS_E_PROCESSING); /* and does so again */
    free_app(self);

    self = new_app(log, new_config("wc"), word_count());
    assert_int_equal(ks_app_run(self->app, &error), KS_E_UNKNOWN_TOPIC);
    free_app(self);
    ks_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_counted_through_a_repartition_topic),
        cmocka_unit_test(stats_say_what_was_done),
        cmocka_unit_test(a_second_application_goes_on_with_offsets_and_state),
        cmocka_unit_test(many_records_pass_a_small_queue),
        cmocka_unit_test(an_application_needs_an_id_a_log_and_a_source),
        cmocka_unit_test(an_id_must_be_able_to_begin_the_name_of_a_topic),
        cmocka_unit_test(a_log_of_its_own_is_opened_by_bootstrap_servers),
        cmocka_unit_test(a_missing_input_topic_is_named),
        cmocka_unit_test(an_internal_topic_with_another_count_is_refused),
        cmocka_unit_test(two_applications_of_one_id_share_its_tasks),
        cmocka_unit_test(properties_without_effect_are_warned_of_once),
        cmocka_unit_test(closing_is_fine_in_every_state),
        cmocka_unit_test(waiting_and_closing_stop_at_their_time),
        cmocka_unit_test(a_callback_does_not_wait_for_its_own_application),
        cmocka_unit_test(the_longest_time_is_for_ever),
        cmocka_unit_test(a_number_of_threads_that_cannot_be_meant_is_refused),
        cmocka_unit_test(sigterm_closes_cleanly),
        cmocka_unit_test(one_signal_closes_every_application_that_runs),
        cmocka_unit_test(a_failing_callback_stops_the_application_and_names_its_node),
        cmocka_unit_test(running_answers_the_error_that_stopped_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
