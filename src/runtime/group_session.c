/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_session.c - see group_session.h. One small lock, asked once a commit.
 */
#include "runtime/group_session.h"

#include "base/error.h"

#include <string.h>

void ksi_group_session_init(ksi_group_session *session)
{
    *session = (ksi_group_session){.is_open = false};
    ksi_mutex_init(&session->lock);
    ksi_arena_init(&session->names, 0);
}

void ksi_group_session_destroy(ksi_group_session *session)
{
    ksi_arena_destroy(&session->names);
    ksi_mutex_destroy(&session->lock);
}

/* A text that is the same as the one before is kept: generations come by the thousand. */
static const char *keep(ksi_group_session *session, const char *before, const char *now)
{
    if (now == NULL || (before != NULL && strcmp(before, now) == 0)) {
        return now == NULL ? NULL : before;
    }
    return ksi_arena_strdup(&session->names, now);
}

bool ksi_group_session_follow(ksi_group_session *session, ksi_generation newest)
{
    ksi_mutex_lock(&session->lock);
    const ksi_generation before = session->newest;
    session->newest = (ksi_generation){.member = keep(session, before.member, newest.member),
                                       .instance = keep(session, before.instance, newest.instance),
                                       .number = newest.number};
    bool is_news = !session->is_open || session->newest.member != before.member ||
                   session->newest.number != before.number;
    session->number += !session->is_open;
    session->is_open = true;
    ksi_mutex_unlock(&session->lock);
    return is_news;
}

void ksi_group_session_end(ksi_group_session *session)
{
    ksi_mutex_lock(&session->lock);
    session->is_open = false;
    ksi_mutex_unlock(&session->lock);
}

uint64_t ksi_group_session_number(ksi_group_session *session)
{
    ksi_mutex_lock(&session->lock);
    uint64_t number = session->number;
    ksi_mutex_unlock(&session->lock);
    return number;
}

ks_status ksi_group_session_generation(ksi_group_session *session, uint64_t number,
                                       ksi_generation *newest, ks_error *error)
{
    ksi_mutex_lock(&session->lock);
    bool goes_on = session->is_open && session->number == number;
    *newest = session->newest;
    ksi_mutex_unlock(&session->lock);
    return goes_on ? KS_OK
                   : ksi_error_set(error, KS_E_FENCED, newest->member,
                                   "the session of this member in the group is over");
}
