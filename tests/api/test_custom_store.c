/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_custom_store.c - a store whose structure is the program's own: in the test driver, and in an
 * application that ends, comes back and fails.
 *
 * The program is an auction. A ranking keeps the highest bid of each bidder, sorted by amount, with
 * a row for each bidder that is put at once. A tally counts bids by their last digit, and puts its
 * one row before each commit. Every bid is answered with the leader and the tally, so an answer is
 * right only if both structures are what all bids before have made of them.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assert_ok.h"
#include "state_dir.h"

enum { BIDDERS = 12, NAME_BYTES = 16, PARTITIONS = 2, ROUNDS = 6, BIDS = 150, WAIT_MS = 60000 };

static const ks_serde *const text = &ks_serde_string;

static void set(ks_config *config, const char *name, const char *value)
{
    ks_error error = {0};
    assert_ok(ks_config_set(config, name, value, &error), &error);
}

/* ---- two structures -------------------------------------------------------------------------- */

typedef struct bid {
    char bidder[NAME_BYTES];
    int64_t amount;
} bid;

typedef struct ranking {
    bid bids[BIDDERS]; /* highest first; of the same amount, by name */
    size_t count;
} ranking;

typedef struct tally {
    int64_t counts[10]; /* by the last digit of a bid */
    bool is_dirty;
} tally;

/* How often the functions of the classes were called, in all tasks. */
typedef struct calls {
    atomic_int opened;
    atomic_int loaded;
    atomic_int flushed;
    atomic_int closed;
    atomic_int booms;
    const char *refuses; /* the function that fails; NULL: none */
} calls;

static int compare_bids(const void *a, const void *b)
{
    const bid *left = a;
    const bid *right = b;
    if (left->amount != right->amount) {
        return left->amount > right->amount ? -1 : 1;
    }
    return strcmp(left->bidder, right->bidder);
}

static void rank(ranking *all, ks_slice bidder, int64_t amount)
{
    size_t at = 0;
    while (at < all->count && !ks_slice_equal(ks_slice_cstr(all->bids[at].bidder), bidder)) {
        at++;
    }
    assert_in_range(at, 0, BIDDERS - 1);
    all->count += at == all->count;
    assert_in_range(bidder.size, 1, NAME_BYTES - 1);
    memset(&all->bids[at], 0, sizeof all->bids[at]);
    memcpy(all->bids[at].bidder, bidder.data, bidder.size);
    all->bids[at].amount = amount;
    qsort(all->bids, all->count, sizeof *all->bids, compare_bids);
}

static bool refuses(const calls *made, const char *function)
{
    return made->refuses != NULL && strcmp(made->refuses, function) == 0;
}

static ks_status open_any(void *state, void *user, ks_error *error)
{
    calls *made = user;
    (void)state;
    if (refuses(made, "open")) {
        return ks_error_set(error, KS_E_CONFIG, NULL, "no house, no auction");
    }
    atomic_fetch_add(&made->opened, 1);
    return KS_OK;
}

static void close_any(void *state, void *user)
{
    calls *made = user;
    (void)state;
    atomic_fetch_add(&made->closed, 1);
}

static ks_status load_bid(void *state, ks_slice key, ks_slice value, void *user, ks_error *error)
{
    calls *made = user;
    int64_t amount;
    if (refuses(made, "load")) {
        return KS_E_CORRUPT; /* without a word */
    }
    if (value.size != sizeof amount) {
        return ks_error_set(error, KS_E_CORRUPT, NULL, "a bid has %zu bytes", value.size);
    }
    memcpy(&amount, value.data, sizeof amount);
    rank(state, key, amount);
    atomic_fetch_add(&made->loaded, 1);
    return KS_OK;
}

static ks_status load_tally(void *state, ks_slice key, ks_slice value, void *user, ks_error *error)
{
    tally *all = state;
    (void)key;
    (void)user;
    if (value.size != sizeof all->counts) {
        return ks_error_set(error, KS_E_CORRUPT, NULL, "a tally has %zu bytes", value.size);
    }
    memcpy(all->counts, value.data, value.size);
    return KS_OK;
}

