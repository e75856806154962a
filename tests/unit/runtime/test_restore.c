/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_restore.c - a store is what its changelog says.
 */
#include "log_fixture.h"

#include "runtime/restore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "stored_rows.h"

enum { KEYS = 40, ROWS = 3000 };

typedef struct fixture {
    ks_log *log;
    ksi_store_spec spec;
    ksi_key_value_store *store;
    ksi_restore restore;
} fixture;

static fixture *new_fixture(void)
{
    fixture *self = test_calloc(1, sizeof *self);
    self->log = log_open();
    log_create(self->log, "changelog", 2);
    self->spec = (ksi_store_spec){.name = "store", .timestamped = true, .logging = true};
    self->store = ksi_key_value_store_open(&(ksi_store_options){.spec = &self->spec});
    self->restore = (ksi_restore){.transport = ksi_log_transport(self->log),
                                  .changelog = {.topic = "changelog", .partition = 1},
                                  .spec = &self->spec,
                                  .rows = ksi_key_value_store_rows(self->store),
                                  .clock = &ksi_system_clock};
    ks_error error = {0};
    ksi_transport *transport = self->restore.transport;
    self->restore.consumer =
        transport->class->open_consumer(transport, KSI_READS_CHANGELOG, &error);
    assert_non_null(self->restore.consumer);
    return self;
}

static void free_fixture(fixture *self)
{
    ksi_restore_end(&self->restore);
    self->restore.consumer->class->close(self->restore.consumer);
    ksi_key_value_store_close(self->store);
    self->restore.transport->class->release(self->restore.transport);
    ks_log_free(self->log);
    test_free(self);
}

static void begin(fixture *self)
{
    ks_error error = {0};
    assert_true(ksi_restore_wants_begin(&self->restore));
    assert_ok(ksi_restore_ask(&self->restore, &error), &error);
    assert_ok(ksi_restore_begin(&self->restore, &error), &error);
    assert_false(ksi_restore_wants_begin(&self->restore));
}

/* A batch; what cannot be gone on from begins anew. */
static void read_on(fixture *self)
{
    ks_error error = {0};
    size_t count = 0;
    assert_ok(ksi_restore_read(&self->restore, &count, &error), &error);
    if (ksi_restore_wants_begin(&self->restore)) {
        begin(self);
    }
}

static void complete(fixture *self)
{
    ks_error error = {0};
    while (!ksi_restore_is_complete(&self->restore)) {
        read_on(self);
    }
    assert_ok(ksi_restore_write(&self->restore, &error), &error);
    ksi_restore_end(&self->restore);
}

static void restore(fixture *self)
{
    begin(self);
    complete(self);
}

static void append(const fixture *self, const char *key, const char *value, int64_t timestamp)
{
    ks_error error = {0};
    const ks_log_record row = {.key = ks_slice_cstr(key),
                               .value = ks_slice_cstr(value),
                               .timestamp = timestamp,
                               .partition = 1};
    assert_ok(ks_log_produce(self->log, "changelog", &row, &error), &error);
}

static void expect_row(const fixture *self, const char *key, const char *value, int64_t timestamp)
{
    ks_error error = {0};
    ksi_row row = {0};
    bool found = false;
    assert_ok(ksi_key_value_store_read(self->store, ks_slice_cstr(key), &row, &found, &error),
              &error);
    assert_int_equal(found, value != NULL);
    if (value != NULL) {
        assert_true(ks_slice_equal(row.value, ks_slice_cstr(value)));
        assert_int_equal(row.timestamp, timestamp);
    }
}

static void the_last_row_of_a_key_counts_and_a_tombstone_deletes(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    log_produce(self->log, "changelog", 0, 1, "other:partition");
    append(self, "a", "1", 10);
    append(self, "b", "2", 20);
    append(self, "a", "3", 5); /* a later row wins, whatever its time */
    append(self, "b", NULL, 30);
    append(self, "c", "", 40);
    append(self, NULL, "nobody's", 50);
    append(self, "d", NULL, 60);
    restore(self);
    assert_int_equal(self->restore.read, 7);
    assert_int_equal(stored_rows_count(self->store), 2);
    expect_row(self, "a", "3", 5);
    expect_row(self, "b", NULL, 0);
    expect_row(self, "c", "", 40);
    expect_row(self, "other", NULL, 0);
    free_fixture(self);
}

static void an_empty_changelog_is_an_empty_store(void **state)
{
    (void)state;
    fixture *self = new_fixture();
    restore(self);
    assert_int_equal(self->restore.read, 0);
    assert_int_equal(stored_rows_count(self->store), 0);
    free_fixture(self);
}

