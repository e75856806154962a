/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_processor.c - processors with stores, through the public headers only: in an application
 * that is started again, in topologies put together by hand, and used wrongly.
 *
 * `totals` adds up the lengths of the values of each key in its store, and forwards the sums when a
 * value is "tell", by a punctuation at its end of stream time.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

static void assert_refused_at(ks_status status, const ks_error *error, ks_status code,
                              const char *what, int line)
{
    if (status != code || strstr(error->message, what) == NULL) {
        fail_msg("line %d: %s, want %s with \"%s\": %s", line, ks_status_name(status),
                 ks_status_name(code), what, error->message);
    }
}
#define assert_refused(status, error, code, what) \
    assert_refused_at(status, error, code, what, __LINE__)

/* ---- a processor with a store ---------------------------------------------------------------- */

typedef struct totals {
    ks_key_value_store *sums;
    ks_ctx *ctx;
} totals;

static void tell_all(ks_ctx *ctx, int64_t now_ms, void *user)
{
    totals *self = user;
    ks_key_value sum;
    bool found = true;
    ks_key_value_iterator *all = ks_key_value_store_all(self->sums);
    while (ks_key_value_iterator_next(all, &sum, &found, NULL) == KS_OK && found) {
        ks_ctx_forward(ctx, &(ks_record){.key = sum.key, .value = sum.value, .timestamp = now_ms});
    }
    ks_key_value_iterator_free(all);
}

static void begin_totals(ks_ctx *ctx, void *state, void *user)
{
    totals *self = state;
    (void)user;
    self->sums = ks_ctx_key_value_store(ctx, "sums");
    ks_ctx_schedule(ctx, tell_all, self, KS_SCHEDULE(.interval_ms = 1000));
}

static void add_length(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    totals *self = state;
    ks_value sum = ks_key_value_store_value(self->sums, record->key);
    int64_t before = ks_value_is_null(sum) ? 0 : ks_value_i64(sum);
    (void)user;
    int64_t length = (int64_t)ks_value_text(record->value).size;
    ks_key_value_store_put(self->sums, record->key, ks_i64(before + length), NULL);
    ks_ctx_request_commit(ctx);
}

static const ks_store_builder *const totals_stores[] = {
    KS_STORE_BUILDER(.name = "sums", .key = &ks_serde_string, .value = &ks_serde_i64), NULL};
static const ks_processor totals_processor = {.struct_size = sizeof totals_processor,
                                              .state_size = sizeof(totals),
                                              .init = begin_totals,
                                              .process = add_length,
                                              .stores = totals_stores};

static ks_topology *built(ks_builder *builder)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(builder, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(builder);
    return topology;
}

static ks_stream *texts(ks_builder *builder)
{
    const ks_serde *text = &ks_serde_string;
    return ks_builder_stream(builder, "in", KS_CONSUMED(.key = text, .value = text));
}

static ks_topology *totals_topology(void)
{
    ks_builder *b = ks_builder_new(NULL);
    ks_stream *sums = ks_stream_process(texts(b), &totals_processor, NULL, NULL);
    ks_stream_to(sums, "out", KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_i64));
    return built(b);
}

/* ---- in an application ----------------------------------------------------------------------- */

typedef struct life {
    ks_log *log;
    ks_config *config;
    ks_topology *topology;
} life;

static void life_begin(life *self, const char *guarantee)
{
    static const char *const settings[][2] = {{"application.id", "totals"},
                                              {"bootstrap.servers", "embedded:"},
                                              {"commit.interval.ms", "5000"}};
    ks_error error = {0};
    self->log = ks_log_open("embedded:", &error);
    self->config = ks_config_new();
    self->topology = totals_topology();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        assert_ok(ks_config_set(self->config, settings[i][0], settings[i][1], &error), &error);
    }
    assert_ok(ks_config_set(self->config, "processing.guarantee", guarantee, &error), &error);
    assert_ok(ks_config_set(self->config, "state.dir", state_dir_new(), &error), &error);
    assert_ok(ks_log_create_topic(self->log, "in", 1, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "out", 1, &error), &error);
}

