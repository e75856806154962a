/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derived_table.c - filter, filterNot, mapValues and transformValues of a table. @java
 * KTableFilter, KTableMapValues, KTableTransformValues
 *
 * The node turns both halves of a change into values of its own table. When the table is
 * materialized its old value stands in the store; otherwise it is worked out from the parent's, so
 * that the function is called twice for a change: it must answer the same for the same value, or
 * what is added downstream is not what is subtracted later. When nobody wants old values they are
 * null and the function is called once.
 *
 * A value that a filter keeps back is a deletion, for a key whose row may be there. When old values
 * come in anyway the filter knows whether it was, and keeps silent about a row that was not there
 * before and is not now; so it asks its parent for old values as soon as the parent has them
 * (dsl/table.c). mapValues and transformValues forward such changes.
 *
 * Of a versioned table the old value is not what the row was before (an update may be older than
 * the latest), so nothing follows from it, and a filter forwards every change.
 *
 * Null is never given to a predicate or a mapper: a deletion stays one. A transformer is asked
 * about it, too, and may make a value of it.
 */
#include "ops/derived_table.h"

#include "base/arena.h"
#include "base/error.h"
#include "ops/table_store.h"

/* ---- values ---------------------------------------------------------------------------------- */

void ksi_derivation_open(ksi_derivation *derivation, ks_ctx *ctx, const ksi_derived_table *how)
{
    const ks_value_transformer *transformer = how->transformer;
    *derivation = (ksi_derivation){.how = how};
    if (transformer == NULL) {
        return;
    }
    derivation->state = ksi_ctx_state(ctx, transformer->state_size);
    if (transformer->init != NULL) {
        transformer->init(ctx, derivation->state, how->user);
    }
}

void ksi_derivation_close(ksi_derivation *derivation)
{
    const ks_value_transformer *transformer = derivation->how->transformer;
    if (transformer != NULL && transformer->close != NULL) {
        transformer->close(derivation->state, derivation->how->user);
    }
}

ks_value ksi_derive(const ksi_derivation *derivation, ks_ctx *ctx, const ks_record *record)
{
    const ksi_derived_table *how = derivation->how;
    if (how->transformer != NULL) {
        return how->transformer->transform(ctx, record, derivation->state, how->user);
    }
    if (ks_value_is_null(record->value)) {
        return ks_null();
    }
    if (how->map != NULL) {
        return how->map(ctx, record, how->user);
    }
    return how->keep(ctx, record, how->user) != how->negated ? record->value : ks_null();
}

/* ---- the node -------------------------------------------------------------------------------- */

typedef struct derived_state {
    ksi_table_store table;
    ksi_derivation derivation;
} derived_state;

static ks_status derived_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_derived_table *how = config;
    derived_state *here = state;
    KS_TRY(ksi_table_store_open(&here->table, ctx, &how->table, error));
    ksi_derivation_open(&here->derivation, ctx, how);
    return KS_OK;
}

static ks_value derive_from(derived_state *here, ks_ctx *ctx, const ks_record *record,
                            ks_value value)
{
    ks_record given = *record;
    given.value = value;
    return ksi_derive(&here->derivation, ctx, &given);
}

/* What the table's row was; null when nobody wants to know. */
static ks_value old_value(derived_state *here, ks_ctx *ctx, const ks_record *record)
{
    if (!here->table.send_old_values) {
        return ks_null();
    }
    if (!ksi_table_is_materialized(&here->table)) {
        return derive_from(here, ctx, record, ksi_value_change(record->value)->old_value);
    }
    ksi_table_row row;
    return ksi_table_store_get(&here->table, record->key, &row) ? row.value : ks_null();
}

static void derived_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_derived_table *how = config;
    derived_state *here = state;
    ks_value new_value = derive_from(here, ctx, record, ksi_value_change(record->value)->new_value);
    ks_value old = ksi_ctx_failed(ctx) ? ks_null() : old_value(here, ctx, record);
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    bool is_nothing = how->keep != NULL && !how->is_of_versioned && here->table.send_old_values &&
                      ks_value_is_null(old) && ks_value_is_null(new_value);
    if (!is_nothing) {
        ksi_table_store_update(&here->table, record, new_value, old);
    }
}

static void derived_close(const void *config, void *state)
{
    (void)config;
    ksi_derivation_close(&((derived_state *)state)->derivation);
}

static const ksi_processor_class derived_class = {.state_size = sizeof(derived_state),
                                                  .init = derived_init,
                                                  .process = derived_process,
                                                  .close = derived_close};

static const ksi_processor_class transformed_class = {.state_size = sizeof(derived_state),
                                                      .init = derived_init,
                                                      .process = derived_process,
                                                      .close = derived_close,
                                                      .is_program = true,
                                                      .only_answers = true};

ksi_processor ksi_op_derived_table(const ksi_derived_table *derived)
{
    bool is_transformed = derived->transformer != NULL;
    return (ksi_processor){.class = is_transformed ? &transformed_class : &derived_class,
                           .config = derived};
}