static ks_status flush_tally(ks_custom_store *store, void *state, void *user, ks_error *error)
{
    tally *all = state;
    calls *made = user;
    if (!all->is_dirty) {
        return KS_OK;
    }
    if (refuses(made, "flush")) {
        return ks_error_set(error, KS_E_ARGUMENT, NULL, "the tally is under seal");
    }
    if (refuses(made, "put of flush")) {
        ks_custom_store_put(store, ks_slice_null(), ks_slice_cstr("x"), NULL);
    }
    all->is_dirty = false;
    atomic_fetch_add(&made->flushed, 1);
    ks_slice bytes = ks_slice_of((const char *)all->counts, sizeof all->counts);
    ks_custom_store_put(store, ks_slice_cstr("tally"), bytes, NULL);
    return KS_OK;
}

static const ks_custom_store_class ranking_class = {.struct_size = sizeof ranking_class,
                                                    .state_size = sizeof(ranking),
                                                    .open = open_any,
                                                    .load = load_bid,
                                                    .close = close_any};
static const ks_custom_store_class tally_class = {.struct_size = sizeof tally_class,
                                                  .state_size = sizeof(tally),
                                                  .load = load_tally,
                                                  .flush = flush_tally};

/* ---- the program ----------------------------------------------------------------------------- */

static int64_t number_of(ks_slice digits)
{
    int64_t number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        number = number * 10 + (digits.data[i] - '0');
    }
    return number;
}

static void take_bid(ranking *bids, ks_custom_store *store, ks_slice bidder, int64_t amount)
{
    rank(bids, bidder, amount);
    ks_custom_store_put(store, bidder, ks_slice_of((const char *)&amount, sizeof amount), NULL);
}

static void answer(ks_ctx *ctx, const ks_record *record, const ranking *bids, const tally *counted)
{
    ks_record said = *record;
    int64_t sum = 0;
    for (int64_t digit = 0; digit < 10; digit++) {
        sum += (digit + 1) * counted->counts[digit];
    }
    said.value = ks_text(ks_text_format(
        ks_ctx_arena(ctx), "%s=%lld tally=%lld", bids->count > 0 ? bids->bids[0].bidder : "-",
        bids->count > 0 ? (long long)bids->bids[0].amount : 0, (long long)sum));
    ks_ctx_forward(ctx, &said);
}

/* "boom" makes a mess of everything and fails, every other time. */
static void handle(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    calls *made = user;
    ks_custom_store *store = ks_ctx_custom_store(ctx, "ranking");
    ranking *bids = ks_custom_store_state(store, &ranking_class);
    tally *counted = ks_custom_store_state(ks_ctx_custom_store(ctx, "tally"), &tally_class);
    ks_slice words = ks_value_text(record->value);
    (void)state;
    if (bids == NULL || counted == NULL) {
        return;
    }
    if (ks_slice_equal(words, ks_slice_cstr("boom"))) {
        if (atomic_fetch_add(&made->booms, 1) % 2 == 0) {
            take_bid(bids, store, ks_value_text(record->key), 1000000);
            counted->counts[9] += 1000;
            counted->is_dirty = true;
            ks_ctx_fail(ctx, "the hammer broke");
            return;
        }
    } else {
        int64_t amount = number_of(words);
        take_bid(bids, store, ks_value_text(record->key), amount);
        counted->counts[amount % 10]++;
        counted->is_dirty = true;
    }
    answer(ctx, record, bids, counted);
}

static ks_topology *build(calls *made, ks_store_type type)
{
    const ks_store_builder bids =
        *KS_STORE_BUILDER(.name = "ranking", .kind = KS_STORE_KIND_CUSTOM, .type = type,
                          .custom = &ranking_class, .custom_user = made);
    const ks_store_builder counted =
        *KS_STORE_BUILDER(.name = "tally", .kind = KS_STORE_KIND_CUSTOM, .type = type,
                          .custom = &tally_class, .custom_user = made);
    static const ks_processor auction = {.struct_size = sizeof auction, .process = handle};
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, &bids);
    ks_builder_add_store(b, &counted);
    ks_stream *in = ks_builder_stream(b, "bids", KS_CONSUMED(.key = text, .value = text));
    ks_stream *out = ks_stream_process_values(in, &auction, made,
                                              KS_CONNECTED(.stores = KS_NAMES("ranking", "tally")));
    ks_stream_to(out, "answers", KS_PRODUCED(.key = text, .value = text));
    ks_topology *topology = ks_builder_build(b, &error);
    assert_ok(topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    return topology;
}

