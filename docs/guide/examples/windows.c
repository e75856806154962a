/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.c - aggregations in windows of time: as they change, and when they are final.
 */
#include "windows.h"

/* ---- hours ----------------------------------------------------------------------------------- */

static ks_value higher(ks_ctx *ctx, ks_value highest, ks_value reading, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(reading) > ks_value_f64(highest) ? reading : highest;
}

void hours_topology(ks_builder *b)
{
    ks_stream *readings = ks_builder_stream(
        b, "readings", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_f64));
    ks_grouped_stream *by_thermometer = ks_stream_group_by_key(readings, NULL);

    ks_windowed_stream *hours =
        ks_grouped_stream_windowed_by(by_thermometer, ks_tumbling_windows(HOUR_MS, 10 * MINUTE_MS));
    ks_table *highest = ks_windowed_stream_reduce(hours, higher, NULL,
                                                  KS_MATERIALIZED(.name = "highest-of-hours",
                                                                  .value = &ks_serde_f64,
                                                                  .retention_ms = 24 * HOUR_MS));
    ks_stream_to(ks_table_to_stream(highest, NULL), "highest-so-far", NULL);

    ks_table *final = ks_table_suppress(highest, KS_SUPPRESSED(.until = KS_UNTIL_WINDOW_CLOSES));
    ks_stream_to(ks_table_to_stream(final, NULL), "highest-of-hour", NULL);
}

/* ---- reading what was written under windowed keys -------------------------------------------- */

const ks_serde thermometer_in_hour = KS_TIME_WINDOWED_SERDE(&ks_serde_string, HOUR_MS);

static bool is_hot(ks_ctx *ctx, const ks_record *hour, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(hour->value) > 30;
}

static ks_pair by_thermometer(ks_ctx *ctx, const ks_record *hour, void *user)
{
    const ks_windowed *window = ks_value_windowed(hour->key);
    ks_slice said = ks_text_format(ks_ctx_arena(ctx), "%.1f in hour %lld",
                                   ks_value_f64(hour->value), (long long)(window->start / HOUR_MS));

    (void)user;
    return (ks_pair){.key = window->key, .value = ks_text(said)};
}

void hot_hours_topology(ks_builder *b)
{
    ks_stream *hours = ks_builder_stream(
        b, "highest-of-hour", KS_CONSUMED(.key = &thermometer_in_hour, .value = &ks_serde_f64));
    ks_stream *hot = ks_stream_filter(hours, is_hot, NULL, NULL);
    ks_stream_to(ks_stream_map(hot, by_thermometer, NULL, NULL), "hot-hours",
                 KS_PRODUCED(.key = &ks_serde_string, .value = &ks_serde_string));
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool is_frost(ks_ctx *ctx, const ks_record *reading, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(reading->value) < 0;
}

void frosts_topology(ks_builder *b)
{
    ks_stream *readings = ks_builder_stream(
        b, "readings", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_f64));
    ks_grouped_stream *frosts =
        ks_stream_group_by_key(ks_stream_filter(readings, is_frost, NULL, NULL), NULL);

    ks_windowed_stream *spells =
        ks_grouped_stream_windowed_by(frosts, ks_session_windows(30 * MINUTE_MS, 10 * MINUTE_MS));
    spells = ks_windowed_stream_emit_strategy(spells, KS_EMIT_ON_WINDOW_CLOSE);
    ks_table *lengths = ks_windowed_stream_count(spells, KS_MATERIALIZED(.name = "frosts"));
    ks_stream_to(ks_table_to_stream(lengths, NULL), "frosts", NULL);
}

/* ---- two streams into one aggregate ---------------------------------------------------------- */

static const ks_json_field climate_fields[] = {
    KS_JSON_DOUBLE(climate, highest),
    KS_JSON_INTEGER(climate, openings),
};
static const ks_json_type climate_type = KS_JSON_TYPE(climate, climate_fields);
const ks_serde climate_serde = KS_JSON_SERDE(climate_type);

/* A climate that may be changed, as `from` is, or of an hour of which nothing is known yet. */
static climate *new_climate(ks_ctx *ctx, const climate *from, ks_value *value)
{
    climate *made = ks_object_new(ks_ctx_arena(ctx), &climate_serde, sizeof *made, value);

    *made = from != NULL ? *from : (climate){.highest = -273.15};
    return made;
}

static ks_value nothing_known(ks_ctx *ctx, void *user)
{
    ks_value value;

    (void)user;
    (void)new_climate(ctx, NULL, &value);
    return value;
}

static ks_value add_reading(ks_ctx *ctx, const ks_record *reading, ks_value aggregate, void *user)
{
    double celsius = ks_value_f64(reading->value);
    ks_value value;
    climate *hour = new_climate(ctx, ks_value_object(aggregate, &climate_serde), &value);

    (void)user;
    hour->highest = celsius > hour->highest ? celsius : hour->highest;
    return value;
}

static ks_value add_opening(ks_ctx *ctx, const ks_record *opening, ks_value aggregate, void *user)
{
    ks_value value;

    (void)opening;
    (void)user;
    new_climate(ctx, ks_value_object(aggregate, &climate_serde), &value)->openings++;
    return value;
}

void climate_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_grouped_stream *readings = ks_stream_group_by_key(
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = &ks_serde_f64)), NULL);
    ks_grouped_stream *openings = ks_stream_group_by_key(
        ks_builder_stream(b, "doors", KS_CONSUMED(.key = text, .value = text)), NULL);

    ks_cogrouped_stream *both = ks_grouped_stream_cogroup(readings, add_reading, NULL, NULL);
    both = ks_cogrouped_stream_cogroup(both, openings, add_opening, NULL, NULL);
    ks_table *climates = ks_windowed_cogrouped_stream_aggregate(
        ks_cogrouped_stream_windowed_by(both, ks_tumbling_windows(HOUR_MS, KS_NO_GRACE)),
        nothing_known, NULL, NULL,
        KS_MATERIALIZED(.name = "climates", .key = text, .value = &climate_serde));
    ks_stream_to(ks_table_to_stream(climates, NULL), "climates", NULL);
}
