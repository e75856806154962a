/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch.c - what is encoded is decoded, and what was changed in between is noticed.
 *
 * The random tests print their seed; KSTREAMS_TEST_SEED repeats one.
 */
#include "base/arena.h"
#include "transport/embedded/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static unsigned seed;

static unsigned below(unsigned limit)
{
    return (unsigned)rand_r(&seed) % limit;
}

static ks_slice random_slice(ks_arena *arena, unsigned most)
{
    if (below(8) == 0) {
        return ks_slice_null();
    }
    unsigned size = below(most + 1);
    char *bytes = ksi_arena_alloc(arena, size + 1);
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (char)below(256);
    }
    return ks_slice_of(bytes, size);
}

static ks_log_record random_record(ks_arena *arena)
{
    ks_log_record record = {.key = random_slice(arena, 20),
                            .value = random_slice(arena, 200),
                            .timestamp = (int64_t)below(1000) - 10};
    for (unsigned i = below(4); i > 0; i--) {
        record.headers =
            ks_headers_with(arena, record.headers, ks_slice_cstr("name"), random_slice(arena, 10));
    }
    return record;
}

static void assert_same_slice(ks_slice a, ks_slice b)
{
    assert_int_equal(a.data == NULL, b.data == NULL);
    assert_true(a.data == NULL || ks_slice_equal(a, b));
}

static void assert_same_record(const ks_log_record *a, const ks_log_record *b)
{
    assert_same_slice(a->key, b->key);
    assert_same_slice(a->value, b->value);
    assert_int_equal(a->timestamp, b->timestamp);
    assert_int_equal(ks_headers_count(a->headers), ks_headers_count(b->headers));
    for (size_t i = 0; i < ks_headers_count(a->headers); i++) {
        assert_same_slice(ks_headers_at(a->headers, i).name, ks_headers_at(b->headers, i).name);
        assert_same_slice(ks_headers_at(a->headers, i).value, ks_headers_at(b->headers, i).value);
    }
}

enum { RECORDS = 200 };

/* A batch of random records, sealed and placed. */
static ksi_batch *random_batch(ks_arena *arena, ks_log_record *records, size_t count, int64_t base)
{
    ksi_batch *batch = ksi_batch_new();
    for (size_t i = 0; i < count; i++) {
        records[i] = random_record(arena);
        size_t before = batch->size;
        assert_int_equal(ksi_batch_append(batch, &records[i], NULL), KS_OK);
        assert_int_equal(batch->size - before, ksi_batch_bytes_of(&records[i]));
        records[i].offset = base + (int64_t)i;
    }
    ksi_batch_seal(batch);
    ksi_batch_place(batch, base);
    return batch;
}

static void assert_has(ksi_batch_cursor cursor, const ks_log_record *records, size_t count)
{
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record read;
    for (size_t i = 0; i < count; i++) {
        assert_true(ksi_batch_next(&cursor, &read, &arena));
        assert_int_equal(read.offset, records[i].offset);
        assert_same_record(&read, &records[i]);
    }
    assert_false(ksi_batch_next(&cursor, &read, &arena));
    ksi_arena_destroy(&arena);
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record records[RECORDS];
    for (int round = 0; round < 50; round++) {
        size_t count = 1 + below(RECORDS);
        ksi_batch *batch = random_batch(&arena, records, count, 1000);
        ksi_batch_header header;
        assert_int_equal(ksi_batch_read_header(batch->bytes, &header, NULL), KS_OK);
        assert_int_equal(header.bytes, batch->size);
        assert_int_equal(header.base_offset, 1000);
        assert_int_equal(header.last_offset, 999 + (int64_t)count);
        assert_int_equal(header.count, count);
        assert_int_equal(header.newest_timestamp, batch->newest_timestamp);
        assert_true(ksi_batch_records_intact(&header, batch->bytes + KSI_BATCH_HEADER_BYTES));
        assert_true(ksi_batch_is_well_formed(batch->bytes, &header));
        assert_has(ksi_batch_begin(batch->bytes, &header), records, count);
        ksi_batch_cursor cursor = ksi_batch_begin_in(batch);
        size_t skipped = below((unsigned)count + 1);
        ksi_batch_skip_to(&cursor, 1000 + (int64_t)skipped);
        assert_has(cursor, records + skipped, count - skipped);
        ksi_batch_release(batch);
        ksi_arena_reset(&arena);
    }
    ksi_arena_destroy(&arena);
}

static void a_batch_is_placed_again_when_it_was_not_taken(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record records[3];
    ksi_batch *batch = random_batch(&arena, records, 3, 10);
    ksi_batch_place(batch, 4);
    ksi_batch_header header;
    assert_int_equal(ksi_batch_read_header(batch->bytes, &header, NULL), KS_OK);
    assert_int_equal(header.base_offset, 4);
    assert_int_equal(header.last_offset, 6);
    assert_int_equal(batch->last_offset, 6);
    ksi_batch_release(batch);
    ksi_arena_destroy(&arena);
}

