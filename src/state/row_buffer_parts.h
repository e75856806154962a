/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_buffer_parts.h - what a row buffer is made of, for its files: row_buffer.c (rows and what
 * becomes of them), row_index.c (finding them), row_walk.c (walks over them), row_apply.c (those
 * that RocksDB is to get).
 *
 * Invariants
 *   - A row is one piece of memory: this struct, its key, and room for a value, which the first one
 *     takes. What few rows have is out of line (`kept`): NULL there means that under a pending row
 *     nothing was known, and that no walk saw the row change.
 *   - While a walk is open no row goes and no byte that an iterator lent changes: a row keeps its
 *     address, a lent value that is replaced is retired until the last walk ends, and clearing
 *     retires all of the memory.
 *   - A row is in the table from its birth, and in the tree once somebody wanted order.
 *
 * Thread rule: that of the buffer.
 */
#ifndef KSI_STATE_ROW_BUFFER_PARTS_H
#define KSI_STATE_ROW_BUFFER_PARTS_H

#include "state/row_buffer.h"
#include "state/row_memory.h"

#include "base/buffer.h"
#include "base/hash_index.h"

#include <stddef.h>

typedef enum ksi_row_state { KSI_CLEAN, KSI_UNAPPLIED, KSI_PENDING } ksi_row_state;

typedef struct ksi_row_version {
    char *bytes; /* NULL when there never was a value */
    int64_t timestamp;
    uint32_t size;
    uint32_t capacity;
    uint8_t knowledge; /* ksi_row_knowledge */
    bool is_lent;      /* an iterator has given the bytes out; means nothing when none is open */
} ksi_row_version;

/* What was known of a row until the walks of this tick began to see it change. */
typedef struct ksi_row_past {
    struct ksi_row_past *older;
    uint64_t tick;
    ksi_row_knowledge newest;
    ksi_row_knowledge committed;
} ksi_row_past;

typedef struct ksi_row_kept {
    ksi_row_version under; /* the committed version, while the row is pending */
    ksi_row_past *past;    /* newest first */
} ksi_row_kept;

/* In the order of use: what a walk needs stands together with the key. */
struct ksi_buffered_row {
    uint64_t hash;
    ksi_buffered_row *before; /* in the list of its state */
    ksi_buffered_row *after;
    uint32_t loose_at;  /* its place among the rows that are not in the tree yet */
    uint32_t room;      /* for a value, behind the key */
    ksi_tree_item item; /* the tree knows rows by it */
    ksi_row_kept *kept;
    ksi_row_version top;
    uint8_t state;   /* ksi_row_state */
    bool must_apply; /* pending, and what is under it waits to be applied */
    bool is_listed;
    bool is_ordered; /* in the tree */
    bool had_value;  /* behind the key: a walk may have lent it */
    bool is_below;   /* RocksDB may have a row of this key */
    bool is_leaving; /* among `leaving` */
    char bytes[];    /* key, room */
};

static inline ksi_buffered_row *ksi_row_of(const ksi_tree_item *item)
{
    return item == NULL ? NULL
                        : (ksi_buffered_row *)((uintptr_t)item - offsetof(ksi_buffered_row, item));
}

typedef struct ksi_row_list {
    ksi_buffered_row *first;
    ksi_buffered_row *last;
} ksi_row_list;

enum { KSI_ROW_MEMO_BYTES = 64 };

/* Of the key looked up last, so that a get and its put search once. */
typedef struct ksi_row_memo {
    bool is_set;
    ksi_buffered_row *row; /* NULL: there is none, and `hash` and `key` say of what */
    uint64_t hash;
    size_t size;
    char key[KSI_ROW_MEMO_BYTES];
} ksi_row_memo;

/* A value that is replaced and still lent. */
typedef struct ksi_retired_value {
    char *bytes;
    uint32_t capacity;
} ksi_retired_value;

typedef enum ksi_known_from { KSI_KNOWN_NOT_ASKED, KSI_KNOWN_ALL, KSI_KNOWN_ABOVE } ksi_known_from;

/* Rows below are expired. Not set: none are. */
typedef struct ksi_row_floor {
    bool is_set;
    ksi_buffer key;
} ksi_row_floor;

struct ksi_row_buffer {
    bool has_rocks;
    bool by_time;
    ksi_row_memory *memory;
    /* finding */
    ksi_hash_index table;
    ksi_row_memo memo;
    ksi_tree *tree;
    ksi_buffered_row **loose;
    size_t loose_count;
    size_t loose_capacity;
    /* what state they are in */
    ksi_row_list lists[3];
    int64_t bytes[3];
    uint64_t present; /* expired ones that are still there included */
    /* what is known of others */
    ksi_known_from known;
    ksi_buffer known_above;  /* KSI_KNOWN_ABOVE: live rows behind this key are all here */
    ksi_row_floor floors[2]; /* for the newest rows, for the committed ones */
    ksi_row_floor floor_applied;
    bool must_sweep; /* expired rows may still be there */
    /* walks */
    uint64_t clock;   /* how many have begun */
    uint64_t cleared; /* when the rows were forgotten: to walks before it all keys came later */
    size_t walks;
    uint64_t oldest_walk;
    ksi_retired_value *retired;
    size_t retired_count;
    size_t retired_capacity;
    ksi_buffered_row **leaving; /* deleted while a walk was open, and nothing is under them */
    size_t leaving_count;
    size_t leaving_capacity;
    ksi_row_memory **retired_memory;
    size_t retired_memory_count;
    size_t retired_memory_capacity;
};

/* ---- row_buffer.c ---------------------------------------------------------------------------- */

const ksi_row_version *ksi_row_committed_version(const ksi_row_buffer *buffer,
                                                 const ksi_buffered_row *it);
ksi_row_knowledge ksi_row_describe(const ksi_buffered_row *it, const ksi_row_version *shown,
                                   ksi_row *out);
/* Whether the row of a key is expired, for newest or committed readers. */
bool ksi_row_buffer_hides(const ksi_row_buffer *buffer, ks_slice key, bool committed);
/* What can go now that no walk is open. */
void ksi_row_buffer_walks_ended(ksi_row_buffer *buffer);

/* ---- row_index.c ----------------------------------------------------------------------------- */

void ksi_row_index_open(ksi_row_buffer *buffer);
void ksi_row_index_close(ksi_row_buffer *buffer);
/* Forgets the rows; their memory is the caller's. */
void ksi_row_index_clear(ksi_row_buffer *buffer);
/* NULL when there is none; the memo then has the hash for adding. */
ksi_buffered_row *ksi_row_index_find(ksi_row_buffer *buffer, ks_slice key);
/* The same, and nothing is noted: for several readers at once. */
const ksi_buffered_row *ksi_row_index_peek(const ksi_row_buffer *buffer, ks_slice key);
/* The row is not there. `hash` is of its key, and set in the row. */
void ksi_row_index_add(ksi_row_buffer *buffer, ksi_buffered_row *it);
void ksi_row_index_remove(ksi_row_buffer *buffer, ksi_buffered_row *it);
/* Puts the rows that are not yet there into the tree. */
void ksi_row_index_order(ksi_row_buffer *buffer);
/* The hash of a key that was just not found. */
uint64_t ksi_row_index_hash(const ksi_row_buffer *buffer, ks_slice key);
/* Sorts rows by their keys, in place. */
void ksi_rows_sort(ksi_buffered_row **rows, size_t count);

#endif