static void life_end(life *self)
{
    ks_topology_free(self->topology);
    ks_config_free(self->config);
    ks_log_free(self->log);
}

static void send(life *self, const char *key, const char *value, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr(key),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = timestamp,
                                  .partition = 0};
    assert_ok(ks_log_produce(self->log, "in", &record, &error), &error);
}

/* From the start to the end of what was sent. */
static void run(life *self)
{
    ks_error error = {0};
    ks_app *app =
        ks_app_new(self->topology, self->config, KS_APP_OPTIONS(.log = self->log), &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, -1, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
}

/* "a=3@1000 ": all that is in "out". */
static void read_out(life *self, char *text, size_t size)
{
    ks_error error = {0};
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    ks_log_record record;
    size_t length = 0;
    text[0] = '\0';
    while (ks_log_reader_next(reader, &record)) {
        int64_t sum = (unsigned char)record.value.data[7]; /* small */
        length +=
            (size_t)snprintf(text + length, size - length, "%.*s=%lld@%lld ", (int)record.key.size,
                             record.key.data, (long long)sum, (long long)record.timestamp);
    }
    ks_log_reader_free(reader);
}

static void sums_survive(const char *guarantee)
{
    life self;
    char text[200];
    life_begin(&self, guarantee);
    send(&self, "a", "xxx", 1000); /* the first record sets the punctuation off */
    send(&self, "b", "x", 1100);
    run(&self);
    send(&self, "a", "xx", 1200);
    send(&self, "b", "x", 2500);
    run(&self);
    read_out(&self, text, sizeof text);
    assert_string_equal(text, "a=3@1000 a=5@1200 b=1@1200 a=5@2500 b=2@2500 ");
    life_end(&self);
}

static void a_store_of_a_processor_survives_a_restart_at_least_once(void **state)
{
    (void)state;
    sums_survive("at_least_once");
}

static void a_store_of_a_processor_survives_a_restart_exactly_once(void **state)
{
    (void)state;
    sums_survive("exactly_once_v2");
}

/* ---- used wrongly ---------------------------------------------------------------------------- */

/* Forwards what was there before, and keeps the new value. */
static void tell_the_last(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_key_value_store *last = ks_ctx_key_value_store(ctx, "last");
    ks_record before = *record;
    (void)state;
    (void)user;
    before.value = ks_key_value_store_value(last, record->key);
    ks_key_value_store_put(last, record->key, record->value, NULL);
    ks_ctx_forward(ctx, &before);
}

static const ks_processor telling_the_last = {.struct_size = sizeof telling_the_last,
                                              .process = tell_the_last};

static void run_with_last(life *self, ks_store_kind kind, const char *value, const char *before)
{
    ks_error error = {0};
    ks_log_record record;
    ks_slice told = ks_slice_null();
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(
        b, KS_STORE_BUILDER(.name = "last", .kind = kind, .key = text, .value = text));
    ks_stream *last = ks_stream_process(texts(b), &telling_the_last, NULL,
                                        KS_CONNECTED(.stores = KS_NAMES("last")));
    ks_stream_to(last, "out", KS_PRODUCED(.key = text, .value = text));
    ks_topology_free(self->topology);
    self->topology = built(b);
    send(self, "k", value, 1000);
    run(self);
    ks_log_reader *reader = ks_log_reader_open(self->log, "out", &error);
    while (ks_log_reader_next(reader, &record)) {
        told = record.value;
    }
    assert_true(ks_slice_equal(told, ks_slice_cstr(before)));
    ks_log_reader_free(reader);
}

/* Rows of one kind, read as those of another, would be taken for other values. */
static void a_store_of_another_kind_is_rebuilt_from_its_changelog(void **state)
{
    life self;
    (void)state;
    life_begin(&self, "exactly_once_v2");
    run_with_last(&self, KS_STORE_KIND_KEY_VALUE, "the first value", NULL);
    run_with_last(&self, KS_STORE_KIND_TIMESTAMPED_KEY_VALUE, "the second value",
                  "the first value");
    run_with_last(&self, KS_STORE_KIND_TIMESTAMPED_KEY_VALUE, "the third value",
                  "the second value");
    run_with_last(&self, KS_STORE_KIND_KEY_VALUE, "the last value", "the third value");
    life_end(&self);
}

/* What a processor does with each record. */
typedef void wrong_fn(ks_ctx *ctx, const ks_record *record);

static void begin_wrong(ks_ctx *ctx, void *state, void *user)
{
    (void)state;
    if (user == NULL) {
        ks_ctx_forward(ctx, &(ks_record){.key = ks_null(), .value = ks_null()});
    }
}

typedef struct misuse {
    wrong_fn *fn;
} misuse;

static void do_wrong(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    ((const misuse *)user)->fn(ctx, record);
}

static const ks_store_builder *const plain_stores[] = {
    KS_STORE_BUILDER(.name = "plain", .key = &ks_serde_string, .value = &ks_serde_i64), NULL};
static const ks_processor wrong_processor = {.struct_size = sizeof wrong_processor,
                                             .init = begin_wrong,
                                             .process = do_wrong,
                                             .stores = plain_stores};

/* The failure of one record ("k", "v"), under process or process_values. */
static void assert_fails_at(wrong_fn *fn, bool keeps_key, const char *what, int line)
{
    ks_error error = {0};
    misuse user = {.fn = fn};
    const ks_connected *connected = KS_CONNECTED(.name = "wrong");
    ks_builder *b = ks_builder_new(NULL);
    if (keeps_key) {
        ks_stream_process_values(texts(b), &wrong_processor, &user, connected);
    } else {
        ks_stream_process(texts(b), &wrong_processor, &user, connected);
    }
    ks_topology *topology = built(b);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_ok(driver != NULL ? KS_OK : error.code, &error);
    const ks_serde *text = &ks_serde_string;
    ks_test_input *in = ks_test_driver_input(driver, "in", text, text, 5, 0);
    ks_status status = ks_test_input_pipe(in, ks_text_of("k"), ks_text_of("v"), &error);
    if (what == NULL) {
        assert_ok_at(status, &error, __FILE__, line);
    } else {
        assert_refused_at(status, &error, error.code, what, line);
        assert_int_not_equal(status, KS_OK);
    }
    ks_key_value_store *plain = ks_test_driver_key_value_store(driver, "plain");
    assert_int_equal(ks_key_value_store_approximate_count(plain), 0);
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}
#define assert_fails(fn, keeps_key, what) assert_fails_at(fn, keeps_key, what, __LINE__)

static void ask_for_a_stranger(ks_ctx *ctx, const ks_record *record)
{
    ks_key_value_store *none = ks_ctx_key_value_store(ctx, "strange");
    ks_error error = {0};
    assert_null(none);
    assert_int_equal(ks_key_value_store_put(none, record->key, ks_i64(1), &error), KS_E_STORE);
    ks_key_value_store_put(none, record->key, ks_i64(1), NULL);
    ks_key_value_iterator *nothing = ks_key_value_store_all(none);
    ks_key_value entry;
    bool found = true;
    assert_int_equal(ks_key_value_iterator_next(nothing, &entry, &found, NULL), KS_E_STORE);
    assert_false(found);
    ks_key_value_iterator_free(nothing);
    assert_true(ks_value_is_null(ks_key_value_store_value(none, record->key)));
    assert_true(ks_value_is_null(ks_versioned_store_value(NULL, record->key)));
}

static void look_up_a_number(ks_ctx *ctx, const ks_record *record)
{
    ks_key_value_store *plain = ks_ctx_key_value_store(ctx, "plain");
    ks_key_value_store_put(plain, record->key, ks_i64(7), NULL);
    ks_value before = ks_key_value_store_value(plain, record->key);
    ks_key_value_store_put(plain, record->key, ks_null(), NULL);
    assert_true(ks_value_equal(before, ks_i64(7))); /* it stays until the record is through */
    assert_true(ks_value_is_null(ks_key_value_store_value(plain, record->key)));
    assert_true(ks_value_is_null(ks_key_value_store_value(plain, ks_i64(1)))); /* fails it */
    assert_true(ks_value_is_null(ks_key_value_store_value(plain, record->key)));
    ks_key_value_store_put(plain, record->key, ks_i64(8), NULL); /* not done */
}

static void put_a_text(ks_ctx *ctx, const ks_record *record)
{
    ks_key_value_store *plain = ks_ctx_key_value_store(ctx, "plain");
    assert_ptr_equal(plain, ks_ctx_key_value_store(ctx, "plain"));
    ks_key_value_store_put(plain, record->key, record->value, NULL); /* an i64 is wanted */
    ks_key_value_store_put(plain, record->key, ks_i64(1), NULL);     /* and this is not done */
    ks_ctx_forward(ctx, record);
}

static void put_a_text_and_look(ks_ctx *ctx, const ks_record *record)
{
    ks_error error = {0};
    ks_key_value_store *plain = ks_ctx_key_value_store(ctx, "plain");
    assert_int_equal(ks_key_value_store_put(plain, record->key, record->value, &error), KS_E_SERDE);
}

static void range_of_a_wrong_kind(ks_ctx *ctx, const ks_record *record)
{
    ks_key_value entry;
    bool found = true;
    ks_key_value_iterator *range = ks_key_value_store_range(ks_ctx_key_value_store(ctx, "plain"),
                                                            ks_i64(1), record->key, NULL);
    assert_non_null(range);
    assert_int_equal(ks_key_value_iterator_next(range, &entry, &found, NULL), KS_E_STATE);
    assert_false(found);
    ks_key_value_iterator_free(range);
}

static void change_the_key(ks_ctx *ctx, const ks_record *record)
{
    ks_record changed = *record;
    changed.key = record->value;
    ks_ctx_forward(ctx, &changed);
}

static void keep_the_key(ks_ctx *ctx, const ks_record *record)
{
    ks_record copy = {.key = ks_text_of("k"), .value = ks_null(), .timestamp = 7};
    ks_ctx_forward(ctx, &copy);
    ks_ctx_forward(ctx, record);
}

static void forward_to_nobody(ks_ctx *ctx, const ks_record *record)
{
    ks_ctx_forward_to(ctx, record, "nobody");
}

static void forward_nothing(ks_ctx *ctx, const ks_record *record)
{
    (void)record;
    ks_ctx_forward(ctx, NULL);
}

static void put_nothing(ks_ctx *ctx, const ks_record *record)
{
    ks_error error = {0};
    ks_key_value_store *plain = ks_ctx_key_value_store(ctx, "plain");
    bool found = true;
    assert_int_equal(ks_key_value_store_put_all(plain, NULL, 0, &error), KS_OK);
    assert_int_equal(ks_key_value_store_get(plain, record->key, NULL, NULL, &found, &error),
                     KS_E_ARGUMENT);
    ks_key_value entry;
    assert_int_equal(ks_key_value_iterator_next(NULL, &entry, &found, &error), KS_E_ARGUMENT);
    assert_int_equal(ks_key_value_store_get(plain, record->key, NULL, &entry, NULL, &error),
                     KS_E_ARGUMENT);
    assert_int_equal(ks_key_value_store_put_if_absent(plain, NULL, NULL, NULL, NULL, &error),
                     KS_E_ARGUMENT);
    ks_key_value_store_put_all(plain, NULL, 3, NULL);
}

static void a_misused_store_or_forward_fails_the_record(void **state)
{
    (void)state;
    assert_fails(ask_for_a_stranger, false, "not connected to this processor, which has [plain]");
    assert_fails(look_up_a_number, false, "the key given to store plain");
    assert_fails(put_a_text, false, "the value given to store plain");
    assert_fails(put_a_text_and_look, false, NULL);
    assert_fails(range_of_a_wrong_kind, false, "the key given to store plain");
    assert_fails(change_the_key, true, "the key is not that of the record in hand");
    assert_fails(change_the_key, false, NULL);
    assert_fails(keep_the_key, true, NULL);
    assert_fails(forward_to_nobody, false, "no node \"nobody\"");
    assert_fails(forward_nothing, false, "ks_ctx_forward(): the record is NULL");
    assert_fails(put_nothing, false, "NULL was given for 3 entries");
}

static void nothing_is_forwarded_from_init(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_process(texts(b), &wrong_processor, NULL, NULL);
    ks_topology *topology = built(b);
    assert_null(ks_test_driver_new(topology, NULL, NULL, &error));
    assert_refused(error.code, &error, KS_E_PROCESSING, "not from init");
    ks_topology_free(topology);
}

static ks_value use_a_store(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)user;
    assert_null(ks_ctx_key_value_store(ctx, "plain"));
    ks_ctx_request_commit(ctx);
    return record->value;
}

