/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joins.c - joins: of a stream with a table, of two streams, of two tables.
 */
#include "joins.h"

static const ks_serde *const text = &ks_serde_string;
static const ks_serde *const number = &ks_serde_f64;

/* ---- a stream with a table ------------------------------------------------------------------- */

static ks_value say_place(ks_ctx *ctx, ks_value key, ks_value reading, ks_value place, void *user)
{
    ks_slice name = ks_value_is_null(place) ? ks_slice_cstr("nowhere") : ks_value_text(place);

    (void)key;
    (void)user;
    return ks_text(ks_text_format(ks_ctx_arena(ctx), "%.1f in %.*s", ks_value_f64(reading),
                                  KS_SLICE_ARGS(name)));
}

void placed_topology(ks_builder *b)
{
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = number));
    ks_table *places =
        ks_builder_table(b, "thermometer-places", KS_CONSUMED(.key = text, .value = text), NULL);

    ks_stream *placed = ks_stream_left_join_table(readings, places, say_place, NULL, NULL);
    ks_stream_to(placed, "placed-readings", KS_PRODUCED(.value = text));
}

void placed_then_topology(ks_builder *b)
{
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = number));
    ks_table *places =
        ks_builder_table(b, "thermometer-places", KS_CONSUMED(.key = text, .value = text),
                         KS_MATERIALIZED(.name = "places", .type = KS_STORE_VERSIONED,
                                         .history_retention_ms = 60 * MINUTE_MS));

    ks_stream *placed =
        ks_stream_left_join_table(readings, places, say_place, NULL,
                                  KS_JOINED(.with_grace = true, .grace_ms = 10 * MINUTE_MS));
    ks_stream_to(placed, "placed-readings", KS_PRODUCED(.value = text));
}

/* ---- a stream with a stream ------------------------------------------------------------------ */

static bool is_too_warm(ks_ctx *ctx, const ks_record *reading, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(reading->value) > 8;
}

static ks_value say_why(ks_ctx *ctx, ks_value key, ks_value reading, ks_value who, void *user)
{
    ks_arena *arena = ks_ctx_arena(ctx);
    double celsius = ks_value_f64(reading);

    (void)key;
    (void)user;
    if (ks_value_is_null(who)) {
        return ks_text(ks_text_format(arena, "%.1f, and nobody was there", celsius));
    }
    return ks_text(
        ks_text_format(arena, "%.1f, %.*s opened it", celsius, KS_SLICE_ARGS(ks_value_text(who))));
}

void fridges_topology(ks_builder *b)
{
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = number));
    ks_stream *doors = ks_builder_stream(b, "doors", KS_CONSUMED(.key = text, .value = text));
    ks_stream *warm = ks_stream_filter(readings, is_too_warm, NULL, NULL);

    /* The door was opened at most five minutes before the reading, and not behind it. */
    ks_join_windows soon_after = ks_join_windows_between(5 * MINUTE_MS, 0, 1 * MINUTE_MS);
    ks_stream *explained =
        ks_stream_left_join(warm, doors, say_why, NULL, soon_after,
                            KS_STREAM_JOINED(.key = text, .value = number, .other_value = text));
    ks_stream_to(explained, "warm-fridges", KS_PRODUCED(.key = text, .value = text));
}

/* ---- tables ---------------------------------------------------------------------------------- */

static ks_value what_is_missing(ks_ctx *ctx, ks_value key, ks_value measured, ks_value wanted,
                                void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return ks_f64(ks_value_f64(wanted) - ks_value_f64(measured));
}

void wanted_topology(ks_builder *b)
{
    ks_table *measured =
        ks_builder_table(b, "readings", KS_CONSUMED(.key = text, .value = number), NULL);
    ks_table *wanted =
        ks_builder_table(b, "wanted", KS_CONSUMED(.key = text, .value = number), NULL);

    ks_table *missing =
        ks_table_join(measured, wanted, what_is_missing, NULL, KS_MATERIALIZED(.value = number));
    ks_stream_to(ks_table_to_stream(missing, NULL), "missing", NULL);
}

/* ---- tables by a foreign key ----------------------------------------------------------------- */

/* A thermometer's row is the name of its house. */
static ks_value house_of(ks_ctx *ctx, const ks_record *thermometer, void *user)
{
    (void)ctx;
    (void)user;
    return thermometer->value;
}

static ks_value owner_of(ks_ctx *ctx, ks_value key, ks_value house, ks_value owner, void *user)
{
    (void)ctx;
    (void)key;
    (void)house;
    (void)user;
    return owner;
}

void owners_topology(ks_builder *b)
{
    ks_table *thermometers =
        ks_builder_table(b, "thermometers", KS_CONSUMED(.key = text, .value = text), NULL);
    ks_table *houses = ks_builder_table(b, "houses", KS_CONSUMED(.key = text, .value = text), NULL);

    ks_table *owners =
        ks_table_join_foreign_key(thermometers, houses, house_of, owner_of, NULL, NULL);
    ks_stream_to(ks_table_to_stream(owners, NULL), "owners", KS_PRODUCED(.value = text));
}
