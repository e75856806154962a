/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_windows.c - the topology; see kill_windows.h. What comes out of it is judged in
 * kill_truth.c.
 */
#include "kill_windows.h"

#include "base/endian.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- records --------------------------------------------------------------------------------- */

enum { KEYS_OF_A_PARTITION = 3, STEP_MS = 2000, LATE_MS = 4000, TOO_LATE_MS = 300000 };
enum { SIZE_MS = 10000, ADVANCE_MS = 5000, GAP_MS = 5000, NEAR_MS = 3000, GRACE_MS = 6000 };

ks_slice kill_windows_key(char text[KILL_TEXT], int32_t partition, int64_t offset)
{
    int key = (int)(offset / 2 % KEYS_OF_A_PARTITION);
    return ks_slice_of(text, (size_t)snprintf(text, KILL_TEXT, "p%d-k%d", partition, key));
}

/*
 * Four records share a time; every 40th step is longer than a session and a window. It begins in
 * the year 2100, so that no topic lets go of what is older than its retention.
 */
int64_t kill_windows_time(int64_t offset)
{
    const int64_t begin = 4102444800000;
    int64_t step = offset / 4;
    int64_t time = begin + step * STEP_MS + step / 40 * 3 * SIZE_MS;
    return time - (offset % 61 == 60 ? TOO_LATE_MS : offset % 7 == 3 ? LATE_MS : 0);
}

/* ---- aggregates ------------------------------------------------------------------------------ */

/* The offsets of two aggregates, in order, each once: eight bytes for each. */
static ks_value both(ks_ctx *ctx, ks_slice a, ks_slice b)
{
    enum { ONE = sizeof(int64_t) };
    unsigned char *all = ks_arena_alloc(ks_ctx_arena(ctx), a.size + b.size + 1);
    size_t size = 0;
    while (a.size > 0 || b.size > 0) {
        int order = a.size == 0 ? 1 : b.size == 0 ? -1 : memcmp(a.data, b.data, ONE);
        memcpy(all + size, order <= 0 ? a.data : b.data, ONE);
        size += ONE;
        if (order <= 0) {
            a = ks_slice_of(a.data + ONE, a.size - ONE);
        }
        if (order >= 0) {
            b = ks_slice_of(b.data + ONE, b.size - ONE);
        }
    }
    return ks_bytes(ks_slice_of(all, size));
}

static ks_value nothing(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_bytes(ks_slice_of("", 0));
}

static ks_value with_offset(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    int32_t partition = 0;
    int64_t offset = 0;
    unsigned char one[sizeof(int64_t)];
    (void)user;
    if (!kill_value_read(ks_value_text(record->value), &partition, &offset)) {
        ks_ctx_fail(ctx, "the value is not PARTITION:OFFSET");
        return ks_null();
    }
    ksi_put_be64(one, (uint64_t)offset);
    return both(ctx, ks_value_bytes(aggregate), ks_slice_of(one, sizeof one));
}

static ks_value merged(ks_ctx *ctx, ks_value key, ks_value a, ks_value b, void *user)
{
    (void)key;
    (void)user;
    return both(ctx, ks_value_bytes(a), ks_value_bytes(b));
}

static ks_table *aggregate(ks_stream *stream, ks_windows windows, ks_emit_strategy emit,
                           const char *store)
{
    ks_windowed_stream *windowed = ks_windowed_stream_emit_strategy(
        ks_grouped_stream_windowed_by(ks_stream_group_by_key(stream, NULL), windows), emit);
    return ks_windowed_stream_aggregate(windowed, nothing, with_offset,
                                        windows.kind == KS_WINDOWS_SESSION ? merged : NULL, NULL,
                                        KS_MATERIALIZED(.name = store, .value = &ks_serde_bytes));
}

static void add_windows(ks_stream *records)
{
    ks_windows hopping = ks_hopping_windows(SIZE_MS, ADVANCE_MS, GRACE_MS);
    ks_windows tumbling = ks_tumbling_windows(SIZE_MS, GRACE_MS);
    ks_windows sliding = ks_sliding_windows(NEAR_MS, GRACE_MS);
    ks_windows sessions = ks_session_windows(GAP_MS, GRACE_MS);
    ks_emit_strategy update = KS_EMIT_ON_WINDOW_UPDATE;
    ks_emit_strategy close = KS_EMIT_ON_WINDOW_CLOSE;

    ks_table *held = aggregate(records, tumbling, update, "held");
    held = ks_table_suppress(held, KS_SUPPRESSED(.name = "hold"));
    ks_table *held_sessions = aggregate(records, sessions, update, "held-sessions");
    held_sessions = ks_table_suppress(held_sessions, KS_SUPPRESSED(.name = "hold-sessions"));
    const struct {
        ks_table *table;
        const char *topic;
    } outputs[] = {
        {aggregate(records, hopping, update, "hopping"), "kill-hopping"},
        {aggregate(records, hopping, close, "closed"), "kill-closed"},
        {aggregate(records, sliding, update, "sliding"), "kill-sliding"},
        {aggregate(records, sliding, close, "closed-sliding"), "kill-closed-sliding"},
        {aggregate(records, sessions, update, "sessions"), "kill-sessions"},
        {aggregate(records, sessions, close, "closed-sessions"), "kill-closed-sessions"},
        {held, "kill-held"},
        {held_sessions, "kill-held-sessions"},
    };
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        ks_stream_to(ks_table_to_stream(outputs[i].table, NULL), outputs[i].topic, NULL);
    }
}