static void a_mapper_has_no_stores(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_stream_map_values(texts(b), use_a_store, NULL, NULL);
    ks_topology *topology = built(b);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    const ks_serde *text = &ks_serde_string;
    ks_test_input *in = ks_test_driver_input(driver, "in", text, text, 5, 0);
    assert_refused(ks_test_input_pipe(in, ks_text_of("k"), ks_text_of("v"), &error), &error,
                   KS_E_PROCESSING, "ks_ctx_key_value_store() is for processors");
    ks_test_driver_free(driver);
    ks_topology_free(topology);
}

static void refused_store(const ks_store_builder *store, ks_status code, const char *what)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, store);
    assert_null(ks_builder_build(b, &error));
    assert_refused(error.code, &error, code, what);
    ks_builder_free(b);
}

static void a_description_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const ks_topic_config configs[] = {{.name = "retention.ms", .value = "1"}, {0}};
    refused_store(NULL, KS_E_ARGUMENT, "NULL was given");
    refused_store(KS_STORE_BUILDER(.caching_enabled = true), KS_E_ARGUMENT, "needs a name");
    refused_store(KS_STORE_BUILDER(.name = ""), KS_E_ARGUMENT, "needs a name");
    refused_store(KS_STORE_BUILDER(.name = "s", .type = KS_STORE_LRU), KS_E_ARGUMENT,
                  "lru_entries of at least 1");
    refused_store(KS_STORE_BUILDER(.name = "s", .lru_entries = 5), KS_E_ARGUMENT,
                  "for KS_STORE_LRU only");
    refused_store(KS_STORE_BUILDER(.name = "s", .history_retention_ms = 5), KS_E_ARGUMENT,
                  "history_retention_ms is for");
    refused_store(
        KS_STORE_BUILDER(.name = "s", .logging_disabled = true, .changelog_config = configs),
        KS_E_ARGUMENT, "changelog_config is for a changelog");
}

