/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_member.c - see classic_member.h. Nothing is decided here: requests go from the protocol
 * to the link, and results back.
 *
 * Thread rule: one thread at a time.
 */
#include "membership/kafka/classic_member.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "membership/group_tasks.h"
#include "membership/kafka/classic_protocol.h"
#include "membership/kafka/coordinator_link.h"

/* So long a close waits for the group to hear of it. */
#define LEAVE_MS 1000

typedef struct classic_member {
    ksi_membership membership;
    ksi_classic *protocol;
    ksi_coordinator_link *link;
} classic_member;

/* Takes a result to the protocol. False: there is none, a request is on its way. */
static bool take_result(classic_member *self, int64_t now_ms)
{
    ks_slice body = {0};
    ks_error error;
    ksi_error_begin(&error);
    switch (ksi_coordinator_link_poll(self->link, now_ms, &body, &error)) {
    case KSI_LINK_ANSWERED: {
        int16_t code = ksi_classic_answered(self->protocol, body, now_ms);
        (void)ksi_coordinator_link_heed(self->link, code, now_ms);
        return true;
    }
    case KSI_LINK_UNSENT:
    case KSI_LINK_LOST:
        ksi_classic_unanswered(self->protocol, &error, now_ms);
        return true;
    case KSI_LINK_WAITS:
        return false;
    default:
        return true;
    }
}

static void drive(classic_member *self, int64_t now_ms)
{
    ksi_classic_request request;
    for (;;) {
        bool is_idle = take_result(self, now_ms);
        bool parked = !is_idle && ksi_coordinator_link_has_sent(self->link);
        if (ksi_classic_passed(self->protocol, parked, now_ms)) {
            ksi_coordinator_link_cancel(self->link);
            is_idle = true;
        }
        if (!is_idle || !ksi_classic_next(self->protocol, now_ms, &request)) {
            return;
        }
        ksi_coordinator_link_send(self->link, request.api, request.body, request.timeout_ms,
                                  now_ms);
    }
}

static ks_status member_poll(ksi_membership *membership, int64_t now_ms, ksi_group_view *view,
                             ks_error *error)
{
    classic_member *self = (classic_member *)membership;
    drive(self, now_ms);
    return ksi_classic_status(self->protocol, view, error);
}

static int64_t member_next_poll_ms(const ksi_membership *membership)
{
    const classic_member *self = (const classic_member *)membership;
    int64_t protocol = ksi_classic_next_ms(self->protocol);
    int64_t link = ksi_coordinator_link_next_ms(self->link);
    return protocol < link ? protocol : link;
}

static size_t member_descriptors(const ksi_membership *membership, struct pollfd *fds,
                                 size_t capacity)
{
    const classic_member *self = (const classic_member *)membership;
    return ksi_coordinator_link_descriptors(self->link, fds, capacity);
}

static void member_report(ksi_membership *membership, const ksi_task_id *active,
                          size_t active_count, const ksi_task_state *standby, size_t standby_count)
{
    classic_member *self = (classic_member *)membership;
    ksi_classic_report(self->protocol, (ksi_task_ids){active, active_count}, standby,
                       standby_count);
}

static void member_set_capacity(ksi_membership *membership, int32_t capacity)
{
    ksi_classic_set_capacity(((classic_member *)membership)->protocol, capacity);
}

static void member_doubt(ksi_membership *membership, int64_t now_ms)
{
    ksi_classic_doubt(((classic_member *)membership)->protocol, now_ms);
}

static void member_shut_down(ksi_membership *membership)
{
    ksi_classic_shut_down(((classic_member *)membership)->protocol);
}

static ksi_generation member_generation(const ksi_membership *membership)
{
    return ksi_classic_generation(((const classic_member *)membership)->protocol);
}

static ks_status member_rejoin(ksi_membership *membership, int64_t now_ms, ks_error *error)
{
    classic_member *self = (classic_member *)membership;
    (void)error;
    ksi_coordinator_link_cancel(self->link);
    ksi_classic_rejoin(self->protocol, now_ms);
    return KS_OK;
}

static void free_member(classic_member *self)
{
    ksi_coordinator_link_free(self->link);
    ksi_classic_free(self->protocol);
    ksi_free(self);
}

/* Until the group has heard of it, or the time is over. */
static void tell_that_it_leaves(classic_member *self, const ksi_classic_request *request)
{
    int64_t end_ms = ksi_monotonic_ms(&ksi_system_clock) + LEAVE_MS;
    bool again = true;
    while (again) {
        ks_slice body = {0};
        ks_error error;
        ksi_plain_answer answer;
        ksi_error_begin(&error);
        int64_t now_ms = ksi_monotonic_ms(&ksi_system_clock);
        if (now_ms >= end_ms) {
            return;
        }
        ksi_coordinator_link_send(self->link, request->api, request->body, end_ms - now_ms, now_ms);
        again = ksi_coordinator_link_await(self->link, &body, &error) == KSI_LINK_ANSWERED &&
                ksi_take_leave_group(body, &answer, &error) == KS_OK &&
                ksi_coordinator_link_heed(self->link, answer.error_code,
                                          ksi_monotonic_ms(&ksi_system_clock));
    }
}

static void member_leave(ksi_membership *membership)
{
    classic_member *self = (classic_member *)membership;
    ksi_classic_request request;
    if (ksi_classic_leave(self->protocol, &request)) {
        ksi_coordinator_link_cancel(self->link);
        tell_that_it_leaves(self, &request);
    }
    free_member(self);
}

static void member_vanish(ksi_membership *membership)
{
    free_member((classic_member *)membership);
}

static const ksi_membership_class member_class = {.poll = member_poll,
                                                  .next_poll_ms = member_next_poll_ms,
                                                  .descriptors = member_descriptors,
                                                  .report = member_report,
                                                  .set_capacity = member_set_capacity,
                                                  .doubt = member_doubt,
                                                  .shut_down = member_shut_down,
                                                  .generation = member_generation,
                                                  .rejoin = member_rejoin,
                                                  .leave = member_leave,
                                                  .vanish = member_vanish};

ksi_membership *ksi_classic_join(const ksi_kafka_cluster *cluster,
                                 const ksi_member_options *options, ksi_logger *logger,
                                 int64_t now_ms, ks_error *error)
{
    if (ksi_member_options_check(options, error) != KS_OK) {
        return NULL;
    }
    ksi_coordinator_link *link = ksi_coordinator_link_new(cluster, options->group, logger, error);
    if (link == NULL) {
        return NULL;
    }
    classic_member *self = ksi_calloc(1, sizeof *self);
    self->membership.class = &member_class;
    self->link = link;
    self->protocol = ksi_classic_new(options, cluster->request_timeout_ms, logger, now_ms);
    return &self->membership;
}
