/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_state.c - the states of an application and the steps between them. @java KafkaStreams.State
 *
 *                  +--------------+
 *          +-------|   CREATED    |
 *          |       +------+-------+
 *          |              v
 *          |       +--------------+ <--+
 *          +-------| REBALANCING  |----|--------+
 *          |       +------+-------+    |        |
 *          |              v            |        v
 *          |       +--------------+    |  +---------------+     +-------+
 *          +-------|   RUNNING    |----+->| PENDING_ERROR |---->| ERROR |
 *          v       +--------------+       +---------------+     +-------+
 *   +------------------+     +-------------+
 *   | PENDING_SHUTDOWN |---->| NOT_RUNNING |
 *   +------------------+     +-------------+
 *
 * A step that is not drawn is refused without a word, as Java does where threads race: a failure
 * while the application closes does not stop the closing, and closing an application in ERROR
 * changes nothing.
 *
 * The listener is called with the application's lock held, so that it sees the steps in their
 * order. Java calls it outside its lock, where two steps may be told in the wrong order. That is
 * why the listener must not call back.
 *
 * Thread rule: the holder of the application's lock; reading the state any thread.
 */
#include "runtime/app.h"

#define TO(state) (1u << (state))

static const unsigned steps[] = {
    [KS_APP_CREATED] = TO(KS_APP_REBALANCING) | TO(KS_APP_PENDING_SHUTDOWN),
    [KS_APP_REBALANCING] =
        TO(KS_APP_RUNNING) | TO(KS_APP_PENDING_SHUTDOWN) | TO(KS_APP_PENDING_ERROR),
    [KS_APP_RUNNING] =
        TO(KS_APP_REBALANCING) | TO(KS_APP_PENDING_SHUTDOWN) | TO(KS_APP_PENDING_ERROR),
    [KS_APP_PENDING_SHUTDOWN] = TO(KS_APP_NOT_RUNNING),
    [KS_APP_NOT_RUNNING] = 0,
    [KS_APP_PENDING_ERROR] = TO(KS_APP_ERROR),
    [KS_APP_ERROR] = 0,
};

const char *ks_app_state_name(ks_app_state state)
{
    switch (state) {
    case KS_APP_CREATED:
        return "CREATED";
    case KS_APP_REBALANCING:
        return "REBALANCING";
    case KS_APP_RUNNING:
        return "RUNNING";
    case KS_APP_PENDING_SHUTDOWN:
        return "PENDING_SHUTDOWN";
    case KS_APP_NOT_RUNNING:
        return "NOT_RUNNING";
    case KS_APP_PENDING_ERROR:
        return "PENDING_ERROR";
    case KS_APP_ERROR:
        return "ERROR";
    }
    return "UNKNOWN";
}

ks_app_state ks_app_state_of(const ks_app *app)
{
    return (ks_app_state)atomic_load(&app->state);
}

void ksi_app_tell_waiters(ks_app *app)
{
    app->changes++;
    ksi_condition_wake_all(&app->changed);
}

void ksi_app_on_idle(void *owner)
{
    ks_app *app = owner;
    if (atomic_load(&app->waiters) > 0) {
        ksi_mutex_lock(&app->lock);
        ksi_app_tell_waiters(app);
        ksi_mutex_unlock(&app->lock);
    }
}

bool ksi_app_set_state(ks_app *app, ks_app_state to)
{
    ks_app_state from = ks_app_state_of(app);
    if ((steps[from] & TO(to)) == 0) {
        return false;
    }
    atomic_store(&app->state, (int)to);
    ksi_log(&app->logger, KS_LOG_LEVEL_INFO, app->name, "state transition from %s to %s",
            ks_app_state_name(from), ks_app_state_name(to));
    if (app->listener != NULL) {
        app->listener(from, to, app->user);
    }
    ksi_app_tell_waiters(app);
    return true;
}

bool ksi_app_has_ended(const ks_app *app)
{
    ks_app_state state = ks_app_state_of(app);
    return state == KS_APP_NOT_RUNNING || state == KS_APP_ERROR;
}
