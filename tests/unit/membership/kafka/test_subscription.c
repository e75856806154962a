/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_subscription.c - what members and leader write, and that nothing else is read.
 */
#include "membership/kafka/subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/slice.h"
#include "membership/kafka/wire.h"

static const ksi_group_task tasks[] = {{{0, 0}, false}, {{0, 1}, false}, {{0, 2}, false},
                                       {{1, 0}, true},  {{1, 1}, true},  {{1, 2}, false},
                                       {{1, 4}, false}, {{7, 3}, true}};
static const ksi_task_id held[] = {{0, 1}, {1, 0}};
static const ksi_task_id active[] = {{0, 1}};
static const ksi_task_id standby[] = {{1, 1}};
static const ksi_task_state states[] = {{{1, 1}, INT64_C(5000000000)}, {{7, 3}, 0}};
static const ksi_group_input inputs[] = {{0, "orders", 3}, {0, "rates", 1}, {1, "prices", 3}};
static const ksi_group_inputs all_inputs = {inputs, 3};

static const ksi_subscription example = {.shuts_down = true,
                                         .generation = 41,
                                         .capacity = 4,
                                         .standbys = 1,
                                         .process_id = "process",
                                         .client_id = "client",
                                         .endpoint = "host:8080",
                                         .tasks = {tasks, 8},
                                         .held = {held, 2},
                                         .target_active = {active, 1},
                                         .target_standby = {standby, 1},
                                         .states = states,
                                         .state_count = 2};

static const ksi_assignment example_assignment = {.shuts_down = true,
                                                  .settled = true,
                                                  .disputed = true,
                                                  .checksum = 0xfedcba98u,
                                                  .active = {held, 2},
                                                  .awaited = {active, 1},
                                                  .owed = {standby, 1},
                                                  .standby = {standby, 1}};

typedef struct read_fixture {
    ks_arena arena;
    ksi_buffer bytes;
    ks_error error;
} read_fixture;

static int begin(void **state)
{
    static read_fixture self;
    self = (read_fixture){.bytes = {0}};
    ksi_arena_init(&self.arena, 0);
    *state = &self;
    return 0;
}

static int end(void **state)
{
    read_fixture *self = *state;
    ksi_arena_destroy(&self->arena);
    ksi_buffer_destroy(&self->bytes);
    return 0;
}

static void assert_same_ids(ksi_task_ids a, ksi_task_ids b)
{
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_true(ksi_task_id_equals(a.items[i], b.items[i]));
    }
}

static void a_subscription_reads_back_as_it_was_written(void **state)
{
    read_fixture *self = *state;
    ksi_subscription read;
    ksi_subscription_write(&example, all_inputs, &self->bytes);
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_OK);
    assert_true(read.shuts_down);
    assert_int_equal(read.generation, 41);
    assert_int_equal(read.capacity, 4);
    assert_int_equal(read.standbys, 1);
    assert_string_equal(read.process_id, "process");
    assert_string_equal(read.client_id, "client");
    assert_string_equal(read.endpoint, "host:8080");
    assert_int_equal(read.tasks.count, 8);
    for (size_t t = 0; t < 8; t++) {
        assert_true(ksi_task_id_equals(read.tasks.items[t].id, tasks[t].id));
        assert_int_equal(read.tasks.items[t].stateful, tasks[t].stateful);
    }
    assert_same_ids(read.held, example.held);
    assert_same_ids(read.target_active, example.target_active);
    assert_same_ids(read.target_standby, example.target_standby);
    assert_int_equal(read.state_count, 2);
    assert_true(ksi_task_id_equals(read.states[0].id, states[0].id));
    assert_int_equal(read.states[0].offsets, states[0].offsets);
}

static void an_assignment_reads_back_as_it_was_written(void **state)
{
    read_fixture *self = *state;
    ksi_assignment read;
    ksi_assignment_write(&example_assignment, all_inputs, &self->bytes);
    assert_int_equal(
        ksi_assignment_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_OK);
    assert_true(read.shuts_down);
    assert_true(read.settled);
    assert_true(read.disputed);
    assert_int_equal(read.checksum, 0xfedcba98u);
    assert_null(read.refusal);
    assert_same_ids(read.active, example_assignment.active);
    assert_same_ids(read.awaited, example_assignment.awaited);
    assert_same_ids(read.owed, example_assignment.owed);
    assert_same_ids(read.standby, example_assignment.standby);
}

static void a_refusal_is_a_text(void **state)
{
    read_fixture *self = *state;
    ksi_assignment refusal = {.refusal = "task 1_4 is not in the group"};
    ksi_assignment read;
    ksi_assignment_write(&refusal, all_inputs, &self->bytes);
    assert_int_equal(
        ksi_assignment_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_OK);
    assert_string_equal(read.refusal, refusal.refusal);
    assert_int_equal(read.active.count, 0);
}

static void assert_text(ksi_wire_reader *from, const char *text)
{
    assert_int_equal(ksi_slice_compare(ksi_wire_take_string(from), ks_slice_cstr(text)), 0);
}

static void any_consumer_can_read_topics_and_owned_partitions(void **state)
{
    read_fixture *self = *state;
    ksi_subscription_write(&example, all_inputs, &self->bytes);
    ksi_wire_reader from = ksi_wire_reader_of(ksi_buffer_slice(&self->bytes));
    assert_int_equal(ksi_wire_take_i16(&from), 1);
    assert_int_equal(ksi_wire_take_count(&from, 1), 3);
    assert_text(&from, "orders");
    assert_text(&from, "rates");
    assert_text(&from, "prices");
    (void)ksi_wire_take_bytes(&from);
    assert_int_equal(ksi_wire_take_count(&from, 1), 2); /* "rates" has no partition 1 */
    assert_text(&from, "orders");
    assert_int_equal(ksi_wire_take_count(&from, 4), 1);
    assert_int_equal(ksi_wire_take_i32(&from), 1);
    assert_text(&from, "prices");
    assert_int_equal(ksi_wire_take_count(&from, 4), 1);
    assert_int_equal(ksi_wire_take_i32(&from), 0);
    assert_true(ksi_wire_is_good(&from));
    assert_ptr_equal(from.at, from.end);
}