/* ---- the test driver ------------------------------------------------------------------------- */

typedef struct driven {
    calls made;
    ks_topology *topology;
    ks_config *config;
    ks_test_driver *driver;
    ks_arena *arena;
} driven;

static void open_driver(driven *self)
{
    ks_error error = {0};
    self->config = ks_config_new();
    set(self->config, "application.id", "app");
    set(self->config, "bootstrap.servers", "embedded:");
    self->driver = ks_test_driver_new(self->topology, self->config, NULL, &error);
    assert_ok(self->driver != NULL ? KS_OK : error.code, &error);
    self->arena = ks_arena_new();
}

static void drive(driven *self)
{
    *self = (driven){0};
    self->topology = build(&self->made, KS_STORE_DEFAULT);
    open_driver(self);
}

static void drive_no_more(driven *self)
{
    ks_arena_free(self->arena);
    ks_test_driver_free(self->driver);
    ks_config_free(self->config);
    ks_topology_free(self->topology);
}

static ks_status pipe(driven *self, const char *bidder, const char *value, ks_error *error)
{
    ks_log_record record = {.key = ks_slice_cstr(bidder),
                            .value = ks_slice_cstr(value),
                            .timestamp = 77,
                            .partition = -1};
    return ks_test_driver_pipe(self->driver, "bids", &record, error);
}

static void assert_last(driven *self, const char *topic, size_t count, const char *value)
{
    ks_log_record record;
    assert_int_equal(ks_test_driver_produced_count(self->driver, topic), count);
    assert_true(ks_test_driver_produced(self->driver, topic, count - 1, &record));
    assert_true(ks_slice_equal(record.value, ks_slice_cstr(value)));
}

static void a_structure_is_made_again_from_its_rows(void **state)
{
    driven self;
    ks_error error = {0};
    (void)state;
    drive(&self);
    assert_int_equal(atomic_load(&self.made.opened), 1);
    assert_ok(pipe(&self, "ann", "20", &error), &error);
    assert_ok(pipe(&self, "bob", "32", &error), &error);
    assert_last(&self, "answers", 2, "bob=32 tally=4");
    for (int restart = KS_TEST_RESTART_KEEP_STATE; restart <= KS_TEST_RESTART_LOSE_STATE;
         restart++) {
        atomic_store(&self.made.loaded, 0);
        assert_ok(ks_test_driver_restart(self.driver, (ks_test_restart)restart, &error), &error);
        assert_int_equal(atomic_load(&self.made.loaded), 2);
        assert_int_equal(atomic_load(&self.made.opened), atomic_load(&self.made.closed) + 1);
        const ks_custom_store *store = ks_test_driver_custom_store(self.driver, "ranking");
        const ranking *bids = ks_custom_store_state(store, &ranking_class);
        assert_int_equal(bids->count, 2);
        assert_string_equal(bids->bids[0].bidder, "bob");
    }
    assert_ok(pipe(&self, "bob", "5", &error), &error);
    assert_last(&self, "answers", 3, "ann=20 tally=10");
    drive_no_more(&self);
    assert_int_equal(atomic_load(&self.made.closed), 3);
}

