/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription.h - what a member tells the leader of its group, and what the leader answers: our
 * user data inside the ConsumerProtocol of every consumer group.
 *
 *     subscription   version i16 = 1 | topics [string] | user data bytes |
 *                    owned [{topic string, partitions [i32]}]
 *     assignment     version i16 = 1 | assigned [{topic string, partitions [i32]}] |
 *                    user data bytes
 *
 * Ordinary tools read the topics and partitions, and the broker keeps the offsets of the topics
 * alive by them. Members read the user data only:
 *
 *     of a subscription   version i8 | flags i8 | generation i32 | capacity i32 | standbys i32 |
 *                         process id string | client id string | endpoint string or null |
 *                         tasks [{subtopology i32, first i32, count i32, stateful bool}] |
 *                         held [id] | target active [id] | target standby [id] |
 *                         states [{id, offsets i64}]
 *     of an assignment    version i8 | flags i8 | tasks' checksum i32 | refusal string or null |
 *                         active [id] | awaited [id] | owed [id] | standby [id]
 *     id                  subtopology i32 | partition i32
 *
 * A leader may be any member, and the next one knows nothing of what the one before it had in mind.
 * So each member carries its part of the *target*, which is where the tasks shall be in the end:
 * `active` and `awaited` of its last assignment, and its standbys. A plan that is half carried out
 * goes on, whoever leads.
 *
 * Versions. A leader that cannot read a member's version refuses that member in version 1, which
 * every version has to read: one clear message, and the others go on.
 *
 * Thread rule: the caller's.
 */
#ifndef KSI_MEMBERSHIP_KAFKA_SUBSCRIPTION_H
#define KSI_MEMBERSHIP_KAFKA_SUBSCRIPTION_H

#include "base/buffer.h"
#include "membership/group_tasks.h"

#define KSI_USER_DATA_VERSION 1

typedef struct ksi_task_ids {
    const ksi_task_id *items;
    size_t count;
} ksi_task_ids;

/* The topics of an application; what the fields of tools are filled by. */
typedef struct ksi_group_inputs {
    const ksi_group_input *items;
    size_t count;
} ksi_group_inputs;

typedef struct ksi_subscription {
    bool shuts_down;    /* all members shall end */
    int32_t generation; /* of the assignment it has; -1: none */
    int32_t capacity;
    int32_t standbys;
    const char *process_id;
    const char *client_id;
    const char *endpoint; /* NULL: none */
    ksi_group_tasks tasks;
    ksi_task_ids held; /* active tasks that it may be running */
    ksi_task_ids target_active;
    ksi_task_ids target_standby;
    const ksi_task_state *states;
    size_t state_count;
} ksi_subscription;

typedef struct ksi_assignment {
    bool shuts_down;
    bool settled;         /* nobody awaits anything */
    bool disputed;        /* a member was refused because it has other tasks */
    uint32_t checksum;    /* of the group's tasks */
    const char *refusal;  /* NULL, or why this member gets nothing */
    ksi_task_ids active;  /* to run now */
    ksi_task_ids awaited; /* to run as soon as another member has given them up */
    ksi_task_ids owed;    /* that it held when it joined, and that it has to give up */
    ksi_task_ids standby;
} ksi_assignment;

void ksi_subscription_write(const ksi_subscription *subscription, ksi_group_inputs inputs,
                            ksi_buffer *to);
/*
 * What is read lives in the arena. KS_E_NOT_BUILT for a newer version, KS_E_CORRUPT for what is
 * none of ours; the message is for the member who wrote it.
 */
KS_NODISCARD ks_status ksi_subscription_read(ks_slice bytes, ks_arena *arena,
                                             ksi_subscription *subscription, ks_error *error);

void ksi_assignment_write(const ksi_assignment *assignment, ksi_group_inputs inputs,
                          ksi_buffer *to);
KS_NODISCARD ks_status ksi_assignment_read(ks_slice bytes, ks_arena *arena,
                                           ksi_assignment *assignment, ks_error *error);

/* By which a member sees whether an assignment is about its tasks. */
uint32_t ksi_tasks_checksum(ksi_group_tasks tasks);

#endif
