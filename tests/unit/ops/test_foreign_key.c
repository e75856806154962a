/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_foreign_key.c - the nodes of a foreign-key join, one by one.
 *
 * A row names the key that its value begins with, up to a bar; one that begins with the bar names
 * none. Subscriptions and responses are written down as harness.h says.
 */
#include "base/memory.h"
#include "harness.h"
#include "ops/foreign_key.h"
#include "topology/partitioner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- a join ---------------------------------------------------------------------------------- */

static ks_value named_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_slice text = ks_value_text(record->value);
    const char *bar = memchr(text.data, '|', text.size);
    (void)ctx;
    (void)user;
    return bar == text.data ? ks_null()
                            : ks_text(ks_slice_of(text.data, (size_t)(bar - text.data)));
}

static ks_value both(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    (void)key;
    (void)user;
    ks_arena *arena = ks_ctx_arena(ctx);
    ks_slice a = ks_value_to_text(arena, left);
    ks_slice b = ks_value_to_text(arena, right);
    return ks_text(ks_text_format(arena, "(%.*s,%.*s)", (int)a.size, a.data, (int)b.size, b.data));
}

static const ksi_table_view rows = {.store = "rows"};

static const ksi_foreign_key_join inner = {.foreign_key = named_key,
                                           .join = both,
                                           .primary_key_serde = &ks_serde_string,
                                           .left_value_serde = &ks_serde_string,
                                           .foreign_key_serde = &ks_serde_string,
                                           .left = &rows,
                                           .right = &rows,
                                           .store = "rows",
                                           .primary_key_topic = "t-pk",
                                           .foreign_key_topic = "t-fk",
                                           .hash_topic = "t-vh"};

static ksi_foreign_key_join left_join(void)
{
    ksi_foreign_key_join join = inner;
    join.is_left_join = true;
    return join;
}

/* The first half of the hash of a left value, as it is written down. */
static const char *hash_of(const char *value)
{
    static char texts[4][20];
    static size_t next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%08x",
             (unsigned)(ksi_murmur3(ks_slice_cstr(value)).high >> 32));
    return text;
}

/* ---- registering ----------------------------------------------------------------------------- */

typedef struct left_case {
    const char *old_value;
    const char *new_value;
    const char *inner; /* what is told; %s: the hash of the new value */
    const char *left;
    int inner_dropped;
} left_case;

/*
 * 0: unsubscribe, 1: unsubscribe and answer, 2: subscribe and answer, 3: subscribe. The key of the
 * row is k, its partition 3.
 */
static const left_case left_cases[] = {
    /* a new row */
    {NULL, "a|1", "0:a=3(k,%s)->3@7 ", "0:a=2(k,%s)->3@7 ", 0},
    {NULL, "|1", "", "0:null=2(k,%s)->3@7 ", 1},
    /* another key, the same, none, one again, none as before */
    {"a|1", "b|1", "0:a=0(k,%s)->3@7 0:b=2(k,%s)->3@7 ", "0:a=0(k,%s)->3@7 0:b=2(k,%s)->3@7 ", 0},
    {"a|1", "a|2", "0:a=3(k,%s)->3@7 ", "0:a=2(k,%s)->3@7 ", 0},
    {"a|1", "a|1", "0:a=3(k,%s)->3@7 ", "0:a=2(k,%s)->3@7 ", 0},
    {"a|1", "|2", "0:a=1(k,%s)->3@7 ", "0:a=0(k,%s)->3@7 0:null=2(k,%s)->3@7 ", 1},
    {"|1", "a|1", "0:a=3(k,%s)->3@7 ", "0:a=2(k,%s)->3@7 ", 0},
    {"|1", "|2", "", "0:null=2(k,%s)->3@7 ", 1},
    /* no row any more */
    {"a|1", NULL, "0:a=1(k,-)->3@7 ", "0:a=0(k,-)->3@7 0:null=2(k,-)->3@7 ", 0},
    {"|1", NULL, "", "0:null=2(k,-)->3@7 ", 0},
    {NULL, NULL, "", "", 0},
};

/* The format with the hash put in, as often as it wants. */
static const char *expected(const char *format, const char *new_value)
{
    static char text[200];
    size_t length = 0;
    text[0] = '\0';
    for (const char *at = format; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 's') {
            length +=
                (size_t)snprintf(text + length, sizeof text - length, "%s", hash_of(new_value));
            at++;
        } else {
            length += (size_t)snprintf(text + length, sizeof text - length, "%c", *at);
        }
    }
    return text;
}

