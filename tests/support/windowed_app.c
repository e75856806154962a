/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed_app.c - the topology and its input; see windowed_app.h.
 */
#include "windowed_app.h"

#include "base/endian.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- records --------------------------------------------------------------------------------- */

enum { KEYS_OF_A_PARTITION = 3, STEP_MS = 2000, LATE_MS = 4000, TOO_LATE_MS = 300000 };
enum { SIZE_MS = 10000, ADVANCE_MS = 5000, GAP_MS = 5000, NEAR_MS = 3000, GRACE_MS = 6000 };

ks_slice windowed_app_key(char text[RECORD_PLACE_TEXT], int32_t partition, int64_t offset)
{
    int key = (int)(offset / 2 % KEYS_OF_A_PARTITION);
    return ks_slice_of(text, (size_t)snprintf(text, RECORD_PLACE_TEXT, "p%d-k%d", partition, key));
}

/*
 * Four records share a time; every 40th step is longer than a session and a window. It begins in
 * the year 2100, so that no topic lets go of what is older than its retention.
 */
int64_t windowed_app_time(int64_t offset)
{
    const int64_t begin = 4102444800000;
    int64_t step = offset / 4;
    int64_t time = begin + step * STEP_MS + step / 40 * 3 * SIZE_MS;
    return time - (offset % 61 == 60 ? TOO_LATE_MS : offset % 7 == 3 ? LATE_MS : 0);
}

