/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_buffer.c - see row_buffer.h.
 *
 *     row      key, room | top: the newest version | kept: the committed one, while top is pending
 *     lists    pending  unapplied  clean (used last first)      a row is in one of them
 *
 * What a row's state means for its two versions:
 *
 *     CLEAN       top is what RocksDB has
 *     UNAPPLIED   top is committed and RocksDB does not have it
 *     PENDING     top is not committed; under is what was top before, and `must_apply` says that
 *                 it was UNAPPLIED
 *
 * A row that is deleted before RocksDB had it goes at once, or with the commit that takes what was
 * under it; when a walk is open, at its end.
 *
 * In a store in memory a committed row is CLEAN at once and in no list, because it is the only
 * copy; its clean list holds what was deleted, which goes with the next commit that finds no walk
 * open.
 *
 * Expired rows are hidden at once and dropped by the commit; when a walk is open, at its end. What
 * is hidden is never applied.
 *
 * Values. The first one of a row stands behind its key. Two versions take turns there and in a
 * piece of memory of its own. A value that a walk has lent is left alone when it is replaced, and
 * the room behind the key is not taken again, until no walk is open.
 */
#include "state/row_buffer_parts.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/slice.h"

enum { FEW = 8 }; /* one of so many is */
/* A larger first value has a piece of its own: rows of all sizes may follow it. */
enum { LARGEST_ROOM = 256 };
/* A row in the table and in the tree, on average. */
enum { INDEX_BYTES = 64 };
enum { NEWEST, COMMITTED }; /* floors */

typedef ksi_buffered_row row;
typedef ksi_row_version version;

static const version UNKNOWN_VERSION = {.knowledge = KSI_ROW_UNKNOWN};
static const version ABSENT_VERSION = {.knowledge = KSI_ROW_ABSENT};

/* What there is to say of a key that has no row. */
static const version *no_version(const ksi_row_buffer *buffer)
{
    return buffer->has_rocks ? &UNKNOWN_VERSION : &ABSENT_VERSION;
}

/* ---- life ------------------------------------------------------------------------------------ */

ksi_row_buffer *ksi_row_buffer_new(const ksi_row_buffer_options *options)
{
    ksi_row_buffer *buffer = ksi_calloc(1, sizeof *buffer);
    buffer->has_rocks = options->has_rocks;
    buffer->by_time = options->by_time;
    buffer->memory = ksi_row_memory_new();
    ksi_row_index_open(buffer);
    return buffer;
}

static void free_retired(ksi_row_buffer *buffer)
{
    for (size_t i = 0; i < buffer->retired_count; i++) {
        ksi_row_memory_give(buffer->memory, buffer->retired[i].bytes, buffer->retired[i].capacity);
    }
    buffer->retired_count = 0;
    for (size_t i = 0; i < buffer->retired_memory_count; i++) {
        ksi_row_memory_free(buffer->retired_memory[i]);
    }
    buffer->retired_memory_count = 0;
}

void ksi_row_buffer_free(ksi_row_buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    free_retired(buffer);
    ksi_free(buffer->retired);
    ksi_free(buffer->leaving);
    ksi_free(buffer->retired_memory);
    ksi_row_index_close(buffer);
    ksi_row_memory_free(buffer->memory);
    ksi_buffer_destroy(&buffer->known_above);
    ksi_buffer_destroy(&buffer->floors[NEWEST].key);
    ksi_buffer_destroy(&buffer->floors[COMMITTED].key);
    ksi_buffer_destroy(&buffer->floor_applied.key);
    ksi_free(buffer);
}

