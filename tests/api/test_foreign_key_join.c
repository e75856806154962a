/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_foreign_key_join.c - foreign-key joins of tables of different partition counts, against what
 * the two tables say; and what a call refuses.
 *
 * Left rows are texts that begin with the key they name, up to a bar; one that begins with the bar
 * names none. Subscriptions and responses cross between tasks of several threads, so what comes out
 * on the way depends on the moment; when all is read, the last result of each key may not.
 *
 * That holds for a left join without caches whatever happens at once, as each change of a left row
 * is answered. As in Java it does not hold for others. An inner join is not answered about a new
 * row that finds no partner, because the row before it had none either; if that one was joined and
 * what undoes it is still on its way, this is stale when it comes, and the old result stays. And a
 * cache that has read out a right row to a subscriber forgets to say that it was deleted when it
 * was made and deleted between two commits. So there, all is read before the other side changes.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

static const ks_serde *const text = &ks_serde_string;

/* ---- the join -------------------------------------------------------------------------------- */

static ks_value named_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice value = ks_value_text(record->value);
    const char *bar = memchr(value.data, '|', value.size);
    (void)ctx;
    (void)user;
    return bar == value.data ? ks_null()
                             : ks_text(ks_slice_of(value.data, (size_t)(bar - value.data)));
}

static ks_value both(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    ks_arena *arena = ks_ctx_arena(ctx);
    ks_slice a = ks_value_to_text(arena, left);
    ks_slice b = ks_value_to_text(arena, right);
    (void)key;
    (void)user;
    return ks_text(
        ks_text_format(arena, "%.*s with %.*s", (int)a.size, a.data, (int)b.size, b.data));
}

