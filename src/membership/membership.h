/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership.h - being a member of a group that shares the tasks of an application.
 *
 * One process is one member, however many stream threads it has. The group wants each task to run
 * in one place; a member asks, turn by turn, what it shall run now, and reports what it does run:
 *
 *     poll   ->  the group wants {0_0, 0_1, 1_0}; I have {0_0, 0_2}
 *                give up 0_2: process no more, commit, close        take 0_1, 1_0: restore, run
 *     report ->  I have {0_0, 0_1, 1_0}                             only now may another have 0_2
 *
 * The problem: two members must never process one task at the same time, and a rebalance must not
 * stop the tasks that stay where they are. So the view a member is given never contains a task that
 * another member still has, and nothing is taken away but by asking for it (KIP-429 and KIP-848
 * have the idea; which messages carry it is each implementation's own).
 *
 * A member that is not heard of for the time of its session is fenced: its generation is refused in
 * every commit, and its next poll answers KS_E_FENCED. It then drops its tasks without a commit,
 * for others may have them already, and joins again.
 *
 * Nothing here waits: poll() sends what is due and takes what has come, so that one thread can step
 * through it beside its other work, and a test from one seed.
 *
 * Thread rule: one thread at a time.
 */
#ifndef KSI_MEMBERSHIP_MEMBERSHIP_H
#define KSI_MEMBERSHIP_MEMBERSHIP_H

#include "base/slice.h"
#include <kstreams/common.h>

struct pollfd;
typedef struct ksi_membership ksi_membership;

typedef struct ksi_task_id {
    int subtopology;
    int32_t partition;
} ksi_task_id;

typedef struct ksi_topic_partition {
    const char *topic;
    int32_t partition;
} ksi_topic_partition;

static inline bool ksi_task_id_equals(ksi_task_id a, ksi_task_id b)
{
    return a.subtopology == b.subtopology && a.partition == b.partition;
}

/* A task of the group, as it has to be placed. */
typedef struct ksi_group_task {
    ksi_task_id id;
    bool stateful; /* has a store with a changelog: wants standbys, and to stay where it is */
} ksi_group_task;

/* What a member has of a task on its disk or as a standby. */
typedef struct ksi_task_state {
    ksi_task_id id;
    int64_t offsets; /* sum of the changelog offsets of its stores; -1: runs here, fully current */
} ksi_task_state;

/* A topic that the tasks of a sub-topology read: task p its partition p. */
typedef struct ksi_group_input {
    int subtopology;
    const char *topic;
    int32_t partitions;
} ksi_group_input;

/* All of it is copied. */
typedef struct ksi_member_options {
    const char *group;       /* application.id */
    const char *instance_id; /* group.instance.id: a static member; NULL: a dynamic one */
    const char *endpoint;    /* application.server; NULL: none */
    const char *process_id;  /* stays the same across restarts where there is a state directory */
    const char *client_id;
    int32_t capacity; /* stream threads: its share of the tasks goes by it */
    int32_t standbys; /* num.standby.replicas */
    int64_t session_timeout_ms;
    int64_t heartbeat_interval_ms; /* 0: as the group likes it */
    int64_t rebalance_timeout_ms;  /* how long giving tasks up may take: max.poll.interval.ms */
    const ksi_group_input *inputs; /* by sub-topology, then by topic */
    size_t input_count;
    const ksi_group_task *tasks; /* all tasks of the application, by id; members must agree */
    size_t task_count;
    const ksi_task_state *states; /* what is on the disk */
    size_t state_count;
} ksi_member_options;

/* What the group wants this member to run; borrowed until the next call. */
typedef struct ksi_group_view {
    uint64_t epoch; /* changes whenever the rest does */
    const ksi_task_id *active;
    size_t active_count;
    const ksi_task_id *standby;
    size_t standby_count;
    bool shuts_down;  /* a member asked all of them to end */
    bool is_in_doubt; /* see doubt(): no task is to begin. No part of the epoch */
    /* How often one with other tasks was turned away: the topics may not be what they were. */
    uint32_t disputes;
} ksi_group_view;

/* By which commits of offsets are checked. */
typedef struct ksi_generation {
    const char *member;   /* lives as long as the membership */
    const char *instance; /* of a static member; NULL: a dynamic one. It lives as long */
    int32_t number;
} ksi_generation;

typedef struct ksi_membership_class {
    /*
     * Keeps the membership alive and says what is wanted. KS_E_FENCED: the session was lost;
     * another error is temporary when it is flagged retriable.
     */
    ks_status (*poll)(ksi_membership *membership, int64_t now_ms, ksi_group_view *view,
                      ks_error *error);
    /* When the next poll is due at the latest, by the same clock. */
    int64_t (*next_poll_ms)(const ksi_membership *membership);
    /*
     * What to wait on until then, for poll(2): up to `capacity` of them are filled in, their number
     * is the answer. NULL: nothing but time makes a poll worth while.
     */
    size_t (*descriptors)(const ksi_membership *membership, struct pollfd *fds, size_t capacity);
    /*
     * What the member has now: tasks it runs, and its standbys with what they hold. A task that is
     * missing was given up: committed, closed, or never begun.
     */
    void (*report)(ksi_membership *membership, const ksi_task_id *active, size_t active_count,
                   const ksi_task_state *standby, size_t standby_count);
    /* The number of stream threads changed: that counts when tasks are shared out next. */
    void (*set_capacity)(ksi_membership *membership, int32_t capacity);
    /*
     * A commit was refused as that of nobody the group knows, or a producer as fenced, which need
     * not be about the group at all. The group is asked as soon as poll() can, and the view is in
     * doubt until it has answered; poll() says KS_E_FENCED if it is so. NULL: each poll() knows.
     */
    void (*doubt)(ksi_membership *membership, int64_t now_ms);
    /* Asks every member to end, this one included. @java SHUTDOWN_APPLICATION */
    void (*shut_down)(ksi_membership *membership);
    ksi_generation (*generation)(const ksi_membership *membership);
    /* After KS_E_FENCED: begins anew, with nothing. */
    ks_status (*rejoin)(ksi_membership *membership, int64_t now_ms, ks_error *error);
    /* Leaves the group at once, so that others may go on, and frees the membership. */
    void (*leave)(ksi_membership *membership);
    /* Frees it without a word, as a crash would: the session has to end by itself. For tests. */
    void (*vanish)(ksi_membership *membership);
} ksi_membership_class;

struct ksi_membership {
    const ksi_membership_class *class;
};

#endif