static void rows_are_logged_with_the_timestamp_of_the_record(void **state)
{
    driven self;
    ks_error error = {0};
    ks_log_record logged;
    int64_t amount;
    (void)state;
    drive(&self);
    assert_ok(pipe(&self, "ann", "20", &error), &error);
    assert_int_equal(ks_test_driver_produced_count(self.driver, "app-ranking-changelog"), 1);
    assert_true(ks_test_driver_produced(self.driver, "app-ranking-changelog", 0, &logged));
    assert_int_equal(logged.timestamp, 77);
    assert_true(ks_slice_equal(logged.key, ks_slice_cstr("ann")));
    memcpy(&amount, logged.value.data, sizeof amount);
    assert_int_equal(amount, 20);
    assert_int_equal(atomic_load(&self.made.flushed), 1);
    assert_true(ks_test_driver_produced(self.driver, "app-tally-changelog", 0, &logged));
    assert_int_equal(logged.timestamp, 77);
    drive_no_more(&self);
}

static void a_test_puts_reads_and_deletes_rows(void **state)
{
    driven self;
    ks_error error = {0};
    ks_slice value;
    bool found;
    (void)state;
    drive(&self);
    ks_custom_store *store = ks_test_driver_custom_store(self.driver, "ranking");
    assert_ok(ks_custom_store_put(store, ks_slice_cstr("k"), ks_slice_cstr(""), &error), &error);
    assert_ok(ks_custom_store_get(store, ks_slice_cstr("k"), self.arena, &value, &found, &error),
              &error);
    assert_true(found);
    assert_int_equal(value.size, 0);
    assert_ok(ks_custom_store_put(store, ks_slice_cstr("k"), ks_slice_null(), &error), &error);
    assert_ok(ks_custom_store_get(store, ks_slice_cstr("k"), self.arena, &value, &found, &error),
              &error);
    assert_false(found);
    assert_null(value.data);
    drive_no_more(&self);
}

static void wrong_calls_say_what_is_wrong(void **state)
{
    driven self;
    ks_error error = {0};
    ks_slice value;
    bool found;
    (void)state;
    drive(&self);
    ks_custom_store *store = ks_test_driver_custom_store(self.driver, "ranking");
    assert_null(ks_custom_store_state(store, &tally_class));
    assert_null(ks_custom_store_state(NULL, &tally_class));
    assert_int_equal(ks_custom_store_put(store, ks_slice_null(), ks_slice_cstr("x"), &error),
                     KS_E_ARGUMENT);
    assert_int_equal(ks_custom_store_put(NULL, ks_slice_cstr("x"), ks_slice_null(), &error),
                     KS_E_STORE);
    assert_int_equal(
        ks_custom_store_get(store, ks_slice_null(), self.arena, &value, &found, &error),
        KS_E_ARGUMENT);
    assert_null(ks_test_driver_custom_store(self.driver, "none"));
    assert_null(ks_test_driver_key_value_store(self.driver, "ranking"));
    assert_null(ks_test_driver_versioned_store(self.driver, "ranking"));
    drive_no_more(&self);
}

static void a_class_that_fails_fails_the_start(void **state)
{
    driven self;
    ks_error error = {0};
    (void)state;
    drive(&self);
    assert_ok(pipe(&self, "ann", "20", &error), &error);
    self.made.refuses = "load";
    assert_int_equal(ks_test_driver_restart(self.driver, KS_TEST_RESTART_KEEP_STATE, &error),
                     KS_E_CORRUPT);
    assert_non_null(strstr(error.message, "loading store ranking: "));
    assert_int_equal(atomic_load(&self.made.opened), atomic_load(&self.made.closed));
    ks_test_driver_free(self.driver);
    self.made.refuses = "open";
    assert_null(ks_test_driver_new(self.topology, self.config, NULL, &error));
    assert_non_null(strstr(error.message, "no house, no auction"));
    assert_int_equal(atomic_load(&self.made.opened), atomic_load(&self.made.closed));
    self.driver = NULL;
    drive_no_more(&self);
}

static void a_flush_that_fails_fails_the_commit(void **state)
{
    driven self;
    ks_error error = {0};
    (void)state;
    drive(&self);
    self.made.refuses = "flush";
    assert_int_equal(pipe(&self, "ann", "20", &error), KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "flushing store tally: the tally is under seal"));
    drive_no_more(&self);
    drive(&self);
    self.made.refuses = "put of flush";
    assert_int_equal(pipe(&self, "ann", "20", &error), KS_E_ARGUMENT);
    assert_non_null(strstr(error.message, "a row needs a key"));
    drive_no_more(&self);
}

