/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_suppress_buffer.c - updates that are held back: in what order they leave, how many bytes
 * Java says they are, what a commit logs, and what comes back from a changelog of any version.
 *
 * The changelog records of older versions, and the sizes, are those that Java's own test was given
 * by running these versions.
 */
#include "state/suppress_buffer.h"

#include "base/arena.h"
#include "base/slice.h"
#include "state/store_restore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const ksi_store_spec spec = {
    .name = "held", .kind = KSI_STORE_SUPPRESS, .type = KS_STORE_IN_MEMORY, .logging = true};

/* ---- a changelog that writes down what it gets ----------------------------------------------- */

typedef struct noting {
    ksi_changelog changelog;
    char keys[1000]; /* a deleted one with a minus before it */
} noting;

static ks_status append(ksi_changelog *changelog, ks_slice key, ks_slice value, int64_t timestamp,
                        const ks_headers *headers, ks_error *error)
{
    noting *to = (noting *)changelog;
    size_t used = strlen(to->keys);
    ks_slice version;
    (void)error;
    assert_int_equal(timestamp, -1);
    assert_int_equal(ks_headers_count(headers), value.data != NULL ? 1 : 0);
    if (value.data != NULL) {
        assert_true(ks_headers_last(headers, "v", &version));
        assert_true(ks_slice_equal(version, ks_slice_cstr("\x03")));
    }
    snprintf(to->keys + used, sizeof to->keys - used, "%s%.*s ", value.data != NULL ? "" : "-",
             KS_SLICE_ARGS(key));
    return KS_OK;
}

typedef struct fixture {
    ksi_row_store *rows;
    noting log;
    ksi_suppress_buffer *buffer;
    ks_arena arena;
} fixture;

static void open_buffer(fixture *f)
{
    ks_error error = {0};
    f->buffer = ksi_suppress_buffer_open(
        &(ksi_store_options){.spec = &spec, .changelog = &f->log.changelog, .rows = f->rows},
        &error);
    if (f->buffer == NULL) {
        fail_msg("%s", error.message);
    }
}

static void start(fixture *f)
{
    *f = (fixture){.log.changelog.append = append};
    f->rows = ksi_store_rows_in_memory(&spec);
    ksi_arena_init(&f->arena, 0);
    open_buffer(f);
}

static void reopen(fixture *f)
{
    ksi_store_close(ksi_suppress_buffer_base(f->buffer));
    open_buffer(f);
}

static void stop(fixture *f)
{
    ksi_store_close(ksi_suppress_buffer_base(f->buffer));
    ksi_row_store_close(f->rows);
    ksi_arena_destroy(&f->arena);
}

static void put(fixture *f, const char *key, const char *old_value, const char *new_value,
                int64_t time)
{
    ks_error error = {0};
    const ksi_buffered_value update = {
        .context = {.topic = "topic", .timestamp = time, .offset = 7},
        .old_value = ks_slice_cstr(old_value),
        .new_value = ks_slice_cstr(new_value),
        .time = time};
    assert_int_equal(ksi_suppress_buffer_put(f->buffer, ks_slice_cstr(key), &update, &error),
                     KS_OK);
}

static void commit(fixture *f)
{
    ks_error error = {0};
    assert_int_equal(ksi_store_settle(ksi_suppress_buffer_base(f->buffer), &error), KS_OK);
    assert_int_equal(ksi_row_store_commit(f->rows, &(ksi_store_position){.offset = 1}, &error),
                     KS_OK);
}

static const char *chars_of(ks_slice bytes)
{
    return bytes.data == NULL ? "null" : bytes.data;
}

/* Takes the oldest update: "key=new<-old@timestamp". */
static const char *take(fixture *f)
{
    ks_error error = {0};
    ks_slice key;
    ksi_buffered_value update;
    assert_int_equal(ksi_suppress_buffer_first(f->buffer, &f->arena, &key, &update, &error), KS_OK);
    ks_slice old_value = ks_text_format(&f->arena, "%.*s", KS_SLICE_ARGS(update.old_value));
    ks_slice new_value = ks_text_format(&f->arena, "%.*s", KS_SLICE_ARGS(update.new_value));
    const char *old_chars = update.old_value.data == NULL ? "null" : chars_of(old_value);
    const char *new_chars = update.new_value.data == NULL ? "null" : chars_of(new_value);
    ksi_suppress_buffer_evict(f->buffer);
    return ksi_arena_format(&f->arena, "%.*s=%s<-%s@%lld %s/%lld", KS_SLICE_ARGS(key), new_chars,
                            old_chars, (long long)update.context.timestamp, update.context.topic,
                            (long long)update.context.offset);
}

