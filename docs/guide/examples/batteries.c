/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batteries.c - a serde of one's own.
 *
 * On the topic a reading is text such as "21.5 87": degrees, a blank, percent.
 */
#include "batteries.h"

#include <stdio.h>

static ks_status write_reading(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                               ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const reading *r = ks_value_object(value, serde);

    (void)ctx;
    (void)error;
    *bytes = ks_text_format(arena, "%.1f %d", r->celsius, r->battery);
    return KS_OK;
}

static ks_status read_reading(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                              ks_arena *arena, ks_value *value, ks_error *error)
{
    reading *r = ks_object_new(arena, serde, sizeof *r, value);

    (void)ctx;
    if (sscanf(ks_text_cstr(arena, bytes), "%lf %d", &r->celsius, &r->battery) != 2) {
        return ks_error_set(error, KS_E_SERDE, NULL,
                            "a reading is two numbers such as \"21.5 87\", not \"%.*s\"",
                            KS_SLICE_ARGS(bytes));
    }
    return KS_OK;
}

const ks_serde reading_serde = {
    .struct_size = sizeof reading_serde,
    .name = "reading",
    .kind = KS_KIND_OBJECT,
    .serialize = write_reading,
    .deserialize = read_reading,
};

static bool is_low(ks_ctx *ctx, const ks_record *record, void *user)
{
    const reading *r = ks_value_object(record->value, &reading_serde);

    (void)ctx;
    (void)user;
    return r != NULL && r->battery < 10;
}

static ks_value say_battery(ks_ctx *ctx, const ks_record *record, void *user)
{
    const reading *r = ks_value_object(record->value, &reading_serde);
    ks_slice name = ks_value_text(record->key);

    (void)user;
    return ks_text(
        ks_text_format(ks_ctx_arena(ctx), "%.*s has %d %% left", KS_SLICE_ARGS(name), r->battery));
}

void batteries_topology(ks_builder *b)
{
    ks_stream *readings = ks_builder_stream(
        b, "readings", KS_CONSUMED(.key = &ks_serde_string, .value = &reading_serde));
    ks_stream *low = ks_stream_filter(readings, is_low, NULL, NULL);
    ks_stream *notes = ks_stream_map_values(low, say_battery, NULL, NULL);

    ks_stream_to(low, "low-batteries", NULL);
    ks_stream_to(notes, "battery-notes", KS_PRODUCED(.value = &ks_serde_string));
}
