/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_buffer.c - see row_buffer.h.
 *
 *     row      key | top: the newest version | under: the committed one, while top is pending
 *     lists    pending  unapplied  clean (used last first)      a row is in one of them
 *
 * What a row's state means for its two versions:
 *
 *     CLEAN       top is what RocksDB has
 *     UNAPPLIED   top is committed and RocksDB does not have it
 *     PENDING     top is not committed; under is what was top before, and `must_apply` says that
 *                 it was UNAPPLIED
 *
 * Walks and time. A walk wants to know whether a key was there when it began. The clock ticks with
 * each walk that begins; a row that changes while walks are open first writes down what was known
 * of it until now, once per tick. So the oldest note since a walk began is what the walk began
 * with, and without one nothing has changed. A row that an abort makes unknown again keeps its
 * notes, as a clean row that says so.
 *
 * The tempting wrong way is one time of birth per row: a key that goes and comes back between two
 * walks is there for one of them and not for the other.
 *
 * In a store in memory a committed row is CLEAN at once and in no list, because it is the only
 * copy; its clean list holds what was deleted, which goes with the next commit that finds no walk
 * open.
 */
#include "state/row_buffer.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/slice.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 64 };
/* Sorting a row costs about as much as passing by so many others in the tree. */
enum { FEW = 8 };

typedef enum row_state { CLEAN, UNAPPLIED, PENDING } row_state;

typedef struct version {
    char *bytes; /* NULL when there is no value */
    uint32_t size;
    uint32_t capacity;
    int64_t timestamp;
    ksi_row_knowledge knowledge;
} version;

/* What was known of a row until the walks of this tick began to see it change. */
typedef struct past past;
struct past {
    past *older;
    uint64_t tick;
    ksi_row_knowledge newest;
    ksi_row_knowledge committed;
};

typedef struct row row;
struct row {
    ksi_tree_item item; /* first: the tree knows rows by it */
    uint64_t hash;
    row *chain;  /* of the bucket */
    row *before; /* in the list of its state */
    row *after;
    past *past; /* newest first; NULL: it did not change while a walk was open */
    version top;
    version under;
    row_state state;
    bool must_apply;
    bool is_listed;
    char key[];
};

typedef struct row_list {
    row *first;
    row *last;
} row_list;

struct ksi_row_buffer {
    bool has_rocks;
    ksi_tree *tree;
    row **buckets;
    size_t bucket_count;
    size_t row_count;
    row_list lists[3]; /* by state */
    int64_t bytes[3];
    uint64_t present;
    uint64_t clock;   /* how many walks have begun */
    uint64_t cleared; /* when the rows were forgotten: to walks before it all keys came later */
    size_t walks;
    uint64_t oldest_walk;
};

ksi_row_buffer *ksi_row_buffer_new(const ksi_row_buffer_options *options)
{
    ksi_row_buffer *buffer = ksi_calloc(1, sizeof *buffer);
    buffer->has_rocks = options->has_rocks;
    buffer->tree = ksi_tree_new();
    buffer->bucket_count = FIRST_BUCKETS;
    buffer->buckets = ksi_calloc(buffer->bucket_count, sizeof(row *));
    return buffer;
}

static void free_past(row *it)
{
    while (it->past != NULL) {
        past *older = it->past->older;
        ksi_free(it->past);
        it->past = older;
    }
}

static void free_row(row *it)
{
    free_past(it);
    ksi_free(it->top.bytes);
    ksi_free(it->under.bytes);
    ksi_free(it);
}

static void free_rows(ksi_row_buffer *buffer)
{
    for (size_t i = 0; i < buffer->bucket_count; i++) {
        for (row *it = buffer->buckets[i]; it != NULL;) {
            row *next = it->chain;
            free_row(it);
            it = next;
        }
        buffer->buckets[i] = NULL;
    }
}

void ksi_row_buffer_free(ksi_row_buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    free_rows(buffer);
    ksi_free(buffer->buckets);
    ksi_tree_free(buffer->tree);
    ksi_free(buffer);
}

