/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thermometers.c - the topology of the guide: the highest reading of each thermometer.
 *
 * Readings that no thermometer of ours can have measured go to a topic of their own, because a
 * single one of them would stay the highest for ever.
 */
#include "thermometers.h"

static bool is_plausible(ks_ctx *ctx, const ks_record *reading, void *user)
{
    (void)ctx;
    (void)user;
    if (ks_value_is_null(reading->value)) {
        return false;
    }
    double celsius = ks_value_f64(reading->value);
    return celsius > -60 && celsius < 60;
}

static ks_value higher(ks_ctx *ctx, ks_value highest, ks_value reading, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(reading) > ks_value_f64(highest) ? reading : highest;
}

void thermometers_topology(ks_builder *b)
{
    ks_stream *readings = ks_builder_stream(
        b, "readings", KS_CONSUMED(.key = &ks_serde_string, .value = &ks_serde_f64));

    ks_split *split = ks_stream_split(readings, NULL);
    ks_stream *plausible = ks_split_branch(split, is_plausible, NULL, NULL);
    ks_stream *broken = ks_split_default_branch(split, NULL);

    ks_grouped_stream *by_thermometer = ks_stream_group_by_key(plausible, NULL);
    ks_table *highest =
        ks_grouped_stream_reduce(by_thermometer, higher, NULL, KS_MATERIALIZED(.name = "highest"));

    ks_stream_to(ks_table_to_stream(highest, NULL), "highest-readings", NULL);
    ks_stream_to(broken, "broken-readings", NULL);
}
