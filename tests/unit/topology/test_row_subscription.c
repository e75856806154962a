/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row_subscription.c - subscriptions and responses of foreign-key joins: Java's bytes, both
 * versions, and bytes that are none.
 */
#include "topology/row_subscription.h"

#include "topology/change.h"
#include "topology/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct bench {
    ks_arena arena;
    ks_ctx ctx;
    ksi_row_subscription_envelope of_subscriptions;
    const ks_serde *subscriptions;
    const ks_serde *responses;
    ks_error error;
} bench;

/* ---- a serde that says what it was asked ----------------------------------------------------- */

static ks_serde_ctx seen;

static ks_status see_serialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                               ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    (void)serde;
    seen = *ctx;
    return ks_serde_string.serialize(&ks_serde_string, ctx, value, arena, bytes, error);
}

static ks_status see_deserialize(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                                 ks_arena *arena, ks_value *value, ks_error *error)
{
    (void)serde;
    seen = *ctx;
    return ks_serde_string.deserialize(&ks_serde_string, ctx, bytes, arena, value, error);
}

static const ks_serde seeing = {.struct_size = sizeof seeing,
                                .name = "seeing",
                                .kind = KS_KIND_TEXT,
                                .serialize = see_serialize,
                                .deserialize = see_deserialize};

static int set_up(void **state)
{
    static bench b;
    b = (bench){0};
    ksi_arena_init(&b.arena, 0);
    b.ctx = (ks_ctx){.application_id = "app", .task_arena = &b.arena, .default_key = &seeing};
    b.of_subscriptions = ksi_row_subscription_envelope_of("topic-pk");
    assert_int_equal(ksi_envelope_serde(&b.of_subscriptions.envelope, &b.ctx, NULL, "test",
                                        &b.subscriptions, NULL),
                     KS_OK);
    assert_int_equal(
        ksi_envelope_serde(&ksi_row_response_envelope, &b.ctx, &seeing, "test", &b.responses, NULL),
        KS_OK);
    seen = (ks_serde_ctx){0};
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    ksi_arena_destroy(&((bench *)*state)->arena);
    return 0;
}

static const ks_serde_ctx where = {.topic = "real"};
static const ksi_row_hash some_hash = {.is_there = true,
                                       .hash = {0x0102030405060708, 0x1112131415161718}};
#define HASH_TEXT "01020304050607081112131415161718"
#define HASH_BYTES "\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18"

/* ---- writing --------------------------------------------------------------------------------- */

/* The bytes as text; fails the test when there are none. */
static const char *written(bench *b, const ks_serde *serde, ks_value value)
{
    ks_slice bytes;
    assert_int_equal(serde->serialize(serde, &where, value, &b->arena, &bytes, &b->error), KS_OK);
    return ks_text_cstr(&b->arena, ks_value_to_text(&b->arena, ks_bytes(bytes)));
}

static void a_subscription_has_the_bytes_that_java_writes(void **state)
{
    bench *b = *state;
    ksi_row_subscription s = {.version = 1,
                              .instruction = KSI_SUBSCRIBE,
                              .hash = some_hash,
                              .primary_key = ks_text_of("pk"),
                              .primary_partition = 258};
    const ks_value value = ksi_row_subscription_value(&s);
    assert_string_equal(written(b, b->subscriptions, value), "hex:0103" HASH_TEXT "706b00000102");
    s.instruction = KSI_SUBSCRIBE_AND_ANSWER;
    s.hash.is_there = false;
    assert_string_equal(written(b, b->subscriptions, value), "hex:8102706b00000102");
    s.version = 0;
    assert_string_equal(written(b, b->subscriptions, value), "hex:8002706b");
    s.hash.is_there = true;
    s.instruction = KSI_UNSUBSCRIBE_AND_ANSWER;
    assert_string_equal(written(b, b->subscriptions, value), "hex:0001" HASH_TEXT "706b");
}

