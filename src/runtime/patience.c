/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience.c - see patience.h.
 */
#include "runtime/patience.h"

#include "base/error.h"

#include <inttypes.h>

static ks_status give_up(const ksi_patience *patience, const ks_error *reason, int64_t lasted_ms,
                         ks_error *error)
{
    ks_error last = *reason;
    last.flags &= ~(uint32_t)(KS_ERROR_RETRIABLE | KS_ERROR_ABORT);
    ksi_error_prefix(&last,
                     "tried %" PRId64 " times in %" PRId64 " ms, as long as task.timeout.ms "
                     "allows: ",
                     patience->failures, lasted_ms);
    if (error != NULL) {
        *error = last;
    }
    return last.code;
}

static int64_t pause_ms(const ksi_patience *patience)
{
    int64_t pause_ms = KSI_BACKOFF_MS;
    for (int64_t i = 1; patience->options->backs_off && i < patience->failures; i++) {
        pause_ms = pause_ms * 2 < KSI_BACKOFF_MAX_MS ? pause_ms * 2 : KSI_BACKOFF_MAX_MS;
    }
    return pause_ms;
}

/* Once more since when? */
static int64_t count_failure(ksi_patience *patience)
{
    const int64_t now_ms = ksi_monotonic_ms(patience->options->clock);
    if (patience->since_ms < 0) {
        patience->since_ms = now_ms;
        patience->failures = 0;
    }
    patience->failures++;
    patience->again_ms = now_ms + pause_ms(patience);
    return now_ms - patience->since_ms;
}

void ksi_patience_pause(ksi_patience *patience)
{
    (void)count_failure(patience);
}

ks_status ksi_patience_fail(ksi_patience *patience, const ks_error *reason, ks_error *error)
{
    const ksi_patience_options *options = patience->options;
    const int64_t lasted_ms = count_failure(patience);
    bool is_rebalance = reason->code == KS_E_STATE;
    if (!is_rebalance && lasted_ms >= options->timeout_ms) {
        return give_up(patience, reason, lasted_ms, error);
    }
    if (!is_rebalance && !patience->is_said) {
        char text[sizeof *reason + 64];
        patience->is_said = true;
        ksi_log(options->logger, KS_LOG_LEVEL_WARN, options->who,
                "%s; it is asked again for up to %" PRId64 " ms (task.timeout.ms): %s",
                reason->code == KS_E_UNKNOWN_TOPIC ? "the log has no such topic"
                                                   : "the log does not answer",
                options->timeout_ms, ks_error_text(reason, text, sizeof text));
    }
    return KS_OK;
}

ks_status ksi_judge_unknown_topic(ksi_transport *transport, ks_error *error)
{
    int32_t count = 0;
    bool is_there =
        error->code == KS_E_UNKNOWN_TOPIC &&
        transport->class->partition_count(transport, error->where, &count, NULL) == KS_OK &&
        count > 0;
    return ksi_error_flag(error, is_there ? KS_ERROR_RETRIABLE : 0);
}

bool ksi_patience_is_due(const ksi_patience *patience)
{
    return patience->since_ms < 0 ||
           ksi_monotonic_ms(patience->options->clock) >= patience->again_ms;
}

void ksi_patience_end_outage(ksi_patience *patience)
{
    const ksi_patience_options *options = patience->options;
    if (patience->is_said) {
        ksi_log(options->logger, KS_LOG_LEVEL_INFO, options->who,
                "the log answers again, after %" PRId64 " ms and %" PRId64 " calls that failed",
                ksi_monotonic_ms(options->clock) - patience->since_ms, patience->failures);
    }
    ksi_patience_init(patience, options);
}