static void tell(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    tally *counted = ks_custom_store_state(ks_ctx_custom_store(ctx, "tally"), &tally_class);
    (void)record;
    (void)state;
    (void)user;
    counted->counts[0]++;
    counted->is_dirty = true;
}

/*
 * The tally is connected to a node before the table and to one behind it, so it stands before the
 * table's store; what the record cache forwards at a commit reaches it nevertheless.
 */
static void what_a_record_cache_forwards_at_a_commit_is_in_its_flush(void **state)
{
    static const ks_processor telling = {.struct_size = sizeof telling, .process = tell};
    driven self = {0};
    ks_error error = {0};
    ks_log_record logged;
    int64_t count;
    (void)state;
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "tally", .kind = KS_STORE_KIND_CUSTOM,
                                             .custom = &tally_class, .custom_user = &self.made));
    ks_stream *early = ks_builder_stream(b, "early", KS_CONSUMED(.key = text, .value = text));
    (void)ks_stream_process(early, &telling, NULL, KS_CONNECTED(.stores = KS_NAMES("tally")));
    ks_table *table = ks_builder_table(b, "bids", KS_CONSUMED(.key = text, .value = text),
                                       KS_MATERIALIZED(.name = "latest"));
    (void)ks_stream_process(ks_table_to_stream(table, NULL), &telling, NULL,
                            KS_CONNECTED(.stores = KS_NAMES("tally")));
    self.topology = ks_builder_build(b, &error);
    assert_ok(self.topology != NULL ? KS_OK : error.code, &error);
    ks_builder_free(b);
    open_driver(&self);
    assert_ok(pipe(&self, "ann", "20", &error), &error);
    assert_int_equal(ks_test_driver_produced_count(self.driver, "app-tally-changelog"), 1);
    assert_true(ks_test_driver_produced(self.driver, "app-tally-changelog", 0, &logged));
    memcpy(&count, logged.value.data, sizeof count);
    assert_int_equal(count, 1);
    drive_no_more(&self);
}

/* ---- kept from a topic ----------------------------------------------------------------------- */

static void keep_bid(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    ks_custom_store *store = ks_ctx_custom_store(ctx, "ranking");
    ranking *bids = ks_custom_store_state(store, &ranking_class);
    ks_slice amount = ks_value_bytes(record->value);
    (void)state;
    (void)load_bid(bids, ks_value_text(record->key), amount, user, NULL);
    ks_custom_store_put(store, ks_value_text(record->key), amount, NULL);
}

