/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_topics.c - which topics an application reads, and so which tasks it has: found at the start,
 * and again when topics come and go that patterns match, or grow.
 *
 * The supervisor looks at the log's topics as often as metadata.max.age.ms says; where there are
 * patterns at least once a second, and whenever somebody waits until all is processed. When
 * patterns match others than the tasks were made for, or an input has another number of partitions
 * by now, this member gives up its tasks as for any rebalance, leaves the group, makes the tasks
 * anew and joins:
 *
 *     look -> regrouping -> tasks come back, committed -> leave -> assignment, topics -> join
 *
 * Members must agree on the tasks, so a group is never joined while another member has the former
 * ones; that one sees the same topics and leaves within a second. Until then joining is tried
 * again, each time with the topics of that moment.
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

#define LOOK_MS 1000      /* nothing is sent for a look, so it may be more often than Kafka's */
#define JOIN_AGAIN_MS 100 /* while other members have the former tasks */

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
    app->next_poll_ms = 0;
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

/* Whether the topics are what the tasks were made for; asked without the lock. */
static ks_status check_topics(ks_app *app, bool *are_current, ks_error *error)
{
    const ksi_assignment_options options = options_of(app);
    ksi_mutex_unlock(&app->lock);
    ks_status status = ksi_assignment_is_current(&app->assignment, &options, are_current, error);
    ksi_mutex_lock(&app->lock);
    return status;
}

static ks_status look(ks_app *app, ks_error *error)
{
    bool are_current = true;
    const uint64_t wanted = app->looks_wanted;
    KS_TRY(check_topics(app, &are_current, error));
    ksi_app_looked_at_topics(app);
    app->looks_done = wanted;
    if (!are_current) {
        ksi_log(&app->logger, KS_LOG_LEVEL_INFO, app->name,
                "other topics match the patterns of the topology by now, or topics have another "
                "number of partitions: the tasks are made anew");
        app->is_regrouping = true;
    }
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