static void each_change_of_a_left_row_is_told_as_java_tells_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof left_cases / sizeof left_cases[0]; i++) {
        const left_case *now = &left_cases[i / 2];
        const bool is_left = i % 2 == 1;
        const ksi_foreign_key_join left = left_join();
        harness h;
        harness_start(&h, &(harness_options){.children = 1});
        harness_run(&h, ksi_op_foreign_key_register(is_left ? &left : &inner));
        h.partition = 3;
        harness_feed_change(&h, "k", now->new_value, now->old_value, 7);
        assert_string_equal(harness_trace(&h),
                            expected(is_left ? now->left : now->inner, now->new_value));
        assert_int_equal(h.ctx.dropped, is_left ? 0 : now->inner_dropped);
        harness_stop(&h);
    }
}

static void a_change_that_is_not_the_latest_of_a_versioned_table_asks_nothing(void **state)
{
    const ksi_change change = {.new_value = ks_text_of("a|1"), .old_value = ks_null()};
    ksi_foreign_key_join join = inner;
    harness h;
    (void)state;
    harness_start(&h, &(harness_options){.children = 1});
    join.left_is_versioned = true;
    harness_run(&h, ksi_op_foreign_key_register(&join));
    harness_feed(&h, ks_text_of("k"), ksi_change_value(&change), 7);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.dropped_by[KS_DROP_LATE], 1);
    harness_stop(&h);
}

static void a_row_that_no_partition_has_changed_fails(void **state)
{
    harness h;
    (void)state;
    harness_start(&h, &(harness_options){.children = 1});
    harness_run(&h, ksi_op_foreign_key_register(&inner));
    h.partition = -1;
    harness_feed_change(&h, "k", "a|1", NULL, 7);
    assert_true(ksi_ctx_failed(&h.ctx));
    assert_non_null(strstr(h.ctx.error.message, "punctuation"));
    harness_stop(&h);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static ksi_row_hash hash_of_value(const char *value)
{
    return (ksi_row_hash){.is_there = true, .hash = ksi_murmur3(ks_slice_cstr(value))};
}

static void feed_subscription(harness *h, const char *foreign_key, ksi_instruction instruction,
                              uint8_t version)
{
    const ksi_row_subscription subscription = {.version = version,
                                               .instruction = instruction,
                                               .hash = hash_of_value("v"),
                                               .primary_key = ks_text_of("k"),
                                               .primary_partition =
                                                   version > 0 ? 5 : KSI_NO_PARTITION};
    harness_feed(h, ks_text_of(foreign_key), ksi_row_subscription_value(&subscription), 9);
}

/* The row under a key of the store, as text; NULL when there is none. */
static const char *stored(harness *h, const char *key, size_t size)
{
    ksi_row row;
    bool found = false;
    assert_int_equal(ksi_key_value_store_read(ksi_key_value_store_of(h->store),
                                              ks_slice_of(key, size), &row, &found, NULL),
                     KS_OK);
    return found ? ks_text_cstr(&h->arena, ks_value_to_text(&h->arena, ks_bytes(row.value))) : NULL;
}

static harness *start_with_rows(harness *h, ksi_processor processor)
{
    harness_start(
        h, &(harness_options){.children = 1, .store = "rows", .store_value = &ks_serde_string});
    harness_run(h, processor);
    return h;
}

#define STORED(key) stored(&h, key, sizeof(key) - 1)

static void a_subscription_is_kept_under_both_keys_until_it_is_given_up(void **state)
{
    harness h;
    (void)state;
    start_with_rows(&h, ksi_op_foreign_key_receive(&inner));
    static const ksi_instruction giving_up[] = {KSI_UNSUBSCRIBE, KSI_UNSUBSCRIBE_AND_ANSWER};
    static const ksi_instruction asking[] = {KSI_SUBSCRIBE, KSI_SUBSCRIBE_AND_ANSWER};
    for (uint8_t i = 0; i < 4; i++) {
        char expect[80];
        const uint8_t version = i / 2;
        const ksi_hash128 hash = hash_of_value("v").hash;
        feed_subscription(&h, "fk", asking[i % 2], version);
        snprintf(expect, sizeof expect, "hex:%02x%02x%016llx%016llx6b%s", version,
                 (unsigned)asking[i % 2], (unsigned long long)hash.high,
                 (unsigned long long)hash.low, version > 0 ? "00000005" : "");
        assert_string_equal(STORED("\0\0\0\2fkk"), expect);
        snprintf(expect, sizeof expect, "0:fk=%u(k,%s)->%d@9 ", (unsigned)asking[i % 2],
                 hash_of("v"), version > 0 ? 5 : -1);
        assert_string_equal(harness_trace(&h), expect);
        feed_subscription(&h, "fk", giving_up[i % 2], version);
        assert_null(STORED("\0\0\0\2fkk"));
        assert_non_null(strstr(harness_trace(&h), "0:fk="));
    }
    assert_int_equal(h.ctx.dropped, 0);
    harness_stop(&h);
}

static void without_key_only_a_question_passes_and_is_not_kept(void **state)
{
    harness h;
    (void)state;
    start_with_rows(&h, ksi_op_foreign_key_receive(&inner));
    feed_subscription(&h, NULL, KSI_SUBSCRIBE_AND_ANSWER, 1);
    assert_non_null(strstr(harness_trace(&h), "0:null=2(k,"));
    assert_int_equal(ksi_key_value_store_count(ksi_key_value_store_of(h.store)), 0);
    feed_subscription(&h, NULL, KSI_SUBSCRIBE, 1);
    feed_subscription(&h, NULL, KSI_UNSUBSCRIBE, 1);
    feed_subscription(&h, NULL, KSI_UNSUBSCRIBE_AND_ANSWER, 1);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.dropped_by[KS_DROP_NULL], 3);
    harness_stop(&h);
}