static void assert_prior(fixture *f, const char *key, const char *expected, bool is_held)
{
    ks_error error = {0};
    ks_slice prior;
    bool found;
    assert_int_equal(
        ksi_suppress_buffer_prior(f->buffer, ks_slice_cstr(key), &prior, &found, &error), KS_OK);
    assert_int_equal(found, is_held);
    assert_true(ks_slice_equal(prior, ks_slice_cstr(expected)));
}

static void assert_holds(const fixture *f, size_t count, int64_t bytes, int64_t oldest)
{
    assert_int_equal(ksi_suppress_buffer_count(f->buffer), count);
    assert_int_equal(ksi_suppress_buffer_bytes(f->buffer), bytes);
    assert_int_equal(ksi_suppress_buffer_oldest(f->buffer), oldest);
}

/* ---- order and sizes ------------------------------------------------------------------------- */

static void a_key_keeps_its_time_and_leaves_with_its_last_update(void **state)
{
    fixture f;
    (void)state;
    start(&f);
    assert_holds(&f, 0, 0, INT64_MAX);
    put(&f, "b", "was", "1", 5);
    put(&f, "a", NULL, "1", 5);
    put(&f, "c", NULL, "1", 3);
    put(&f, "c", "1", "2", 9);
    put(&f, "b", "1", NULL, 8);
    assert_prior(&f, "b", "was", true);
    assert_prior(&f, "c", NULL, true);
    assert_prior(&f, "d", NULL, false);
    assert_int_equal(ksi_suppress_buffer_oldest(f.buffer), 3);
    assert_string_equal(take(&f), "c=2<-1@9 topic/7");
    assert_string_equal(take(&f), "a=1<-null@5 topic/7");
    assert_string_equal(take(&f), "b=null<-1@8 topic/7");
    assert_holds(&f, 0, 0, INT64_MAX);
    stop(&f);
}

static void sizes_are_those_of_java(void **state)
{
    fixture f;
    (void)state;
    start(&f);
    /* key, time, timestamp, offset, topic, partition; then the values */
    put(&f, "k", NULL, "123", 0);
    assert_holds(&f, 1, 1 + 8 + 8 + 8 + 5 + 4 + 3, 0);
    put(&f, "k", "123", "4", 0); /* what was there before is null, and not the old value */
    assert_holds(&f, 1, 34 + 3 + 1, 0);
    put(&f, "m", "same", "5", 0); /* before and old value are one array */
    assert_holds(&f, 2, 38 + 34 + 4 + 1, 0);

    const ks_headers *headers = ks_headers_with(
        &f.arena, NULL, ks_slice_cstr("h\xc3\xa4\xf0\x9f\x8d\x8b"), ks_slice_cstr("123"));
    headers = ks_headers_with(&f.arena, headers, ks_slice_cstr("n"), ks_slice_null());
    const ksi_buffered_value update = {.context = {.topic = "t", .headers = headers}};
    /* a name is as long as Java's characters are, and one of them is two */
    assert_int_equal(ksi_buffered_value_size(ks_slice_cstr(""), &update),
                     8 + 8 + 8 + 1 + 4 + 4 + 3 + 1);
    stop(&f);
}

