/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience.h - how long somebody puts up with a log that does not answer. @java
 * AbstractTask#maybeInitTaskTimeoutOrThrow, task.timeout.ms
 *
 * A call to the log may fail with an error that is flagged retriable: nothing is known to be wrong,
 * and the same call may be made again. Whoever makes it has one of these, tells it of each failure,
 * and makes the call again in a later turn, not before is_due():
 *
 *     KS_OK                         -> settle()
 *     an error, retriable           -> fail() -> KS_OK: again, in a while
 *                                            -> an error: task.timeout.ms is over; it is final
 *     any other error               -> is not for here
 *
 * An outage is said once when it begins and once when it is over, however many calls fail.
 *
 * A commit that is refused because the group is in a rebalance (KS_E_STATE) is no outage: it is
 * tried again without a word, and has no end but that of the rebalance or of the session.
 *
 * The tempting wrong way is to call again in a loop. Whoever loops can neither be stopped nor
 * called back, and is taken for stuck.
 *
 * Thread rule: its owner's.
 */
#ifndef KSI_RUNTIME_PATIENCE_H
#define KSI_RUNTIME_PATIENCE_H

#include "base/clock.h"
#include "base/logger.h"
#include "transport/transport.h"
#include <kstreams/common.h>
#include <kstreams/config.h>

/* Between two tries: Kafka's defaults of retry.backoff.ms and retry.backoff.max.ms. */
#define KSI_BACKOFF_MS 100
#define KSI_BACKOFF_MAX_MS 1000

/* Whose it is; what it points to outlives it. */
typedef struct ksi_patience_options {
    const char *who; /* in log lines */
    ksi_clock *clock;
    ksi_logger *logger; /* may be NULL */
    int64_t timeout_ms; /* task.timeout.ms */
    bool backs_off;     /* each pause is twice as long as the one before, up to the maximum */
} ksi_patience_options;

typedef struct ksi_patience {
    const ksi_patience_options *options;
    int64_t since_ms; /* when the outage began; negative: the log answers */
    int64_t again_ms; /* when the call may be made again */
    int64_t failures; /* in this outage */
    bool is_said;     /* in the log */
} ksi_patience;

static inline void ksi_patience_init(ksi_patience *patience, const ksi_patience_options *options)
{
    *patience = (ksi_patience){.options = options, .since_ms = -1};
}

/* Whether an error is one that it is for. */
static inline bool ksi_is_retriable(const ks_error *reason)
{
    return (reason->flags & (KS_ERROR_RETRIABLE | KS_ERROR_ABORT | KS_ERROR_FATAL)) ==
           KS_ERROR_RETRIABLE;
}

/*
 * What an error about a topic is. Brokers hear of a new topic one after the other, and who has not
 * heard yet says that there is none: so KS_E_UNKNOWN_TOPIC is retriable while the log has the topic
 * all the same. It asks the log. @java Metadata, which is asked again in that case, too
 */
KS_NODISCARD ks_status ksi_judge_unknown_topic(ksi_transport *transport, ks_error *error);

KS_NODISCARD ks_status ksi_patience_fail(ksi_patience *patience, const ks_error *reason,
                                         ks_error *error);
/* Makes the next try wait as after a failure, and has no end: for what is no outage of the log. */
void ksi_patience_pause(ksi_patience *patience);
/* Whether the call may be made now. */
bool ksi_patience_is_due(const ksi_patience *patience);

void ksi_patience_end_outage(ksi_patience *patience);
/* The call succeeded. */
static inline void ksi_patience_settle(ksi_patience *patience)
{
    if (patience->since_ms >= 0) {
        ksi_patience_end_outage(patience);
    }
}

#endif
