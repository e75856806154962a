/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_grace_buffer.c - records that wait: in what order and context they come out, which come too
 * late, and what is known of those that waited before the task began.
 */
#include "harness.h"

#include "ops/grace_buffer.h"

#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const harness_options with_rows = {
    .children = 1, .store = "join-Buffer", .store_value = &ks_serde_string};

typedef struct fixture {
    harness h;
    ksi_grace_buffer buffer;
    ksi_grace grace;
    const char *refused; /* a value whose emission fails */
    char trace[512];
} fixture;

static void open_buffer(fixture *f)
{
    ks_error error = {0};
    if (ksi_grace_buffer_open(&f->buffer, &f->h.ctx, &f->grace, &error) != KS_OK) {
        fail_msg("%s", error.message);
    }
}

static void start(fixture *f, int64_t grace_ms)
{
    *f = (fixture){.grace = {.buffer = "join-Buffer",
                             .key = &ks_serde_string,
                             .value = &ks_serde_string,
                             .grace_ms = grace_ms}};
    harness_start(&f->h, &with_rows);
    open_buffer(f);
}

/* As a task that ends and begins again on the same rows. */
static void restart(fixture *f)
{
    ksi_grace_buffer_close(&f->buffer);
    f->h.ctx.failure = KSI_FAILURE_NONE;
    open_buffer(f);
}

static void stop(fixture *f)
{
    ksi_grace_buffer_close(&f->buffer);
    harness_stop(&f->h);
}

static void write_down(void *owner, const ks_record *record)
{
    fixture *f = owner;
    const ks_slice key = ks_value_text(record->key);
    const ks_slice value = ks_value_text(record->value);
    const size_t length = strlen(f->trace);
    if (f->refused != NULL && ks_slice_equal(value, ks_slice_cstr(f->refused))) {
        ks_ctx_fail(&f->h.ctx, "refused");
        return;
    }
    assert_int_equal(f->h.ctx.record.timestamp, record->timestamp);
    (void)snprintf(f->trace + length, sizeof f->trace - length, "%.*s=%.*s@%d/%d ", (int)key.size,
                   key.data, (int)value.size, value.data, (int)record->timestamp,
                   (int)f->h.ctx.record.offset);
}

/* Whether the record waits. */
static bool put_at(fixture *f, const char *key, const char *value, int64_t time, int64_t offset)
{
    const ks_record record = {
        .key = ks_text_of(key), .value = ks_text_of(value), .timestamp = time};
    bool waits = false;
    f->h.ctx.record = (ksi_record_context){.topic = "in", .offset = offset, .timestamp = time};
    assert_true(ksi_grace_buffer_put(&f->buffer, &record, &waits));
    return waits;
}

static bool put(fixture *f, const char *key, const char *value, int64_t time)
{
    return put_at(f, key, value, time, 0);
}

static const char *released(fixture *f)
{
    f->trace[0] = '\0';
    ksi_grace_buffer_release(&f->buffer, write_down, f);
    return f->trace;
}

static void records_come_out_by_time_then_key_then_as_they_came(void **state)
{
    (void)state;
    fixture f;
    start(&f, 10);
    assert_true(put(&f, "b", "1", 5));
    assert_true(put(&f, "a", "2", 5));
    assert_true(put(&f, "b", "3", 5));
    assert_true(put(&f, "z", "4", 3));
    assert_true(put(&f, "", "5", 5));
    assert_string_equal(released(&f), "");
    assert_true(put(&f, "c", "6", 15));
    assert_string_equal(released(&f), "z=4@3/0 =5@5/0 a=2@5/0 b=1@5/0 b=3@5/0 ");
    assert_string_equal(released(&f), "");
    stop(&f);
}

static void a_record_comes_out_in_the_context_that_it_came_in(void **state)
{
    (void)state;
    fixture f;
    start(&f, 0);
    assert_true(put_at(&f, "a", "1", 7, 42));
    f.h.ctx.record = (ksi_record_context){.topic = "other", .offset = 1, .timestamp = 99};
    assert_string_equal(released(&f), "a=1@7/42 ");
    assert_string_equal(f.h.ctx.record.topic, "other");
    assert_int_equal(f.h.ctx.record.timestamp, 99);
    stop(&f);
}

