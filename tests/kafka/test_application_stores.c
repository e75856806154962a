/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_application_stores.c - stores of every kind in applications on a broker: as they run, after
 * a restart, and after a restart on an empty disk, when all of it comes from the brokers.
 *
 * Each program answers a question with what its store has, so a row that is missing is a wrong
 * answer in the output topic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "application.h"
#include "assert_ok.h"
#include "base/thread.h"
#include "kafka_broker.h"
#include "runtime/app_query.h"
#include "state_dir.h"

#define TEXTS KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_string)

enum { LIVES = 3, PARTITIONS = 2 };

static const ks_serde *const text = &ks_serde_string;
static const char *const guarantees[] = {"at_least_once", "exactly_once_v2"};

/* ---- three lives ----------------------------------------------------------------------------- */

/* A program: of a question, which comes in the topic `in`, it makes an answer in `out`. */
typedef struct program {
    const char *application;
    const char *in;
    const char *out;
    const char *global; /* a topic, where there is a global store */
    ks_topology *topology;
} program;

static program named(void)
{
    program made = {.application = kafka_name("stores"),
                    .in = kafka_name("stores-in"),
                    .out = kafka_name("stores-out"),
                    .global = kafka_name("stores-global")};
    topic_make(made.in, PARTITIONS);
    topic_make(made.out, 1);
    topic_make(made.global, PARTITIONS);
    return made;
}

/* The first life, the second on what the first left on the disk, the third on another disk. */
static instance *live(const program *of, int life, const char *guarantee, const char *state_dir)
{
    instance *one = instance_new(of->topology, of->application);
    instance_set(one, "processing.guarantee", guarantee);
    if (life < LIVES - 1) {
        instance_set(one, "state.dir", state_dir);
    }
    instance_start(one);
    return one;
}

static void ask(const program *of, const char *key, const char *question, const char *answer)
{
    topic_write(of->in, -1, key, question);
    size_t seen = topic_count(of->out, key, NULL);
    while (topic_count(of->out, key, answer) == 0) {
        topic_await(of->out, key, seen + 1);
        seen = topic_count(of->out, key, NULL);
    }
}

/* ---- global stores --------------------------------------------------------------------------- */

static void look_up(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    ks_record answer = *record;
    (void)state;
    (void)user;
    ks_key_value_store *rates = ks_ctx_key_value_store(ctx, "rates");
    if (ks_key_value_store_get(rates, record->key, NULL, &entry, &found, NULL) == KS_OK) {
        ks_slice rate = found ? ks_value_text(entry.value) : ks_slice_cstr("none");
        ks_slice question = ks_value_text(record->value);
        answer.value = ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s: %.*s", (int)question.size,
                                              question.data, (int)rate.size, rate.data));
        ks_ctx_forward(ctx, &answer);
    }
}

/* Keeps all rates of a key, one after the other. */
static void append_rate(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_key_value entry = {.value = ks_null()};
    bool found = false;
    (void)state;
    (void)user;
    ks_key_value_store *rates = ks_ctx_key_value_store(ctx, "rates");
    ks_slice rate = ks_value_text(record->value);
    if (ks_key_value_store_get(rates, record->key, NULL, &entry, &found, NULL) == KS_OK) {
        ks_slice before = found ? ks_value_text(entry.value) : ks_slice_cstr("");
        ks_slice all = ks_text_format(ks_ctx_arena(ctx), "%.*s%.*s", (int)before.size, before.data,
                                      (int)rate.size, rate.data);
        (void)ks_key_value_store_put(rates, record->key, ks_text(all), NULL);
    }
}

static ks_topology *looking_up(const program *of, bool has_keeper)
{
    static const ks_processor reader = {.struct_size = sizeof reader, .process = look_up};
    static const ks_processor keeper = {.struct_size = sizeof keeper, .process = append_rate};
    ks_builder *b = ks_builder_new(NULL);
    if (has_keeper) {
        ks_builder_add_global_store(
            b, KS_STORE_BUILDER(.name = "rates", .key = text, .value = text), &keeper, NULL,
            KS_STORE_SOURCE(.topic = of->global, .key = text, .value = text));
    } else {
        ks_builder_global_table(b, of->global, TEXTS, KS_MATERIALIZED(.name = "rates"));
    }
    ks_stream *questions = ks_builder_stream(b, of->in, TEXTS);
    ks_stream_to(ks_stream_process(questions, &reader, NULL, NULL), of->out,
                 KS_PRODUCED(.key = text, .value = text));
    return topology_built(b);
}

