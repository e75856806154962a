/* SPDX-License-Identifier: Apache-2.0 */
/*
 * median.c - a custom store: a histogram whose counts are rows, and the median it gives.
 */
#include "median.h"

enum { COLDEST = -60, DEGREES = 121 };

/* How many readings there were of each degree. */
typedef struct histogram {
    int64_t counts[DEGREES];
    int64_t total;
} histogram;

/* A row: the degree, one byte, and how many, in the order of this machine's bytes. */
static ks_status load_count(void *state, ks_slice key, ks_slice value, void *user, ks_error *error)
{
    histogram *h = state;
    int64_t count;

    (void)user;
    if (key.size != 1 || (unsigned char)key.data[0] >= DEGREES || value.size != sizeof count) {
        return ks_error_set(error, KS_E_CORRUPT, NULL, "this is no row of a histogram");
    }
    memcpy(&count, value.data, sizeof count);
    h->counts[(unsigned char)key.data[0]] = count;
    h->total += count;
    return KS_OK;
}

static const ks_custom_store_class histogram_class = {
    .struct_size = sizeof histogram_class, .state_size = sizeof(histogram), .load = load_count};

static int64_t median(const histogram *h)
{
    int64_t degree = 0;

    for (int64_t below = h->counts[0]; below * 2 < h->total; below += h->counts[degree]) {
        degree++;
    }
    return degree + COLDEST;
}

static void add_reading(ks_ctx *ctx, const ks_record *reading, void *state, void *user)
{
    ks_custom_store *store = ks_ctx_custom_store(ctx, "histogram");
    histogram *h = ks_custom_store_state(store, &histogram_class);
    double above = ks_value_f64(reading->value) - COLDEST;

    (void)state;
    (void)user;
    if (h == NULL || !(above >= 0 && above < DEGREES)) {
        return;
    }
    size_t degree = (size_t)above;
    h->counts[degree]++;
    h->total++;
    char key = (char)degree;
    ks_custom_store_put(store, ks_slice_of(&key, 1),
                        ks_slice_of((const char *)&h->counts[degree], sizeof *h->counts), NULL);
    ks_record middle = *reading;
    middle.value = ks_i64(median(h));
    ks_ctx_forward(ctx, &middle);
}

static const ks_processor adding = {.struct_size = sizeof adding, .process = add_reading};

void median_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_builder_add_store(b, KS_STORE_BUILDER(.name = "histogram", .kind = KS_STORE_KIND_CUSTOM,
                                             .custom = &histogram_class));
    ks_stream *readings =
        ks_builder_stream(b, "readings", KS_CONSUMED(.key = text, .value = &ks_serde_f64));
    ks_stream *medians = ks_stream_process_values(readings, &adding, NULL,
                                                  KS_CONNECTED(.stores = KS_NAMES("histogram")));
    ks_stream_to(medians, "medians", KS_PRODUCED(.value = &ks_serde_i64));
}