/* ---- joins ----------------------------------------------------------------------------------- */

static int64_t offset_of(const ks_record *record)
{
    int32_t partition = 0;
    int64_t offset = -1;
    (void)kill_value_read(ks_value_text(record->value), &partition, &offset);
    return offset;
}

/* Both sides have records that find none, one or several of the other. */
static bool is_left(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return offset_of(record) % 3 != 0;
}

static bool is_right(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return offset_of(record) % 5 < 2;
}

static ks_value joined(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    char *text = ks_arena_alloc(ks_ctx_arena(ctx), 2 * KILL_TEXT);
    ks_slice sides[2];
    const ks_value values[2] = {left, right};
    (void)key;
    (void)user;
    for (size_t i = 0; i < 2; i++) {
        sides[i] = ks_value_is_null(values[i]) ? ks_slice_of("none", 4) : ks_value_text(values[i]);
    }
    int size =
        snprintf(text, 2 * KILL_TEXT, "%.*s|%.*s", (int)sides[0].size, (const char *)sides[0].data,
                 (int)sides[1].size, (const char *)sides[1].data);
    return ks_text(ks_slice_of(text, (size_t)size));
}

/* One row for four offsets of a partition. */
static ks_value row_named(ks_ctx *ctx, const ks_record *record, void *user)
{
    int32_t partition = 0;
    int64_t offset = 0;
    char *text = ks_arena_alloc(ks_ctx_arena(ctx), KILL_TEXT);
    (void)user;
    if (!kill_value_read(ks_value_text(record->value), &partition, &offset)) {
        ks_ctx_fail(ctx, "the value is not PARTITION:OFFSET");
        return ks_null();
    }
    int size = snprintf(text, KILL_TEXT, "row%d-%d", partition, (int)(offset % 4));
    return ks_text(ks_slice_of(text, (size_t)size));
}

static void add_foreign_key_join(ks_stream *records, ks_stream *right)
{
    const ks_serde *text = &ks_serde_string;
    ks_stream *spread = ks_stream_repartition(
        records, KS_REPARTITIONED(.name = "rows", .key = text, .value = text));
    ks_table *rows =
        ks_stream_to_table(spread, KS_MATERIALIZED(.name = "rows", .key = text, .value = text));
    ks_table *others =
        ks_stream_to_table(ks_stream_select_key(right, row_named, NULL, NULL),
                           KS_MATERIALIZED(.name = "others", .key = text, .value = text));
    ks_table *result = ks_table_left_join_foreign_key(
        rows, others, row_named, joined, NULL,
        KS_TABLE_JOINED(.materialized =
                            KS_MATERIALIZED(.name = "foreign", .key = text, .value = text)));
    ks_stream_to(ks_table_to_stream(result, NULL), "kill-foreign",
                 KS_PRODUCED(.key = text, .value = text));
}

static void add_joins(ks_stream *records)
{
    const ks_serde *text = &ks_serde_string;
    const ks_stream_joined *serdes =
        KS_STREAM_JOINED(.key = text, .value = text, .other_value = text);
    const ks_produced *produced = KS_PRODUCED(.key = text, .value = text);
    ks_join_windows near = ks_join_windows_of(NEAR_MS, GRACE_MS);
    ks_stream *left = ks_stream_filter(records, is_left, NULL, NULL);
    ks_stream *right = ks_stream_filter(records, is_right, NULL, NULL);

    ks_stream_to(ks_stream_join(left, right, joined, NULL, near, serdes), "kill-inner", produced);
    ks_stream_to(ks_stream_left_join(left, right, joined, NULL, near, serdes), "kill-left",
                 produced);
    ks_stream_to(ks_stream_outer_join(left, right, joined, NULL, near, serdes), "kill-outer",
                 produced);
    ks_table *versions = ks_stream_to_table(
        right, KS_MATERIALIZED(.name = "versions", .key = text, .value = text,
                               .type = KS_STORE_VERSIONED, .history_retention_ms = 60000));
    ks_stream_to(ks_stream_left_join_table(left, versions, joined, NULL,
                                           KS_JOINED(.key = text, .value = text, .name = "wait",
                                                     .other_value = text, .with_grace = true,
                                                     .grace_ms = GRACE_MS)),
                 "kill-waited", produced);
    add_foreign_key_join(records, right);
}

void kill_windows_topology(ks_builder *builder)
{
    const ks_serde *text = &ks_serde_string;
    ks_stream *records =
        ks_builder_stream(builder, KILL_INPUT, KS_CONSUMED(.key = text, .value = text));
    add_windows(records);
    add_joins(records);
}
