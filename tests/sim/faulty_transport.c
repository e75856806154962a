/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_transport.c - see faulty_transport.h: faults are drawn here, and the calls about topics
 * and groups passed on. Producers and consumers are in faulty_clients.c, members of groups in
 * faulty_membership.c.
 */
#include "faulty_transport.h"

#include "base/error.h"
#include "base/memory.h"
#include "state/store_lock.h"

#include <stdio.h>

const char *faulty_sabotage_name(faulty_sabotage sabotage)
{
    static const char *const names[] = {
        [SABOTAGE_NONE] = "none",
        [SABOTAGE_OFFSETS_FIRST] = "offsets-first",
        [SABOTAGE_ABORT_COMMITS] = "abort-commits",
        [SABOTAGE_COMMIT_TWICE] = "commit-twice",
        [SABOTAGE_NO_FENCING] = "no-fencing",
        [SABOTAGE_POLL_SKIPS] = "poll-skips",
        [SABOTAGE_SEND_FORGETS] = "send-forgets",
        [SABOTAGE_FLUSH_FORGETS] = "flush-forgets",
        [SABOTAGE_FALSE_SUCCESS] = "false-success",
    };
    return names[sabotage];
}

static faulty_transport *faulty_of(ksi_transport *transport)
{
    return (faulty_transport *)transport;
}

static ksi_transport *inner_of(ksi_transport *transport)
{
    return faulty_of(transport)->inner;
}

/* ---- drawing --------------------------------------------------------------------------------- */

bool faulty_strikes(faulty_transport *faulty, int64_t odds)
{
    return faulty->is_enabled && sim_random_strikes(faulty->random, odds);
}

bool faulty_is_out(const faulty_transport *faulty)
{
    return faulty->is_enabled && !faulty->is_dead && faulty->outage_until_ns > 0 &&
           faulty->clock->monotonic_ns(faulty->clock) < faulty->outage_until_ns;
}

ks_status faulty_reach(const faulty_transport *faulty, const char *where, ks_error *error)
{
    return faulty_answer(faulty_is_out(faulty) ? FATE_NOT_KNOWN : FATE_DO, where, error);
}

/*
 * Not while a task's stores are held: who holds them calls the log to send, and that never waits.
 */
void faulty_meanwhile(faulty_transport *faulty)
{
    if (faulty->meanwhile != NULL && !faulty->is_dead && !ksi_store_lock_holds_any() &&
        faulty_strikes(faulty, faulty->odds.meanwhile)) {
        faulty->meanwhile(faulty->user);
    }
}

/* Counts a call of an instance that is to die; true for the one it dies in. */
static bool dies_now(faulty_transport *faulty)
{
    if (faulty->calls_left < 0 || faulty->calls_left-- > 0) {
        return false;
    }
    faulty->is_dead = true;
    faulty->trace->counts[SIM_DEATH_IN_A_CALL]++;
    return true;
}

static faulty_fate note(faulty_transport *faulty, const char *what, faulty_fate fate)
{
    if (fate != FATE_DO) {
        sim_trace_add(faulty->trace, faulty->name, what, (int64_t)fate, faulty->is_dead);
        static const sim_event events[] = {[FATE_DO_LOSE] = SIM_LOST_ANSWER,
                                           [FATE_NOT_KNOWN] = SIM_LOST_REQUEST,
                                           [FATE_REFUSE] = SIM_REFUSAL,
                                           [FATE_FENCE] = SIM_FENCED_PRODUCER};
        faulty->trace->counts[events[fate]]++;
        faulty->disturbances++;
    }
    return fate;
}

