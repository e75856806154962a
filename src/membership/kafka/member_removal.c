/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_removal.c - taking members out of a group from outside it.
 *
 * A process that died stays a member until its session is over, which may be set to hours. What an
 * operator sends for it is what it would have sent itself: LeaveGroup. Sent twice it does no harm,
 * for the second one finds no such member, so a lost answer is no problem here.
 *
 * Thread rule: any thread; a link of its own for each call.
 */
#include "base/clock.h"
#include "membership/kafka/coordinator_link.h"
#include "membership/kafka/kafka_error.h"

/* One attempt. True: `*status` is the end of it; else the same again. */
static bool try_removal(ksi_coordinator_link *link, const char *group, ks_slice request,
                        int64_t left_ms, ks_status *status, ks_error *error)
{
    int64_t now_ms = ksi_monotonic_ms(&ksi_system_clock);
    ks_slice body = ks_slice_null();
    ksi_plain_answer answer = {0};
    ksi_coordinator_link_send(link, KSI_API_LEAVE_GROUP, request, left_ms, now_ms);
    ksi_link_state state = ksi_coordinator_link_await(link, &body, error);
    if (state != KSI_LINK_ANSWERED) {
        *status = error->code;
        return state == KSI_LINK_UNSENT; /* its time is over, or it never will be sent */
    }
    *status = ksi_take_leave_group(body, &answer, error);
    if (*status != KS_OK) {
        return true;
    }
    if (ksi_coordinator_link_heed(link, answer.error_code, ksi_monotonic_ms(&ksi_system_clock))) {
        *status = ksi_kafka_code_error(answer.error_code, group, "removing a member", error);
        return false;
    }
    bool is_gone = answer.error_code == KSI_KAFKA_UNKNOWN_MEMBER_ID;
    *status = is_gone ? KS_OK
                      : ksi_kafka_code_error(answer.error_code, group, "removing a member", error);
    return true;
}

static ks_status remove_member(ksi_coordinator_link *link, const char *group,
                               const ksi_generation *member, int64_t end_ms, ks_error *error)
{
    ksi_buffer request = {0};
    ksi_put_leave_group(&request, group, member);
    ks_status status = KS_OK;
    bool is_over = false;
    while (!is_over) {
        int64_t left_ms = end_ms - ksi_monotonic_ms(&ksi_system_clock);
        is_over = try_removal(link, group, ksi_buffer_slice(&request), left_ms > 1 ? left_ms : 1,
                              &status, error) ||
                  left_ms <= 0;
    }
    ksi_buffer_destroy(&request);
    return status;
}

ks_status ksi_kafka_group_remove_members(const ksi_kafka_cluster *cluster, const char *group,
                                         const ksi_generation *members, size_t count,
                                         ksi_logger *logger, ks_error *error)
{
    ks_error reason = {0};
    ksi_coordinator_link *link = ksi_coordinator_link_new(cluster, group, logger, &reason);
    ks_status status = link != NULL ? KS_OK : reason.code;
    int64_t end_ms = ksi_monotonic_ms(&ksi_system_clock) + ksi_kafka_request_timeout_ms(cluster);
    for (size_t i = 0; i < count && status == KS_OK; i++) {
        status = remove_member(link, group, &members[i], end_ms, &reason);
    }
    ksi_coordinator_link_free(link);
    if (status != KS_OK && error != NULL) {
        *error = reason;
    }
    return status;
}
