/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strict.h - readings that come as text, and what becomes of those that are none.
 */
#ifndef GUIDE_STRICT_H
#define GUIDE_STRICT_H

#include <kstreams/kstreams.h>

void strict_topology(ks_builder *b);

/* For `deserialization_handler`, `processing_handler` and `production_handler`. */
ks_failure_answer strict_failure(const ks_failure *failure, void *user);

#endif