/* Where some bytes are found first. */
static char *find(read_fixture *self, const char *bytes, size_t size)
{
    for (size_t at = 0; at + size <= self->bytes.size; at++) {
        if (memcmp(self->bytes.data + at, bytes, size) == 0) {
            return self->bytes.data + at;
        }
    }
    fail_msg("the bytes are not there");
    return NULL;
}

/* The first byte of the user data, which stands behind the last topic. */
static char *version_of(read_fixture *self, const char *topic)
{
    return find(self, topic, strlen(topic)) + strlen(topic) + sizeof(int32_t);
}

static void a_newer_version_is_refused_by_its_number(void **state)
{
    read_fixture *self = *state;
    ksi_subscription read;
    ksi_subscription_write(&example, all_inputs, &self->bytes);
    *version_of(self, "prices") = 9;
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_E_NOT_BUILT);
    assert_non_null(strstr(self->error.message, "version 9"));
}

static void what_another_program_wrote_is_refused(void **state)
{
    static const char plain[] = "\0\1\0\0\0\1\0\1a\377\377\377\377\0\0\0\0";
    read_fixture *self = *state;
    ksi_subscription read;
    assert_int_equal(ksi_subscription_read(ks_slice_of(plain, sizeof plain - 1), &self->arena,
                                           &read, &self->error),
                     KS_E_CORRUPT);
    assert_non_null(strstr(self->error.message, "another program"));
}

static void whatever_is_cut_off_is_refused(void **state)
{
    read_fixture *self = *state;
    ksi_subscription read;
    ksi_assignment assignment;
    ksi_subscription_write(&example, all_inputs, &self->bytes);
    size_t owned_bytes = 4 + (2 + 6 + 4 + 4) + (2 + 6 + 4 + 4); /* nobody here reads them */
    for (size_t size = 0; size < self->bytes.size - owned_bytes; size++) {
        assert_int_not_equal(ksi_subscription_read(ks_slice_of(self->bytes.data, size),
                                                   &self->arena, &read, &self->error),
                             KS_OK);
    }
    ksi_buffer_clear(&self->bytes);
    ksi_assignment_write(&example_assignment, all_inputs, &self->bytes);
    for (size_t size = 0; size < self->bytes.size; size++) {
        assert_int_not_equal(ksi_assignment_read(ks_slice_of(self->bytes.data, size), &self->arena,
                                                 &assignment, &self->error),
                             KS_OK);
    }
}

static void tasks_out_of_order_or_too_many_are_refused(void **state)
{
    static const ksi_group_task backwards[] = {{{1, 0}, false}, {{0, 0}, false}};
    read_fixture *self = *state;
    ksi_subscription read;
    ksi_subscription wrong = example;
    wrong.tasks = (ksi_group_tasks){backwards, 2};
    ksi_subscription_write(&wrong, all_inputs, &self->bytes);
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_E_CORRUPT);

    ksi_buffer_clear(&self->bytes);
    wrong.tasks = (ksi_group_tasks){tasks, 1};
    ksi_subscription_write(&wrong, all_inputs, &self->bytes);
    static const char one[] = "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1";
    char *run = find(self, one, sizeof one - 1);
    static const char endless[4] = {0x7f, -1, -1, -1}; /* two thousand million tasks */
    memcpy(run + 12, endless, sizeof endless);
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_E_CORRUPT);
    static const char one_too_many[4] = {0, 0x0f, 0x42, 0x41};
    memcpy(run + 12, one_too_many, sizeof one_too_many);
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_E_CORRUPT);
    static const char as_many_as_may_be[4] = {0, 0x0f, 0x42, 0x40};
    memcpy(run + 12, as_many_as_may_be, sizeof as_many_as_may_be);
    assert_int_equal(
        ksi_subscription_read(ksi_buffer_slice(&self->bytes), &self->arena, &read, &self->error),
        KS_OK);
    assert_int_equal(read.tasks.count, 1000000);
    assert_int_equal(read.tasks.items[999999].id.partition, 999999);
}

static void the_checksum_tells_lists_of_tasks_apart(void **state)
{
    (void)state;
    ksi_group_task other[8];
    memcpy(other, tasks, sizeof other);
    uint32_t same = ksi_tasks_checksum((ksi_group_tasks){other, 8});
    assert_int_equal(same, ksi_tasks_checksum((ksi_group_tasks){tasks, 8}));
    other[2].stateful = true;
    assert_int_not_equal(same, ksi_tasks_checksum((ksi_group_tasks){other, 8}));
    assert_int_not_equal(same, ksi_tasks_checksum((ksi_group_tasks){tasks, 7}));
}

#define WITH_BYTES(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest list[] = {
        WITH_BYTES(a_subscription_reads_back_as_it_was_written),
        WITH_BYTES(an_assignment_reads_back_as_it_was_written),
        WITH_BYTES(a_refusal_is_a_text),
        WITH_BYTES(any_consumer_can_read_topics_and_owned_partitions),
        WITH_BYTES(a_newer_version_is_refused_by_its_number),
        WITH_BYTES(what_another_program_wrote_is_refused),
        WITH_BYTES(whatever_is_cut_off_is_refused),
        WITH_BYTES(tasks_out_of_order_or_too_many_are_refused),
        cmocka_unit_test(the_checksum_tells_lists_of_tasks_apart),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