void ksi_row_buffer_clear(ksi_row_buffer *buffer)
{
    free_rows(buffer);
    buffer->cleared = buffer->clock;
    ksi_tree_clear(buffer->tree);
    buffer->row_count = 0;
    buffer->present = 0;
    for (size_t i = 0; i < 3; i++) {
        buffer->lists[i] = (row_list){0};
        buffer->bytes[i] = 0;
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int64_t cost_of(const row *it)
{
    return (int64_t)(sizeof *it + it->item.key.size + it->top.capacity + it->under.capacity);
}

static void unlist(ksi_row_buffer *buffer, row *it)
{
    row_list *list = &buffer->lists[it->state];
    buffer->bytes[it->state] -= cost_of(it);
    if (!it->is_listed) {
        return;
    }
    if (it->before != NULL) {
        it->before->after = it->after;
    } else {
        list->first = it->after;
    }
    if (it->after != NULL) {
        it->after->before = it->before;
    } else {
        list->last = it->before;
    }
    it->before = NULL;
    it->after = NULL;
    it->is_listed = false;
}

/* Puts a row that is in no list at the front of the list of its new state. */
static void enlist(ksi_row_buffer *buffer, row *it, row_state state)
{
    row_list *list = &buffer->lists[state];
    it->state = state;
    buffer->bytes[state] += cost_of(it);
    if (state == CLEAN && !buffer->has_rocks && it->top.knowledge == KSI_ROW_PRESENT) {
        return; /* the only copy: never forgotten */
    }
    it->after = list->first;
    if (list->first != NULL) {
        list->first->before = it;
    } else {
        list->last = it;
    }
    list->first = it;
    it->is_listed = true;
}

static row *find_row(const ksi_row_buffer *buffer, ks_slice key, uint64_t hash)
{
    row *it = buffer->buckets[hash & (buffer->bucket_count - 1)];
    while (it != NULL && (it->hash != hash || ksi_slice_compare(it->item.key, key) != 0)) {
        it = it->chain;
    }
    return it;
}

static void grow_buckets(ksi_row_buffer *buffer)
{
    size_t count = buffer->bucket_count * 2;
    row **buckets = ksi_calloc(count, sizeof(row *));
    for (size_t i = 0; i < buffer->bucket_count; i++) {
        for (row *it = buffer->buckets[i]; it != NULL;) {
            row *next = it->chain;
            it->chain = buckets[it->hash & (count - 1)];
            buckets[it->hash & (count - 1)] = it;
            it = next;
        }
    }
    ksi_free(buffer->buckets);
    buffer->buckets = buckets;
    buffer->bucket_count = count;
}

static row *add_row(ksi_row_buffer *buffer, ks_slice key, uint64_t hash)
{
    if (buffer->row_count == buffer->bucket_count) {
        grow_buckets(buffer);
    }
    row *it = ksi_alloc(sizeof *it + key.size);
    *it = (row){.hash = hash, .state = CLEAN};
    it->top.knowledge = buffer->has_rocks ? KSI_ROW_UNKNOWN : KSI_ROW_ABSENT;
    if (key.size > 0) {
        memcpy(it->key, key.data, key.size);
    }
    it->item.key = ks_slice_of(it->key, key.size);
    row **bucket = &buffer->buckets[hash & (buffer->bucket_count - 1)];
    it->chain = *bucket;
    *bucket = it;
    buffer->row_count++;
    KSI_CHECK(ksi_tree_insert(buffer->tree, &it->item));
    return it;
}

/* Takes a row, which is in no list, out of the buffer. */
static void drop_row(ksi_row_buffer *buffer, row *it)
{
    row **at = &buffer->buckets[it->hash & (buffer->bucket_count - 1)];
    while (*at != it) {
        at = &(*at)->chain;
    }
    *at = it->chain;
    buffer->row_count--;
    (void)ksi_tree_remove(buffer->tree, it->item.key);
    free_row(it);
}

static void set_version(version *to, ks_slice value, int64_t timestamp)
{
    to->timestamp = timestamp;
    to->knowledge = value.data != NULL ? KSI_ROW_PRESENT : KSI_ROW_ABSENT;
    if (value.data == NULL) {
        to->size = 0;
        return;
    }
    KSI_CHECK(value.size < UINT32_MAX / 2);
    if (to->bytes == NULL || to->capacity < value.size) {
        uint32_t capacity = (uint32_t)(value.size + value.size / 4 + 8);
        char *bytes = ksi_alloc(capacity);
        memcpy(bytes, value.data, value.size); /* before freeing: it may be the old value */
        ksi_free(to->bytes);
        to->bytes = bytes;
        to->capacity = capacity;
    } else if (value.size > 0) {
        memmove(to->bytes, value.data, value.size);
    }
    to->size = (uint32_t)value.size;
}

static void release_version(version *of)
{
    ksi_free(of->bytes);
    *of = (version){0};
}

static ksi_row_knowledge describe(const row *it, const version *shown, ksi_row *out)
{
    bool present = shown->knowledge == KSI_ROW_PRESENT;
    *out = (ksi_row){.key = it->item.key,
                     .value = present ? ks_slice_of(shown->bytes, shown->size) : ks_slice_null(),
                     .timestamp = present ? shown->timestamp : -1};
    return shown->knowledge;
}

static const version *committed_version(const row *it)
{
    return it->state == PENDING ? &it->under : &it->top;
}

/* ---- reading and writing --------------------------------------------------------------------- */

ksi_row_knowledge ksi_row_buffer_find(ksi_row_buffer *buffer, ks_slice key, bool committed,
                                      ksi_row *out)
{
    row *it = find_row(buffer, key, ksi_slice_hash(key));
    if (it == NULL) {
        return buffer->has_rocks ? KSI_ROW_UNKNOWN : KSI_ROW_ABSENT;
    }
    if (it->state == CLEAN && it->is_listed && buffer->lists[CLEAN].first != it) {
        unlist(buffer, it);
        enlist(buffer, it, CLEAN); /* used last */
    }
    return describe(it, committed ? committed_version(it) : &it->top, out);
}

/* Before a row changes: writes down for the open walks what is known of it. */
static void note_past(ksi_row_buffer *buffer, row *it)
{
    if (buffer->walks == 0 || (it->past != NULL && it->past->tick == buffer->clock)) {
        return;
    }
    if (it->past != NULL && it->past->tick < buffer->oldest_walk) {
        free_past(it);
    }
    past *now = ksi_alloc(sizeof *now);
    *now = (past){.older = it->past,
                  .tick = buffer->clock,
                  .newest = it->top.knowledge,
                  .committed = committed_version(it)->knowledge};
    it->past = now;
}

static uint64_t count_present(const row *it)
{
    return it->top.knowledge == KSI_ROW_PRESENT ? 1 : 0;
}

void ksi_row_buffer_put(ksi_row_buffer *buffer, ks_slice key, ks_slice value, int64_t timestamp)
{
    uint64_t hash = ksi_slice_hash(key);
    row *it = find_row(buffer, key, hash);
    if (it == NULL) {
        it = add_row(buffer, key, hash);
    } else {
        unlist(buffer, it);
    }
    note_past(buffer, it);
    buffer->present -= count_present(it);
    if (it->state != PENDING) {
        it->must_apply = it->state == UNAPPLIED;
        it->under = it->top;
        it->top = (version){0};
    }
    set_version(&it->top, value, timestamp);
    buffer->present += count_present(it);
    enlist(buffer, it, PENDING);
}

void ksi_row_buffer_remember(ksi_row_buffer *buffer, ks_slice key, ks_slice value,
                             int64_t timestamp)
{
    uint64_t hash = ksi_slice_hash(key);
    row *it = find_row(buffer, key, hash);
    if (it == NULL) {
        it = add_row(buffer, key, hash);
    } else {
        unlist(buffer, it); /* unknown again since an abort */
    }
    KSI_ASSERT(buffer->has_rocks && it->top.knowledge == KSI_ROW_UNKNOWN);
    set_version(&it->top, value, timestamp);
    buffer->present += count_present(it);
    enlist(buffer, it, CLEAN);
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* A store in memory: what was deleted is gone for good once nobody iterates. */
static void drop_deleted(ksi_row_buffer *buffer)
{
    while (!buffer->has_rocks && buffer->walks == 0 && buffer->lists[CLEAN].first != NULL) {
        row *it = buffer->lists[CLEAN].first;
        unlist(buffer, it);
        drop_row(buffer, it);
    }
}

void ksi_row_buffer_commit(ksi_row_buffer *buffer)
{
    row *it;
    while ((it = buffer->lists[PENDING].last) != NULL) {
        unlist(buffer, it);
        note_past(buffer, it);
        release_version(&it->under);
        it->must_apply = false;
        enlist(buffer, it, buffer->has_rocks ? UNAPPLIED : CLEAN);
    }
    drop_deleted(buffer);
}

void ksi_row_buffer_abort(ksi_row_buffer *buffer)
{
    row *it;
    while ((it = buffer->lists[PENDING].last) != NULL) {
        unlist(buffer, it);
        note_past(buffer, it);
        buffer->present -= count_present(it);
        ksi_free(it->top.bytes);
        it->top = it->under;
        it->under = (version){0};
        buffer->present += count_present(it);
        if (it->top.knowledge == KSI_ROW_UNKNOWN && buffer->walks == 0) {
            drop_row(buffer, it);
        } else {
            enlist(buffer, it, it->must_apply ? UNAPPLIED : CLEAN);
            it->must_apply = false;
        }
    }
    drop_deleted(buffer);
}

/* ---- applying -------------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const row *left = *(row *const *)a;
    const row *right = *(row *const *)b;
    return ksi_slice_compare(left->item.key, right->item.key);
}

/* The row's committed version is not in RocksDB. */
static bool waits_for_apply(const row *it)
{
    return it->state == UNAPPLIED || (it->state == PENDING && it->must_apply);
}

static bool visit_row(const row *it, ksi_row_visit_fn *visit, void *user)
{
    ksi_row out;
    (void)describe(it, committed_version(it), &out);
    return visit(user, &out);
}

/* By the tree, which is in order: for when many of all rows wait. */
static bool each_by_tree(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    bool all = true;
    ksi_tree_cursor at;
    const ksi_tree_item *item = ksi_tree_seek(&at, buffer->tree, ks_slice_null(), false);
    while (all && item != NULL) {
        const row *it = (const row *)item;
        all = !waits_for_apply(it) || visit_row(it, visit, user);
        item = ksi_tree_next(&at, item->key);
    }
    return all;
}

/* By the lists, sorted: for when few do. */
static bool each_by_list(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    row **rows = NULL;
    size_t capacity = 0;
    size_t count = 0;
    for (row_state state = UNAPPLIED; state <= PENDING; state++) {
        for (row *it = buffer->lists[state].first; it != NULL; it = it->after) {
            if (waits_for_apply(it)) {
                rows = ksi_grow(rows, &capacity, count + 1, sizeof *rows);
                rows[count++] = it;
            }
        }
    }
    if (count > 0) {
        qsort(rows, count, sizeof *rows, compare_rows);
    }
    bool all = true;
    for (size_t i = 0; all && i < count; i++) {
        all = visit_row(rows[i], visit, user);
    }
    ksi_free(rows);
    return all;
}

bool ksi_row_buffer_each_unapplied(ksi_row_buffer *buffer, ksi_row_visit_fn *visit, void *user)
{
    int64_t others = buffer->bytes[CLEAN] + buffer->bytes[PENDING];
    bool many = buffer->bytes[UNAPPLIED] > others / FEW;
    return many ? each_by_tree(buffer, visit, user) : each_by_list(buffer, visit, user);
}

void ksi_row_buffer_applied(ksi_row_buffer *buffer)
{
    row *it;
    while ((it = buffer->lists[UNAPPLIED].last) != NULL) {
        unlist(buffer, it);
        enlist(buffer, it, CLEAN);
    }
    for (it = buffer->lists[PENDING].first; it != NULL; it = it->after) {
        it->must_apply = false;
    }
}

bool ksi_row_buffer_has_unapplied(const ksi_row_buffer *buffer)
{
    for (const row *it = buffer->lists[PENDING].first; it != NULL; it = it->after) {
        if (it->must_apply) {
            return true;
        }
    }
    return buffer->lists[UNAPPLIED].first != NULL;
}

ksi_row_buffer_bytes ksi_row_buffer_bytes_of(const ksi_row_buffer *buffer)
{
    return (ksi_row_buffer_bytes){.pending = buffer->bytes[PENDING],
                                  .unapplied = buffer->bytes[UNAPPLIED],
                                  .clean = buffer->bytes[CLEAN]};
}

uint64_t ksi_row_buffer_present(const ksi_row_buffer *buffer)
{
    return buffer->present;
}

void ksi_row_buffer_trim(ksi_row_buffer *buffer, int64_t max_clean_bytes)
{
    bool all_clean = buffer->bytes[PENDING] == 0 && buffer->bytes[UNAPPLIED] == 0;
    bool many = buffer->row_count > buffer->bucket_count / FEW;
    if (buffer->has_rocks && buffer->walks == 0 && all_clean && max_clean_bytes == 0 && many) {
        ksi_row_buffer_clear(buffer); /* and not row by row out of the tree */
        return;
    }
    while (buffer->has_rocks && buffer->walks == 0 && buffer->bytes[CLEAN] > max_clean_bytes &&
           buffer->lists[CLEAN].last != NULL) {
        row *it = buffer->lists[CLEAN].last;
        buffer->present -= count_present(it);
        unlist(buffer, it);
        drop_row(buffer, it);
    }
}

/* ---- iterating ------------------------------------------------------------------------------- */

void ksi_row_walk_begin(ksi_row_walk *walk, ksi_row_buffer *buffer, bool backward, bool committed)
{
    buffer->clock++;
    if (buffer->walks++ == 0) {
        buffer->oldest_walk = buffer->clock;
    }
    *walk = (ksi_row_walk){
        .buffer = buffer, .began = buffer->clock, .backward = backward, .committed = committed};
}

void ksi_row_walk_end(ksi_row_walk *walk)
{
    KSI_CHECK(walk->buffer->walks > 0);
    walk->buffer->walks--;
}

static bool see(const ksi_row_walk *walk, const ksi_tree_item *item, ksi_row_seen *seen)
{
    const row *it = (const row *)item;
    if (it == NULL) {
        return false;
    }
    const version *shown = walk->committed ? committed_version(it) : &it->top;
    seen->knowledge = describe(it, shown, &seen->row);
    return true;
}

bool ksi_row_walk_seek(ksi_row_walk *walk, ks_slice from, ksi_row_seen *seen)
{
    return see(walk, ksi_tree_seek(&walk->at, walk->buffer->tree, from, walk->backward), seen);
}

bool ksi_row_walk_next(ksi_row_walk *walk, ks_slice after, ksi_row_seen *seen)
{
    const ksi_tree_item *item =
        walk->backward ? ksi_tree_previous(&walk->at, after) : ksi_tree_next(&walk->at, after);
    return see(walk, item, seen);
}

ksi_row_knowledge ksi_row_walk_find(const ksi_row_walk *walk, ks_slice key, ksi_row *out,
                                    ksi_row_knowledge *at_beginning)
{
    const ksi_row_buffer *buffer = walk->buffer;
    const row *it = find_row(buffer, key, ksi_slice_hash(key));
    ksi_row_knowledge nothing = buffer->has_rocks ? KSI_ROW_UNKNOWN : KSI_ROW_ABSENT;
    if (walk->began <= buffer->cleared) {
        *at_beginning = KSI_ROW_ABSENT;
        return it != NULL ? describe(it, &it->top, out) : nothing;
    }
    if (it == NULL) {
        *at_beginning = nothing;
        return nothing;
    }
    const version *shown = walk->committed ? committed_version(it) : &it->top;
    *at_beginning = shown->knowledge;
    for (const past *at = it->past; at != NULL && at->tick >= walk->began; at = at->older) {
        *at_beginning = walk->committed ? at->committed : at->newest;
    }
    return describe(it, shown, out);
}