/* More rows than a batch, against a plain array. */
static void any_history_gives_its_last_state(void **state)
{
    (void)state;
    int64_t last[KEYS];
    unsigned seed = 2026;
    print_message("seed %u\n", seed);
    fixture *self = new_fixture();
    for (int i = 0; i < KEYS; i++) {
        last[i] = -1;
    }
    for (int i = 0; i < ROWS; i++) {
        char key[16];
        char value[16];
        seed = seed * 1664525u + 1013904223u;
        unsigned which = (seed >> 8) % KEYS;
        bool deletes = (seed >> 20) % 4 == 0;
        (void)snprintf(key, sizeof key, "%u", which);
        (void)snprintf(value, sizeof value, "%d", i);
        append(self, key, deletes ? NULL : value, i);
        last[which] = deletes ? -1 : i;
    }
    restore(self);
    assert_int_equal(self->restore.read, ROWS);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        char value[16];
        (void)snprintf(key, sizeof key, "%d", i);
        (void)snprintf(value, sizeof value, "%lld", (long long)last[i]);
        expect_row(self, key, last[i] < 0 ? NULL : value, last[i]);
    }
    free_fixture(self);
}

/* As a standby does: what comes later is read later, and the rest is not read again. */
static void a_restore_goes_on_with_what_came_meanwhile(void **state)
{
    (void)state;
    ks_error error = {0};
    size_t count = 0;
    fixture *self = new_fixture();
    append(self, "a", "1", 10);
    begin(self);
    assert_false(ksi_restore_is_complete(&self->restore));
    assert_ok(ksi_restore_read(&self->restore, &count, &error), &error);
    assert_int_equal(count, 1);
    assert_true(ksi_restore_is_complete(&self->restore));
    append(self, "b", "2", 20);
    assert_true(ksi_restore_is_complete(&self->restore)); /* it does not know yet */
    assert_ok(ksi_restore_ask(&self->restore, &error), &error);
    assert_false(ksi_restore_is_complete(&self->restore));
    assert_ok(ksi_restore_read(&self->restore, &count, &error), &error);
    assert_ok(ksi_restore_write(&self->restore, &error), &error);
    assert_int_equal(self->restore.read, 2);
    assert_int_equal(self->restore.position.offset, 2);
    expect_row(self, "a", "1", 10);
    expect_row(self, "b", "2", 20);
    free_fixture(self);
}

/* ---- a changelog that is an input ------------------------------------------------------------ */

static void commit(fixture *self, int64_t offset)
{
    ks_error error = {0};
    ksi_transport *transport = self->restore.transport;
    const ksi_group_offset committed = {.partition = self->restore.changelog, .offset = offset};
    const ksi_offset_commit offsets = {.group = "app", .offsets = &committed, .count = 1};
    assert_ok(transport->class->commit_offsets(transport, &offsets, &error), &error);
}

static fixture *new_input_fixture(int rows)
{
    fixture *self = new_fixture();
    self->restore.input_of = "app";
    for (int i = 0; i < rows; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        append(self, key, "value", i);
    }
    return self;
}

/* More than a batch, and the last row that counts stands in the middle of one. */
static void an_input_is_restored_as_far_as_it_was_processed(void **state)
{
    (void)state;
    fixture *self = new_input_fixture(ROWS);
    commit(self, 700);
    restore(self);
    assert_int_equal(self->restore.read, 700);
    assert_int_equal(self->restore.position.offset, 700);
    assert_int_equal(stored_rows_count(self->store), 700);
    expect_row(self, "699", "value", 699);
    expect_row(self, "700", NULL, 0);
    free_fixture(self);
}

static void of_an_input_without_a_commit_nothing_is_restored(void **state)
{
    (void)state;
    fixture *self = new_input_fixture(10);
    restore(self);
    assert_int_equal(self->restore.read, 0);
    assert_int_equal(stored_rows_count(self->store), 0);
    free_fixture(self);
}

/* As a standby does, at commits of any size. */
static void a_restore_of_an_input_goes_on_as_it_is_processed(void **state)
{
    (void)state;
    static const int64_t commits[] = {1, 2, 600, 600, 1111, ROWS};
    ks_error error = {0};
    fixture *self = new_input_fixture(ROWS);
    begin(self);
    for (size_t i = 0; i < sizeof commits / sizeof commits[0]; i++) {
        size_t count = 0;
        commit(self, commits[i]);
        assert_ok(ksi_restore_read(&self->restore, &count, &error), &error);
        assert_int_equal(count, 0); /* it does not know yet */
        assert_ok(ksi_restore_ask(&self->restore, &error), &error);
        while (!ksi_restore_is_complete(&self->restore)) {
            assert_ok(ksi_restore_read(&self->restore, &count, &error), &error);
        }
        assert_ok(ksi_restore_write(&self->restore, &error), &error);
        assert_int_equal(self->restore.position.offset, commits[i]);
        assert_int_equal(self->restore.read, commits[i]);
        assert_int_equal(stored_rows_count(self->store), commits[i]);
    }
    free_fixture(self);
}