static ks_topology *build(ks_builder *b)
{
    ks_error error = {0};
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

/* left and right -> inner, outer */
static ks_topology *joins(const ks_table_joined *inner_options)
{
    ks_builder *b = ks_builder_new(NULL);
    const ks_consumed *texts = KS_CONSUMED(.key = text, .value = text);
    const ks_produced *out = KS_PRODUCED(.key = text, .value = text);
    ks_table *left = ks_builder_table(b, "left", texts, NULL);
    ks_table *right = ks_builder_table(b, "right", texts, NULL);
    ks_table *inner = ks_table_join_foreign_key(left, right, named_key, both, NULL, inner_options);
    ks_table *outer = ks_table_left_join_foreign_key(
        left, right, named_key, both, NULL,
        KS_TABLE_JOINED(.name = "outer",
                        .materialized = KS_MATERIALIZED(.name = "joined", .value = text)));
    ks_stream_to(ks_table_to_stream(inner, NULL), "inner", out);
    ks_stream_to(ks_table_to_stream(outer, NULL), "outer", out);
    return build(b);
}

/* ---- a model --------------------------------------------------------------------------------- */

enum { LEFT_KEYS = 40, RIGHT_KEYS = 12, TEXT_SIZE = 64, UPDATES = 40, PAUSES = 5, ROUNDS = 5 };

typedef struct world {
    ks_log *log;
    ks_app *app;
    ks_topology *topology;
    ks_config *config;
    char state_dir[400];
    char left[LEFT_KEYS][TEXT_SIZE]; /* empty: there is no row */
    char right[RIGHT_KEYS][TEXT_SIZE];
    bool is_wild;          /* both sides change at once, left rows any number of times */
    bool is_right;         /* else: the side that changes now */
    bool moved[LEFT_KEYS]; /* since all was read */
    int64_t now;
    unsigned seed;
} world;

static unsigned draw(world *self, unsigned below)
{
    self->seed = self->seed * 1103515245u + 12345u;
    return (self->seed >> 16) % below;
}

static void put(world *self, const char *topic, unsigned key, const char *value)
{
    ks_error error = {0};
    char name[16];
    (void)snprintf(name, sizeof name, "k%u", key);
    const ks_log_record record = {.key = ks_slice_cstr(name),
                                  .value =
                                      value[0] != '\0' ? ks_slice_cstr(value) : ks_slice_null(),
                                  .timestamp = self->now++,
                                  .partition = -1};
    assert_ok(ks_log_produce(self->log, topic, &record, &error), &error);
}

/* Few different values, so that a row often becomes again what it was. */
static void update_right(world *self)
{
    const unsigned key = draw(self, RIGHT_KEYS);
    char *row = self->right[key];
    row[0] = '\0';
    if (draw(self, 5) > 0) {
        (void)snprintf(row, TEXT_SIZE, "r%u", draw(self, 3));
    }
    put(self, "right", key, row);
}

static void update_left(world *self)
{
    const unsigned key = draw(self, LEFT_KEYS);
    const unsigned named = draw(self, RIGHT_KEYS + 2); /* one that has no row, or none */
    char *row = self->left[key];
    if (self->moved[key] && !self->is_wild) {
        return;
    }
    self->moved[key] = true;
    row[0] = '\0';
    if (draw(self, 6) > 0 && named > RIGHT_KEYS) {
        (void)snprintf(row, TEXT_SIZE, "|%u", draw(self, 2));
    } else if (draw(self, 6) > 0) {
        (void)snprintf(row, TEXT_SIZE, "k%u|%u", named, draw(self, 2));
    }
    put(self, "left", key, row);
}

static void update(world *self)
{
    const bool is_right = self->is_wild ? draw(self, 3) == 0 : self->is_right;
    if (is_right) {
        update_right(self);
    } else {
        update_left(self);
    }
}

/* What the join of a left row must be; empty: nothing. */
static void expect(const world *self, unsigned key, bool is_left_join, char *result)
{
    const char *left = self->left[key];
    unsigned named = 0;
    bool names = sscanf(left, "k%u|", &named) == 1 && named < RIGHT_KEYS;
    const char *right = names ? self->right[named] : "";
    result[0] = '\0';
    if (left[0] != '\0' && (is_left_join || right[0] != '\0')) {
        (void)snprintf(result, 3 * TEXT_SIZE, "%s with %s", left,
                       right[0] != '\0' ? right : "null");
    }
}

/* The last results of a topic. */
static void read_results(const world *self, const char *topic, char results[][3 * TEXT_SIZE])
{
    ks_error error = {0};
    ks_log_record record;
    ks_log_reader *reader = ks_log_reader_open(self->log, topic, &error);
    assert_non_null(reader);
    for (unsigned i = 0; i < LEFT_KEYS; i++) {
        results[i][0] = '\0';
    }
    while (ks_log_reader_next(reader, &record)) {
        char name[16];
        unsigned key = LEFT_KEYS;
        (void)snprintf(name, sizeof name, "%.*s", (int)record.key.size, record.key.data);
        assert_int_equal(sscanf(name, "k%u", &key), 1);
        assert_in_range(key, 0, LEFT_KEYS - 1);
        (void)snprintf(results[key], 3 * TEXT_SIZE, "%.*s", (int)record.value.size,
                       record.value.data != NULL ? record.value.data : "");
    }
    ks_log_reader_free(reader);
}

static void check(const world *self)
{
    static const char *const topics[] = {"inner", "outer"};
    for (int t = self->is_wild ? 1 : 0; t < 2; t++) {
        char results[LEFT_KEYS][3 * TEXT_SIZE];
        read_results(self, topics[t], results);
        for (unsigned key = 0; key < LEFT_KEYS; key++) {
            char wanted[3 * TEXT_SIZE];
            expect(self, key, t == 1, wanted);
            if (strcmp(results[key], wanted) != 0) {
                fail_msg("%s of k%u is \"%s\" and should be \"%s\" (seed %u)", topics[t], key,
                         results[key], wanted, self->seed);
            }
        }
    }
}

/* ---- an application -------------------------------------------------------------------------- */

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

static void keep_quiet(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)user;
    if (level == KS_LOG_LEVEL_ERROR) {
        print_message("%s: %s\n", where, message);
    }
}

static void start(world *self, const char *cache_bytes, const char *guarantee)
{
    ks_error error = {0};
    self->topology = joins(NULL);
    self->config = ks_config_new();
    set(self->config, "application.id", "app");
    set(self->config, "bootstrap.servers", "embedded:");
    set(self->config, "state.dir", self->state_dir);
    set(self->config, "num.stream.threads", "2");
    set(self->config, "statestore.cache.max.bytes", cache_bytes);
    set(self->config, "processing.guarantee", guarantee);
    self->app = ks_app_new(self->topology, self->config,
                           KS_APP_OPTIONS(.log = self->log, .log_line = keep_quiet), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->app, &error), &error);
}

static void stop(world *self)
{
    ks_error error = {0};
    assert_ok(ks_app_close(self->app, -1, &error), &error);
    ks_app_free(self->app);
    ks_topology_free(self->topology);
    ks_config_free(self->config);
}

static void catch_up(const world *self)
{
    ks_error error = {0};
    assert_ok(ks_app_wait_until_caught_up(self->app, -1, &error), &error);
}

