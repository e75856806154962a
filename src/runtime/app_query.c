/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_query.c - stores of a running application, for threads that are none of its own.
 *
 * A lookup goes by the tasks this process has, under the application's lock, and takes from them a
 * handle for each store, which stays valid when its task moves or is closed. The lock is held for a
 * look only: nobody waits for records with it. While the application starts it is held for longer,
 * so the state is asked first, which needs no lock.
 *
 * An application may end between the lookup and the first use. Then the handle says so; nothing
 * that is asked here could rule it out.
 *
 * The tempting wrong way is to ask the tasks. They belong to their threads, which free them when
 * they like.
 *
 * Thread rule: any thread, between ks_app_new() and ks_app_free().
 */
#include "runtime/app_query.h"

#include "base/error.h"
#include "runtime/app.h"

#include <string.h>

/* Retained. A standby's rows are not asked: they may be behind. */
static ksi_store_query *find_query(ks_app *app, ksi_task_id id, const char *store)
{
    ksi_store_query *found = NULL;
    ksi_mutex_lock(&app->lock);
    for (size_t i = 0; i < app->task_count && found == NULL; i++) {
        const ksi_task_handle *task = app->tasks[i];
        bool is_it = ksi_task_id_equals(task->id, id);
        ksi_store_query *query =
            is_it && task->wants_active ? ksi_task_rows_query(task->rows, store) : NULL;
        found = query != NULL ? ksi_store_query_retain(query) : NULL;
    }
    ksi_mutex_unlock(&app->lock);
    return found;
}

/* Retained. It ends with the application, so it may have ended since that was said to run. */
static ksi_store_query *find_global_query(ks_app *app, const char *store, ks_error *error)
{
    ksi_mutex_lock(&app->lock);
    const ksi_task_rows *rows = ksi_app_global_rows(app);
    ksi_store_query *query =
        rows != NULL ? ksi_store_query_retain(ksi_task_rows_query(rows, store)) : NULL;
    ksi_mutex_unlock(&app->lock);
    if (query == NULL) {
        ksi_error_set(error, KS_E_STATE, store, "the application has ended meanwhile");
    }
    return query;
}

ksi_store_query *ksi_app_store_query(ks_app *app, const char *store, int32_t partition,
                                     ks_error *error)
{
    ks_app_state state = ks_app_state_of(app);
    if (state != KS_APP_RUNNING) {
        ksi_error_set(error, KS_E_STATE, store,
                      "the application is %s; stores can be read while it is RUNNING",
                      ks_app_state_name(state));
        return NULL;
    }
    const ksi_topology_store *wanted = ksi_topology_store_named(app->topology, store);
    if (wanted == NULL) {
        ksi_error_set(error, KS_E_ARGUMENT, store,
                      "the topology has no store of this name; ks_topology_describe() shows those "
                      "it has");
        return NULL;
    }
    if (wanted->is_global) {
        return find_global_query(app, store, error);
    }
    const ksi_task_id id = {.subtopology = wanted->subtopology, .partition = partition};
    ksi_store_query *query = find_query(app, id, store);
    if (query != NULL) {
        return query;
    }
    ksi_error_set(error, KS_E_ARGUMENT, store,
                  "no task of this application has partition %d of this store; it has as many "
                  "partitions as the topics it is built from, numbered from 0",
                  (int)partition);
    return NULL;
}
