/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_topics.c - which topics an application reads, and so which tasks it has: found at the start,
 * and again when topics come, grow or go.
 *
 * The supervisor looks at the log's topics as often as metadata.max.age.ms says; where there are
 * patterns at least once a second; whenever somebody waits until all is processed; and at once when
 * a thread meets a topic that is not there, or the group turned away a member with other tasks.
 *
 *     patterns match more, or an input has another        this member gives up its tasks as for any
 *     number of partitions; one that a pattern matched,   rebalance, leaves the group, makes the
 *     or of the application's own, is gone                tasks anew and joins
 *     one that the topology names is gone                 the application ends. @java
 *                                                         MissingSourceTopicException
 *
 *     look -> regrouping -> tasks come back, committed -> leave -> assignment, topics -> join
 *
 * What is gone has to be gone in two looks, some time apart: one answer of a cluster in trouble is
 * no reason to end.
 *
 * Members must agree on the tasks, so a group is never joined while another member has the former
 * ones; that one sees the same topics sooner or later, and at once where its group tells it. Until
 * then joining is tried again, each time with the topics of that moment.
 *
 * The tempting wrong way is to add inputs to running tasks: they would have to be opened in every
 * instance between the same two records, and a sub-topology may get more tasks by it.
 *
 * Where the number of tasks grows, changelogs and repartition topics would need more partitions;
 * that is refused by internal_topics.h, as at a start, and ends the application.
 *
 * Thread rule: ksi_app_find_topics() the caller of ks_app_start(), the rest the supervisor; with
 * the application's lock.
 */
#include "runtime/app.h"

#include "base/error.h"
#include "config/config.h"
#include "runtime/internal_topics.h"

#include <inttypes.h>

#define LOOK_MS 1000      /* nothing is sent for a look, so it may be more often than Kafka's */
#define JOIN_AGAIN_MS 100 /* while other members have the former tasks */
/* How long others get to see what this one has seen, and how often a group is bothered by it. */
#define REFUSED_MS 15000
#define REFUSED_AGAIN_MS 1000

static ksi_assignment_options options_of(ks_app *app)
{
    return (ksi_assignment_options){.topology = app->topology,
                                    .application_id = app->application_id,
                                    .transport = app->transport,
                                    .logger = &app->logger};
}

ks_status ksi_app_find_topics(ks_app *app, ks_error *error)
{
    const ksi_assignment_options options = options_of(app);
    KS_TRY(ksi_assignment_make(&app->assignment, &options, error));
    KS_TRY(ksi_internal_topics_make_ready(&app->assignment, app->config, app->transport,
                                          &app->logger, error));
    ksi_progress_init(&app->progress, &app->assignment);
    return KS_OK;
}

