/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.h - what is known of each thermometer, in stores of different kinds.
 */
#ifndef GUIDE_SEEN_H
#define GUIDE_SEEN_H

#include <kstreams/kstreams.h>

void seen_topology(ks_builder *b);

/* For `rocksdb_config` of an application. */
void seen_tune(const char *store, ks_rocksdb_options *options, void *user);

#endif