faulty_fate faulty_draw_commit(faulty_transport *faulty, const char *what)
{
    faulty_meanwhile(faulty);
    if (faulty->is_dead) {
        return FATE_REFUSE;
    }
    if (dies_now(faulty)) {
        return note(faulty, what, faulty->dies_after ? FATE_DO_LOSE : FATE_NOT_KNOWN);
    }
    if (faulty_is_out(faulty)) {
        return FATE_NOT_KNOWN;
    }
    if (faulty_strikes(faulty, faulty->odds.lost_answer)) {
        return note(faulty, what, FATE_DO_LOSE);
    }
    if (faulty_strikes(faulty, faulty->odds.lost_request)) {
        return note(faulty, what, FATE_NOT_KNOWN);
    }
    if (faulty_strikes(faulty, faulty->odds.refusal)) {
        return note(faulty, what, FATE_REFUSE);
    }
    return faulty_strikes(faulty, faulty->odds.fenced) ? note(faulty, what, FATE_FENCE) : FATE_DO;
}

faulty_fate faulty_draw(faulty_transport *faulty, const char *what, int64_t odds)
{
    if (faulty->is_dead) {
        return FATE_REFUSE;
    }
    if (dies_now(faulty)) {
        return note(faulty, what, FATE_REFUSE);
    }
    if (faulty_is_out(faulty)) {
        return FATE_NOT_KNOWN;
    }
    return faulty_strikes(faulty, odds) ? note(faulty, what, FATE_REFUSE) : FATE_DO;
}

ks_status faulty_answer(faulty_fate fate, const char *where, ks_error *error)
{
    switch (fate) {
    case FATE_DO:
        return KS_OK;
    case FATE_DO_LOSE:
    case FATE_NOT_KNOWN:
        (void)ksi_error_set(error, KS_E_TIMEOUT, where, "no answer came");
        return ksi_error_flag(error, KS_ERROR_RETRIABLE);
    case FATE_REFUSE:
        return ksi_error_set(error, KS_E_IO, where, "the log does not answer");
    case FATE_FENCE:
        break;
    }
    return ksi_error_set(error, KS_E_FENCED, where, "another producer has this id");
}

/* ---- topics ---------------------------------------------------------------------------------- */

static void retain(ksi_transport *self)
{
    faulty_of(self)->references++;
}

static void release(ksi_transport *self)
{
    faulty_transport_release(faulty_of(self));
}

static ks_status create_topic(ksi_transport *self, const ksi_topic_spec *spec, ks_error *error)
{
    KS_TRY(faulty_reach(faulty_of(self), spec->name, error));
    return inner_of(self)->class->create_topic(inner_of(self), spec, error);
}

static ks_status delete_topic(ksi_transport *self, const char *topic, ks_error *error)
{
    return inner_of(self)->class->delete_topic(inner_of(self), topic, error);
}

static ks_status partition_count(ksi_transport *self, const char *topic, int32_t *count,
                                 ks_error *error)
{
    KS_TRY(faulty_reach(faulty_of(self), topic, error));
    return inner_of(self)->class->partition_count(inner_of(self), topic, count, error);
}

static ks_status each_topic(ksi_transport *self, ksi_topic_visit_fn *visit, void *user,
                            ks_error *error)
{
    KS_TRY(faulty_reach(faulty_of(self), "log", error));
    return inner_of(self)->class->each_topic(inner_of(self), visit, user, error);
}

static ks_status each_config(ksi_transport *self, const char *topic, ksi_config_visit_fn *visit,
                             void *user, ks_error *error)
{
    return inner_of(self)->class->each_config(inner_of(self), topic, visit, user, error);
}

static ks_status set_config(ksi_transport *self, const char *topic, const ksi_topic_config *config,
                            ks_error *error)
{
    return inner_of(self)->class->set_config(inner_of(self), topic, config, error);
}

static ks_status offsets(ksi_transport *self, ksi_topic_partition partition, int64_t *begin,
                         int64_t *end, ks_error *error)
{
    KS_TRY(faulty_reach(faulty_of(self), partition.topic, error));
    return inner_of(self)->class->offsets(inner_of(self), partition, begin, end, error);
}

static ks_status offset_at(ksi_transport *self, ksi_topic_partition partition, int64_t timestamp,
                           int64_t *offset, ks_error *error)
{
    KS_TRY(faulty_reach(faulty_of(self), partition.topic, error));
    return inner_of(self)->class->offset_at(inner_of(self), partition, timestamp, offset, error);
}