/* ---- what the context tells ------------------------------------------------------------------ */

static void look_around(ks_ctx *ctx, const ks_record *record)
{
    (void)record;
    assert_string_equal(ks_ctx_application_id(ctx), "test");
    assert_string_equal(ks_ctx_task_id(ctx), "0_0");
    assert_string_equal(ks_ctx_config(ctx, "num.stream.threads"), "1");
    assert_null(ks_ctx_config(ctx, "no.such.property"));
    assert_null(ks_ctx_default_key_serde(ctx));
    assert_null(ks_ctx_default_value_serde(ctx));
}

static void a_processor_knows_its_application(void **state)
{
    (void)state;
    assert_fails(look_around, false, NULL);
}

/* ---- node by node ---------------------------------------------------------------------------- */

static ks_slice topic_of_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_text(record->key);
}

static void tell_named_child(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    ks_ctx_forward_to(ctx, record, user);
}

static void count_up(void *pointer)
{
    ++*(int *)pointer;
}

static void a_topology_is_made_node_by_node(void **state)
{
    (void)state;
    ks_error error = {0};
    int freed = 0;
    static char child[] = "right";
    static const ks_processor choosing = {.struct_size = sizeof choosing,
                                          .process = tell_named_child};
    const ks_serde *text = &ks_serde_string;
    ks_topology *t = ks_topology_new(NULL);
    assert_string_equal(ks_topology_describe(t), "Topologies:\n ");
    assert_ok(ks_topology_add_source(t, KS_NAMES("in"),
                                     KS_CONSUMED(.name = "from", .key = text, .value = text),
                                     &error),
              &error);
    assert_ok(ks_topology_add_processor(t, KS_NAMES("from"), &choosing, child,
                                        KS_CONNECTED(.name = "choose"), &error),
              &error);
    assert_ok(ks_topology_add_sink(t, KS_NAMES("choose"), "left",
                                   KS_PRODUCED(.name = "left", .key = text, .value = text), &error),
              &error);
    assert_ok(ks_topology_add_dynamic_sink(
                  t, KS_NAMES("choose"), topic_of_key, &freed,
                  KS_PRODUCED(.name = "right", .key = text, .value = text, .user_free = count_up),
                  &error),
              &error);
    ks_test_driver *driver = ks_test_driver_new(t, NULL, NULL, &error);
    ks_test_input *in = ks_test_driver_input(driver, "in", text, text, 5, 0);
    assert_ok(ks_test_input_pipe(in, ks_text_of("k"), ks_text_of("v"), &error), &error);
    assert_int_equal(ks_test_driver_produced_count(driver, "left"), 0);
    assert_int_equal(ks_test_driver_produced_count(driver, "k"), 1);
    assert_refused(
        ks_topology_add_sink(t, KS_NAMES("choose"), "x", KS_PRODUCED(.name = "x"), &error), &error,
        KS_E_STATE, "was made from it already");
    ks_test_driver_free(driver);
    ks_topology_free(t);
    assert_int_equal(freed, 1);
}