/* Forgets all rows, whatever their state. */
static void forget_rows(ksi_row_buffer *buffer)
{
    if (buffer->walks > 0) { /* their iterators lend what is in it */
        buffer->retired_memory =
            ksi_grow(buffer->retired_memory, &buffer->retired_memory_capacity,
                     buffer->retired_memory_count + 1, sizeof(ksi_row_memory *));
        buffer->retired_memory[buffer->retired_memory_count++] = buffer->memory;
    } else {
        ksi_row_memory_free(buffer->memory);
    }
    buffer->memory = ksi_row_memory_new();
    buffer->retired_count = 0; /* it went along */
    buffer->leaving_count = 0;
    ksi_row_index_clear(buffer);
    buffer->cleared = buffer->clock;
    buffer->present = 0;
    for (size_t i = 0; i < 3; i++) {
        buffer->lists[i] = (ksi_row_list){0};
        buffer->bytes[i] = 0;
    }
}

void ksi_row_buffer_clear(ksi_row_buffer *buffer)
{
    forget_rows(buffer);
    buffer->floors[NEWEST].is_set = false;
    buffer->floors[COMMITTED].is_set = false;
    ksi_row_buffer_rows_came_below(buffer);
}

/* ---- what is known of other rows ------------------------------------------------------------- */

bool ksi_row_buffer_knows_from(const ksi_row_buffer *buffer, ks_slice low)
{
    if (!buffer->has_rocks || buffer->known == KSI_KNOWN_ALL) {
        return true;
    }
    return buffer->known == KSI_KNOWN_ABOVE && low.data != NULL &&
           ksi_slice_compare(low, ksi_buffer_slice(&buffer->known_above)) > 0;
}

bool ksi_row_buffer_must_ask(const ksi_row_buffer *buffer)
{
    return buffer->has_rocks && buffer->known == KSI_KNOWN_NOT_ASKED;
}

static void set_bytes(ksi_buffer *to, ks_slice bytes)
{
    ksi_buffer_clear(to);
    ksi_buffer_append(to, bytes.data, bytes.size);
}

void ksi_row_buffer_told_last(ksi_row_buffer *buffer, ks_slice last)
{
    buffer->known = KSI_KNOWN_ALL;
    if (last.data != NULL) {
        buffer->known = KSI_KNOWN_ABOVE;
        set_bytes(&buffer->known_above, last);
    }
}

void ksi_row_buffer_rows_came_below(ksi_row_buffer *buffer)
{
    buffer->known = KSI_KNOWN_NOT_ASKED;
    buffer->floor_applied.is_set = false;
}

/* Before a clean row goes: behind it the buffer still knows all. */
static void will_forget(ksi_row_buffer *buffer, const row *it)
{
    if (it->top.knowledge == KSI_ROW_PRESENT && ksi_row_buffer_knows_from(buffer, it->item.key)) {
        buffer->known = KSI_KNOWN_ABOVE;
        set_bytes(&buffer->known_above, it->item.key);
    }
}

/* ---- expiry ---------------------------------------------------------------------------------- */

bool ksi_row_buffer_hides(const ksi_row_buffer *buffer, ks_slice key, bool committed)
{
    const ksi_row_floor *floor = &buffer->floors[committed ? COMMITTED : NEWEST];
    return floor->is_set && ksi_slice_compare(key, ksi_buffer_slice(&floor->key)) < 0;
}

ks_slice ksi_row_buffer_floor(const ksi_row_buffer *buffer, bool committed)
{
    const ksi_row_floor *floor = &buffer->floors[committed ? COMMITTED : NEWEST];
    return floor->is_set ? ksi_buffer_slice(&floor->key) : ks_slice_null();
}

static bool same_floor(const ksi_row_floor *a, const ksi_row_floor *b)
{
    return a->is_set == b->is_set &&
           (!a->is_set || ks_slice_equal(ksi_buffer_slice(&a->key), ksi_buffer_slice(&b->key)));
}

static void copy_floor(ksi_row_floor *to, const ksi_row_floor *from)
{
    to->is_set = from->is_set;
    if (from->is_set) {
        set_bytes(&to->key, ksi_buffer_slice(&from->key));
    }
}

void ksi_row_buffer_expire(ksi_row_buffer *buffer, ks_slice below)
{
    ksi_row_floor *floor = &buffer->floors[NEWEST];
    if (floor->is_set && ksi_slice_compare(below, ksi_buffer_slice(&floor->key)) <= 0) {
        return;
    }
    floor->is_set = true;
    set_bytes(&floor->key, below);
}