/* ---- answering ------------------------------------------------------------------------------- */

static void put_row(harness *h, ks_slice key, ks_slice value, int64_t timestamp)
{
    const ksi_record_context context = {.timestamp = timestamp};
    assert_int_equal(ksi_key_value_store_write(ksi_key_value_store_of(h->store), key, value,
                                               timestamp, &context, NULL),
                     KS_OK);
}

static void an_answer_is_the_row_of_the_right_table_as_the_instruction_wants_it(void **state)
{
    static const struct {
        const char *key;
        ksi_instruction instruction;
        const char *expect; /* %s: the hash */
    } cases[] = {
        {"old", KSI_SUBSCRIBE, "0:k=R(%s)->5@9 "},
        {"new", KSI_SUBSCRIBE, "0:k=S(%s)->5@20 "}, /* the larger timestamp */
        {"none", KSI_SUBSCRIBE, ""},
        {"old", KSI_SUBSCRIBE_AND_ANSWER, "0:k=R(%s)->5@9 "},
        {"none", KSI_SUBSCRIBE_AND_ANSWER, "0:k=null(%s)->5@9 "},
        {NULL, KSI_SUBSCRIBE_AND_ANSWER, "0:k=null(%s)->5@9 "},
        {"old", KSI_UNSUBSCRIBE_AND_ANSWER, "0:k=null(%s)->5@9 "},
        {"new", KSI_UNSUBSCRIBE_AND_ANSWER, "0:k=null(%s)->5@20 "},
        {"none", KSI_UNSUBSCRIBE_AND_ANSWER, "0:k=null(%s)->5@9 "},
        {"old", KSI_UNSUBSCRIBE, ""},
        {"none", KSI_UNSUBSCRIBE, ""},
    };
    harness h;
    (void)state;
    start_with_rows(&h, ksi_op_foreign_key_answer(&inner));
    put_row(&h, ks_slice_cstr("old"), ks_slice_cstr("R"), 2);
    put_row(&h, ks_slice_cstr("new"), ks_slice_cstr("S"), 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        feed_subscription(&h, cases[i].key, cases[i].instruction, 1);
        assert_string_equal(harness_trace(&h), expected(cases[i].expect, "v"));
    }
    feed_subscription(&h, "old", KSI_SUBSCRIBE, 0);
    assert_string_equal(harness_trace(&h), expected("0:k=R(%s)->-1@9 ", "v"));
    harness_stop(&h);
}

/* ---- telling --------------------------------------------------------------------------------- */

#define PUT_SUBSCRIPTION(key) \
    put_row(&h, ks_slice_of(key, sizeof(key) - 1), ks_slice_of("\x81\x03p\0\0\0\4", 7), 1)

