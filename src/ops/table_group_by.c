/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_group_by.c - the changes of a table under the keys of its groups. @java
 * KTableRepartitionMap
 *
 * A row of the table that changes leaves the group it was in and enters the one it is in now. While
 * both are the same group one record says so, with the old value to subtract and the new one to
 * add; otherwise the record that leaves goes first. A null key is a failure. A row whose selected
 * key or value is null belongs to no group; nothing is said or counted then.
 *
 * Two groups are the same when their keys are equal, but bytes only when they are the very same
 * bytes in memory, and objects of a user's serde only when they are one object: Java compares keys
 * with equals(), which for arrays is no comparison of their content. What is added and subtracted
 * is the same either way; what differs is whether one record says it or two.
 *
 * An update of a versioned table that is older than the latest of its key changes no group.
 *
 * A program that is being upgraded from a version before 3.5 (upgrade.from) is read by members that
 * know only one of the two at a time: then there are always two records.
 */
#include "config/config.h"
#include "ops/ops.h"
#include "topology/change.h"
#include "topology/context.h"

#include <string.h>

typedef struct group_by_state {
    bool always_two; /* for members that know one value at a time */
} group_by_state;

static ks_status group_by_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const char *version = ksi_config_choice(ctx->config, "upgrade.from");
    (void)config;
    (void)error;
    /* versions are one digit, a point and one digit */
    ((group_by_state *)state)->always_two = version != NULL && strcmp(version, "3.4") <= 0;
    return KS_OK;
}

static bool is_same_group(ks_value a, ks_value b)
{
    if (ks_value_kind(a) == KS_KIND_BYTES && ks_value_kind(b) == KS_KIND_BYTES) {
        return a.bits == b.bits && a.size == b.size;
    }
    return ks_value_equal(a, b);
}

/* The group of a row and what is added to it; a null key: it is in none. */
static ks_pair place(ks_ctx *ctx, const ksi_table_group_by *how, const ks_record *record,
                     ks_value value)
{
    const ks_pair nowhere = {.key = ks_null(), .value = ks_null()};
    if (ks_value_is_null(value) || ksi_ctx_failed(ctx)) {
        return nowhere;
    }
    ks_record row = *record;
    row.value = value;
    ks_pair pair = how->map(ctx, &row, how->user);
    return ks_value_is_null(pair.value) ? nowhere : pair;
}

static void forward_change(ks_ctx *ctx, const ks_record *record, ks_value key,
                           const ksi_change *change)
{
    ks_record out = *record;
    out.key = key;
    out.value = ksi_change_value(change);
    ksi_forward(ctx, &out);
}

static void group_by_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_table_group_by *how = config;
    const group_by_state *here = state;
    if (ks_value_is_null(record->key)) {
        ks_ctx_fail(ctx, "a record of the table that is grouped has no key");
        return;
    }
    const ksi_change *change = ksi_value_change(record->value);
    if (how->is_of_versioned && !change->is_latest) {
        return; /* the groups have the latest row of each key */
    }
    ks_pair new_pair = place(ctx, how, record, change->new_value);
    ks_pair old_pair = place(ctx, how, record, change->old_value);
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    ksi_change both = {
        .new_value = new_pair.value, .old_value = old_pair.value, .is_latest = change->is_latest};
    bool leaves = !ks_value_is_null(old_pair.key);
    bool enters = !ks_value_is_null(new_pair.key);
    if (leaves && enters && !here->always_two && is_same_group(old_pair.key, new_pair.key)) {
        forward_change(ctx, record, old_pair.key, &both);
        return;
    }
    if (leaves) {
        both.new_value = ks_null();
        forward_change(ctx, record, old_pair.key, &both);
    }
    if (enters && !ksi_ctx_failed(ctx)) {
        both = (ksi_change){.new_value = new_pair.value, .is_latest = change->is_latest};
        forward_change(ctx, record, new_pair.key, &both);
    }
}

static const ksi_processor_class group_by_class = {
    .state_size = sizeof(group_by_state), .init = group_by_init, .process = group_by_process};

ksi_processor ksi_op_table_group_by(const ksi_table_group_by *group_by)
{
    return (ksi_processor){.class = &group_by_class, .config = group_by};
}