bool ksi_row_buffer_floor_to_apply(const ksi_row_buffer *buffer, ks_slice *low, ks_slice *high)
{
    const ksi_row_floor *floor = &buffer->floors[COMMITTED];
    *low = buffer->floor_applied.is_set ? ksi_buffer_slice(&buffer->floor_applied.key)
                                        : ks_slice_null();
    *high = ksi_row_buffer_floor(buffer, true);
    return floor->is_set && !same_floor(floor, &buffer->floor_applied);
}

void ksi_row_buffer_floor_applied(ksi_row_buffer *buffer)
{
    copy_floor(&buffer->floor_applied, &buffer->floors[COMMITTED]);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static size_t size_of(const row *it)
{
    return offsetof(row, bytes) + it->item.key.size + it->room;
}

static char *room_of(row *it)
{
    return it->bytes + it->item.key.size;
}

static int64_t outside(const row *it, const version *of)
{
    bool is_outside = of->bytes != NULL && of->bytes != it->bytes + it->item.key.size;
    return is_outside ? (int64_t)of->capacity : 0;
}

static int64_t cost_of(const row *it)
{
    int64_t under = it->kept != NULL ? outside(it, &it->kept->under) : 0;
    return (int64_t)size_of(it) + INDEX_BYTES + outside(it, &it->top) + under;
}

static void unlist(ksi_row_buffer *buffer, row *it)
{
    ksi_row_list *list = &buffer->lists[it->state];
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
static void enlist(ksi_row_buffer *buffer, row *it, ksi_row_state state)
{
    ksi_row_list *list = &buffer->lists[state];
    it->state = (uint8_t)state;
    buffer->bytes[state] += cost_of(it);
    if (state == KSI_CLEAN && !buffer->has_rocks && it->top.knowledge == KSI_ROW_PRESENT) {
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

/* The whole list goes to the front of another. */
static void splice(ksi_row_buffer *buffer, ksi_row_state from, ksi_row_state to)
{
    ksi_row_list *moved = &buffer->lists[from];
    ksi_row_list *list = &buffer->lists[to];
    if (moved->first == NULL || moved->last == NULL) { /* both, or neither */
        return;
    }
    moved->last->after = list->first;
    if (list->first != NULL) {
        list->first->before = moved->last;
    } else {
        list->last = moved->last;
    }
    list->first = moved->first;
    *moved = (ksi_row_list){0};
}

/* A row of that key, in no list yet and with room for a value of that size. */
static row *add_row(ksi_row_buffer *buffer, ks_slice key, ks_slice value)
{
    /* At least a byte, so that the room is not the address of what follows the row. */
    size_t wanted = value.size > 0 && value.size <= LARGEST_ROOM ? value.size : 1;
    size_t head = offsetof(row, bytes) + key.size;
    size_t size = ksi_row_memory_room(head + wanted);
    uint64_t hash = ksi_row_index_hash(buffer, key);
    row *it = ksi_row_memory_take(buffer->memory, size);
    *it = (row){.hash = hash, .state = KSI_CLEAN, .room = (uint32_t)(size - head)};
    it->is_below = !ksi_row_buffer_knows_from(buffer, key);
    it->top = *no_version(buffer);
    if (key.size > 0) {
        memcpy(it->bytes, key.data, key.size);
    }
    it->item.key = ks_slice_of(it->bytes, key.size);
    ksi_row_index_add(buffer, it);
    return it;
}

static ksi_row_kept *kept_of(ksi_row_buffer *buffer, row *it)
{
    if (it->kept == NULL) {
        it->kept = ksi_row_memory_take(buffer->memory, sizeof *it->kept);
        *it->kept = (ksi_row_kept){.under = *no_version(buffer)};
    }
    return it->kept;
}

static void free_past(ksi_row_buffer *buffer, row *it)
{
    while (it->kept->past != NULL) {
        ksi_row_past *older = it->kept->past->older;
        ksi_row_memory_give(buffer->memory, it->kept->past, sizeof *it->kept->past);
        it->kept->past = older;
    }
}

/* Gives back the bytes of a version; later, when a walk has lent them. */
static void release_bytes(ksi_row_buffer *buffer, row *it, version *of)
{
    if (of->bytes != NULL && of->bytes != room_of(it)) {
        if (of->is_lent && buffer->walks > 0) {
            buffer->retired = ksi_grow(buffer->retired, &buffer->retired_capacity,
                                       buffer->retired_count + 1, sizeof *buffer->retired);
            buffer->retired[buffer->retired_count++] =
                (ksi_retired_value){.bytes = of->bytes, .capacity = of->capacity};
        } else {
            ksi_row_memory_give(buffer->memory, of->bytes, of->capacity);
        }
    }
    of->bytes = NULL;
}

/* Nothing is under the row any more. */
static void release_under(ksi_row_buffer *buffer, row *it)
{
    if (it->kept == NULL) {
        return;
    }
    release_bytes(buffer, it, &it->kept->under);
    it->kept->under = *no_version(buffer);
    if (it->kept->past == NULL) {
        ksi_row_memory_give(buffer->memory, it->kept, sizeof *it->kept);
        it->kept = NULL;
    }
}

/* Takes a row, which is in no list, out of the buffer. */
static void drop_row(ksi_row_buffer *buffer, row *it)
{
    ksi_row_index_remove(buffer, it);
    if (it->kept != NULL) {
        free_past(buffer, it);
        release_under(buffer, it);
    }
    release_bytes(buffer, it, &it->top);
    ksi_row_memory_give(buffer->memory, it, size_of(it));
}

/* Bytes for a value: behind the key when nothing is there. */
static char *take_bytes(ksi_row_buffer *buffer, row *it, size_t size, uint32_t *capacity)
{
    char *room = room_of(it);
    bool is_free = it->top.bytes != room && (it->kept == NULL || it->kept->under.bytes != room);
    bool may_be_lent = buffer->walks > 0 && it->had_value;
    if (is_free && !may_be_lent && it->room >= size) {
        it->had_value = true;
        *capacity = it->room;
        return room;
    }
    *capacity = (uint32_t)ksi_row_memory_room(size + size / 8);
    *capacity = *capacity > 0 ? *capacity : KSI_ROW_MEMORY_STEP;
    return ksi_row_memory_take(buffer->memory, *capacity);
}

static void set_top(ksi_row_buffer *buffer, row *it, ks_slice value, int64_t timestamp)
{
    version *to = &it->top;
    to->timestamp = timestamp;
    to->knowledge = value.data != NULL ? KSI_ROW_PRESENT : KSI_ROW_ABSENT;
    if (value.data == NULL) {
        to->size = 0;
        return;
    }
    KSI_CHECK(value.size < UINT32_MAX / 2);
    bool is_lent = to->is_lent && buffer->walks > 0;
    if (to->bytes == NULL || to->capacity < value.size || is_lent) {
        uint32_t capacity;
        char *bytes = take_bytes(buffer, it, value.size, &capacity);
        if (value.size > 0) {
            memcpy(bytes, value.data, value.size); /* before giving back: it may be the old value */
        }
        release_bytes(buffer, it, to);
        to->bytes = bytes;
        to->capacity = capacity;
    } else if (value.size > 0) {
        memmove(to->bytes, value.data, value.size);
    }
    to->is_lent = false;
    to->size = (uint32_t)value.size;
}

ksi_row_knowledge ksi_row_describe(const row *it, const version *shown, ksi_row *out)
{
    bool present = shown->knowledge == KSI_ROW_PRESENT;
    out->key = it->item.key;
    out->value = present ? ks_slice_of(shown->bytes, shown->size) : ks_slice_null();
    out->timestamp = present ? shown->timestamp : -1;
    return shown->knowledge;
}

const version *ksi_row_committed_version(const ksi_row_buffer *buffer, const row *it)
{
    if (it->state != KSI_PENDING) {
        return &it->top;
    }
    return it->kept != NULL ? &it->kept->under : no_version(buffer);
}

/* ---- reading and writing --------------------------------------------------------------------- */

ksi_row_knowledge ksi_row_buffer_find(ksi_row_buffer *buffer, ks_slice key, bool committed,
                                      ksi_row *out)
{
    if (ksi_row_buffer_hides(buffer, key, committed)) {
        return KSI_ROW_ABSENT;
    }
    row *it = ksi_row_index_find(buffer, key);
    ksi_row_knowledge known = KSI_ROW_UNKNOWN;
    if (it != NULL) {
        if (it->state == KSI_CLEAN && it->is_listed && !buffer->by_time &&
            buffer->lists[KSI_CLEAN].first != it) {
            unlist(buffer, it);
            enlist(buffer, it, KSI_CLEAN); /* used last */
        }
        known =
            ksi_row_describe(it, committed ? ksi_row_committed_version(buffer, it) : &it->top, out);
    }
    bool is_here = known != KSI_ROW_UNKNOWN || !ksi_row_buffer_knows_from(buffer, key);
    return is_here ? known : KSI_ROW_ABSENT;
}

ksi_row_knowledge ksi_row_buffer_peek(const ksi_row_buffer *buffer, ks_slice key, bool committed,
                                      ksi_row *out)
{
    if (ksi_row_buffer_hides(buffer, key, committed)) {
        return KSI_ROW_ABSENT;
    }
    const row *it = ksi_row_index_peek(buffer, key);
    ksi_row_knowledge known = KSI_ROW_UNKNOWN;
    if (it != NULL) {
        known =
            ksi_row_describe(it, committed ? ksi_row_committed_version(buffer, it) : &it->top, out);
    }
    bool is_here = known != KSI_ROW_UNKNOWN || !ksi_row_buffer_knows_from(buffer, key);
    return is_here ? known : KSI_ROW_ABSENT;
}

/* Before a row changes: writes down for the open walks what is known of it. */
static void note_past(ksi_row_buffer *buffer, row *it)
{
    if (buffer->walks == 0) {
        return;
    }
    ksi_row_kept *kept = kept_of(buffer, it);
    if (kept->past != NULL && kept->past->tick == buffer->clock) {
        return;
    }
    if (kept->past != NULL && kept->past->tick < buffer->oldest_walk) {
        free_past(buffer, it);
    }
    ksi_row_past *now = ksi_row_memory_take(buffer->memory, sizeof *now);
    *now = (ksi_row_past){.older = kept->past,
                          .tick = buffer->clock,
                          .newest = it->top.knowledge,
                          .committed = ksi_row_committed_version(buffer, it)->knowledge};
    kept->past = now;
}

static uint64_t count_present(const row *it)
{
    return it->top.knowledge == KSI_ROW_PRESENT ? 1 : 0;
}

/* The newest version goes under the row. */
static void cover(ksi_row_buffer *buffer, row *it)
{
    it->must_apply = it->state == KSI_UNAPPLIED;
    if (it->top.bytes != NULL || it->top.knowledge != no_version(buffer)->knowledge) {
        kept_of(buffer, it)->under = it->top;
    }
    it->top = *no_version(buffer);
}

/*
 * Whether nobody misses a row that is deleted: it is absent without one, too, and nothing is under
 * it. A store of sessions deletes many such rows, one each time that a session grows.
 */
static bool is_nothing(const ksi_row_buffer *buffer, const row *it)
{
    return it->top.knowledge == KSI_ROW_ABSENT && !it->is_below &&
           ksi_row_buffer_knows_from(buffer, it->item.key);
}

/* Its first version is not committed, so a deletion leaves nothing behind. */
static bool was_never_committed(const ksi_row_buffer *buffer, const row *it)
{
    return !it->must_apply && ksi_row_committed_version(buffer, it)->knowledge != KSI_ROW_PRESENT;
}

/* A pending row; at the end of the last walk, if one is open. */
static void drop_if_nothing(ksi_row_buffer *buffer, row *it)
{
    if (!is_nothing(buffer, it) || !was_never_committed(buffer, it)) {
        return;
    }
    if (buffer->walks == 0) {
        unlist(buffer, it);
        drop_row(buffer, it);
    } else if (!it->is_leaving) {
        buffer->leaving = ksi_grow(buffer->leaving, &buffer->leaving_capacity,
                                   buffer->leaving_count + 1, sizeof(row *));
        buffer->leaving[buffer->leaving_count++] = it;
        it->is_leaving = true;
    }
}

/* No walk is open any more. Some may have been put again, or aborted. */
static void drop_leaving(ksi_row_buffer *buffer)
{
    for (size_t i = 0; i < buffer->leaving_count; i++) {
        row *it = buffer->leaving[i];
        it->is_leaving = false;
        if (it->state == KSI_PENDING) {
            drop_if_nothing(buffer, it);
        }
    }
    buffer->leaving_count = 0;
}

static void put_pending(ksi_row_buffer *buffer, row *it, ks_slice value, int64_t timestamp)
{
    buffer->bytes[KSI_PENDING] -= cost_of(it);
    note_past(buffer, it);
    buffer->present -= count_present(it);
    set_top(buffer, it, value, timestamp);
    buffer->present += count_present(it);
    buffer->bytes[KSI_PENDING] += cost_of(it);
    if (value.data == NULL) {
        drop_if_nothing(buffer, it);
    }
}

void ksi_row_buffer_put(ksi_row_buffer *buffer, ks_slice key, ks_slice value, int64_t timestamp)
{
    if (ksi_row_buffer_hides(buffer, key, false)) {
        return;
    }
    row *it = ksi_row_index_find(buffer, key);
    if (it != NULL && it->state == KSI_PENDING) {
        put_pending(buffer, it, value, timestamp);
        return;
    }
    bool is_new = it == NULL;
    if (is_new) {
        it = add_row(buffer, key, value);
    } else {
        unlist(buffer, it);
    }
    note_past(buffer, it);
    buffer->present -= count_present(it);
    if (!is_new) {
        cover(buffer, it);
    }
    set_top(buffer, it, value, timestamp);
    buffer->present += count_present(it);
    enlist(buffer, it, KSI_PENDING);
}

void ksi_row_buffer_remember(ksi_row_buffer *buffer, ks_slice key, ks_slice value,
                             int64_t timestamp)
{
    row *it = ksi_row_index_find(buffer, key);
    if (it == NULL) {
        it = add_row(buffer, key, value);
    } else {
        unlist(buffer, it); /* unknown again since an abort */
    }
    KSI_ASSERT(buffer->has_rocks && it->top.knowledge == KSI_ROW_UNKNOWN);
    it->is_below = true;
    set_top(buffer, it, value, timestamp);
    buffer->present += count_present(it);
    enlist(buffer, it, KSI_CLEAN);
}

/* ---- dropping -------------------------------------------------------------------------------- */

/* A store in memory: what was deleted is gone for good once nobody iterates. */
static void drop_deleted(ksi_row_buffer *buffer)
{
    while (!buffer->has_rocks && buffer->walks == 0 && buffer->lists[KSI_CLEAN].first != NULL) {
        row *it = buffer->lists[KSI_CLEAN].first;
        unlist(buffer, it);
        drop_row(buffer, it);
    }
}

static void drop_expired_row(ksi_row_buffer *buffer, row *it)
{
    buffer->present -= count_present(it);
    unlist(buffer, it);
    drop_row(buffer, it);
}

/* What expired for everybody. Rows that nobody wanted in order are not ordered for this. */
static void drop_expired(ksi_row_buffer *buffer)
{
    if (!buffer->must_sweep || buffer->walks > 0) {
        return;
    }
    buffer->must_sweep = false;
    for (size_t i = buffer->loose_count; i-- > 0;) { /* from behind: the last one fills a gap */
        if (ksi_row_buffer_hides(buffer, buffer->loose[i]->item.key, true)) {
            drop_expired_row(buffer, buffer->loose[i]);
        }
    }
    ksi_tree_item *item;
    while ((item = ksi_tree_first(buffer->tree)) != NULL &&
           ksi_row_buffer_hides(buffer, item->key, true)) {
        drop_expired_row(buffer, ksi_row_of(item));
    }
}

void ksi_row_buffer_walks_ended(ksi_row_buffer *buffer)
{
    free_retired(buffer);
    drop_leaving(buffer);
    drop_expired(buffer);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void commit_row(ksi_row_buffer *buffer, row *it)
{
    if (buffer->walks == 0 && is_nothing(buffer, it)) {
        unlist(buffer, it);
        drop_row(buffer, it);
        return;
    }
    buffer->bytes[KSI_PENDING] -= cost_of(it);
    note_past(buffer, it);
    release_under(buffer, it);
    it->must_apply = false;
    it->state = KSI_UNAPPLIED;
    buffer->bytes[KSI_UNAPPLIED] += cost_of(it);
}

static void commit_row_in_memory(ksi_row_buffer *buffer, row *it)
{
    unlist(buffer, it);
    note_past(buffer, it);
    release_under(buffer, it);
    it->must_apply = false;
    enlist(buffer, it, KSI_CLEAN);
}

void ksi_row_buffer_commit(ksi_row_buffer *buffer)
{
    for (row *it = buffer->lists[KSI_PENDING].last; it != NULL;) {
        row *before = it->before;
        if (buffer->has_rocks) {
            commit_row(buffer, it);
        } else {
            commit_row_in_memory(buffer, it);
        }
        it = before;
    }
    splice(buffer, KSI_PENDING, KSI_UNAPPLIED);
    if (!same_floor(&buffer->floors[NEWEST], &buffer->floors[COMMITTED])) {
        copy_floor(&buffer->floors[COMMITTED], &buffer->floors[NEWEST]);
        buffer->must_sweep = true;
    }
    drop_deleted(buffer);
    drop_expired(buffer);
}

/* What the row covered is back. */
static void abort_row(ksi_row_buffer *buffer, row *it)
{
    unlist(buffer, it);
    note_past(buffer, it);
    buffer->present -= count_present(it);
    release_bytes(buffer, it, &it->top);
    it->top = *ksi_row_committed_version(buffer, it);
    if (it->kept != NULL) {
        it->kept->under = *no_version(buffer);
    }
    release_under(buffer, it);
    buffer->present += count_present(it);
    if (it->top.knowledge == KSI_ROW_UNKNOWN && buffer->walks == 0) {
        drop_row(buffer, it);
        return;
    }
    enlist(buffer, it, it->must_apply ? KSI_UNAPPLIED : KSI_CLEAN);
    it->must_apply = false;
}

void ksi_row_buffer_abort(ksi_row_buffer *buffer)
{
    row *it;
    while ((it = buffer->lists[KSI_PENDING].last) != NULL) {
        abort_row(buffer, it);
    }
    copy_floor(&buffer->floors[NEWEST], &buffer->floors[COMMITTED]);
    drop_deleted(buffer);
}

/* ---- how much there is ----------------------------------------------------------------------- */

ksi_row_buffer_bytes ksi_row_buffer_bytes_of(const ksi_row_buffer *buffer)
{
    return (ksi_row_buffer_bytes){.pending = buffer->bytes[KSI_PENDING],
                                  .unapplied = buffer->bytes[KSI_UNAPPLIED],
                                  .clean = buffer->bytes[KSI_CLEAN]};
}

uint64_t ksi_row_buffer_present(ksi_row_buffer *buffer)
{
    uint64_t present = buffer->present;
    bool hides_any =
        buffer->must_sweep || !same_floor(&buffer->floors[NEWEST], &buffer->floors[COMMITTED]);
    if (!hides_any) {
        return present;
    }
    ksi_tree_cursor at;
    ksi_row_index_order(buffer);
    ksi_tree_item *item = ksi_tree_seek(&at, buffer->tree, ks_slice_null(), false);
    while (item != NULL && ksi_row_buffer_hides(buffer, item->key, false)) {
        present -= count_present(ksi_row_of(item));
        item = ksi_tree_next(&at, item->key);
    }
    return present;
}

/* ---- forgetting ------------------------------------------------------------------------------ */

static void forget_row(ksi_row_buffer *buffer, row *it)
{
    will_forget(buffer, it);
    buffer->present -= count_present(it);
    unlist(buffer, it);
    drop_row(buffer, it);
}

/* Of the rows from `it` to `last`, those that are absent without a row, too. */
static void forget_deleted(ksi_row_buffer *buffer, row *it, const row *last)
{
    if (buffer->walks > 0) {
        return;
    }
    while (it != NULL) {
        row *next = it == last ? NULL : it->after;
        if (it->top.knowledge == KSI_ROW_ABSENT &&
            ksi_row_buffer_knows_from(buffer, it->item.key)) {
            forget_row(buffer, it);
        }
        it = next;
    }
}

void ksi_row_buffer_applied(ksi_row_buffer *buffer)
{
    row *first = buffer->lists[KSI_UNAPPLIED].first;
    const row *last = buffer->lists[KSI_UNAPPLIED].last;
    for (row *it = first; it != NULL; it = it->after) {
        it->state = KSI_CLEAN;
    }
    splice(buffer, KSI_UNAPPLIED, KSI_CLEAN);
    buffer->bytes[KSI_CLEAN] += buffer->bytes[KSI_UNAPPLIED];
    buffer->bytes[KSI_UNAPPLIED] = 0;
    for (row *it = buffer->lists[KSI_PENDING].first; it != NULL; it = it->after) {
        it->must_apply = false;
    }
    forget_deleted(buffer, first, last);
}

/* All at once, and not row by row out of the tree. */
static void forget_all(ksi_row_buffer *buffer)
{
    const ksi_tree_item *item;
    for (size_t i = 0; (item = ksi_hash_index_at(&buffer->table, &i)) != NULL; i++) {
        will_forget(buffer, ksi_row_of(item));
    }
    forget_rows(buffer);
}

/* The lowest clean rows; an eighth more than it must, because it begins at the lowest of all. */
static void forget_lowest(ksi_row_buffer *buffer, int64_t max_clean_bytes)
{
    ksi_tree_cursor at;
    int64_t enough = max_clean_bytes - max_clean_bytes / FEW;
    ksi_row_index_order(buffer);
    ksi_tree_item *item = ksi_tree_seek(&at, buffer->tree, ks_slice_null(), false);
    while (item != NULL && buffer->bytes[KSI_CLEAN] > enough) {
        row *it = ksi_row_of(item);
        item = ksi_tree_next(&at, item->key);
        if (it->state == KSI_CLEAN) {
            forget_row(buffer, it);
            item = item != NULL ? ksi_tree_seek(&at, buffer->tree, item->key, false) : NULL;
        }
    }
}

void ksi_row_buffer_trim(ksi_row_buffer *buffer, int64_t max_clean_bytes)
{
    if (!buffer->has_rocks || buffer->walks > 0 || buffer->bytes[KSI_CLEAN] <= max_clean_bytes) {
        return;
    }
    bool all_clean = buffer->bytes[KSI_PENDING] == 0 && buffer->bytes[KSI_UNAPPLIED] == 0;
    bool many = buffer->table.count > buffer->table.slot_count / FEW;
    if (all_clean && max_clean_bytes == 0 && many) {
        forget_all(buffer);
    } else if (buffer->by_time) {
        forget_lowest(buffer, max_clean_bytes);
    }
    while (buffer->bytes[KSI_CLEAN] > max_clean_bytes && buffer->lists[KSI_CLEAN].last != NULL) {
        forget_row(buffer, buffer->lists[KSI_CLEAN].last);
    }
}