static void those_who_named_a_row_are_told_of_its_change_and_nobody_else(void **state)
{
    harness h;
    (void)state;
    start_with_rows(&h, ksi_op_foreign_key_tell(&inner));
    PUT_SUBSCRIPTION("\0\0\0\1ab");  /* b names a */
    PUT_SUBSCRIPTION("\0\0\0\1aa");  /* a names a */
    PUT_SUBSCRIPTION("\0\0\0\2aaa"); /* a names aa */
    PUT_SUBSCRIPTION("\0\0\0\1ba");  /* a names b */
    PUT_SUBSCRIPTION("\0\0\0\0a");   /* a names the key without bytes */
    PUT_SUBSCRIPTION("\0\0\0\1\xff"
                     "z"); /* z names a key of which nothing comes behind */
    harness_feed_change(&h, "a", "R", "Q", 8);
    assert_string_equal(harness_trace(&h), "0:a=R(-)->4@8 0:b=R(-)->4@8 ");
    harness_feed_change(&h, "a", NULL, "R", 9);
    assert_string_equal(harness_trace(&h), "0:a=null(-)->4@9 0:b=null(-)->4@9 ");
    harness_feed_change(&h, "aa", "R", NULL, 10);
    assert_string_equal(harness_trace(&h), "0:a=R(-)->4@10 ");
    harness_feed_change(&h, "", "R", NULL, 11);
    assert_string_equal(harness_trace(&h), "0:a=R(-)->4@11 ");
    harness_feed_change(&h, "\xff", "R", NULL, 12);
    assert_string_equal(harness_trace(&h), "0:z=R(-)->4@12 ");
    harness_feed_change(&h, "c", "R", NULL, 13);
    assert_string_equal(harness_trace(&h), "");
    harness_feed_change(&h, NULL, "R", NULL, 14);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.dropped_by[KS_DROP_NULL], 1);
    harness_stop(&h);
}

static void a_right_change_that_is_not_the_latest_of_a_versioned_table_is_not_told(void **state)
{
    const ksi_change change = {.new_value = ks_text_of("R"), .old_value = ks_null()};
    ksi_foreign_key_join join = inner;
    harness h;
    (void)state;
    join.right_is_versioned = true;
    start_with_rows(&h, ksi_op_foreign_key_tell(&join));
    PUT_SUBSCRIPTION("\0\0\0\1ab");
    harness_feed(&h, ks_text_of("a"), ksi_change_value(&change), 8);
    assert_string_equal(harness_trace(&h), "");
    assert_int_equal(h.ctx.dropped_by[KS_DROP_LATE], 1);
    harness_stop(&h);
}

/* ---- resolving ------------------------------------------------------------------------------- */

/* An answer to the row as it was with `asked`; NULL: as it was deleted. */
static void feed_response(harness *h, const char *key, const char *asked, const char *value)
{
    const ksi_row_response response = {.hash =
                                           asked != NULL ? hash_of_value(asked) : (ksi_row_hash){0},
                                       .foreign_value = ks_text_of(value)};
    harness_feed(h, ks_text_of(key), ksi_row_response_value(&response), 9);
}

static void an_answer_is_joined_if_the_row_is_still_the_one_that_asked(void **state)
{
    (void)state;
    for (int is_left = 0; is_left < 2; is_left++) {
        const ksi_foreign_key_join left = left_join();
        harness h;
        start_with_rows(&h, ksi_op_foreign_key_resolve(is_left ? &left : &inner));
        put_row(&h, ks_slice_cstr("k"), ks_slice_cstr("L"), 2);
        feed_response(&h, "k", "L", "R");
        assert_string_equal(harness_trace(&h), "0:k=(L,R)@9 ");
        feed_response(&h, "k", "L", NULL);
        assert_string_equal(harness_trace(&h), is_left ? "0:k=(L,null)@9 " : "0:k=null@9 ");
        feed_response(&h, "gone", NULL, NULL);
        assert_string_equal(harness_trace(&h), "0:gone=null@9 ");
        feed_response(&h, "gone", NULL, "R");
        assert_string_equal(harness_trace(&h), "0:gone=(null,R)@9 ");
        assert_int_equal(h.ctx.dropped, 0);
        feed_response(&h, "k", "K", "R"); /* it has changed since */
        feed_response(&h, "k", NULL, "R");
        feed_response(&h, "gone", "L", "R"); /* it was deleted since */
        assert_string_equal(harness_trace(&h), "");
        assert_int_equal(h.ctx.dropped_by[KS_DROP_LATE], 3);
        harness_stop(&h);
    }
}

