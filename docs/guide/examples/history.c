/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.c - a versioned table, and a processor that asks it about the past.
 */
#include "history.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static void say_place_of_then(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    ks_versioned_store *places = ks_ctx_versioned_store(ctx, "places");
    ks_version then;

    (void)state;
    (void)user;
    if (ks_versioned_store_get_as_of(places, reading->key, reading->timestamp, NULL, &then, NULL) !=
        KS_OK) {
        return; /* the record has failed */
    }
    ks_record said = *reading;
    said.value = then.value; /* null when it hung nowhere */
    ks_ctx_forward(ctx, &said);
}

static const ks_processor placing = {.struct_size = sizeof placing, .process = say_place_of_then};

void history_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    (void)ks_builder_table(b, "thermometer-places", KS_CONSUMED(.key = text, .value = text),
                           KS_MATERIALIZED(.name = "places", .type = KS_STORE_VERSIONED,
                                           .history_retention_ms = 30 * DAY_MS));
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = &ks_serde_f64));
    ks_stream *placed = ks_stream_process_values(readings, &placing, NULL,
                                                 KS_CONNECTED(.stores = KS_NAMES("places")));
    ks_stream_to(placed, "measured-at", KS_PRODUCED(.value = text));
}