/* Asks until the store has what was written: a global store follows its topic in its own time. */
static void ask_until(const program *of, const char *key, const char *answer)
{
    while (topic_count(of->out, key, answer) == 0) {
        size_t before = topic_count(of->out, key, NULL);
        topic_write(of->in, -1, key, "rate");
        topic_await(of->out, key, before + 1);
    }
}

static void global_lives(bool has_keeper, const char *guarantee)
{
    program of = named();
    char state_dir[400];
    (void)snprintf(state_dir, sizeof state_dir, "%s", state_dir_new());
    of.topology = looking_up(&of, has_keeper);
    topic_write(of.global, -1, "a", "1");
    topic_write(of.global, -1, "b", "2");
    static const char *const news[LIVES] = {"3", "4", "5"};
    static const char *const tables[LIVES] = {"rate: 3", "rate: 4", "rate: 5"};
    static const char *const kept[LIVES] = {"rate: 13", "rate: 134", "rate: 1345"};
    static const char *const words[LIVES] = {"first", "second", "third"};
    for (int life = 0; life < LIVES; life++) {
        char answer[32];
        (void)snprintf(answer, sizeof answer, "%s: 2", words[life]);
        instance *one = live(&of, life, guarantee, state_dir);
        ask(&of, "b", words[life], answer); /* what was there before the first record */
        topic_write(of.global, -1, "a", news[life]);
        ask_until(&of, "a", has_keeper ? kept[life] : tables[life]);
        instance_wait(one);
        instance_free(one);
    }
    ks_topology_free(of.topology);
}

static void a_global_table_is_there_in_every_life(void **state)
{
    (void)state;
    global_lives(false, guarantees[0]);
    global_lives(false, guarantees[1]);
}

static void a_global_store_of_a_programs_own_is_there_in_every_life(void **state)
{
    (void)state;
    global_lives(true, guarantees[0]);
    global_lives(true, guarantees[1]);
}

/* ---- versioned stores ------------------------------------------------------------------------ */

enum { RETENTION_MS = 3600000 };

/* "?" asks for the price an instant before; anything else is a price from now on. */
static void handle_price(ks_ctx *ctx, const ks_record *event, void *state, void *user)
{
    ks_versioned_store *prices = ks_ctx_versioned_store(ctx, "prices");
    ks_slice what = ks_value_text(event->value);
    ks_version version;
    ks_version former;
    (void)state;
    (void)user;
    if (what.data[0] != '?') {
        (void)ks_versioned_store_put(prices, event->key, event->value, event->timestamp, NULL,
                                     NULL);
        return;
    }
    if (ks_versioned_store_get(prices, event->key, ks_ctx_arena(ctx), &version, NULL) != KS_OK ||
        ks_versioned_store_get_as_of(prices, event->key, version.timestamp - 1, ks_ctx_arena(ctx),
                                     &former, NULL) != KS_OK) {
        return;
    }
    ks_record answer = *event;
    ks_slice now =
        ks_value_is_null(version.value) ? ks_slice_cstr("-") : ks_value_text(version.value);
    ks_slice before =
        ks_value_is_null(former.value) ? ks_slice_cstr("-") : ks_value_text(former.value);
    answer.value =
        ks_text(ks_text_format(ks_ctx_arena(ctx), "%.*s %.*s then %.*s", (int)what.size, what.data,
                               (int)before.size, before.data, (int)now.size, now.data));
    ks_ctx_forward(ctx, &answer);
}

