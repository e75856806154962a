/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_model.c - see kill_model.h.
 */
#include "kill_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- records --------------------------------------------------------------------------------- */

enum { KEYS_OF_A_PARTITION = KILL_KEYS / KILL_PARTITIONS };

kill_place kill_place_of(bool repartitions, int32_t partition, int64_t offset)
{
    if (!repartitions) {
        return (kill_place){.key = partition * KEYS_OF_A_PARTITION +
                                   (int)(offset % KEYS_OF_A_PARTITION),
                            .number = (size_t)(offset / KEYS_OF_A_PARTITION)};
    }
    return (kill_place){.key = (int)(offset % KILL_KEYS),
                        .number = (size_t)(offset / KILL_KEYS * KILL_PARTITIONS + partition)};
}

ks_slice kill_key_text(char text[RECORD_PLACE_TEXT], int key)
{
    return ks_slice_of(text, (size_t)snprintf(text, RECORD_PLACE_TEXT, "k%02d", key));
}

int kill_key_of(ks_slice text)
{
    char expected[RECORD_PLACE_TEXT];
    for (int key = 0; key < KILL_KEYS; key++) {
        if (ks_slice_equal(text, kill_key_text(expected, key))) {
            return key;
        }
    }
    return -1;
}

/* ---- topology -------------------------------------------------------------------------------- */

static bool place_of_record(const ks_record *record, bool repartitions, kill_place *place)
{
    int32_t partition = 0;
    int64_t offset = 0;
    if (!record_place_read(ks_value_text(record->value), &partition, &offset)) {
        return false;
    }
    *place = kill_place_of(repartitions, partition, offset);
    return true;
}

static ks_value chosen_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    kill_place place = {0};
    char *text = ks_arena_alloc(ks_ctx_arena(ctx), RECORD_PLACE_TEXT);
    if (!place_of_record(record, *(const bool *)user, &place)) {
        ks_ctx_fail(ctx, "the value is not PARTITION:OFFSET");
        return ks_null();
    }
    return ks_text(kill_key_text(text, place.key));
}

static ks_value no_numbers(ks_ctx *ctx, void *user)
{
    (void)user;
    void *bits = ks_arena_alloc(ks_ctx_arena(ctx), KILL_NUMBER_BYTES);
    memset(bits, 0, KILL_NUMBER_BYTES);
    return ks_bytes(ks_slice_of(bits, KILL_NUMBER_BYTES));
}

static ks_value with_number(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    kill_place place = {0};
    if (!place_of_record(record, *(const bool *)user, &place) ||
        place.number >= KILL_MOST_NUMBERS) {
        ks_ctx_fail(ctx, "the value is not PARTITION:OFFSET, or the offset is too high");
        return ks_null();
    }
    unsigned char *bits = ks_arena_alloc(ks_ctx_arena(ctx), KILL_NUMBER_BYTES);
    memcpy(bits, ks_value_bytes(aggregate).data, KILL_NUMBER_BYTES);
    bits[place.number / 8] = (unsigned char)(bits[place.number / 8] | 1u << place.number % 8);
    return ks_bytes(ks_slice_of(bits, KILL_NUMBER_BYTES));
}

static ks_value own_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)user;
    return record->value;
}

static ks_value no_row(ks_ctx *ctx, void *user)
{
    (void)ctx;
    (void)user;
    return ks_null();
}

/* The value many times, up to KILL_ROW_BYTES. */
static ks_value long_row(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    ks_slice value = ks_value_text(record->value);
    char *row = ks_arena_alloc(ks_ctx_arena(ctx), KILL_ROW_BYTES);
    (void)aggregate;
    (void)user;
    for (size_t i = 0; i < KILL_ROW_BYTES; i++) {
        row[i] = value.data[i % value.size];
    }
    return ks_bytes(ks_slice_of(row, KILL_ROW_BYTES));
}

static ks_value sum(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(aggregate) + ks_value_i64(value));
}

static ks_value difference(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    (void)ctx;
    (void)user;
    return ks_i64(ks_value_i64(aggregate) - ks_value_i64(value));
}

static ks_pair same_pair(ks_ctx *ctx, const ks_record *row, void *user)
{
    (void)ctx;
    (void)user;
    return (ks_pair){row->key, row->value};
}

/* Restored ahead of what was processed, or behind, the table would give wrong old values. */
static void add_latest(ks_builder *builder)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_i64;
    ks_table *latest =
        ks_builder_table(builder, KILL_OUTPUT, KS_CONSUMED(.key = text, .value = number),
                         KS_MATERIALIZED(.name = "latest"));
    ks_grouped_table *same =
        ks_table_group_by(latest, same_pair, NULL, KS_GROUPED(.key = text, .value = number));
    (void)ks_grouped_table_reduce(same, sum, difference, NULL,
                                  KS_MATERIALIZED(.name = "sums", .value = number));
}

void kill_topology(ks_builder *builder, const bool *repartitions)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *bytes = &ks_serde_bytes;
    void *user = (void *)(uintptr_t)repartitions; /* read only */

    ks_stream *records =
        ks_builder_stream(builder, KILL_INPUT, KS_CONSUMED(.key = text, .value = text));
    ks_grouped_stream *by_key =
        *repartitions
            ? ks_stream_group_by(records, chosen_key, user, KS_GROUPED(.key = text, .value = text))
            : ks_stream_group_by_key(records, NULL);
    ks_table *counts = ks_grouped_stream_count(by_key, KS_MATERIALIZED(.name = "counts"));
    ks_stream_to(ks_table_to_stream(counts, NULL), KILL_OUTPUT, NULL);
    (void)ks_grouped_stream_aggregate(by_key, no_numbers, with_number, user,
                                      KS_MATERIALIZED(.name = "numbers", .value = bytes));
    add_latest(builder);
    if (*repartitions) {
        ks_grouped_stream *by_record = ks_stream_group_by(
            records, own_key, NULL, KS_GROUPED(.key = text, .value = text, .name = "records"));
        (void)ks_grouped_stream_aggregate(by_record, no_row, long_row, NULL,
                                          KS_MATERIALIZED(.name = "rows", .value = bytes));
    }
}
