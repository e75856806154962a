/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_membership.c - a member of a group whose heartbeats get lost; see faulty_transport.h.
 *
 * A poll that was executed and not answered is the nastier half: the group believes from then on
 * that the member has what it was shown.
 */
#include "faulty_transport.h"

#include "base/error.h"
#include "base/memory.h"

typedef struct faulty_membership {
    ksi_membership membership; /* first */
    faulty_transport *faulty;
    ksi_membership *inner;
} faulty_membership;

static ksi_membership *inner_of(const ksi_membership *self)
{
    return ((const faulty_membership *)self)->inner;
}

static ks_status member_poll(ksi_membership *self, int64_t now_ms, ksi_group_view *view,
                             ks_error *error)
{
    faulty_transport *faulty = ((faulty_membership *)self)->faulty;
    ksi_membership *inner = inner_of(self);
    bool is_out = faulty_is_out(faulty);
    bool is_lost = is_out || faulty_strikes(faulty, faulty->odds.lost_heartbeat);
    bool is_executed = !is_out && (!is_lost || sim_random_strikes(faulty->random, 5000));
    ksi_group_view seen = {0};
    if (is_executed) {
        faulty_meanwhile(faulty);
        ks_status status = inner->class->poll(inner, now_ms, &seen, error);
        if (status != KS_OK || !is_lost) {
            *view = status == KS_OK ? seen : *view;
            return status;
        }
    }
    faulty->trace->counts[SIM_LOST_HEARTBEAT]++;
    sim_trace_add(faulty->trace, faulty->name, "heartbeat", is_executed, 0);
    return faulty_answer(is_executed ? FATE_DO_LOSE : FATE_NOT_KNOWN, "heartbeat", error);
}

static int64_t member_next_poll_ms(const ksi_membership *self)
{
    ksi_membership *inner = inner_of(self);
    return inner->class->next_poll_ms(inner);
}

static void member_report(ksi_membership *self, const ksi_task_id *active, size_t active_count,
                          const ksi_task_state *standby, size_t standby_count)
{
    ksi_membership *inner = inner_of(self);
    inner->class->report(inner, active, active_count, standby, standby_count);
}

static void member_set_capacity(ksi_membership *self, int32_t capacity)
{
    ksi_membership *inner = inner_of(self);
    inner->class->set_capacity(inner, capacity);
}

static void member_shut_down(ksi_membership *self)
{
    ksi_membership *inner = inner_of(self);
    inner->class->shut_down(inner);
}

static ksi_generation member_generation(const ksi_membership *self)
{
    ksi_membership *inner = inner_of(self);
    return inner->class->generation(inner);
}

static ks_status member_rejoin(ksi_membership *self, int64_t now_ms, ks_error *error)
{
    ksi_membership *inner = inner_of(self);
    KS_TRY(faulty_reach(((faulty_membership *)self)->faulty, "group", error));
    return inner->class->rejoin(inner, now_ms, error);
}

static void member_free(ksi_membership *self)
{
    faulty_transport_release(((faulty_membership *)self)->faulty);
    ksi_free(self);
}

static void member_leave(ksi_membership *self)
{
    ksi_membership *inner = inner_of(self);
    inner->class->leave(inner);
    member_free(self);
}

static void member_vanish(ksi_membership *self)
{
    ksi_membership *inner = inner_of(self);
    inner->class->vanish(inner);
    member_free(self);
}

static const ksi_membership_class faulty_membership_class = {
    .poll = member_poll,
    .next_poll_ms = member_next_poll_ms,
    .report = member_report,
    .set_capacity = member_set_capacity,
    .shut_down = member_shut_down,
    .generation = member_generation,
    .rejoin = member_rejoin,
    .leave = member_leave,
    .vanish = member_vanish,
};

ksi_membership *faulty_join(ksi_transport *transport, const ksi_member_options *options,
                            int64_t now_ms, ks_error *error)
{
    faulty_transport *faulty = (faulty_transport *)transport;
    ksi_membership *inner = faulty->inner->class->join(faulty->inner, options, now_ms, error);
    if (inner == NULL) {
        return NULL;
    }
    faulty_membership *self = ksi_calloc(1, sizeof *self);
    self->membership.class = &faulty_membership_class;
    self->faulty = faulty;
    self->inner = inner;
    faulty->references++;
    return &self->membership;
}