static void batches_are_merged(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record records[RECORDS];
    ksi_batch *into = random_batch(&arena, records, 5, 100);
    for (size_t count = 5; count < RECORDS;) {
        size_t more = 1 + below(3);
        more = more > RECORDS - count ? RECORDS - count : more;
        ksi_batch *from = random_batch(&arena, records + count, more, 100 + (int64_t)count);
        assert_true(ksi_batch_is_unshared(into));
        ksi_batch_merge(into, from);
        ksi_batch_trim(from);
        assert_has(ksi_batch_begin_in(from), records + count, more);
        count += more;
        assert_int_equal(into->count, count);
        assert_int_equal(into->last_offset, 99 + (int64_t)count);
        ksi_batch_release(from);
    }
    assert_has(ksi_batch_begin_in(into), records, RECORDS);
    assert_ptr_equal(ksi_batch_retain(into), into);
    assert_false(ksi_batch_is_unshared(into));
    ksi_batch_release(into);
    ksi_batch_release(into);
    ksi_arena_destroy(&arena);
}

static void compaction_leaves_gaps(void **state)
{
    (void)state;
    ksi_batch *batch = ksi_batch_new();
    const ks_log_record record = {.key = ks_slice_cstr("k"), .timestamp = 5};
    const int64_t offsets[] = {70, 73, 90};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ksi_batch_append_at(batch, &record, offsets[i], NULL), KS_OK);
    }
    ksi_batch_seal(batch);
    ksi_batch_place(batch, 70);
    ksi_batch_header header;
    assert_int_equal(ksi_batch_read_header(batch->bytes, &header, NULL), KS_OK);
    assert_int_equal(header.last_offset, 90);
    assert_true(ksi_batch_is_well_formed(batch->bytes, &header));
    ksi_batch_cursor cursor = ksi_batch_begin(batch->bytes, &header);
    ks_log_record read;
    ksi_batch_skip_to(&cursor, 71);
    assert_true(ksi_batch_next(&cursor, &read, NULL));
    assert_int_equal(read.offset, 73);
    assert_true(ksi_batch_next(&cursor, &read, NULL));
    assert_int_equal(read.offset, 90);
    assert_false(ksi_batch_next(&cursor, &read, NULL));
    ksi_batch_release(batch);
}

/* Every changed bit is found by one of the checks a reader makes. */
static void a_changed_bit_is_noticed(void **state)
{
    (void)state;
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_log_record records[10];
    ksi_batch *batch = random_batch(&arena, records, 10, 5);
    for (size_t bit = 0; bit < batch->size * 8; bit++) {
        batch->bytes[bit / 8] ^= (char)(1 << (bit % 8));
        ksi_batch_header header = {0};
        ks_error error = {0};
        bool is_header = ksi_batch_read_header(batch->bytes, &header, &error) == KS_OK;
        assert_int_equal(is_header, bit / 8 >= KSI_BATCH_HEADER_BYTES);
        assert_true(is_header || error.code == KS_E_CORRUPT);
        assert_true(!is_header ||
                    !ksi_batch_records_intact(&header, batch->bytes + KSI_BATCH_HEADER_BYTES));
        batch->bytes[bit / 8] ^= (char)(1 << (bit % 8));
    }
    ksi_batch_release(batch);
    ksi_arena_destroy(&arena);
}

/* Whatever the bytes are, looking at them ends within them. */
static void nonsense_is_not_well_formed_or_harmless(void **state)
{
    (void)state;
    enum { BYTES = 200 };
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    for (int round = 0; round < 20000; round++) {
        char *bytes = test_malloc(BYTES);
        for (size_t i = 0; i < BYTES; i++) {
            bytes[i] = (char)(below(3) == 0 ? below(256) : 0);
        }
        const ksi_batch_header header = {
            .bytes = BYTES, .base_offset = 0, .last_offset = below(9), .count = below(9)};
        if (ksi_batch_is_well_formed(bytes, &header)) {
            ksi_batch_cursor cursor = ksi_batch_begin(bytes, &header);
            ks_log_record record;
            uint32_t count = 0;
            while (ksi_batch_next(&cursor, &record, &arena)) {
                count++;
            }
            assert_int_equal(count, header.count);
        }
        test_free(bytes);
    }
    ksi_arena_destroy(&arena);
}

int main(void)
{
    const char *given = getenv("KSTREAMS_TEST_SEED");
    seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    (void)printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(a_batch_is_placed_again_when_it_was_not_taken),
        cmocka_unit_test(batches_are_merged),
        cmocka_unit_test(compaction_leaves_gaps),
        cmocka_unit_test(a_changed_bit_is_noticed),
        cmocka_unit_test(nonsense_is_not_well_formed_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