static void what_breaks_the_graph_is_refused_at_once(void **state)
{
    (void)state;
    ks_error error = {0};
    int freed = 0;
    const ks_processor *p = &totals_processor;
    ks_topology *t = ks_topology_new(NULL);
    assert_refused(ks_topology_add_source(t, KS_NAMES("in"), NULL, &error), &error, KS_E_ARGUMENT,
                   "needs a name");
    assert_refused(ks_topology_add_source(t, NULL, KS_CONSUMED(.name = "s"), &error), &error,
                   KS_E_TOPOLOGY, "reads no topic");
    assert_ok(ks_topology_add_source(t, KS_NAMES("in"), KS_CONSUMED(.name = "s"), &error), &error);
    assert_refused(ks_topology_add_source_matching(t, "i.", KS_CONSUMED(.name = "t"), &error),
                   &error, KS_E_TOPOLOGY, "matches topic 'in'");
    assert_refused(
        ks_topology_add_processor(t, KS_NAMES("p"), p, NULL, KS_CONNECTED(.name = "p"), &error),
        &error, KS_E_TOPOLOGY, "its own parent");
    assert_refused(ks_topology_add_processor(t, KS_NAMES("s"), NULL, &freed,
                                             KS_CONNECTED(.name = "p", .user_free = count_up),
                                             &error),
                   &error, KS_E_ARGUMENT, "it needs a function");
    assert_refused(ks_topology_add_sink(t, KS_NAMES("s"), NULL, KS_PRODUCED(.name = "o"), &error),
                   &error, KS_E_ARGUMENT, "it needs a topic");
    assert_refused(ks_topology_connect_stores(t, "s", KS_NAMES("sums"), &error), &error,
                   KS_E_TOPOLOGY, "store 'sums' is unknown");
    assert_refused(ks_topology_add_store(t, totals_stores[0], KS_NAMES("s"), &error), &error,
                   KS_E_TOPOLOGY, "it is a source");
    assert_refused(ks_topology_connect_stores(t, "s", NULL, &error), &error, KS_E_TOPOLOGY,
                   "name at least one");
    ks_topology_free(t);
    assert_int_equal(freed, 1);
}