static int compare_expected(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void updates_leave_by_time_and_key_whatever_comes_in_between(void **state)
{
    enum { KEYS = 300, LINE = 40 };
    static char expected[KEYS][LINE];
    fixture f;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    (void)state;
    start(&f);
    for (size_t i = 0; i < KEYS; i++) {
        char key[8];
        int at = rand() % 50;
        snprintf(key, sizeof key, "%03zu", i);
        snprintf(expected[i], LINE, "%02d %s", at, key);
        put(&f, key, NULL, "first", at);
        if (rand() % 3 == 0) {
            put(&f, key, "first", "second", rand() % 100);
        }
        if (rand() % 20 == 0) {
            commit(&f);
            reopen(&f);
        }
    }
    qsort(expected, KEYS, LINE, compare_expected);
    for (size_t i = 0; i < KEYS; i++) {
        int64_t oldest = ksi_suppress_buffer_oldest(f.buffer);
        char line[LINE];
        snprintf(line, sizeof line, "%02d %.3s", (int)oldest, take(&f));
        assert_string_equal(line, expected[i]);
    }
    assert_holds(&f, 0, 0, INT64_MAX);
    stop(&f);
}

/* ---- commits --------------------------------------------------------------------------------- */

static void a_commit_logs_each_key_once_and_an_abort_takes_back_what_came_since(void **state)
{
    fixture f;
    (void)state;
    start(&f);
    put(&f, "a", NULL, "1", 1);
    put(&f, "a", "1", "2", 2);
    put(&f, "b", NULL, "1", 3);
    put(&f, "c", NULL, "1", 0);
    assert_string_equal(take(&f), "c=1<-null@0 topic/7"); /* came and went */
    commit(&f);
    assert_string_equal(f.log.keys, "a b -c ");
    commit(&f);
    assert_string_equal(f.log.keys, "a b -c "); /* nothing changed since */

    int64_t bytes = ksi_suppress_buffer_bytes(f.buffer);
    put(&f, "b", "1", "lost", 9);
    put(&f, "d", NULL, "lost", 0);
    (void)take(&f);
    assert_string_equal(take(&f), "a=2<-1@2 topic/7");
    assert_true(ksi_row_store_abort(f.rows));
    reopen(&f);
    assert_holds(&f, 2, bytes, 1);
    assert_string_equal(take(&f), "a=2<-1@2 topic/7");
    assert_string_equal(take(&f), "b=1<-null@3 topic/7");
    commit(&f);
    assert_string_equal(f.log.keys, "a b -c -a -b ");
    stop(&f);
}

static void a_key_that_left_may_come_again_before_the_commit(void **state)
{
    fixture f;
    (void)state;
    start(&f);
    put(&f, "a", "was", "1", 1);
    (void)take(&f);
    put(&f, "a", "1", "2", 5);
    assert_prior(&f, "a", "1", true); /* since it left */
    assert_int_equal(ksi_suppress_buffer_oldest(f.buffer), 5);
    commit(&f);
    assert_string_equal(f.log.keys, "a ");
    stop(&f);
}

/* As a HashSet of byte arrays on a JVM, whose table never gets smaller. */
static void keys_are_logged_in_the_order_of_a_java_set(void **state)
{
    static const char *const fruits[] = {"kiwi", "apple", "plum", "fig",
                                         "pear", "lime",  "date", "\xc3\xa4"};
    fixture f;
    (void)state;
    start(&f);
    for (size_t i = 0; i < sizeof fruits / sizeof fruits[0]; i++) {
        put(&f, fruits[i], NULL, "1", 1);
    }
    commit(&f);
    assert_string_equal(f.log.keys, "kiwi fig date pear lime plum apple \xc3\xa4 ");
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i * 7919 % 1000);
        put(&f, key, NULL, "1", 1);
    }
    f.log.keys[0] = '\0';
    commit(&f);
    assert_memory_equal(f.log.keys, "key-190 key-570 key-271 key-165 key-461 key-56 ", 47);
    for (size_t i = 0; i < sizeof fruits / sizeof fruits[0]; i++) {
        put(&f, fruits[i], "1", "2", 1);
    }
    f.log.keys[0] = '\0';
    commit(&f);
    assert_string_equal(f.log.keys, "date lime plum fig pear kiwi apple \xc3\xa4 ");
    stop(&f);
}

/* ---- changelogs ------------------------------------------------------------------------------ */

static ks_slice from_hex(ks_arena *arena, const char *hex)
{
    size_t size = strlen(hex) / 2;
    char *bytes = ksi_arena_alloc(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (char)strtol(digits, NULL, 16);
    }
    return ks_slice_of(bytes, size);
}

/* `version` is what the header says; 0: there is none. */
static ks_status restore(fixture *f, const char *key, const char *hex, int version, int64_t at,
                         ks_error *error)
{
    const char flag = (char)version;
    const ksi_record_context context = {
        .topic = "changelog-topic",
        .offset = at,
        .timestamp = at,
        .headers = version == 0 ? NULL
                                : ks_headers_with(&f->arena, NULL, ks_slice_cstr("v"),
                                                  ks_slice_of(&flag, 1))};
    ksi_store_restore *into = ksi_store_restore_open(&spec, f->rows, error);
    ks_slice value = hex != NULL ? from_hex(&f->arena, hex) : ks_slice_null();
    ks_status status = ksi_store_restore_record(into, ks_slice_cstr(key), value, &context, error);
    ksi_store_restore_close(into);
    return status;
}

typedef struct written {
    int version; /* by the header */
    const char *records[4];
    int64_t bytes[2]; /* with and without the first */
    const char *left[2];
} written;

