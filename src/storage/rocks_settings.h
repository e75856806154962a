/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks_settings.h - what the program wants of RocksDB's options, checked before a database is
 * opened.
 *
 * The program is asked once for the whole database and once for each store, and answers in
 * RocksDB's own words. Its answers are kept as text and given to RocksDB whenever a family or a
 * sorted file is opened, so the program is not called from a stream thread.
 *
 * Thread rule: made and asked by one thread; afterwards any thread may read.
 */
#ifndef KSI_STORAGE_ROCKS_SETTINGS_H
#define KSI_STORAGE_ROCKS_SETTINGS_H

#include "base/error.h"
#include <kstreams/app.h>

typedef struct ksi_rocks_settings ksi_rocks_settings;

ksi_rocks_settings *ksi_rocks_settings_new(void);
void ksi_rocks_settings_free(ksi_rocks_settings *settings); /* accepts NULL */

/*
 * Calls `configure` for a store, or for the whole database when `store` is NULL. KS_E_CONFIG for
 * the first option that cannot be taken. `configure` may be NULL: then nothing is wanted.
 */
KS_NODISCARD ks_status ksi_rocks_settings_ask(ksi_rocks_settings *settings, const char *store,
                                              ks_rocksdb_config_fn *configure, void *user,
                                              ks_error *error);

/* A ksi_rocks_tune_fn: `user` is the settings. */
void ksi_rocks_settings_tune(const char *family, void *options, void *user);

#endif
