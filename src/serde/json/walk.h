/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h - the three walks along a table of fields: reading, printing, copying.
 */
#ifndef KSI_SERDE_JSON_WALK_H
#define KSI_SERDE_JSON_WALK_H

#include <kstreams/json.h>

/* For messages: who asks, and where the error goes. */
typedef struct ksi_json_target {
    const char *where; /* the topic, or NULL */
    const char *name;  /* of the type */
    ks_error *error;
} ksi_json_target;

/* `to` is zeroed. */
ks_status ksi_json_read(const ksi_json_target *target, const ks_json_type *type, ks_slice bytes,
                        void *to, ks_arena *arena);

ks_status ksi_json_write(const ksi_json_target *target, const ks_json_type *type, const void *from,
                         ks_arena *arena, ks_slice *bytes);

/* Copies what the members of the struct at `object` point to into `arena`, and points there. */
void ksi_json_own(const ks_json_type *type, char *object, ks_arena *arena);

bool ksi_json_is_trusted(const ks_json_type *type, ks_slice name);

#endif
