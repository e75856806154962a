/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unnamed.c - stores, changelogs and repartition topics whose names were generated, and refusing
 * them on request (KIP-1111).
 *
 * A generated name holds a number that changes when an operation is added before it, and then the
 * state and the records under the old name are lost to the application.
 * ensure.explicit.internal.resource.naming=true refuses a topology that has any.
 * @java InternalTopologyBuilder#checkUnprovidedNames
 */
#include "dsl/builder.h"

static void append_name(ksi_buffer *list, const char *name, const char *suffix)
{
    ksi_buffer_appendf(list, "%s%s%s", list->size > 0 ? ", " : "", name, suffix);
}

void ksi_note_unnamed_changelog(ks_builder *builder, const char *store)
{
    append_name(&builder->unnamed.changelogs, store, "-changelog");
}

void ksi_note_unnamed_store(ks_builder *builder, const char *store, bool logging)
{
    append_name(&builder->unnamed.stores, store, "");
    if (logging) {
        ksi_note_unnamed_changelog(builder, store);
    }
}

void ksi_note_unnamed_repartition(ks_builder *builder, const char *topic)
{
    append_name(&builder->unnamed.repartitions, topic, "");
}

ks_status ksi_check_unnamed(const ks_builder *builder, ks_error *error)
{
    const ksi_unnamed *unnamed = &builder->unnamed;
    ks_slice changelogs = ksi_buffer_slice(&unnamed->changelogs);
    ks_slice stores = ksi_buffer_slice(&unnamed->stores);
    ks_slice repartitions = ksi_buffer_slice(&unnamed->repartitions);
    if (!builder->wants_names ||
        (stores.size == 0 && changelogs.size == 0 && repartitions.size == 0)) {
        return KS_OK;
    }
    return ksi_error_set(
        error, KS_E_TOPOLOGY, "ensure.explicit.internal.resource.naming",
        "these names were generated and would change with the topology: stores [%.*s], changelog "
        "topics [%.*s], repartition topics [%.*s]; name them with KS_MATERIALIZED(.name), "
        "KS_GROUPED(.name), KS_REPARTITIONED(.name), KS_SUPPRESSED(.name)",
        KS_SLICE_ARGS(stores), KS_SLICE_ARGS(changelogs), KS_SLICE_ARGS(repartitions));
}

void ksi_unnamed_destroy(ksi_unnamed *unnamed)
{
    ksi_buffer_destroy(&unnamed->changelogs);
    ksi_buffer_destroy(&unnamed->stores);
    ksi_buffer_destroy(&unnamed->repartitions);
}
