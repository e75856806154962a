/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_query.h - the stores of a running application, for threads that are none of its own. The
 * essay is in app_query.c.
 *
 * Thread rule: any thread, between ks_app_new() and ks_app_free().
 */
#ifndef KSI_RUNTIME_APP_QUERY_H
#define KSI_RUNTIME_APP_QUERY_H

#include "state/store_query.h"
#include <kstreams/app.h>

/*
 * The store of one partition, to read from any thread; to be released. A global store is one for
 * all partitions, whatever `partition` says. NULL with KS_E_STATE unless
 * the application is running, KS_E_ARGUMENT for a store or partition that it does not have. The
 * handle answers KS_E_STORE_MIGRATED once its task is closed (state/store_query.h).
 *
 * Takes the application's lock for the look. Its callers may hold no lock of the log while they use
 * the handle: the task may wait for those while it has its stores.
 */
ksi_store_query *ksi_app_store_query(ks_app *app, const char *store, int32_t partition,
                                     ks_error *error);

#endif
