/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kafka_user_data.c - any bytes as what a member tells the leader of its group, or the leader
 * a member.
 *
 * The first byte chooses. A subscription goes to a leader with that of a member that is well:
 * whatever the other says, each task is placed. An assignment is shown to a member.
 */
#include "base/arena.h"
#include "base/check.h"
#include "membership/kafka/leader.h"
#include "membership/kafka/member_tasks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer inputs find nothing more. */
#define LONGEST_INPUT 8192

static const ksi_group_task tasks[] = {{{0, 0}, false}, {{0, 1}, true}};
static const ksi_group_input input = {0, "orders", 2};

/* Whatever the other says, somebody gets each task, or waits for it. */
static void lead(ks_slice bytes, ks_arena *arena)
{
    const ksi_subscription well = {.generation = INT32_MAX,
                                   .capacity = 1,
                                   .process_id = "p",
                                   .client_id = "c",
                                   .tasks = {tasks, 2}};
    ksi_member_assignment made[2];
    ksi_buffer buffer = {0};
    ks_error error = {0};
    ksi_subscription_write(&well, (ksi_group_inputs){&input, 1}, &buffer);
    const ksi_joined_member members[] = {
        {.id = ks_slice_cstr("a"), .metadata = ksi_buffer_slice(&buffer)},
        {.id = ks_slice_cstr("b"), .metadata = bytes}};
    ksi_lead(
        &(ksi_led_group){
            .name = "app", .inputs = {&input, 1}, .members = members, .member_count = 2},
        arena, made);
    size_t placed = 0;
    for (size_t m = 0; m < 2; m++) {
        ksi_assignment read;
        KSI_CHECK(ksi_assignment_read(made[m].assignment, arena, &read, &error) == KS_OK);
        placed += read.active.count + read.awaited.count;
    }
    KSI_CHECK(placed == 2 ||
              placed == 0); /* 0: the other's list of tasks counted, or none has room */
    ksi_buffer_destroy(&buffer);
}

static void show(ks_slice bytes, ks_arena *arena)
{
    const ksi_member_options options = {.tasks = tasks, .task_count = 2};
    ksi_assignment read;
    ks_error error = {0};
    if (ksi_assignment_read(bytes, arena, &read, &error) != KS_OK) {
        KSI_CHECK(error.message[0] != '\0');
        return;
    }
    ksi_member_tasks member;
    bool fits = true;
    ksi_member_tasks_init(&member, &options);
    read.checksum = member.checksum;
    (void)ksi_member_tasks_show(&member, &read, &fits);
    KSI_CHECK(member.active_count + member.standby_count <= 2);
    ksi_member_tasks_destroy(&member);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LONGEST_INPUT) {
        return 0;
    }
    ks_arena arena;
    ksi_arena_init(&arena, 0);
    ks_slice bytes = ks_slice_of((const char *)data + 1, size - 1);
    if (data[0] % 2 == 0) {
        lead(bytes, &arena);
    } else {
        show(bytes, &arena);
    }
    ksi_arena_destroy(&arena);
    return 0;
}
