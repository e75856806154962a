/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_view.h - how a table is read by the nodes of other operations. @java
 * KTableValueGetterSupplier, KTableValueGetter
 *
 * A table that is materialized is read from its store. One that is not is worked out row by row
 * from its parent, which may be such a table itself, or from the two tables that it joins; at the
 * end there always are stores. A suppressed table is its parent, but for what is held back: of that
 * it still has what was there before. The node that reads must be connected to the stores at the
 * end and to the buffers on the way, not to the stores of other tables between.
 *
 *     view        what the plan says: a store, or another view or two and what becomes of them
 *     reader      a view at work in a node of a task: the open stores, the transformers' states
 *
 * Reading sees the table as its node does, with what is in the record cache. What is read lives in
 * the record's arena.
 *
 * Thread rule: a view is the builder's until the topology is frozen, then anyone's; a reader is its
 * task's.
 */
#ifndef KSI_OPS_TABLE_VIEW_H
#define KSI_OPS_TABLE_VIEW_H

#include "ops/derived_table.h"
#include "ops/suppress.h"
#include "ops/table_store.h"

/* In the topology's arena. */
typedef struct ksi_table_view ksi_table_view;
struct ksi_table_view {
    bool cannot_be_read;              /* opening a reader fails */
    const char *store;                /* NULL: it goes by its parent, or by what it joins */
    const ksi_table_view *parent;     /* what it is derived from */
    const ksi_derived_table *derived; /* and how; NULL: it is suppressed */
    const char *buffer;               /* of a suppressed one */
    const ksi_table_join *join;       /* instead of all these: of which tables it is joined */
};

typedef struct ksi_table_reader ksi_table_reader;
struct ksi_table_reader {
    ksi_table_store store;    /* of a view with a store */
    ksi_table_reader *parent; /* of one without; of a joined one the left table */
    ksi_derivation derivation;
    ksi_suppressed suppressed;  /* of a suppressed one */
    const ksi_table_join *join; /* NULL: not joined */
    ksi_table_reader *right;
};

/* From a node's init; what the reader needs lives as long as the task. */
KS_NODISCARD ks_status ksi_table_reader_open(ksi_table_reader *reader, ks_ctx *ctx,
                                             const ksi_table_view *view, ks_error *error);
/* Closes the transformers; from the close of the node. */
void ksi_table_reader_close(ksi_table_reader *reader);

/*
 * Whether the rows are those of a versioned store, which can be read as of a time; of a suppressed
 * table they never are.
 */
bool ksi_table_reader_is_versioned(const ksi_table_reader *reader);

/* The row of a key. False: the context failed. */
bool ksi_table_reader_get(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, ksi_table_row *row);
/* The row of a key as of a time; of a versioned reader. */
bool ksi_table_reader_get_as_of(ksi_table_reader *reader, ks_ctx *ctx, ks_value key, int64_t time,
                                ksi_table_row *row);

#endif