/* ---- where it goes --------------------------------------------------------------------------- */

static ks_status choose(const ks_partitioner *partitioner, const char *topic,
                        const ks_record *record, int32_t partition_count, ks_partitions *partitions,
                        ks_error *error)
{
    int many = *(const int *)partitioner->config;
    (void)topic;
    (void)partition_count;
    (void)error;
    assert_true(ks_value_is_null(record->value)); /* what travels is not the program's */
    if (many == 0) {
        ks_partitions_drop(partitions);
    }
    for (int32_t i = 1; i <= many; i++) {
        assert_int_equal(ks_partitions_add(partitions, i), KS_OK);
    }
    return KS_OK;
}

/* How many partitions were chosen, the first in `*first`; -1: it failed. */
static int ask(const ks_partitioner *partitioner, int32_t recorded, int32_t *first)
{
    const ksi_row_response response = {.primary_partition = recorded};
    const ks_record record = {.key = ks_text_of("k"), .value = ksi_row_response_value(&response)};
    ks_error error = {0};
    ks_partitions chosen = {.topic = "t", .partition_count = 8, .error = &error};
    ks_status status = partitioner->partition(partitioner, "t", &record, 8, &chosen, &error);
    *first = chosen.count > 0 ? chosen.items[0] : -1;
    int count = status == KS_OK ? (int)chosen.count : -1;
    assert_true(status == KS_OK || error.code == KS_E_ARGUMENT);
    ksi_free(chosen.items);
    return count;
}

static void a_response_goes_where_the_subscription_came_from(void **state)
{
    int32_t first;
    ks_arena arena;
    (void)state;
    ksi_arena_init(&arena, 0);
    const ks_partitioner *back = ksi_foreign_key_response_partitioner(&arena, NULL);
    assert_int_equal(ask(back, 6, &first), 1);
    assert_int_equal(first, 6);
    assert_int_equal(ask(back, KSI_NO_PARTITION, &first), 0); /* the key decides */
    assert_int_equal(ask(back, 8, &first), -1);               /* there is none */
    ksi_arena_destroy(&arena);
}

static void a_program_s_partitioner_chooses_one_partition_by_the_key(void **state)
{
    int many = 1;
    const ks_partitioner own = {
        .struct_size = sizeof own, .name = "own", .partition = choose, .config = &many};
    int32_t first;
    ks_arena arena;
    (void)state;
    ksi_arena_init(&arena, 0);
    assert_null(ksi_foreign_key_subscription_partitioner(&arena, NULL));
    const ks_partitioner *there = ksi_foreign_key_subscription_partitioner(&arena, &own);
    const ks_partitioner *back = ksi_foreign_key_response_partitioner(&arena, &own);
    assert_int_equal(ask(there, 6, &first), 1);
    assert_int_equal(first, 1);
    assert_int_equal(ask(back, 6, &first), 1);
    assert_int_equal(first, 1);
    many = 2;
    assert_int_equal(ask(there, 6, &first), -1);
    many = 0;
    assert_int_equal(ask(back, 6, &first), -1);
    ksi_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_of_a_left_row_is_told_as_java_tells_it),
        cmocka_unit_test(a_change_that_is_not_the_latest_of_a_versioned_table_asks_nothing),
        cmocka_unit_test(a_row_that_no_partition_has_changed_fails),
        cmocka_unit_test(a_subscription_is_kept_under_both_keys_until_it_is_given_up),
        cmocka_unit_test(without_key_only_a_question_passes_and_is_not_kept),
        cmocka_unit_test(an_answer_is_the_row_of_the_right_table_as_the_instruction_wants_it),
        cmocka_unit_test(those_who_named_a_row_are_told_of_its_change_and_nobody_else),
        cmocka_unit_test(a_right_change_that_is_not_the_latest_of_a_versioned_table_is_not_told),
        cmocka_unit_test(an_answer_is_joined_if_the_row_is_still_the_one_that_asked),
        cmocka_unit_test(a_response_goes_where_the_subscription_came_from),
        cmocka_unit_test(a_program_s_partitioner_chooses_one_partition_by_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