static void a_response_has_the_bytes_that_java_writes(void **state)
{
    bench *b = *state;
    ksi_row_response r = {.hash = some_hash, .foreign_value = ks_text_of("v")};
    const ks_value value = ksi_row_response_value(&r);
    assert_string_equal(written(b, b->responses, value), "hex:00" HASH_TEXT "76");
    r.foreign_value = ks_null();
    assert_string_equal(written(b, b->responses, value), "hex:00" HASH_TEXT);
    r.hash.is_there = false;
    assert_string_equal(written(b, b->responses, value), "hex:80");
    r.foreign_value = ks_text_of("v");
    assert_string_equal(written(b, b->responses, value), "hex:8076");
}

static void keys_are_seen_on_a_topic_that_does_not_exist_and_values_on_their_own(void **state)
{
    bench *b = *state;
    const ks_headers *headers =
        ks_headers_with(&b->arena, NULL, ks_slice_cstr("h"), ks_slice_cstr("1"));
    const ks_serde_ctx with_headers = {.topic = "real", .headers = headers};
    const ksi_row_subscription s = {.version = 1, .primary_key = ks_text_of("pk")};
    const ksi_row_response r = {.foreign_value = ks_text_of("v")};
    ks_slice bytes;
    ks_value value;

    assert_int_equal(b->subscriptions->serialize(b->subscriptions, &with_headers,
                                                 ksi_row_subscription_value(&s), &b->arena, &bytes,
                                                 &b->error),
                     KS_OK);
    assert_string_equal(seen.topic, "app-topic-pk");
    assert_true(seen.is_key);
    assert_ptr_equal(seen.headers, headers);
    seen = (ks_serde_ctx){0};
    assert_int_equal(b->subscriptions->deserialize(b->subscriptions, &with_headers, bytes,
                                                   &b->arena, &value, &b->error),
                     KS_OK);
    assert_string_equal(seen.topic, "app-topic-pk");
    assert_true(seen.is_key);
    assert_ptr_equal(seen.headers, headers);
    assert_int_equal(b->responses->serialize(b->responses, &with_headers,
                                             ksi_row_response_value(&r), &b->arena, &bytes,
                                             &b->error),
                     KS_OK);
    assert_string_equal(seen.topic, "real");
    assert_false(seen.is_key);
    assert_ptr_equal(seen.headers, headers);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* NULL: the bytes are refused. */
static const ksi_row_subscription *read_subscription(bench *b, const char *bytes, size_t size)
{
    ks_value value;
    ks_status status = b->subscriptions->deserialize(
        b->subscriptions, &where, ks_slice_of(bytes, size), &b->arena, &value, &b->error);
    if (status != KS_OK) {
        assert_int_equal(status, KS_E_SERDE);
        assert_true(b->error.message[0] != '\0');
        return NULL;
    }
    assert_int_equal(ks_value_kind(value), KSI_KIND_SUBSCRIPTION);
    return ksi_value_subscription(value);
}

static const ksi_row_response *read_response(bench *b, const char *bytes, size_t size)
{
    ks_value value;
    ks_status status = b->responses->deserialize(b->responses, &where, ks_slice_of(bytes, size),
                                                 &b->arena, &value, &b->error);
    if (status != KS_OK) {
        assert_int_equal(status, KS_E_SERDE);
        assert_true(b->error.message[0] != '\0');
        return NULL;
    }
    assert_int_equal(ks_value_kind(value), KSI_KIND_RESPONSE);
    return ksi_value_response(value);
}

#define SUBSCRIPTION(text) read_subscription(b, text, sizeof(text) - 1)
#define RESPONSE(text) read_response(b, text, sizeof(text) - 1)

static void assert_text(ks_value value, const char *text)
{
    assert_true(ks_slice_equal(ks_value_text(value), ks_slice_cstr(text)));
}

static void what_was_written_is_read(void **state)
{
    bench *b = *state;
    const ksi_row_subscription *s = SUBSCRIPTION("\x01\x03" HASH_BYTES "pk\x00\x00\x01\x02");
    assert_int_equal(s->version, 1);
    assert_int_equal(s->instruction, KSI_SUBSCRIBE);
    assert_true(ksi_row_hash_is_same(s->hash, some_hash));
    assert_text(s->primary_key, "pk");
    assert_int_equal(s->primary_partition, 258);
    s = SUBSCRIPTION("\x81\x02pk\x00\x00\x00\x00");
    assert_false(s->hash.is_there);
    assert_int_equal(s->primary_partition, 0);
    const ksi_row_response *r = RESPONSE("\0" HASH_BYTES "v");
    assert_true(ksi_row_hash_is_same(r->hash, some_hash));
    assert_text(r->foreign_value, "v");
    assert_int_equal(r->primary_partition, KSI_NO_PARTITION);
    assert_true(ks_value_is_null(RESPONSE("\0" HASH_BYTES)->foreign_value));
    assert_true(ks_value_is_null(RESPONSE("\x80")->foreign_value));
    assert_text(RESPONSE("\x80v")->foreign_value, "v");
}

static void a_subscription_of_the_first_version_has_no_partition(void **state)
{
    bench *b = *state;
    const ksi_row_subscription *s = SUBSCRIPTION("\x00\x02" HASH_BYTES "pk");
    assert_int_equal(s->version, 0);
    assert_text(s->primary_key, "pk");
    assert_int_equal(s->primary_partition, KSI_NO_PARTITION);
    assert_text(SUBSCRIPTION("\x80\x01pk")->primary_key, "pk");
}

static void bytes_that_are_none_are_refused(void **state)
{
    bench *b = *state;
    assert_null(SUBSCRIPTION(""));
    assert_null(SUBSCRIPTION("\x81"));
    assert_null(SUBSCRIPTION("\x82\x02pk\0\0\0\0")); /* of a later version */
    assert_null(SUBSCRIPTION("\x81\x04pk\0\0\0\0")); /* no such instruction */
    assert_null(SUBSCRIPTION("\x01\x02\x03"));       /* the hash is cut off */
    assert_null(SUBSCRIPTION("\x81\x02\0\0\0"));     /* the partition is cut off */
    assert_null(RESPONSE(""));
    assert_null(RESPONSE("\x81")); /* of a later version */
    assert_null(RESPONSE("\0abc"));
}

/* ---- what is inside -------------------------------------------------------------------------- */

static void a_key_or_value_that_its_serde_cannot_write_is_found(void **state)
{
    bench *b = *state;
    ksi_row_subscription s = {.primary_key = ks_text_of("pk")};
    ksi_row_response r = {.foreign_value = ks_null()};
    ks_kind wanted = KS_KIND_NULL;
    assert_int_equal(ksi_unfit_kind(b->subscriptions, ksi_row_subscription_value(&s), &wanted),
                     KS_KIND_NULL);
    s.primary_key = ks_i64(1);
    assert_int_equal(ksi_unfit_kind(b->subscriptions, ksi_row_subscription_value(&s), &wanted),
                     KS_KIND_I64);
    assert_int_equal(wanted, KS_KIND_TEXT);
    assert_int_equal(ksi_unfit_kind(b->responses, ksi_row_response_value(&r), &wanted),
                     KS_KIND_NULL);
    r.foreign_value = ks_i32(1);
    assert_int_equal(ksi_unfit_kind(b->responses, ksi_row_response_value(&r), &wanted),
                     KS_KIND_I32);
    assert_int_equal(wanted, KS_KIND_TEXT);
}

static void programs_see_what_is_inside(void **state)
{
    const ksi_row_subscription s = {.primary_key = ks_text_of("pk")};
    const ksi_row_response r = {.foreign_value = ks_text_of("v")};
    const ksi_change c = {.new_value = ks_text_of("n"), .old_value = ks_text_of("o")};
    (void)state;
    assert_text(ksi_value_inside(ksi_row_subscription_value(&s)), "pk");
    assert_text(ksi_value_inside(ksi_row_response_value(&r)), "v");
    assert_text(ksi_value_inside(ksi_change_value(&c)), "n");
    assert_text(ksi_value_inside(ks_text_of("x")), "x");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_subscription_has_the_bytes_that_java_writes),
        TEST(a_response_has_the_bytes_that_java_writes),
        TEST(keys_are_seen_on_a_topic_that_does_not_exist_and_values_on_their_own),
        TEST(what_was_written_is_read),
        TEST(a_subscription_of_the_first_version_has_no_partition),
        TEST(bytes_that_are_none_are_refused),
        TEST(a_key_or_value_that_its_serde_cannot_write_is_found),
        TEST(programs_see_what_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
