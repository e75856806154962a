/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_session.h - this process's session in its group, and the newest generation of it.
 *
 *     session      from joining to being lost: tasks are handed out in one, and end with it
 *     generation   a number within it that every rebalance raises, while tasks stay where they are
 *
 * A commit is checked by member and generation. So whoever commits asks for the newest generation
 * right before, by the session its tasks came in:
 *
 *     supervisor    poll -> follow(newest) ... poll -> KS_E_FENCED -> end()
 *     threads       generation(session of my tasks) -> commit        or KS_E_FENCED
 *
 * The tempting wrong way is to hand the generation out with the task. The next rebalance, which
 * need not be about this process at all, would then refuse every commit of a task that stays.
 *
 * Texts live as long as this, so that a thread which outlasts its membership may still commit, and
 * be refused.
 *
 * Thread rule: any thread.
 */
#ifndef KSI_RUNTIME_GROUP_SESSION_H
#define KSI_RUNTIME_GROUP_SESSION_H

#include "base/arena.h"
#include "base/thread.h"
#include "membership/membership.h"

typedef struct ksi_group_session {
    ksi_mutex lock;
    ks_arena names;
    ksi_generation newest;
    uint64_t number; /* of the session; they count up from 1 */
    bool is_open;
} ksi_group_session;

void ksi_group_session_init(ksi_group_session *session);
void ksi_group_session_destroy(ksi_group_session *session);

/* What the group says now; true when it is news. Begins a session when there is none. */
bool ksi_group_session_follow(ksi_group_session *session, ksi_generation newest);
/* It was lost, or left. */
void ksi_group_session_end(ksi_group_session *session);
/* The one that goes on, or the last one. */
uint64_t ksi_group_session_number(ksi_group_session *session);
/* As which tasks of a session commit now; KS_E_FENCED when it is over. */
KS_NODISCARD ks_status ksi_group_session_generation(ksi_group_session *session, uint64_t number,
                                                    ksi_generation *newest, ks_error *error);

#endif