static void what_failed_to_be_made_is_refused_everywhere(void **state)
{
    (void)state;
    ks_error error = {0};
    assert_refused(ks_topology_add_source(NULL, KS_NAMES("in"), KS_CONSUMED(.name = "s"), &error),
                   &error, KS_E_ARGUMENT, "ks_builder_build() said why");
    assert_refused(ks_topology_add_store(NULL, totals_stores[0], NULL, &error), &error,
                   KS_E_ARGUMENT, "ks_builder_build() said why");
    assert_refused(ks_app_start(NULL, &error), &error, KS_E_ARGUMENT, "ks_app_new() said why");
    assert_refused(ks_app_close(NULL, 0, &error), &error, KS_E_ARGUMENT, "ks_app_new() said why");
    assert_refused(ks_app_run(NULL, &error), &error, KS_E_ARGUMENT, "ks_app_new() said why");
    assert_refused(ks_app_wait_until_caught_up(NULL, 1, &error), &error, KS_E_ARGUMENT,
                   "ks_app_new() said why");
}

static void what_a_refused_call_leaves_behind_stands_below_its_parents(void **state)
{
    (void)state;
    ks_error error = {0};
    ks_topology *t = ks_topology_new(NULL);
    assert_ok(ks_topology_add_source(t, KS_NAMES("a"), KS_CONSUMED(.name = "first"), &error),
              &error);
    assert_ok(ks_topology_add_source(t, KS_NAMES("b"), KS_CONSUMED(.name = "second"), &error),
              &error);
    assert_refused(ks_topology_add_processor(t, KS_NAMES("second"), &totals_processor, NULL,
                                             KS_CONNECTED(.name = "p", .stores = KS_NAMES("none")),
                                             &error),
                   &error, KS_E_TOPOLOGY, "store 'none' is unknown");
    const char *text = ks_topology_describe(t);
    const char *second = strstr(text, "Sub-topology: 1");
    assert_non_null(second);
    const char *processor = strstr(text, "Processor: p");
    assert_non_null(processor);
    assert_true(processor > second);
    ks_topology_free(t);
}