/* Of the keys "todelete", "asdf" and twice "zxcv". */
static const written by_version[] = {
    {0,
     {"0000000000000000FFFFFFFF00000006646F6F6D6564", "0000000000000002FFFFFFFF0000000471776572",
      "00000000000000010000000870726576696F757300000005656F34696D",
      "000000000000000100000005656F34696D000000046E657874"},
     {172, 115},
     {"zxcv=next<-eo4im@3 changelog-topic/3", "asdf=qwer<-null@1 changelog-topic/1"}},
    {1,
     {"00000000000000000000000000000000000000000000000000000005746F70696300000000FFFFFFFF0000000EFF"
      "FFFFFF00000006646F6F6D6564",
      "00000000000000020000000000000001000000000000000000000005746F70696300000000FFFFFFFF0000000CFF"
      "FFFFFF0000000471776572",
      "00000000000000010000000000000002000000000000000000000005746F70696300000000FFFFFFFF0000001500"
      "00000870726576696F757300000005336F34696D",
      "00000000000000010000000000000003000000000000000000000005746F70696300000000FFFFFFFF0000001100"
      "000005336F34696D000000046E657874"},
     {142, 95},
     {"zxcv=next<-3o4im@3 topic/0", "asdf=qwer<-null@1 topic/0"}},
    {2,
     {"0000000000000000000000000000000000000005746F70696300000000FFFFFFFF0000000EFFFFFFFF0000000664"
      "6F6F6D6564FFFFFFFF0000000000000000",
      "0000000000000001000000000000000000000005746F70696300000000FFFFFFFF0000000CFFFFFFFF0000000471"
      "776572FFFFFFFF0000000000000002",
      "0000000000000002000000000000000000000005746F70696300000000FFFFFFFF000000140000000749474E4F52"
      "454400000005336F34696D0000000870726576696F75730000000000000001",
      "0000000000000003000000000000000000000005746F70696300000000FFFFFFFF0000001100000005336F34696D"
      "000000046E6578740000000870726576696F75730000000000000001"},
     {142, 95},
     {"zxcv=next<-3o4im@3 topic/0", "asdf=qwer<-null@1 topic/0"}},
    {3,
     {"0000000000000000000000000000000000000005746F70696300000000FFFFFFFFFFFFFFFFFFFFFFFF0000000664"
      "6F6F6D65640000000000000000",
      "0000000000000001000000000000000000000005746F70696300000000FFFFFFFFFFFFFFFFFFFFFFFF0000000471"
      "7765720000000000000002",
      "0000000000000002000000000000000000000005746F70696300000000FFFFFFFF0000000870726576696F757300"
      "00000749474E4F52454400000005336F34696D0000000000000001",
      "0000000000000003000000000000000000000005746F70696300000000FFFFFFFF0000000870726576696F757300"
      "000005336F34696D000000046E6578740000000000000001"},
     {142, 95},
     {"zxcv=next<-3o4im@3 topic/0", "asdf=qwer<-null@1 topic/0"}},
};

static void restore_and_look(const written *from, int version)
{
    static const char *const keys[] = {"todelete", "asdf", "zxcv", "zxcv"};
    ks_error error = {0};
    fixture f;
    start(&f);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(restore(&f, keys[i], from->records[i], version, i, &error), KS_OK);
    }
    reopen(&f);
    assert_holds(&f, 3, from->bytes[0], 0);
    assert_int_equal(restore(&f, "todelete", NULL, 0, 4, &error), KS_OK);
    reopen(&f);
    assert_holds(&f, 2, from->bytes[1], 1);
    assert_prior(&f, "todelete", NULL, false);
    assert_prior(&f, "asdf", NULL, true);
    assert_prior(&f, "zxcv", "previous", true);
    assert_string_equal(take(&f), from->left[0]);
    assert_string_equal(take(&f), from->left[1]);
    stop(&f);
}

static void changelogs_of_all_versions_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof by_version / sizeof by_version[0]; i++) {
        restore_and_look(&by_version[i], by_version[i].version);
    }
    restore_and_look(&by_version[3], 2); /* as 2.4.0 called what it wrote */
}

static void what_is_no_update_is_not_restored(void **state)
{
    ks_error error = {0};
    fixture f;
    (void)state;
    start(&f);
    for (int version = 0; version <= 4; version++) {
        const char *whole = by_version[version < 4 ? version : 3].records[3];
        assert_int_equal(
            restore(&f, "k", version < 4 ? "00000000000000010000" : whole, version, 0, &error),
            KS_E_CORRUPT);
    }
    /* cut off anywhere, no version reads beyond the end */
    for (int version = 1; version < 4; version++) {
        const char *whole = by_version[version].records[3];
        for (size_t length = 0; length + 2 <= strlen(whole); length += 2) {
            const char *cut = ksi_arena_format(&f.arena, "%.*s", (int)length, whole);
            ks_status status = restore(&f, "k", cut, version, 0, &error);
            assert_int_equal(status, KS_E_CORRUPT);
        }
    }
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_keeps_its_time_and_leaves_with_its_last_update),
        cmocka_unit_test(sizes_are_those_of_java),
        cmocka_unit_test(updates_leave_by_time_and_key_whatever_comes_in_between),
        cmocka_unit_test(a_commit_logs_each_key_once_and_an_abort_takes_back_what_came_since),
        cmocka_unit_test(a_key_that_left_may_come_again_before_the_commit),
        cmocka_unit_test(keys_are_logged_in_the_order_of_a_java_set),
        cmocka_unit_test(changelogs_of_all_versions_come_back),
        cmocka_unit_test(what_is_no_update_is_not_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