bool ksi_app_has_patterns(const ks_app *app)
{
    for (size_t i = 0; i < app->topology->node_count; i++) {
        const ksi_node *node = app->topology->nodes[i];
        if (node->kind == KSI_NODE_SOURCE && node->source.pattern != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- another set of tasks -------------------------------------------------------------------- */

/*
 * With every task back and closed, and so not RUNNING: queries and waiters ask the state first, and
 * want the lock for nothing that takes time.
 */
static ks_status regroup(ks_app *app, ks_error *error)
{
    ks_error reason = {0};
    ksi_app_leave_group(app);
    ksi_progress_destroy(&app->progress);
    ksi_assignment_destroy(&app->assignment);
    KS_TRY(ksi_app_find_topics(app, error));
    app->next_look_ms = ksi_monotonic_ms(app->clock) + JOIN_AGAIN_MS;
    app->next_poll_ms = app->next_look_ms; /* there is no group to ask */
    KS_TRY(ksi_app_look_at_state(app, error));
    ks_status status = ksi_app_join_group(app, &reason);
    if (status == KS_E_TOPOLOGY) {
        ksi_log(&app->logger, KS_LOG_LEVEL_DEBUG, app->name, "not yet in the group: %s",
                reason.message);
        return KS_OK;
    }
    if (status != KS_OK) {
        *error = reason;
        return status;
    }
    app->is_regrouping = false;
    app->is_lost = false;
    app->view = (ksi_group_view){0};
    app->disputes = 0;
    app->next_poll_ms = 0;
    return KS_OK;
}

ks_status ksi_app_take_refusal(ks_app *app, const ks_error *reason, ks_error *error)
{
    const int64_t now_ms = ksi_monotonic_ms(app->clock);
    const int64_t limit_ms = app->has_other_tasks ? app->max_poll_interval_ms : REFUSED_MS;
    if (app->refused_since_ms < 0) {
        app->refused_since_ms = now_ms;
        ksi_log(&app->logger, KS_LOG_LEVEL_WARN, app->name,
                "the group has other tasks; it is joined again for up to %" PRId64
                " ms, in which its members may find other topics: %s",
                limit_ms, reason->message);
    }
    if (now_ms - app->refused_since_ms >= limit_ms) {
        *error = *reason;
        return error->code;
    }
    ksi_app_leave_group(app);
    app->view = (ksi_group_view){0};
    app->is_regrouping = true;
    app->next_look_ms = now_ms + REFUSED_AGAIN_MS;
    return KS_OK;
}

static int64_t look_interval_ms(const ks_app *app)
{
    int64_t age_ms = ksi_config_i64(app->config, "metadata.max.age.ms");
    return age_ms < LOOK_MS || !ksi_app_has_patterns(app) ? age_ms : LOOK_MS;
}

void ksi_app_looked_at_topics(ks_app *app)
{
    app->next_look_ms = ksi_monotonic_ms(app->clock) + look_interval_ms(app);
}

void ksi_app_look_at_topics_soon(ks_app *app)
{
    if (app->missing_since_ms < 0) {
        app->next_look_ms = 0;
    }
}

/* Whether the topics are what the tasks were made for; asked without the lock. */
static ks_status compare_topics(ks_app *app, ksi_topics_change *change, ks_error *error)
{
    const ksi_assignment_options options = options_of(app);
    ksi_mutex_unlock(&app->lock);
    ks_status status = ksi_assignment_compare(&app->assignment, &options, change, error);
    ksi_mutex_lock(&app->lock);
    return status;
}

/* What is gone has to be gone for a while: a second look tells. */
static bool is_certain(ks_app *app, ksi_topics_change change)
{
    const int64_t now_ms = ksi_monotonic_ms(app->clock);
    const int64_t age_ms = ksi_config_i64(app->config, "metadata.max.age.ms");
    const int64_t while_ms = age_ms < LOOK_MS ? age_ms : LOOK_MS;
    if (change < KSI_TOPICS_FEWER) {
        app->missing_since_ms = -1;
        return true;
    }
    if (app->missing_since_ms < 0) {
        app->missing_since_ms = now_ms;
    }
    app->next_look_ms = app->missing_since_ms + while_ms;
    return now_ms >= app->next_look_ms;
}

static ks_status look(ks_app *app, ks_error *error)
{
    ksi_topics_change change = KSI_TOPICS_SAME;
    const uint64_t wanted = app->looks_wanted;
    KS_TRY(compare_topics(app, &change, error));
    ksi_app_looked_at_topics(app);
    app->looks_done = wanted;
    if (!is_certain(app, change) || change == KSI_TOPICS_SAME) {
        return KS_OK;
    }
    app->missing_since_ms = -1;
    app->has_other_tasks = true;
    if (change == KSI_TOPICS_MISSING) {
        return KS_E_UNKNOWN_TOPIC; /* `error` says which */
    }
    ksi_log(&app->logger, KS_LOG_LEVEL_INFO, app->name, "the tasks are made anew");
    app->is_regrouping = true;
    return KS_OK;
}

static ks_status follow(ks_app *app, bool *progressed, ks_error *error)
{
    if (!app->is_regrouping) {
        KS_TRY(look(app, error));
        *progressed = *progressed || app->is_regrouping;
    }
    if (!app->is_regrouping || app->task_count > 0) {
        return KS_OK;
    }
    KS_TRY(regroup(app, error));
    *progressed = *progressed || !app->is_regrouping;
    return KS_OK;
}

ks_status ksi_app_follow_topics(ks_app *app, bool *progressed, ks_error *error)
{
    ks_error reason = {0};
    bool is_due =
        app->looks_wanted > app->looks_done || ksi_monotonic_ms(app->clock) >= app->next_look_ms;
    if (!is_due || !ksi_patience_is_due(&app->patience)) {
        return KS_OK;
    }
    ks_status status = follow(app, progressed, &reason);
    if (status == KS_OK) {
        ksi_patience_settle(&app->patience);
    } else if (ksi_is_retriable(&reason)) {
        return ksi_patience_fail(&app->patience, &reason, error);
    } else {
        *error = reason;
    }
    return status;
}