static void a_structure_is_kept_from_a_topic(void **state)
{
    static const ks_processor keeping = {.struct_size = sizeof keeping, .process = keep_bid};
    driven self = {0};
    ks_error error = {0};
    const int64_t amount = 44;
    (void)state;
    self.topology = ks_topology_new(NULL);
    assert_ok(ks_topology_add_read_only_store(
                  self.topology,
                  KS_STORE_BUILDER(.name = "ranking", .kind = KS_STORE_KIND_CUSTOM,
                                   .custom = &ranking_class, .custom_user = &self.made),
                  &keeping, &self.made,
                  KS_STORE_SOURCE(.topic = "bids", .source_name = "from", .processor_name = "keep",
                                  .key = text, .value = &ks_serde_bytes),
                  &error),
              &error);
    open_driver(&self);
    ks_log_record record = {.key = ks_slice_cstr("ann"),
                            .value = ks_slice_of((const char *)&amount, sizeof amount),
                            .partition = -1};
    assert_ok(ks_test_driver_pipe(self.driver, "bids", &record, &error), &error);
    assert_int_equal(ks_test_driver_produced_count(self.driver, "app-ranking-changelog"), 0);
    assert_ok(ks_test_driver_restart(self.driver, KS_TEST_RESTART_LOSE_STATE, &error), &error);
    const ks_custom_store *store = ks_test_driver_custom_store(self.driver, "ranking");
    const ranking *bids = ks_custom_store_state(store, &ranking_class);
    assert_int_equal(bids->count, 1);
    assert_int_equal(bids->bids[0].amount, 44);
    drive_no_more(&self);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void assert_refused(const ks_store_builder *store, const char *words)
{
    ks_error error = {0};
    ks_builder *b = ks_builder_new(NULL);
    ks_builder_add_store(b, store);
    assert_null(ks_builder_build(b, &error));
    if (strstr(error.message, words) == NULL) {
        fail_msg("'%s' says nothing of '%s'", error.message, words);
    }
    ks_builder_free(b);
}

static void descriptions_that_do_not_fit_are_refused(void **state)
{
    static const ks_custom_store_class empty = {.struct_size = sizeof empty};
    const ks_store_kind custom = KS_STORE_KIND_CUSTOM;
    (void)state;
    assert_refused(KS_STORE_BUILDER(.name = "s", .kind = custom), "give .custom");
    assert_refused(KS_STORE_BUILDER(.name = "s", .kind = custom, .custom = &empty), "state_size");
    assert_refused(
        KS_STORE_BUILDER(.name = "s", .kind = custom, .custom = &tally_class, .key = text),
        "serdes");
    assert_refused(KS_STORE_BUILDER(.name = "s", .kind = custom, .custom = &tally_class,
                                    .caching_enabled = true),
                   "not cached");
    assert_refused(KS_STORE_BUILDER(.name = "s", .kind = custom, .custom = &tally_class,
                                    .type = KS_STORE_LRU, .lru_entries = 3),
                   "LRU");
    assert_refused(KS_STORE_BUILDER(.name = "s", .custom = &tally_class),
                   "for KS_STORE_KIND_CUSTOM only");
}

/* ---- an application -------------------------------------------------------------------------- */

typedef struct house {
    calls made;
    ks_log *log;
    char state_dir[400];
    const char *guarantee;
    ks_store_type type;
    ranking bids[PARTITIONS];
    tally counted[PARTITIONS];
    char expected[PARTITIONS][BIDS * ROUNDS][60];
    size_t count[PARTITIONS];
} house;

static ks_uncaught_answer replace(const ks_error *error, void *user)
{
    (void)error;
    (void)user;
    return KS_REPLACE_THREAD;
}

static void ignore_line(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)level;
    (void)where;
    (void)message;
    (void)user;
}

static void run_auction(house *self)
{
    ks_error error = {0};
    ks_topology *topology = build(&self->made, self->type);
    ks_config *config = ks_config_new();
    set(config, "application.id", "auction");
    set(config, "bootstrap.servers", "embedded:");
    set(config, "state.dir", self->state_dir);
    set(config, "processing.guarantee", self->guarantee);
    set(config, "num.stream.threads", "2");
    ks_app *app = ks_app_new(
        topology, config,
        KS_APP_OPTIONS(.log = self->log, .uncaught_error = replace, .log_line = ignore_line),
        &error);
    assert_ok(app != NULL ? KS_OK : error.code, &error);
    assert_ok(ks_app_start(app, &error), &error);
    assert_ok(ks_app_wait_until_caught_up(app, WAIT_MS, &error), &error);
    assert_ok(ks_app_close(app, -1, &error), &error);
    ks_app_free(app);
    ks_config_free(config);
    ks_topology_free(topology);
    assert_int_equal(atomic_load(&self->made.opened), atomic_load(&self->made.closed));
}

static void produce_bid(house *self, int bidder, bool is_boom)
{
    ks_error error = {0};
    char name[NAME_BYTES];
    char words[20];
    int32_t partition = bidder % PARTITIONS;
    ranking *bids = &self->bids[partition];
    tally *counted = &self->counted[partition];
    int64_t amount = rand() % 500;
    (void)snprintf(name, sizeof name, "bidder-%d", bidder);
    (void)snprintf(words, sizeof words, "%lld", (long long)amount);
    if (!is_boom) {
        rank(bids, ks_slice_cstr(name), amount);
        counted->counts[amount % 10]++;
    }
    ks_log_record record = {.key = ks_slice_cstr(name),
                            .value = ks_slice_cstr(is_boom ? "boom" : words),
                            .timestamp = 1,
                            .partition = partition};
    assert_ok(ks_log_produce(self->log, "bids", &record, &error), &error);
    int64_t sum = 0;
    for (int64_t digit = 0; digit < 10; digit++) {
        sum += (digit + 1) * counted->counts[digit];
    }
    (void)snprintf(self->expected[partition][self->count[partition]++], sizeof **self->expected,
                   "%s=%lld tally=%lld", bids->count > 0 ? bids->bids[0].bidder : "-",
                   bids->count > 0 ? (long long)bids->bids[0].amount : 0, (long long)sum);
}