static void put_record(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    ks_key_value_store_put(ks_ctx_key_value_store(ctx, user), record->key, record->value, NULL);
}

static void a_read_only_store_is_kept_from_its_topic(void **state)
{
    (void)state;
    ks_error error = {0};
    static char name[] = "rates";
    static const ks_processor writer = {.struct_size = sizeof writer, .process = put_record};
    const ks_serde *text = &ks_serde_string;
    const ks_store_builder *rates = KS_STORE_BUILDER(.name = name, .key = text, .value = text);
    ks_topology *t = ks_topology_new(NULL);
    assert_refused(ks_topology_add_read_only_store(t, rates, &writer, name,
                                                   KS_STORE_SOURCE(.topic = "rates"), &error),
                   &error, KS_E_ARGUMENT, "a source_name");
    assert_ok(ks_topology_add_read_only_store(
                  t, rates, &writer, name,
                  KS_STORE_SOURCE(.topic = "rates", .source_name = "rates-in",
                                  .processor_name = "rates-put", .key = text, .value = text),
                  &error),
              &error);
    ks_test_driver *driver = ks_test_driver_new(t, NULL, NULL, &error);
    ks_test_input *in = ks_test_driver_input(driver, "rates", text, text, 5, 0);
    assert_ok(ks_test_input_pipe(in, ks_text_of("k"), ks_text_of("v"), &error), &error);
    assert_int_equal(
        ks_key_value_store_approximate_count(ks_test_driver_key_value_store(driver, name)), 1);
    assert_int_equal(ks_test_driver_topic_count(driver), 0); /* it has no changelog of its own */
    ks_test_driver_free(driver);
    ks_topology_free(t);
}

/* ---- around every processor ------------------------------------------------------------------ */

typedef struct around {
    int nodes;
    int records;
    int closed;
} around;

static bool note_node(const char *node, void *user)
{
    ((around *)user)->nodes++;
    return strcmp(node, "left-alone") != 0;
}