static ks_topology *selling(const program *of)
{
    static const ks_processor processor = {.struct_size = sizeof processor,
                                           .process = handle_price};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "prices",
                                             .kind = KS_STORE_KIND_VERSIONED_KEY_VALUE, .key = text,
                                             .value = text, .history_retention_ms = RETENTION_MS));
    ks_stream *events = ks_builder_stream(b, of->in, TEXTS);
    ks_stream_to(ks_stream_process_values(events, &processor, NULL,
                                          KS_CONNECTED(.stores = KS_NAMES("prices"))),
                 of->out, KS_PRODUCED(.key = text, .value = text));
    return topology_built(b);
}

static void a_versioned_store_has_its_history_in_every_life(void **state)
{
    (void)state;
    for (size_t g = 0; g < 2; g++) {
        program of = named();
        char state_dir[400];
        (void)snprintf(state_dir, sizeof state_dir, "%s", state_dir_new());
        of.topology = selling(&of);
        topic_write(of.in, -1, "apple", "10");
        topic_write(of.in, -1, "apple", "20");
        for (int life = 0; life < LIVES; life++) {
            static const char *const questions[LIVES] = {"?1", "?2", "?3"};
            static const char *const answers[LIVES] = {"?1 10 then 20", "?2 10 then 20",
                                                       "?3 10 then 20"};
            instance *one = live(&of, life, guarantees[g], state_dir);
            ask(&of, "apple", questions[life], answers[life]);
            instance_wait(one);
            instance_free(one);
        }
        ks_topology_free(of.topology);
    }
}

/* ---- custom stores --------------------------------------------------------------------------- */

/* The longest word of all, and a row with it. */
typedef struct longest {
    char word[64];
} longest;

static ks_status load_longest(void *state, ks_slice key, ks_slice value, void *user,
                              ks_error *error)
{
    longest *self = state;
    (void)key;
    (void)user;
    (void)error;
    (void)snprintf(self->word, sizeof self->word, "%.*s", (int)value.size, value.data);
    return KS_OK;
}

static const ks_custom_store_class longest_class = {
    .struct_size = sizeof longest_class, .state_size = sizeof(longest), .load = load_longest};

static void compare_word(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_custom_store *store = ks_ctx_custom_store(ctx, "longest");
    longest *self = ks_custom_store_state(store, &longest_class);
    ks_slice word = ks_value_text(record->value);
    ks_record answer = *record;
    (void)state;
    (void)user;
    if (word.size > strlen(self->word)) {
        (void)snprintf(self->word, sizeof self->word, "%.*s", (int)word.size, word.data);
        (void)ks_custom_store_put(store, ks_slice_cstr("longest"), word, NULL);
    }
    answer.value = ks_text(
        ks_text_format(ks_ctx_arena(ctx), "%.*s after %s", (int)word.size, word.data, self->word));
    ks_ctx_forward(ctx, &answer);
}

static ks_topology *comparing(const program *of)
{
    static const ks_processor processor = {.struct_size = sizeof processor,
                                           .process = compare_word};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "longest", .kind = KS_STORE_KIND_CUSTOM,
                                             .custom = &longest_class));
    ks_stream *words = ks_builder_stream(b, of->in, TEXTS);
    ks_stream_to(ks_stream_process_values(words, &processor, NULL,
                                          KS_CONNECTED(.stores = KS_NAMES("longest"))),
                 of->out, KS_PRODUCED(.key = text, .value = text));
    return topology_built(b);
}

static void a_custom_store_is_loaded_in_every_life(void **state)
{
    (void)state;
    for (size_t g = 0; g < 2; g++) {
        program of = named();
        char state_dir[400];
        (void)snprintf(state_dir, sizeof state_dir, "%s", state_dir_new());
        of.topology = comparing(&of);
        topic_write(of.in, -1, "k", "auctioneer");
        for (int life = 0; life < LIVES; life++) {
            static const char *const words[LIVES] = {"a", "b", "c"};
            static const char *const answers[LIVES] = {"a after auctioneer", "b after auctioneer",
                                                       "c after auctioneer"};
            instance *one = live(&of, life, guarantees[g], state_dir);
            ask(&of, "k", words[life], answers[life]);
            instance_wait(one);
            instance_free(one);
        }
        ks_topology_free(of.topology);
    }
}

