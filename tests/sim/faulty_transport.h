/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faulty_transport.h - the log as one instance sees it: mostly as it is, at times as networks are.
 *
 * It stands between an instance and the log in memory and passes every call on, but for those that
 * a fault was drawn for. What a fault may do is what the interface says may happen, no more: then
 * whatever goes wrong afterwards is a mistake of the library.
 *
 *     lost answer   the call was executed, and the caller is told that it is not known
 *     lost request  the same answer, and nothing was executed
 *     refusal       nothing was executed, and never will be
 *     fenced        a producer is told that another one has its id
 *     quiet         a partition answers "nothing new" for a while
 *     outage        for a while nothing is executed and no call is answered, as when a network or a
 *                   broker is gone; every call says so, flagged retriable
 *     meanwhile     a call takes so long that others go on, perhaps long enough to be given the
 *                   tasks of the one that waits
 *     death         from one call on, nothing is executed any more, in the middle of a step or not;
 *                   whoever steps the instance then drops it as a crash does
 *
 * Without transactions. A producer of the log in memory writes out what it gathered when it is
 * closed, which no crash does. So this one gathers in a transaction of its own below, passes it on
 * when the log's would have, and drops it with the instance.
 *
 * Sabotage. A checker that never complains proves nothing. With one of these the transport breaks a
 * promise on purpose, and the checks of the simulation have to find out.
 *
 * Thread rule: one thread; nothing here locks.
 */
#ifndef TESTS_SIM_FAULTY_TRANSPORT_H
#define TESTS_SIM_FAULTY_TRANSPORT_H

#include "base/clock.h"
#include "sim_trace.h"
#include "transport/transport.h"

typedef enum faulty_sabotage {
    SABOTAGE_NONE,
    SABOTAGE_OFFSETS_FIRST, /* a commit is two: offsets, then records */
    SABOTAGE_ABORT_COMMITS, /* what was to be dropped is written */
    SABOTAGE_COMMIT_TWICE,  /* asking again for a lost answer executes again */
    SABOTAGE_NO_FENCING,    /* generations are not looked at */
    SABOTAGE_POLL_SKIPS,    /* a record now and then is not read */
    SABOTAGE_SEND_FORGETS,  /* a record now and then is not written */
    SABOTAGE_FLUSH_FORGETS, /* a flush returns before anything is written */
    SABOTAGE_FALSE_SUCCESS, /* a commit that was refused is said to have succeeded */
    SABOTAGE_COUNT
} faulty_sabotage;

const char *faulty_sabotage_name(faulty_sabotage sabotage);

/* How often, in 10,000 calls. */
typedef struct faulty_odds {
    int64_t lost_answer;  /* of a commit or a flush */
    int64_t lost_request; /* of a commit */
    int64_t refusal;      /* of a commit or a flush */
    int64_t fenced;       /* of a commit */
    int64_t bad_send;
    int64_t bad_poll;
    int64_t bad_look; /* committed offsets cannot be read, records cannot be deleted */
    int64_t quiet;    /* of a poll */
    int64_t lost_heartbeat;
    int64_t meanwhile; /* others go on in the middle of a call */
} faulty_odds;

typedef struct faulty_transport {
    ksi_transport transport; /* first */
    int references;
    ksi_transport *inner;
    ksi_clock *clock;
    sim_random *random;
    sim_trace *trace;
    char name[16]; /* in the trace */
    faulty_odds odds;
    faulty_sabotage sabotage;
    bool is_enabled;         /* faults happen */
    bool is_dead;            /* nothing is executed */
    int64_t calls_left;      /* until it dies; negative: it does not */
    bool dies_after;         /* the last call is executed, its answer is not seen */
    int64_t outage_until_ns; /* nothing is answered before */
    int64_t disturbances;    /* faults after which records may be there twice at least once */
    uint64_t producers;
    void (*meanwhile)(void *user); /* lets others go on; NULL: nobody */
    void *user;
} faulty_transport;

/* With one reference; retains the other one. */
faulty_transport *faulty_transport_new(ksi_transport *inner, const char *name, ksi_clock *clock,
                                       sim_random *random, sim_trace *trace);
void faulty_transport_release(faulty_transport *faulty);

/* ---- for its own files ----------------------------------------------------------------------- */

/* What becomes of a call. */
typedef enum faulty_fate {
    FATE_DO,        /* nothing unusual */
    FATE_DO_LOSE,   /* executed, the answer is lost */
    FATE_NOT_KNOWN, /* not executed, the answer says nothing */
    FATE_REFUSE,    /* not executed, and it is said */
    FATE_FENCE
} faulty_fate;

/* Of a commit, a flush; and of a call that goes wrong with these odds or not. */
faulty_fate faulty_draw_commit(faulty_transport *faulty, const char *what);
faulty_fate faulty_draw(faulty_transport *faulty, const char *what, int64_t odds);
/* KS_OK for FATE_DO; else the error of a fate. */
ks_status faulty_answer(faulty_fate fate, const char *where, ks_error *error);
bool faulty_strikes(faulty_transport *faulty, int64_t odds);
/* Whether nothing is answered now. */
bool faulty_is_out(const faulty_transport *faulty);
/* KS_OK, or what a call answers in an outage. */
ks_status faulty_reach(const faulty_transport *faulty, const char *where, ks_error *error);
/* At the beginning of a call: others go on, now and then. */
void faulty_meanwhile(faulty_transport *faulty);

ksi_producer *faulty_producer_open(ksi_transport *transport, const ksi_producer_options *options,
                                   ks_error *error);
ksi_consumer *faulty_consumer_open(ksi_transport *transport, ksi_reads reads, ks_error *error);
ksi_membership *faulty_join(ksi_transport *transport, const ksi_member_options *options,
                            int64_t now_ms, ks_error *error);

#endif