static world *new_world(bool is_wild)
{
    ks_error error = {0};
    world *self = test_calloc(1, sizeof *self);
    self->log = ks_log_open("embedded:", &error);
    assert_non_null(self->log);
    assert_ok(ks_log_create_topic(self->log, "left", 3, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "right", 5, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "inner", 1, &error), &error);
    assert_ok(ks_log_create_topic(self->log, "outer", 1, &error), &error);
    (void)snprintf(self->state_dir, sizeof self->state_dir, "%s", state_dir_new());
    self->is_wild = is_wild;
    self->now = 1000;
    self->seed = (unsigned)time(NULL);
    print_message("seed %u\n", self->seed);
    return self;
}

static void free_world(world *self)
{
    ks_log_free(self->log);
    test_free(self);
}

/* Waits until all updates are joined. */
static void settle(world *self)
{
    catch_up(self);
    check(self);
    memset(self->moved, 0, sizeof self->moved);
    self->is_right = !self->is_right;
}

static void update_some(world *self)
{
    for (int i = 0; i < UPDATES; i++) {
        update(self);
    }
}

/* Some updates before it starts, some while it runs; then another start, once without its state. */
static void run(const char *cache_bytes, const char *guarantee, bool is_wild)
{
    world *self = new_world(is_wild);
    for (int round = 0; round < ROUNDS; round++) {
        update_some(self);
        start(self, cache_bytes, guarantee);
        for (int i = 0; i < PAUSES; i++) {
            update_some(self);
            settle(self);
        }
        stop(self);
        if (round == ROUNDS / 2) {
            state_dir_remove(self->state_dir);
        }
    }
    assert_int_equal(ks_log_partition_count(self->log, "app-outer-subscription-registration-topic"),
                     5);
    assert_int_equal(ks_log_partition_count(self->log, "app-outer-subscription-response-topic"), 3);
    free_world(self);
}

static void joins_say_in_the_end_what_the_tables_say(void **state)
{
    (void)state;
    run("0", "at_least_once", false);
}

static void joins_of_cached_tables_say_the_same(void **state)
{
    (void)state;
    run("10485760", "at_least_once", false);
}

static void joins_with_transactions_say_the_same(void **state)
{
    (void)state;
    run("0", "exactly_once_v2", false);
}

static void left_joins_say_the_same_whatever_happens_at_once(void **state)
{
    (void)state;
    run("0", "at_least_once", true);
    run("0", "exactly_once_v2", true);
}

/* ---- partitioners ---------------------------------------------------------------------------- */

/* Everything of a table is in its last partition. */
static ks_status choose_last(const ks_partitioner *partitioner, const char *topic,
                             const ks_record *record, int32_t partition_count,
                             ks_partitions *partitions, ks_error *error)
{
    (void)partitioner;
    (void)topic;
    (void)record;
    (void)error;
    return ks_partitions_add(partitions, partition_count - 1);
}

static const ks_partitioner last = {
    .struct_size = sizeof last, .name = "last", .partition = choose_last};

static void produce_to(const world *self, const char *topic, int32_t partition, const char *key,
                       const char *value)
{
    ks_error error = {0};
    const ks_log_record record = {.key = ks_slice_cstr(key),
                                  .value = ks_slice_cstr(value),
                                  .timestamp = 5,
                                  .partition = partition};
    assert_ok(ks_log_produce(self->log, topic, &record, &error), &error);
}

static void tables_that_are_partitioned_in_another_way_say_so(void **state)
{
    ks_error error = {0};
    char results[LEFT_KEYS][3 * TEXT_SIZE];
    (void)state;
    world *self = new_world(true);
    for (int i = 0; i < 8; i++) { /* by their keys they would be anywhere */
        char key[8];
        char value[8];
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)snprintf(value, sizeof value, "k%d|1", i);
        produce_to(self, "left", 2, key, value);
        produce_to(self, "right", 4, key, "r");
    }
    self->topology =
        joins(KS_TABLE_JOINED(.name = "own", .partitioner = &last, .other_partitioner = &last));
    self->config = ks_config_new();
    set(self->config, "application.id", "app");
    set(self->config, "bootstrap.servers", "embedded:");
    set(self->config, "state.dir", self->state_dir);
    self->app = ks_app_new(self->topology, self->config,
                           KS_APP_OPTIONS(.log = self->log, .log_line = keep_quiet), &error);
    assert_ok(self->app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(self->app, &error), &error);
    catch_up(self);
    stop(self);
    read_results(self, "inner", results);
    for (int i = 0; i < 8; i++) {
        char wanted[3 * TEXT_SIZE];
        (void)snprintf(wanted, sizeof wanted, "k%d|1 with r", i);
        assert_string_equal(results[i], wanted);
    }
    free_world(self);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void expect_refused(ks_builder *b, const char *where, const char *why)
{
    ks_error error = {0};
    assert_null(ks_builder_build(b, &error));
    assert_int_equal(error.code, KS_E_ARGUMENT);
    assert_string_equal(error.where, where);
    if (strstr(error.message, why) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", why, error.message);
    }
    ks_builder_free(b);
}