/* ---- pausing --------------------------------------------------------------------------------- */

static void a_paused_application_stays_in_its_group_and_processes_nothing(void **state)
{
    (void)state;
    ks_error error = {0};
    program of = named();
    of.topology = comparing(&of);
    instance *one = instance_new(of.topology, of.application);
    instance_set(one, "consumer.session.timeout.ms", "6000");
    instance_set(one, "max.poll.interval.ms", "6000");
    instance_start(one);
    topic_write(of.in, -1, "k", "before");
    instance_wait(one);
    ks_app_pause(instance_app(one));
    topic_write(of.in, -1, "k", "meanwhile");
    /* Longer than a session. */
    assert_int_equal(ks_app_wait_until_caught_up(instance_app(one), 8000, &error), KS_E_TIMEOUT);
    assert_int_equal(topic_count(of.out, "k", NULL), 1);
    assert_int_equal(ks_app_state_of(instance_app(one)), KS_APP_RUNNING);
    assert_false(instance_said(one, "took this member for dead"));
    ks_app_resume(instance_app(one));
    instance_wait(one);
    assert_int_equal(topic_count(of.out, "k", NULL), 2);
    instance_free(one);
    ks_topology_free(of.topology);
}

/* ---- queries --------------------------------------------------------------------------------- */

typedef struct asker {
    ksi_thread thread;
    ks_app *app;
    atomic_bool ends;
    atomic_int answers;
    atomic_bool failed; /* a test may only fail on its own thread */
} asker;

static void ask_on(void *user)
{
    asker *self = user;
    while (!atomic_load(&self->ends)) {
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            ks_error error = {0};
            ksi_queried_row row = {0};
            ksi_store_query *query = ksi_app_store_query(self->app, "longest", partition, &error);
            ks_status status = query != NULL ? ksi_store_query_get(query, ks_slice_cstr("longest"),
                                                                   false, &row, &error)
                                             : error.code;
            if (status != KS_OK) {
                atomic_store(&self->failed, true);
            }
            atomic_fetch_add(&self->answers, status == KS_OK && row.found);
            ksi_queried_row_destroy(&row);
            ksi_store_query_release(query);
        }
    }
}

static void stores_are_read_by_other_threads_while_records_flow(void **state)
{
    (void)state;
    for (size_t g = 0; g < 2; g++) {
        program of = named();
        of.topology = comparing(&of);
        instance *one = instance_new(of.topology, of.application);
        instance_set(one, "processing.guarantee", guarantees[g]);
        instance_set(one, "num.stream.threads", "2");
        instance_start(one);
        topic_write(of.in, 0, "k0", "word");
        topic_write(of.in, 1, "k1", "word");
        instance_wait(one);
        asker other = {.app = instance_app(one)};
        assert_int_equal(ksi_thread_start(&other.thread, "asker", ask_on, &other), 0);
        for (int i = 0; i < 200; i++) {
            topic_write(of.in, i % PARTITIONS, i % PARTITIONS == 0 ? "k0" : "k1", "longer word");
        }
        instance_wait(one);
        atomic_store(&other.ends, true);
        ksi_thread_join(&other.thread);
        assert_false(atomic_load(&other.failed));
        assert_true(atomic_load(&other.answers) > 0);
        assert_int_equal(topic_count(of.out, "k0", NULL), 101);
        assert_int_equal(topic_count(of.out, "k1", NULL), 101);
        instance_free(one);
        ks_topology_free(of.topology);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_global_table_is_there_in_every_life),
        cmocka_unit_test(a_global_store_of_a_programs_own_is_there_in_every_life),
        cmocka_unit_test(a_versioned_store_has_its_history_in_every_life),
        cmocka_unit_test(a_custom_store_is_loaded_in_every_life),
        cmocka_unit_test(a_paused_application_stays_in_its_group_and_processes_nothing),
        cmocka_unit_test(stores_are_read_by_other_threads_while_records_flow),
    };
    return cmocka_run_group_tests(tests, NULL, topics_close);
}