static void rows_of_an_input_that_are_ahead_of_its_commit_are_wiped(void **state)
{
    (void)state;
    fixture *self = new_input_fixture(20);
    commit(self, 20);
    restore(self);
    commit(self, 5); /* somebody had the group begin again */
    restore(self);
    assert_non_null(strstr(self->restore.stale, "up to offset 20, and what was processed ends"));
    assert_int_equal(stored_rows_count(self->store), 5);
    free_fixture(self);
}

/* Records that were processed may be deleted: what was made from them is there. */
static void rows_of_an_input_that_was_trimmed_since_stay(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_input_fixture(20);
    ksi_transport *transport = self->restore.transport;
    commit(self, 10);
    restore(self);
    assert_ok(transport->class->delete_records(transport, self->restore.changelog, 15, &error),
              &error);
    restore(self);
    assert_string_equal(self->restore.stale, "");
    assert_int_equal(stored_rows_count(self->store), 10);
    commit(self, 16); /* between 10 and 15 rows are missing now */
    restore(self);
    assert_non_null(strstr(self->restore.stale, "begins at 15"));
    assert_int_equal(stored_rows_count(self->store), 1);
    free_fixture(self);
}

/* ---- records that are not decided yet -------------------------------------------------------- */

static int64_t written;

static ks_status high_watermark(ksi_transport *transport, ksi_topic_partition partition,
                                int64_t *end, ks_error *error)
{
    (void)transport;
    (void)partition;
    (void)error;
    *end = written;
    return KS_OK;
}

/* One row can be read and another was written: its transaction is committed, and not marked yet. */
static fixture *new_undecided(bool is_own, ksi_transport_class *class)
{
    fixture *self = new_fixture();
    ksi_transport *transport = self->restore.transport;
    *class = *transport->class;
    class->high_watermark = high_watermark;
    transport->class = class;
    self->restore.is_own = is_own;
    append(self, "k", "1", 1);
    written = 2;
    begin(self);
    read_on(self);
    return self;
}

static void a_store_waits_for_rows_that_were_written_and_cannot_be_read_yet(void **state)
{
    (void)state;
    ksi_transport_class class;
    fixture *self = new_undecided(true, &class);
    read_on(self);
    assert_false(ksi_restore_is_complete(&self->restore));
    append(self, "k", "2", 2);
    read_on(self);
    assert_true(ksi_restore_is_complete(&self->restore));
    complete(self);
    expect_row(self, "k", "2", 2);
    free_fixture(self);
}

static void a_topic_that_others_write_is_read_as_far_as_it_can_be(void **state)
{
    (void)state;
    ksi_transport_class class;
    fixture *self = new_undecided(false, &class);
    assert_true(ksi_restore_is_complete(&self->restore));
    free_fixture(self);
}

/* What the group has committed was read before, so it is there, whatever the end is said to be. */
static void an_input_is_restored_to_its_commit_though_it_cannot_all_be_read_yet(void **state)
{
    (void)state;
    ksi_transport_class class;
    fixture *self = new_fixture();
    ksi_transport *transport = self->restore.transport;
    class = *transport->class;
    class.high_watermark = high_watermark;
    transport->class = &class;
    self->restore.input_of = "app";
    append(self, "k", "1", 1);
    commit(self, 2);
    written = 5;
    begin(self);
    read_on(self);
    assert_false(ksi_restore_is_complete(&self->restore));
    append(self, "k", "2", 2);
    append(self, "k", "3", 3);
    read_on(self);
    assert_true(ksi_restore_is_complete(&self->restore));
    complete(self);
    expect_row(self, "k", "2", 2);
    free_fixture(self);
}

static void a_missing_changelog_is_an_error(void **state)
{
    (void)state;
    ks_error error = {0};
    fixture *self = new_fixture();
    self->restore.changelog.topic = "nowhere";
    assert_int_equal(ksi_restore_ask(&self->restore, &error), KS_E_UNKNOWN_TOPIC);
    assert_string_equal(error.where, "nowhere");
    free_fixture(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_row_of_a_key_counts_and_a_tombstone_deletes),
        cmocka_unit_test(an_empty_changelog_is_an_empty_store),
        cmocka_unit_test(any_history_gives_its_last_state),
        cmocka_unit_test(a_restore_goes_on_with_what_came_meanwhile),
        cmocka_unit_test(an_input_is_restored_as_far_as_it_was_processed),
        cmocka_unit_test(of_an_input_without_a_commit_nothing_is_restored),
        cmocka_unit_test(a_restore_of_an_input_goes_on_as_it_is_processed),
        cmocka_unit_test(rows_of_an_input_that_are_ahead_of_its_commit_are_wiped),
        cmocka_unit_test(rows_of_an_input_that_was_trimmed_since_stay),
        cmocka_unit_test(a_store_waits_for_rows_that_were_written_and_cannot_be_read_yet),
        cmocka_unit_test(a_topic_that_others_write_is_read_as_far_as_it_can_be),
        cmocka_unit_test(an_input_is_restored_to_its_commit_though_it_cannot_all_be_read_yet),
        cmocka_unit_test(a_missing_changelog_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
