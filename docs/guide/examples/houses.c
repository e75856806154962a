/* SPDX-License-Identifier: Apache-2.0 */
/*
 * houses.c - tables: of a topic, of a table, and of the groups of a table.
 *
 * A thermometer is named after its house and its place: "lake/pier".
 */
#include "houses.h"

#include <stdio.h>

/* ---- a mean, and its serde ------------------------------------------------------------------- */

typedef struct mean {
    double sum;
    int64_t count;
} mean;

static ks_status write_mean(const ks_serde *serde, const ks_serde_ctx *ctx, ks_value value,
                            ks_arena *arena, ks_slice *bytes, ks_error *error)
{
    const mean *m = ks_value_object(value, serde);

    (void)ctx;
    (void)error;
    *bytes = ks_text_format(arena, "%.17g %lld", m->sum, (long long)m->count);
    return KS_OK;
}

static ks_status read_mean(const ks_serde *serde, const ks_serde_ctx *ctx, ks_slice bytes,
                           ks_arena *arena, ks_value *value, ks_error *error)
{
    mean *m = ks_object_new(arena, serde, sizeof *m, value);
    long long count = 0;

    (void)ctx;
    if (sscanf(ks_text_cstr(arena, bytes), "%lf %lld", &m->sum, &count) != 2) {
        return ks_error_set(error, KS_E_SERDE, NULL, "this is no mean");
    }
    m->count = count;
    return KS_OK;
}

static const ks_serde mean_serde = {
    .struct_size = sizeof mean_serde,
    .name = "mean",
    .kind = KS_KIND_OBJECT,
    .serialize = write_mean,
    .deserialize = read_mean,
};

/* ---- callbacks ------------------------------------------------------------------------------- */

static bool is_frost(ks_ctx *ctx, const ks_record *row, void *user)
{
    (void)ctx;
    (void)user;
    return ks_value_f64(row->value) < 0;
}

/* The house is what stands before the slash. */
static ks_pair by_house(ks_ctx *ctx, const ks_record *row, void *user)
{
    ks_slice name = ks_value_text(row->key);
    const char *slash = memchr(name.data, '/', name.size);
    size_t size = slash != NULL ? (size_t)(slash - name.data) : name.size;

    (void)ctx;
    (void)user;
    return (ks_pair){.key = ks_text(ks_slice_of(name.data, size)), .value = row->value};
}

static ks_value nothing_measured(ks_ctx *ctx, void *user)
{
    ks_value value;

    (void)user;
    (void)ks_object_new(ks_ctx_arena(ctx), &mean_serde, sizeof(mean), &value);
    return value;
}

/* The mean with one reading more, or, with a sign of -1, with one less; none when none is left. */
static ks_value changed(ks_ctx *ctx, ks_value aggregate, double celsius, int sign)
{
    const mean *before = ks_value_object(aggregate, &mean_serde);
    ks_value value;
    mean *after = ks_object_new(ks_ctx_arena(ctx), &mean_serde, sizeof *after, &value);

    after->sum = before->sum + sign * celsius;
    after->count = before->count + sign;
    return after->count > 0 ? value : ks_null();
}

static ks_value enters(ks_ctx *ctx, const ks_record *row, ks_value aggregate, void *user)
{
    (void)user;
    return changed(ctx, aggregate, ks_value_f64(row->value), 1);
}

static ks_value leaves(ks_ctx *ctx, const ks_record *row, ks_value aggregate, void *user)
{
    (void)user;
    return changed(ctx, aggregate, ks_value_f64(row->value), -1);
}

static ks_value in_degrees(ks_ctx *ctx, const ks_record *row, void *user)
{
    const mean *m = ks_value_object(row->value, &mean_serde);

    (void)ctx;
    (void)user;
    return ks_f64(m->sum / (double)m->count);
}

/* ---- the topology ---------------------------------------------------------------------------- */

void houses_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;
    const ks_serde *number = &ks_serde_f64;

    ks_table *latest = ks_builder_table(b, "readings", KS_CONSUMED(.key = text, .value = number),
                                        KS_MATERIALIZED(.name = "latest"));

    ks_table *frost = ks_table_filter(latest, is_frost, NULL, NULL);
    ks_stream_to(ks_table_to_stream(frost, NULL), "frost", NULL);

    ks_grouped_table *houses = ks_table_group_by(
        latest, by_house, NULL, KS_GROUPED(.key = text, .value = number, .name = "houses"));
    ks_table *means =
        ks_grouped_table_aggregate(houses, nothing_measured, enters, leaves, NULL,
                                   KS_MATERIALIZED(.name = "means", .value = &mean_serde));
    ks_table *degrees = ks_table_map_values(means, in_degrees, NULL, NULL);
    ks_stream_to(ks_table_to_stream(degrees, NULL), "house-means", KS_PRODUCED(.value = number));
}