int64_t windowed_app_jump_ms(int jump)
{
    const int64_t one = 1000000;
    return jump * one;
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
    if (!record_place_read(ks_value_text(record->value), &partition, &offset)) {
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

static void add_windowed(ks_stream *records, windowed_part part, const char *store)
{
    ks_windows hopping = ks_hopping_windows(SIZE_MS, ADVANCE_MS, GRACE_MS);
    ks_windows tumbling = ks_tumbling_windows(SIZE_MS, GRACE_MS);
    ks_windows sliding = ks_sliding_windows(NEAR_MS, GRACE_MS);
    ks_windows sessions = ks_session_windows(GAP_MS, GRACE_MS);
    const struct {
        ks_windows windows;
        ks_emit_strategy emit;
        const char *held_by; /* the name of a suppression; NULL: none */
    } kinds[] = {
        [WINDOWED_HOPPING] = {.windows = hopping},
        [WINDOWED_CLOSED] = {.windows = hopping, .emit = KS_EMIT_ON_WINDOW_CLOSE},
        [WINDOWED_SLIDING] = {.windows = sliding},
        [WINDOWED_CLOSED_SLIDING] = {.windows = sliding, .emit = KS_EMIT_ON_WINDOW_CLOSE},
        [WINDOWED_SESSIONS] = {.windows = sessions},
        [WINDOWED_CLOSED_SESSIONS] = {.windows = sessions, .emit = KS_EMIT_ON_WINDOW_CLOSE},
        [WINDOWED_HELD] = {.windows = tumbling, .held_by = "hold"},
        [WINDOWED_HELD_SESSIONS] = {.windows = sessions, .held_by = "hold-sessions"},
    };
    ks_table *table = aggregate(records, kinds[part].windows, kinds[part].emit, store);
    if (kinds[part].held_by != NULL) {
        table = ks_table_suppress(table, KS_SUPPRESSED(.name = kinds[part].held_by));
    }
    ks_stream_to(ks_table_to_stream(table, NULL), windowed_topics[part], NULL);
}

/* ---- joins ----------------------------------------------------------------------------------- */

static int64_t offset_of(const ks_record *record)
{
    int32_t partition = 0;
    int64_t offset = -1;
    (void)record_place_read(ks_value_text(record->value), &partition, &offset);
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
    char *text = ks_arena_alloc(ks_ctx_arena(ctx), 2 * RECORD_PLACE_TEXT);
    ks_slice sides[2];
    const ks_value values[2] = {left, right};
    (void)key;
    (void)user;
    for (size_t i = 0; i < 2; i++) {
        sides[i] = ks_value_is_null(values[i]) ? ks_slice_of("none", 4) : ks_value_text(values[i]);
    }
    int size =
        snprintf(text, 2 * RECORD_PLACE_TEXT, "%.*s|%.*s", (int)sides[0].size,
                 (const char *)sides[0].data, (int)sides[1].size, (const char *)sides[1].data);
    return ks_text(ks_slice_of(text, (size_t)size));
}

/* One row for four offsets of a partition. */
static ks_value row_named(ks_ctx *ctx, const ks_record *record, void *user)
{
    int32_t partition = 0;
    int64_t offset = 0;
    char *text = ks_arena_alloc(ks_ctx_arena(ctx), RECORD_PLACE_TEXT);
    (void)user;
    if (!record_place_read(ks_value_text(record->value), &partition, &offset)) {
        ks_ctx_fail(ctx, "the value is not PARTITION:OFFSET");
        return ks_null();
    }
    int size = snprintf(text, RECORD_PLACE_TEXT, "row%d-%d", partition, (int)(offset % 4));
    return ks_text(ks_slice_of(text, (size_t)size));
}

static ks_stream *foreign_join(ks_stream *records, ks_stream *right)
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
    return ks_table_to_stream(result, NULL);
}

static ks_stream *waiting_join(ks_stream *left, ks_stream *right)
{
    const ks_serde *text = &ks_serde_string;
    ks_table *versions = ks_stream_to_table(
        right, KS_MATERIALIZED(.name = "versions", .key = text, .value = text,
                               .type = KS_STORE_VERSIONED, .history_retention_ms = 60000));
    return ks_stream_left_join_table(left, versions, joined, NULL,
                                     KS_JOINED(.key = text, .value = text, .name = "wait",
                                               .other_value = text, .with_grace = true,
                                               .grace_ms = GRACE_MS));
}

static void add_join(ks_stream *records, windowed_part part)
{
    const ks_serde *text = &ks_serde_string;
    const ks_stream_joined *serdes =
        KS_STREAM_JOINED(.key = text, .value = text, .other_value = text);
    ks_join_windows near = ks_join_windows_of(NEAR_MS, GRACE_MS);
    ks_stream *left = ks_stream_filter(records, is_left, NULL, NULL);
    ks_stream *right = ks_stream_filter(records, is_right, NULL, NULL);
    ks_stream *result =
        part == WINDOWED_INNER    ? ks_stream_join(left, right, joined, NULL, near, serdes)
        : part == WINDOWED_LEFT   ? ks_stream_left_join(left, right, joined, NULL, near, serdes)
        : part == WINDOWED_OUTER  ? ks_stream_outer_join(left, right, joined, NULL, near, serdes)
        : part == WINDOWED_WAITED ? waiting_join(left, right)
                                  : foreign_join(records, right);
    ks_stream_to(result, windowed_topics[part], KS_PRODUCED(.key = text, .value = text));
}

/* ---- all of it ------------------------------------------------------------------------------- */

const char *const windowed_topics[WINDOWED_PARTS] = {
    "hopping",       "closed", "sliding", "closed-sliding", "sessions", "closed-sessions", "held",
    "held-sessions", "inner",  "left",    "outer",          "waited",   "foreign"};

void windowed_app_build(ks_builder *builder, const char *input, int parts)
{
    const ks_serde *text = &ks_serde_string;
    ks_stream *records = ks_builder_stream(builder, input, KS_CONSUMED(.key = text, .value = text));
    for (int i = 0; i < WINDOWED_PARTS; i++) {
        windowed_part part = (windowed_part)i;
        if ((parts >> i & 1) == 0) {
            continue;
        }
        if (part < WINDOWED_INNER) {
            add_windowed(records, part, windowed_topics[i]);
        } else {
            add_join(records, part);
        }
    }
}
