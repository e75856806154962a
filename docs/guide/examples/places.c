/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places.c - a global table, and a processor that looks things up in it.
 */
#include "places.h"

static void say_place(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    ks_key_value_store *places = ks_ctx_key_value_store(ctx, "places");
    ks_value place = ks_key_value_store_value(places, reading->key);

    (void)state;
    (void)user;
    if (ks_value_is_null(place)) {
        place = ks_text_of("a place unknown");
    }
    ks_slice name = ks_value_text(place);
    ks_record said = *reading;
    said.value = ks_text(ks_text_format(ks_ctx_arena(ctx), "%.1f in %.*s",
                                        ks_value_f64(reading->value), KS_SLICE_ARGS(name)));
    ks_ctx_forward(ctx, &said);
}

static const ks_processor placing = {.struct_size = sizeof placing, .process = say_place};

void places_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    (void)ks_builder_global_table(b, "thermometer-places", KS_CONSUMED(.key = text, .value = text),
                                  KS_MATERIALIZED(.name = "places"));
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = &ks_serde_f64));
    ks_stream *placed = ks_stream_process_values(readings, &placing, NULL, NULL);
    ks_stream_to(placed, "placed-readings", KS_PRODUCED(.value = text));
}