/* The answers of a task come in the order of its bids; its bidders' names say which task. */
static void assert_answers(house *self)
{
    ks_error error = {0};
    ks_log_record record;
    size_t count[PARTITIONS] = {0};
    ks_log_reader *reader = ks_log_reader_open(self->log, "answers", &error);
    assert_non_null(reader);
    while (ks_log_reader_next(reader, &record)) {
        size_t partition = (size_t)(record.key.data[record.key.size - 1] - '0') % PARTITIONS;
        assert_in_range(count[partition], 0, self->count[partition] - 1);
        const char *expected = self->expected[partition][count[partition]++];
        if (!ks_slice_equal(record.value, ks_slice_cstr(expected))) {
            fail_msg("answer %zu of task %zu is %.*s instead of %s", count[partition], partition,
                     (int)record.value.size, record.value.data, expected);
        }
    }
    ks_log_reader_free(reader);
    for (size_t partition = 0; partition < PARTITIONS; partition++) {
        assert_int_equal(count[partition], self->count[partition]);
    }
}

static void keep_house(const char *guarantee, ks_store_type type, bool fails)
{
    static house self;
    ks_error error = {0};
    self = (house){.guarantee = guarantee, .type = type};
    self.log = ks_log_open("embedded:", &error);
    assert_non_null(self.log);
    assert_ok(ks_log_create_topic(self.log, "bids", PARTITIONS, &error), &error);
    assert_ok(ks_log_create_topic(self.log, "answers", 1, &error), &error);
    (void)snprintf(self.state_dir, sizeof self.state_dir, "%s", state_dir_new());
    for (int round = 0; round < ROUNDS; round++) {
        int boom_at = fails ? rand() % BIDS : -1;
        for (int i = 0; i < BIDS; i++) {
            produce_bid(&self, rand() % BIDDERS, i == boom_at);
        }
        if (round == 2) {
            state_dir_remove(self.state_dir); /* built again from the changelog */
        }
        run_auction(&self);
        assert_answers(&self);
    }
    assert_int_equal(atomic_load(&self.made.booms), fails ? 2 * ROUNDS : 0);
    ks_log_free(self.log);
}

static void structures_are_there_with_the_state_without_it_and_after_failures(void **state)
{
    (void)state;
    const char *wanted = getenv("KSTREAMS_TEST_SEED");
    unsigned seed = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : (unsigned)time(NULL);
    print_message("KSTREAMS_TEST_SEED=%u\n", seed);
    srand(seed);
    keep_house("at_least_once", KS_STORE_ROCKSDB, false);
    keep_house("exactly_once_v2", KS_STORE_ROCKSDB, true);
    keep_house("exactly_once_v2", KS_STORE_IN_MEMORY, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_structure_is_made_again_from_its_rows),
        cmocka_unit_test(rows_are_logged_with_the_timestamp_of_the_record),
        cmocka_unit_test(a_test_puts_reads_and_deletes_rows),
        cmocka_unit_test(wrong_calls_say_what_is_wrong),
        cmocka_unit_test(a_class_that_fails_fails_the_start),
        cmocka_unit_test(a_flush_that_fails_fails_the_commit),
        cmocka_unit_test(what_a_record_cache_forwards_at_a_commit_is_in_its_flush),
        cmocka_unit_test(a_structure_is_kept_from_a_topic),
        cmocka_unit_test(descriptions_that_do_not_fit_are_refused),
        cmocka_unit_test(structures_are_there_with_the_state_without_it_and_after_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