static void what_makes_no_sense_is_refused_with_the_call(void **state)
{
    static const ks_partitioner empty = {.struct_size = sizeof empty, .name = "empty"};
    const ks_consumed *texts = KS_CONSUMED(.key = text, .value = text);
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *table = ks_builder_table(b, "left", texts, NULL);
    ks_table *none = ks_table_join_foreign_key(table, NULL, named_key, both, NULL, NULL);
    assert_non_null(none);
    assert_null(ks_table_queryable_store_name(none));
    expect_refused(b, "ks_table_join_foreign_key", "NULL");

    b = ks_builder_new(NULL);
    table = ks_builder_table(b, "left", texts, NULL);
    (void)ks_table_left_join_foreign_key(table, table, NULL, both, NULL, NULL);
    expect_refused(b, "ks_table_left_join_foreign_key", "NULL");

    b = ks_builder_new(NULL);
    table = ks_builder_table(b, "left", texts, NULL);
    (void)ks_table_join_foreign_key(table, table, named_key, NULL, NULL, NULL);
    expect_refused(b, "ks_table_join_foreign_key", "NULL");

    b = ks_builder_new(NULL);
    table = ks_builder_table(b, "left", texts, NULL);
    (void)ks_table_join_foreign_key(table, table, named_key, both, NULL,
                                    KS_TABLE_JOINED(.partitioner = &empty));
    expect_refused(b, "ks_table_join_foreign_key", "partitioner has no function");

    b = ks_builder_new(NULL);
    ks_builder *another = ks_builder_new(NULL);
    table = ks_builder_table(b, "left", texts, NULL);
    (void)ks_table_join_foreign_key(table, ks_builder_table(another, "right", texts, NULL),
                                    named_key, both, NULL, NULL);
    expect_refused(b, "ks_table_join_foreign_key", "different builders");
    ks_builder_free(another);
}

/* ---- a serde that is missing ----------------------------------------------------------------- */

static ks_value length(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64((int64_t)ks_value_text(record->value).size);
}

static ks_status pipe(ks_test_driver *driver, const char *topic, const char *value, ks_error *error)
{
    const ks_log_record record = {.key = ks_slice_cstr("k1"), .value = ks_slice_cstr(value)};
    return ks_test_driver_pipe(driver, topic, &record, error);
}

/* What a mapped table is made of is not inherited, so the default is taken for its values. */
static void a_right_value_that_the_default_serde_cannot_write_is_named(void **state)
{
    ks_error error = {0};
    const ks_consumed *texts = KS_CONSUMED(.key = text, .value = text);
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_table *left = ks_builder_table(b, "left", texts, NULL);
    ks_table *right = ks_builder_table(b, "right", texts, NULL);
    ks_table *lengths = ks_table_map_values(right, length, NULL, NULL);
    (void)ks_table_join_foreign_key(left, lengths, named_key, both, NULL, NULL);
    ks_topology *topology = build(b);
    ks_config *config = ks_config_new();
    set(config, "application.id", "app");
    set(config, "default.value.serde", "string");
    ks_test_driver *driver = ks_test_driver_new(topology, config, NULL, &error);
    assert_ok(driver != NULL ? KS_OK : error.code, &error);
    assert_ok(pipe(driver, "right", "abc", &error), &error);
    assert_int_equal(pipe(driver, "left", "k1|", &error), KS_E_PROCESSING);
    assert_non_null(strstr(error.message, "the value is"));
    assert_non_null(strstr(error.message, "KS_CONSUMED or KS_MATERIALIZED(.value"));
    ks_test_driver_free(driver);
    ks_topology_free(topology);
    ks_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_say_in_the_end_what_the_tables_say),
        cmocka_unit_test(joins_of_cached_tables_say_the_same),
        cmocka_unit_test(joins_with_transactions_say_the_same),
        cmocka_unit_test(left_joins_say_the_same_whatever_happens_at_once),
        cmocka_unit_test(tables_that_are_partitioned_in_another_way_say_so),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_the_call),
        cmocka_unit_test(a_right_value_that_the_default_serde_cannot_write_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
