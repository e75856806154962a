/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - a versioned table: where a thermometer hung when it measured.
 */
#ifndef GUIDE_HISTORY_H
#define GUIDE_HISTORY_H

#include <kstreams/kstreams.h>

void history_topology(ks_builder *b);

#endif