static ks_status partition_bytes(ksi_transport *self, ksi_topic_partition partition, int64_t *bytes,
                                 ks_error *error)
{
    return inner_of(self)->class->partition_bytes(inner_of(self), partition, bytes, error);
}

static ks_status delete_records(ksi_transport *self, ksi_topic_partition partition, int64_t before,
                                ks_error *error)
{
    faulty_transport *faulty = faulty_of(self);
    faulty_fate fate = faulty_draw(faulty, "delete-records", faulty->odds.bad_look);
    KS_TRY(faulty_answer(fate, partition.topic, error));
    return faulty->inner->class->delete_records(faulty->inner, partition, before, error);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static ks_status committed(ksi_transport *self, const char *group, ksi_group_offset *all,
                           size_t count, ks_arena *arena, ks_error *error)
{
    faulty_transport *faulty = faulty_of(self);
    faulty_meanwhile(faulty);
    faulty_fate fate = faulty_draw(faulty, "committed", faulty->odds.bad_look);
    KS_TRY(faulty_answer(fate, group, error));
    return faulty->inner->class->committed(faulty->inner, group, all, count, arena, error);
}

static ks_status commit_offsets(ksi_transport *self, const ksi_offset_commit *commit,
                                ks_error *error)
{
    faulty_transport *faulty = faulty_of(self);
    faulty_fate fate = faulty_draw_commit(faulty, "commit-offsets");
    if (fate == FATE_DO || fate == FATE_DO_LOSE) {
        ksi_offset_commit what = *commit;
        if (faulty->sabotage == SABOTAGE_NO_FENCING) {
            what.generation = NULL;
        }
        KS_TRY(faulty->inner->class->commit_offsets(faulty->inner, &what, error));
    }
    return faulty_answer(fate, commit->group, error);
}

static ks_status each_group(ksi_transport *self, ksi_group_visit_fn *visit, void *user,
                            ks_error *error)
{
    return inner_of(self)->class->each_group(inner_of(self), visit, user, error);
}

static ks_status each_offset(ksi_transport *self, const char *group, ksi_offset_visit_fn *visit,
                             void *user, ks_error *error)
{
    return inner_of(self)->class->each_offset(inner_of(self), group, visit, user, error);
}

static ks_status delete_group(ksi_transport *self, const char *group, ks_error *error)
{
    return inner_of(self)->class->delete_group(inner_of(self), group, error);
}

static const ksi_transport_class faulty_transport_class = {
    .retain = retain,
    .release = release,
    .create_topic = create_topic,
    .delete_topic = delete_topic,
    .partition_count = partition_count,
    .each_topic = each_topic,
    .each_config = each_config,
    .set_config = set_config,
    .offsets = offsets,
    .offset_at = offset_at,
    .partition_bytes = partition_bytes,
    .delete_records = delete_records,
    .committed = committed,
    .commit_offsets = commit_offsets,
    .each_group = each_group,
    .each_offset = each_offset,
    .delete_group = delete_group,
    .join = faulty_join,
    .open_consumer = faulty_consumer_open,
    .open_producer = faulty_producer_open,
};

/* ---- life ------------------------------------------------------------------------------------ */

faulty_transport *faulty_transport_new(ksi_transport *inner, const char *name, ksi_clock *clock,
                                       sim_random *random, sim_trace *trace)
{
    faulty_transport *faulty = ksi_calloc(1, sizeof *faulty);
    faulty->transport.class = &faulty_transport_class;
    faulty->references = 1;
    faulty->inner = inner;
    faulty->clock = clock;
    faulty->random = random;
    faulty->trace = trace;
    faulty->calls_left = -1;
    (void)snprintf(faulty->name, sizeof faulty->name, "%s", name);
    inner->class->retain(inner);
    return faulty;
}

void faulty_transport_release(faulty_transport *faulty)
{
    if (--faulty->references > 0) {
        return;
    }
    faulty->inner->class->release(faulty->inner);
    ksi_free(faulty);
}
