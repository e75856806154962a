/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.c - operations without state: one line into several records, keys, users' pointers, streams
 * that come together and part again.
 */
#include "hub.h"

#include <stdio.h>
#include <stdlib.h>

/* A line such as "kitchen=21.5 balcony=-3.0" becomes a reading for each word. */
static void each_reading(ks_ctx *ctx, const ks_record *line, void *user)
{
    char name[32];
    double celsius;
    int used = 0;
    const char *rest = ks_text_cstr(ks_ctx_arena(ctx), ks_value_text(line->value));

    (void)user;
    while (rest != NULL && sscanf(rest, " %31[^= ]=%lf%n", name, &celsius, &used) == 2) {
        ks_slice copy = ks_arena_copy(ks_ctx_arena(ctx), ks_slice_cstr(name));
        ks_emit(ctx, ks_text(copy), ks_f64(celsius));
        rest += used;
    }
}

static bool is_above(ks_ctx *ctx, const ks_record *reading, void *user)
{
    const double *limit = user;

    (void)ctx;
    return ks_value_f64(reading->value) > *limit;
}

static ks_value to_fahrenheit(ks_ctx *ctx, const ks_record *reading, void *user)
{
    (void)ctx;
    (void)user;
    return ks_f64(ks_value_f64(reading->value) * 9 / 5 + 32);
}

/* The house stands in a header; without one it is "home". */
static ks_slice topic_of_house(ks_ctx *ctx, const ks_record *reading, void *user)
{
    ks_slice house;

    (void)user;
    if (!ks_headers_last(reading->headers, "house", &house) || house.data == NULL) {
        house = ks_slice_cstr("home");
    }
    return ks_text_format(ks_ctx_arena(ctx), "fahrenheit-%.*s", KS_SLICE_ARGS(house));
}

void hub_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_f64;
    double *frost = malloc(sizeof *frost);
    if (frost == NULL) {
        abort();
    }
    *frost = -60;

    ks_stream *lines =
        ks_builder_stream(b, "hub-lines", KS_CONSUMED(.key = &ks_serde_bytes, .value = text));
    ks_stream *from_hub = ks_stream_flat_map(lines, each_reading, NULL, NULL);
    ks_stream *alone = ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = number));
    ks_stream *all = ks_stream_merge(alone, from_hub, NULL);

    ks_stream *true_ones = ks_stream_filter(all, is_above, frost, KS_NAMED(.user_free = free));
    ks_stream *fahrenheit =
        ks_stream_map_values(true_ones, to_fahrenheit, NULL, KS_NAMED(.name = "to-fahrenheit"));

    ks_stream_to_dynamic(fahrenheit, topic_of_house, NULL,
                         KS_PRODUCED(.key = text, .value = number));
}