static void see_record(ks_ctx *ctx, const ks_record *record, ks_wrapped *wrapped, void *state,
                       void *user)
{
    int *seen = state;
    ((around *)user)->records++;
    *seen += 1;
    ks_key_value_store_put(ks_ctx_key_value_store(ctx, "seen"), ks_text_of(ks_ctx_node_name(ctx)),
                           ks_i64(*seen), NULL);
    if (!ks_value_is_null(record->key)) {
        ks_wrapped_process(ctx, wrapped, record);
    }
}

static void note_close(void *state, void *user)
{
    assert_non_null(state);
    ((around *)user)->closed++;
}

static const ks_store_builder *const seen_stores[] = {
    KS_STORE_BUILDER(.name = "seen", .key = &ks_serde_string, .value = &ks_serde_i64), NULL};
static const ks_processor_wrapper looking = {.struct_size = sizeof looking,
                                             .state_size = sizeof(int),
                                             .wraps = note_node,
                                             .process = see_record,
                                             .close = note_close,
                                             .stores = seen_stores};

static bool keep_all(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
    return true;
}

static void a_wrapper_stands_around_every_processor(void **state)
{
    (void)state;
    around user = {0};
    ks_error error = {0};
    const ks_serde *text = &ks_serde_string;
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_wrap_processors(b, &looking, &user, NULL);
    ks_stream *kept = ks_stream_filter(texts(b), keep_all, NULL, KS_NAMED(.name = "kept"));
    kept = ks_stream_filter(kept, keep_all, NULL, KS_NAMED(.name = "left-alone"));
    ks_grouped_stream *grouped = ks_stream_group_by_key(kept, NULL);
    ks_grouped_stream_count(grouped,
                            KS_MATERIALIZED(.name = "counts", .named = "counting", .key = text));
    ks_topology *topology = built(b);
    assert_int_equal(user.nodes, 3);
    ks_test_driver *driver = ks_test_driver_new(topology, NULL, NULL, &error);
    assert_ok(driver != NULL ? KS_OK : error.code, &error);
    ks_test_input *in = ks_test_driver_input(driver, "in", text, text, 5, 0);
    assert_ok(ks_test_input_pipe(in, ks_text_of("k"), ks_text_of("v"), &error), &error);
    assert_ok(ks_test_input_pipe(in, ks_null(), ks_text_of("v"), &error), &error);
    assert_int_equal(user.records, 3); /* the filter's two, and the count's one */
    ks_key_value_store *seen = ks_test_driver_key_value_store(driver, "seen");
    assert_int_equal(ks_key_value_store_approximate_count(seen), 2);
    ks_key_value_store *counts = ks_test_driver_key_value_store(driver, "counts");
    assert_int_equal(ks_key_value_store_approximate_count(counts), 1);
    ks_test_driver_free(driver);
    assert_int_equal(user.closed, 2);
    assert_refused(ks_topology_wrap_processors(topology, &looking, &user, NULL, &error), &error,
                   KS_E_STATE, "was made from it already");
    ks_topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_of_a_processor_survives_a_restart_at_least_once),
        cmocka_unit_test(a_store_of_a_processor_survives_a_restart_exactly_once),
        cmocka_unit_test(a_store_of_another_kind_is_rebuilt_from_its_changelog),
        cmocka_unit_test(a_misused_store_or_forward_fails_the_record),
        cmocka_unit_test(nothing_is_forwarded_from_init),
        cmocka_unit_test(a_mapper_has_no_stores),
        cmocka_unit_test(a_description_that_contradicts_itself_is_refused),
        cmocka_unit_test(a_processor_knows_its_application),
        cmocka_unit_test(a_topology_is_made_node_by_node),
        cmocka_unit_test(what_breaks_the_graph_is_refused_at_once),
        cmocka_unit_test(what_failed_to_be_made_is_refused_everywhere),
        cmocka_unit_test(what_a_refused_call_leaves_behind_stands_below_its_parents),
        cmocka_unit_test(a_read_only_store_is_kept_from_its_topic),
        cmocka_unit_test(a_wrapper_stands_around_every_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