static void a_record_that_stream_time_has_left_behind_does_not_wait(void **state)
{
    (void)state;
    fixture f;
    start(&f, 10);
    assert_true(put(&f, "a", "1", 100));
    assert_false(put(&f, "a", "2", 89));
    assert_true(put(&f, "a", "3", 90));
    assert_string_equal(released(&f), "a=3@90/0 ");
    stop(&f);
}

static void no_grace_is_too_long_or_too_short(void **state)
{
    (void)state;
    static const struct {
        int64_t grace_ms;
        bool waits;
        const char *released;
    } cases[] = {{INT64_MAX, true, ""}, {-1, true, "a=1@100/0 "}, {INT64_MIN, false, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        start(&f, cases[i].grace_ms);
        assert_int_equal(put(&f, "a", "1", 100), cases[i].waits);
        assert_string_equal(released(&f), cases[i].released);
        stop(&f);
    }
}

static void what_waited_before_the_task_began_goes_on_waiting(void **state)
{
    (void)state;
    fixture f;
    start(&f, 10);
    assert_true(put(&f, "a", "1", 95));
    assert_true(put(&f, "a", "2", 100));
    restart(&f);
    assert_false(put(&f, "a", "late", 89)); /* stream time is known */
    assert_string_equal(released(&f), "");
    assert_true(put(&f, "a", "3", 95)); /* overwrites nothing, and comes behind */
    assert_true(put(&f, "a", "4", 105));
    assert_string_equal(released(&f), "a=1@95/0 a=3@95/0 ");
    restart(&f);
    assert_true(put(&f, "b", "5", 115));
    assert_string_equal(released(&f), "a=2@100/0 a=4@105/0 ");
    stop(&f);
}

static void a_number_that_is_taken_is_passed_over(void **state)
{
    (void)state;
    fixture f;
    start(&f, 10);
    f.buffer.number = 0x7fffffff;
    assert_true(put(&f, "a", "1", 5));
    f.buffer.number = 0x7fffffff; /* as after so many records */
    assert_true(put(&f, "a", "2", 5));
    assert_int_equal(f.buffer.number, 1);
    assert_true(put(&f, "b", "3", 15));
    assert_string_equal(released(&f), "a=1@5/0 a=2@5/0 ");
    stop(&f);
}

static void a_record_whose_emission_fails_stays(void **state)
{
    (void)state;
    fixture f;
    start(&f, 0);
    assert_true(put(&f, "a", "1", 1));
    assert_true(put(&f, "b", "2", 1));
    assert_true(put(&f, "c", "3", 1));
    f.refused = "2";
    assert_string_equal(released(&f), "a=1@1/0 ");
    assert_true(ksi_ctx_failed(&f.h.ctx));
    f.refused = NULL;
    f.h.ctx.failure = KSI_FAILURE_NONE; /* the handler goes on */
    assert_string_equal(released(&f), "b=2@1/0 c=3@1/0 ");
    stop(&f);
}

static void rows_that_are_no_records_are_refused(void **state)
{
    (void)state;
    static const ksi_record_context nowhere = {.partition = -1, .offset = -1, .timestamp = -1};
    fixture f;
    ks_error error = {0};
    start(&f, 0);
    ksi_grace_buffer_close(&f.buffer);
    assert_int_equal(ksi_key_value_store_write(ksi_key_value_store_of(f.h.store),
                                               ks_slice_cstr("short"), ks_slice_cstr("x"), 0,
                                               &nowhere, &error),
                     KS_OK);
    assert_int_equal(ksi_grace_buffer_open(&f.buffer, &f.h.ctx, &f.grace, &error), KS_E_CORRUPT);
    assert_non_null(strstr(error.message, "5 bytes"));
    assert_string_equal(error.where, "join-Buffer");
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_by_time_then_key_then_as_they_came),
        cmocka_unit_test(a_record_comes_out_in_the_context_that_it_came_in),
        cmocka_unit_test(a_record_that_stream_time_has_left_behind_does_not_wait),
        cmocka_unit_test(no_grace_is_too_long_or_too_short),
        cmocka_unit_test(what_waited_before_the_task_began_goes_on_waiting),
        cmocka_unit_test(a_number_that_is_taken_is_passed_over),
        cmocka_unit_test(a_record_whose_emission_fails_stays),
        cmocka_unit_test(rows_that_are_no_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
