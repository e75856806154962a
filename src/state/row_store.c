/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_store.c - see row_store.h for the layers and the layout.
 *
 * Order is what makes a crash harmless. Applying writes rows in batches of up to 1 MB and the
 * position in a batch of its own behind them; a family is flushed in the order of its writes, so a
 * position that survives has its rows. Replaying from an older position converges, because rows of
 * a changelog are whole. What expired goes together with the position: what is replayed may still
 * ask for it.
 *
 * Restoring does not go that way: rows pass the buffer by and are gathered in a row_loader, which
 * sorts them, keeps the last of each key and brings them in as one sorted file or, where they are
 * few, as a batch; the position follows. Nobody may read between the first row and that.
 */
#include "state/row_store_parts.h"

#include "base/check.h"
#include "base/crash_point.h"
#include "base/endian.h"
#include "base/error.h"
#include "base/memory.h"

#define BATCH_BYTES ((size_t)1024 * 1024)
#define RESTORE_BYTES ((int64_t)32 * 1024 * 1024)
#define META_PARTITION UINT32_MAX
#define POSITION_BYTES 26
#define POSITION_FORMAT 2
#define NOTE_BYTES 24
#define NOTE "note"
#define DIRTY "dirty"

/* ---- physical keys and values ---------------------------------------------------------------- */

static void append_be32(ksi_buffer *to, uint32_t number)
{
    char bytes[4];
    ksi_put_be32(bytes, number);
    ksi_buffer_append(to, bytes, sizeof bytes);
}

void ksi_physical_key(ksi_buffer *to, int32_t partition, ks_slice key)
{
    ksi_buffer_clear(to);
    append_be32(to, (uint32_t)partition);
    ksi_buffer_append(to, key.data, key.size);
}

static ks_slice physical_key(ksi_row_store *store, ks_slice key)
{
    ksi_physical_key(&store->key, store->options.partition, key);
    return ksi_buffer_slice(&store->key);
}

static ks_slice meta_key(ksi_row_store *store, size_t partition, const char *what)
{
    ksi_buffer_clear(&store->key);
    append_be32(&store->key, META_PARTITION);
    append_be32(&store->key, (uint32_t)partition);
    ksi_buffer_append_text(&store->key, what);
    return ksi_buffer_slice(&store->key);
}

static ks_slice mark_key(ksi_row_store *store)
{
    return meta_key(store, (size_t)store->options.partition, DIRTY);
}

/* A store of a task has one position, under its own partition. */
static ks_slice position_key(ksi_row_store *store, size_t index)
{
    return meta_key(store, (size_t)store->options.partition + index, "");
}

static ks_slice physical_value(ksi_row_store *store, const ksi_row *row)
{
    if (!store->options.timestamped) {
        return row->value;
    }
    char bytes[KSI_TIMESTAMP_BYTES];
    ksi_put_be64(bytes, (uint64_t)row->timestamp);
    ksi_buffer_clear(&store->value);
    ksi_buffer_append(&store->value, bytes, sizeof bytes);
    ksi_buffer_append(&store->value, row->value.data, row->value.size);
    return ksi_buffer_slice(&store->value);
}

ks_status ksi_physical_value_read(const ksi_row_store *store, ks_slice stored, ksi_row *row,
                                  ks_error *error)
{
    row->timestamp = -1;
    row->value = stored;
    if (!store->options.timestamped) {
        return KS_OK;
    }
    if (stored.size < KSI_TIMESTAMP_BYTES) {
        return ksi_error_set(error, KS_E_CORRUPT, store->options.name,
                             "a row of partition %d has %zu bytes, fewer than its timestamp takes",
                             (int)store->options.partition, stored.size);
    }
    row->timestamp = (int64_t)ksi_get_be64(stored.data);
    row->value = ks_slice_of(stored.data + KSI_TIMESTAMP_BYTES, stored.size - KSI_TIMESTAMP_BYTES);
    return KS_OK;
}

/* ---- the position ---------------------------------------------------------------------------- */

static const ksi_store_position no_position = {.offset = -1};

static ks_status read_position(ksi_row_store *store, size_t index, ks_error *error)
{
    bool found;
    KS_TRY(ksi_family_get(store->options.family, position_key(store, index), &store->value, &found,
                          error));
    if (!found) {
        return KS_OK;
    }
    ks_slice bytes = ksi_buffer_slice(&store->value);
    if (bytes.size != POSITION_BYTES || bytes.data[0] != POSITION_FORMAT) {
        return ksi_error_set(error, KS_E_CORRUPT, store->options.name,
                             "the changelog position of partition %d does not read",
                             (int)store->options.partition + (int)index);
    }
    if (bytes.data[1] != (char)store->options.layout) {
        store->was_of_another_kind = true; /* it counts as no position, and they have to go */
        return KS_OK;
    }
    store->positions[index] =
        (ksi_store_position){.offset = (int64_t)ksi_get_be64(bytes.data + 2),
                             .current_ms = (int64_t)ksi_get_be64(bytes.data + 10),
                             .hash = ksi_get_be64(bytes.data + 18)};
    return KS_OK;
}

static void grow_positions(ksi_row_store *store, size_t count)
{
    store->positions = ksi_realloc(store->positions, count * sizeof *store->positions);
    for (; store->position_count < count; store->position_count++) {
        store->positions[store->position_count] = no_position;
    }
}

ks_status ksi_row_store_open_position(ksi_row_store *store, size_t partition, ks_error *error)
{
    ks_status status = KS_OK;
    while (status == KS_OK && store->position_count <= partition) {
        grow_positions(store, store->position_count + 1);
        if (store->options.family != NULL) {
            status = read_position(store, store->position_count - 1, error);
        }
    }
    return status;
}

ksi_store_position ksi_row_store_position_in(const ksi_row_store *store, size_t partition)
{
    KSI_CHECK(partition < store->position_count);
    return store->positions[partition];
}

ksi_store_position ksi_row_store_position(const ksi_row_store *store)
{
    return store->positions[0];
}

void ksi_row_store_set_position(ksi_row_store *store, size_t partition,
                                const ksi_store_position *position)
{
    KSI_CHECK(partition < store->position_count);
    store->positions[partition] = *position;
    store->position_changed = true;
}

static void batch_positions(ksi_row_store *store, ksi_rocks_batch *batch)
{
    for (size_t i = 0; i < store->position_count; i++) {
        const ksi_store_position *position = &store->positions[i];
        char bytes[POSITION_BYTES];
        if (position->offset < 0) {
            continue;
        }
        bytes[0] = POSITION_FORMAT;
        bytes[1] = (char)store->options.layout;
        ksi_put_be64(bytes + 2, (uint64_t)position->offset);
        ksi_put_be64(bytes + 10, (uint64_t)position->current_ms);
        ksi_put_be64(bytes + 18, position->hash);
        ksi_rocks_batch_put(batch, store->options.family, position_key(store, i),
                            ks_slice_of(bytes, sizeof bytes));
    }
}

/* ---- the note -------------------------------------------------------------------------------- */

static const ksi_store_note no_note = {.time = -1};

static ks_slice note_key(ksi_row_store *store)
{
    return meta_key(store, (size_t)store->options.partition, NOTE);
}

static void forget_note(ksi_row_store *store)
{
    store->note = no_note;
    store->committed_note = no_note;
    store->note_changed = false;
}

static ks_status read_note(ksi_row_store *store, ks_error *error)
{
    bool found;
    KS_TRY(ksi_family_get(store->options.family, note_key(store), &store->value, &found, error));
    ks_slice bytes = ksi_buffer_slice(&store->value);
    if (found && bytes.size != NOTE_BYTES) {
        return ksi_error_set(error, KS_E_CORRUPT, store->options.name,
                             "the note of partition %d does not read",
                             (int)store->options.partition);
    }
    if (found) {
        store->note = (ksi_store_note){.time = (int64_t)ksi_get_be64(bytes.data),
                                       .sequence = (int64_t)ksi_get_be64(bytes.data + 8),
                                       .unit = (int64_t)ksi_get_be64(bytes.data + 16)};
        store->committed_note = store->note;
    }
    return KS_OK;
}

static void batch_note(ksi_row_store *store, ksi_rocks_batch *batch)
{
    char bytes[NOTE_BYTES];
    if (store->note_changed) {
        ksi_put_be64(bytes, (uint64_t)store->committed_note.time);
        ksi_put_be64(bytes + 8, (uint64_t)store->committed_note.sequence);
        ksi_put_be64(bytes + 16, (uint64_t)store->committed_note.unit);
        ksi_rocks_batch_put(batch, store->options.family, note_key(store),
                            ks_slice_of(bytes, sizeof bytes));
    }
}

static void commit_note(ksi_row_store *store)
{
    bool changed = store->note.time != store->committed_note.time ||
                   store->note.sequence != store->committed_note.sequence ||
                   store->note.unit != store->committed_note.unit;
    store->note_changed = store->note_changed || changed;
    store->committed_note = store->note;
}

ksi_store_note ksi_row_store_note(const ksi_row_store *store, bool committed)
{
    return committed ? store->committed_note : store->note;
}

void ksi_row_store_set_note(ksi_row_store *store, const ksi_store_note *note)
{
    store->note = *note;
}

/* ---- life ------------------------------------------------------------------------------------ */

static ks_status look_for_mark(ksi_row_store *store, ks_error *error)
{
    bool found;
    KS_TRY(ksi_family_get(store->options.family, mark_key(store), &store->value, &found, error));
    store->was_cut_off = found;
    return found ? ksi_row_store_wipe(store, error) : KS_OK;
}

bool ksi_row_store_was_cut_off(const ksi_row_store *store)
{
    return store->was_cut_off;
}

bool ksi_row_store_was_of_another_kind(const ksi_row_store *store)
{
    return store->was_of_another_kind;
}

ksi_row_store *ksi_row_store_open(const ksi_row_store_options *options, ks_error *error)
{
    ksi_row_store *store = ksi_calloc(1, sizeof *store);
    store->options = *options;
    grow_positions(store, 1);
    forget_note(store);
    store->buffer = ksi_row_buffer_new(&(ksi_row_buffer_options){
        .has_rocks = options->family != NULL, .by_time = options->by_time});
    KSI_CHECK(options->max_rows == 0 || options->family == NULL);
    store->uses = options->max_rows > 0 ? ksi_use_order_new() : NULL;
    if (options->family != NULL &&
        (look_for_mark(store, error) != KS_OK || read_position(store, 0, error) != KS_OK ||
         read_note(store, error) != KS_OK)) {
        ksi_row_store_close(store);
        return NULL;
    }
    return store;
}

void ksi_row_store_close(ksi_row_store *store)
{
    if (store == NULL) {
        return;
    }
    ksi_row_iterator_free(store->spare);
    ksi_row_buffer_free(store->buffer);
    ksi_row_loader_free(store->loader);
    ksi_use_order_free(store->uses);
    ksi_buffer_destroy(&store->key);
    ksi_buffer_destroy(&store->value);
    ksi_free(store->positions);
    ksi_free(store);
}

static int64_t own_time(const ksi_row_store *store, int64_t timestamp)
{
    return store->options.timestamped ? timestamp : -1;
}

/* ---- what is known without asking ------------------------------------------------------------ */

/* Tells the buffer what RocksDB's last key of the partition is. */
static ks_status ask_last(ksi_row_store *store, ks_error *error)
{
    char low[KSI_PARTITION_BYTES];
    char high[KSI_PARTITION_BYTES];
    ksi_put_be32(low, (uint32_t)store->options.partition);
    ksi_put_be32(high, (uint32_t)store->options.partition + 1);
    ksi_rocks_iterator *stored = ksi_rocks_iterator_open(
        store->options.family, ks_slice_of(low, sizeof low), ks_slice_of(high, sizeof high));
    ksi_rocks_iterator_seek_last(stored);
    ks_status status = KS_OK;
    if (ksi_rocks_iterator_valid(stored)) {
        ks_slice key = ksi_rocks_iterator_key(stored);
        ksi_row_buffer_told_last(store->buffer, ks_slice_of(key.data + KSI_PARTITION_BYTES,
                                                            key.size - KSI_PARTITION_BYTES));
    } else {
        status = ksi_rocks_iterator_status(stored, error);
        if (status == KS_OK) {
            ksi_row_buffer_told_last(store->buffer, ks_slice_null());
        }
    }
    ksi_rocks_iterator_close(stored);
    return status;
}

/* A failure to ask is not lost: whoever reads RocksDB then meets it. */
bool ksi_row_store_knows_from(ksi_row_store *store, ks_slice low)
{
    if (ksi_row_buffer_must_ask(store->buffer) && ask_last(store, NULL) != KS_OK) {
        return false;
    }
    return ksi_row_buffer_knows_from(store->buffer, low);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static ks_status look(ksi_row_store *store, ks_slice key, bool committed, ksi_row *row, bool *found,
                      ks_error *error)
{
    ksi_row_knowledge known = ksi_row_buffer_find(store->buffer, key, committed, row);
    *found = known == KSI_ROW_PRESENT;
    if (known != KSI_ROW_UNKNOWN) {
        return KS_OK;
    }
    if (ksi_row_buffer_must_ask(store->buffer)) {
        KS_TRY(ask_last(store, error));
        if (ksi_row_buffer_knows_from(store->buffer, key)) {
            return KS_OK;
        }
    }
    KS_TRY(ksi_family_get(store->options.family, physical_key(store, key), &store->value, found,
                          error));
    *row = (ksi_row){.key = key, .value = ks_slice_null(), .timestamp = -1};
    if (*found) {
        KS_TRY(ksi_physical_value_read(store, ksi_buffer_slice(&store->value), row, error));
    }
    if (!committed) { /* under a pending row, what RocksDB has has no place in the buffer */
        ksi_row_buffer_remember(store->buffer, key, row->value, row->timestamp);
        ksi_row_buffer_trim(store->buffer, store->options.clean_bytes);
    }
    return KS_OK;
}

ks_status ksi_row_store_look(ksi_row_store *store, ks_slice key, ksi_row *row, bool *found,
                             ks_error *error)
{
    return look(store, key, false, row, found, error);
}

void ksi_peeked_row_destroy(ksi_peeked_row *peeked)
{
    ksi_buffer_destroy(&peeked->physical_key);
    ksi_buffer_destroy(&peeked->physical_value);
}

ks_status ksi_row_store_peek(const ksi_row_store *store, ks_slice key, bool committed,
                             ksi_peeked_row *peeked, ks_error *error)
{
    ksi_row_knowledge known = ksi_row_buffer_peek(store->buffer, key, committed, &peeked->row);
    peeked->found = known == KSI_ROW_PRESENT;
    if (known != KSI_ROW_UNKNOWN) {
        return KS_OK;
    }
    ksi_physical_key(&peeked->physical_key, store->options.partition, key);
    KS_TRY(ksi_family_get(store->options.family, ksi_buffer_slice(&peeked->physical_key),
                          &peeked->physical_value, &peeked->found, error));
    peeked->row.key = key;
    return peeked->found ? ksi_physical_value_read(store, ksi_buffer_slice(&peeked->physical_value),
                                                   &peeked->row, error)
                         : KS_OK;
}

void ksi_row_store_expect(const ksi_row_store *store, uint64_t hash)
{
    ksi_row_buffer_expect(store->buffer, hash);
}

ks_status ksi_row_store_get(ksi_row_store *store, ks_slice key, bool committed, ksi_row *row,
                            bool *found, ks_error *error)
{
    if (store->uses != NULL && !committed) {
        ksi_use_order_use(store->uses, key);
    }
    return look(store, key, committed, row, found, error);
}

ks_slice ksi_row_store_next_to_go(const ksi_row_store *store, ks_slice key)
{
    bool is_full =
        store->uses != NULL && ksi_use_order_count(store->uses) >= store->options.max_rows;
    return is_full && !ksi_use_order_has(store->uses, key) ? ksi_use_order_eldest(store->uses)
                                                           : ks_slice_null();
}

/* The value may lie in the row that has to go, so that one goes last. */
void ksi_row_store_put(ksi_row_store *store, ks_slice key, ks_slice value, int64_t timestamp)
{
    ks_slice eldest = ks_slice_null();
    if (store->uses != NULL && value.data == NULL) {
        ksi_use_order_remove(store->uses, key);
    } else if (store->uses != NULL) {
        eldest = ksi_row_store_next_to_go(store, key);
        ksi_use_order_add(store->uses, key);
    }
    ksi_row_buffer_put(store->buffer, key, value, own_time(store, timestamp));
    if (eldest.data != NULL) {
        ksi_row_buffer_put(store->buffer, eldest, ks_slice_null(), -1);
        ksi_use_order_remove(store->uses, eldest);
    }
}

void ksi_row_store_set_clean_bytes(ksi_row_store *store, int64_t clean_bytes)
{
    store->options.clean_bytes = clean_bytes;
    ksi_row_buffer_trim(store->buffer, clean_bytes);
}

void ksi_row_store_expire(ksi_row_store *store, ks_slice below)
{
    KSI_CHECK(store->uses == NULL);
    ksi_row_buffer_expire(store->buffer, below);
}

ksi_row_buffer_bytes ksi_row_store_bytes(const ksi_row_store *store)
{
    return ksi_row_buffer_bytes_of(store->buffer);
}

bool ksi_row_store_is_written_through(const ksi_row_store *store)
{
    return store->has_uncommitted;
}

/* ---- applying -------------------------------------------------------------------------------- */

typedef struct applying {
    ksi_row_store *store;
    ksi_rocks_batch *batch;
    bool durable;
    const char *between; /* the crash point behind each batch */
    ks_status status;
    ks_error *error;
} applying;

static bool apply_row(void *user, const ksi_row *row)
{
    applying *how = user;
    ksi_row_store *store = how->store;
    ks_slice key = physical_key(store, row->key);
    if (row->value.data == NULL) {
        ksi_rocks_batch_delete(how->batch, store->options.family, key);
    } else {
        ksi_rocks_batch_put(how->batch, store->options.family, key, physical_value(store, row));
    }
    /* What has no changelog behind it must arrive as a whole, so that is one batch. */
    if (!how->durable && ksi_rocks_batch_bytes(how->batch) >= BATCH_BYTES) {
        how->status = ksi_rocks_write(how->batch, how->durable, how->error);
        KSI_CRASH_POINT(how->between);
    }
    return how->status == KS_OK;
}

/* What has expired since this was done last goes from RocksDB, as one range. */
static void batch_expiry(ksi_row_store *store, ksi_rocks_batch *batch)
{
    ks_slice low;
    ks_slice high;
    if (ksi_row_buffer_floor_to_apply(store->buffer, &low, &high)) {
        ksi_physical_key(&store->value, store->options.partition, low);
        ksi_rocks_batch_delete_range(batch, store->options.family, ksi_buffer_slice(&store->value),
                                     physical_key(store, high));
    }
}

/* The buffer's rows, and what expired, are in RocksDB. */
static void note_applied(ksi_row_store *store)
{
    ksi_row_buffer_applied(store->buffer);
    ksi_row_buffer_floor_applied(store->buffer);
    ksi_row_buffer_trim(store->buffer, store->options.clean_bytes);
}

static bool has_to_apply(const ksi_row_store *store)
{
    ks_slice low;
    ks_slice high;
    return ksi_row_buffer_has_unapplied(store->buffer) || store->position_changed ||
           store->note_changed || store->is_dirty ||
           ksi_row_buffer_floor_to_apply(store->buffer, &low, &high);
}

/* Writes the committed rows. What is left in the batch is the caller's to write. */
static ks_status write_rows(ksi_row_store *store, ksi_rocks_batch *batch, bool durable,
                            const char *between, ks_error *error)
{
    applying how = {
        .store = store, .batch = batch, .durable = durable, .between = between, .error = error};
    (void)ksi_row_buffer_each_unapplied(store->buffer, apply_row, &how);
    return how.status;
}

ks_status ksi_row_store_apply(ksi_row_store *store, ks_error *error)
{
    if (store->options.family == NULL || store->has_uncommitted || !has_to_apply(store)) {
        return KS_OK;
    }
    KSI_CRASH_POINT("apply.begin");
    bool durable = !store->options.logged;
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(store->options.family));
    ks_status status = write_rows(store, batch, durable, "apply.between-batches", error);
    if (status == KS_OK && !durable) {
        status = ksi_rocks_write(batch, durable, error);
        KSI_CRASH_POINT("apply.before-position");
    }
    if (status == KS_OK) {
        batch_expiry(store, batch);
        batch_note(store, batch);
        batch_positions(store, batch);
    }
    if (status == KS_OK && store->is_dirty) {
        ksi_rocks_batch_delete(batch, store->options.family, mark_key(store));
    }
    if (status == KS_OK) {
        status = ksi_rocks_write(batch, durable, error);
    }
    ksi_rocks_batch_free(batch);
    if (status != KS_OK) {
        ksi_error_prefix(error, "writing store %s, partition %d: ", store->options.name,
                         (int)store->options.partition);
        return status;
    }
    note_applied(store);
    store->position_changed = false;
    store->note_changed = false;
    store->is_dirty = false;
    KSI_CRASH_POINT("apply.end");
    return KS_OK;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void commit_rows(ksi_row_store *store)
{
    ksi_row_buffer_commit(store->buffer);
    commit_note(store);
    if (store->uses != NULL) {
        ksi_use_order_commit(store->uses);
    }
}

ks_status ksi_row_store_commit(ksi_row_store *store, const ksi_store_position *position,
                               ks_error *error)
{
    commit_rows(store);
    if (position != NULL) {
        ksi_row_store_set_position(store, 0, position);
    }
    store->has_uncommitted = false;
    KSI_CRASH_POINT("commit.before-apply");
    bool applies_now = !store->options.logged || store->is_dirty;
    return applies_now ? ksi_row_store_apply(store, error) : KS_OK;
}

bool ksi_row_store_abort(ksi_row_store *store)
{
    ksi_row_buffer_abort(store->buffer);
    store->note = store->committed_note;
    ksi_row_buffer_trim(store->buffer, store->options.clean_bytes);
    if (store->uses != NULL) {
        ksi_use_order_abort(store->uses);
    }
    return !store->is_dirty;
}

ks_status ksi_row_store_write_through(ksi_row_store *store, ks_error *error)
{
    if (store->options.family == NULL || !store->options.logged) {
        return KS_OK; /* memory is all there is, or nothing could rebuild the store */
    }
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(store->options.family));
    ks_status status = KS_OK;
    if (!store->is_dirty) {
        ksi_rocks_batch_put(batch, store->options.family, mark_key(store), ks_slice_of("", 0));
        status = ksi_rocks_write(batch, true, error);
        store->is_dirty = status == KS_OK;
        KSI_CRASH_POINT("write-through.marked");
    }
    if (status == KS_OK) {
        store->has_uncommitted = true;
        ksi_row_buffer_commit(store->buffer);
        status = write_rows(store, batch, false, "write-through.between-batches", error);
    }
    if (status == KS_OK) {
        batch_expiry(store, batch);
        status = ksi_rocks_write(batch, false, error);
        KSI_CRASH_POINT("write-through.written");
    }
    ksi_rocks_batch_free(batch);
    if (status == KS_OK) {
        note_applied(store);
    }
    return status;
}

ks_status ksi_row_store_bound_pending(ksi_row_store *store, int64_t most_bytes, ks_error *error)
{
    bool is_over = most_bytes > 0 && ksi_row_buffer_bytes_of(store->buffer).pending > most_bytes;
    return is_over ? ksi_row_store_write_through(store, error) : KS_OK;
}

/* ---- restoring ------------------------------------------------------------------------------- */

/* The bounds of all rows of the partition. */
static void partition_bounds(const ksi_row_store *store, char low[KSI_PARTITION_BYTES],
                             char high[KSI_PARTITION_BYTES])
{
    ksi_put_be32(low, (uint32_t)store->options.partition);
    ksi_put_be32(high, (uint32_t)store->options.partition + 1);
}

ks_status ksi_row_store_wipe(ksi_row_store *store, ks_error *error)
{
    ksi_row_buffer_clear(store->buffer);
    if (store->loader != NULL) {
        ksi_row_loader_clear(store->loader);
    }
    if (store->uses != NULL) {
        ksi_use_order_clear(store->uses);
    }
    for (size_t i = 0; i < store->position_count; i++) {
        store->positions[i] = no_position;
    }
    forget_note(store);
    store->position_changed = false;
    store->is_dirty = false;
    store->has_uncommitted = false;
    if (store->options.family == NULL) {
        return KS_OK;
    }
    KSI_CRASH_POINT("wipe.begin");
    char low[KSI_PARTITION_BYTES];
    char high[KSI_PARTITION_BYTES];
    partition_bounds(store, low, high);
    ksi_family *family = store->options.family;
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(family));
    for (size_t i = 0; i < store->position_count; i++) {
        ksi_rocks_batch_delete(batch, family, position_key(store, i));
    }
    ksi_rocks_batch_delete_range(batch, family, ks_slice_of(low, sizeof low),
                                 ks_slice_of(high, sizeof high));
    ksi_rocks_batch_delete(batch, family, note_key(store));
    ksi_rocks_batch_delete(batch, family, mark_key(store));
    ks_status status = ksi_rocks_write(batch, true, error);
    ksi_rocks_batch_free(batch);
    KSI_CRASH_POINT("wipe.end");
    return status;
}

static ksi_row_loader *loader_of(ksi_row_store *store)
{
    if (store->loader == NULL) {
        store->loader = ksi_row_loader_new(store->options.family, store->options.partition,
                                           store->options.timestamped);
    }
    return store->loader;
}

/*
 * Whether rows go past the buffer: only when it knows nothing that they could replace. That is
 * decided before the first row of a load, and holds until the load is written.
 */
static bool bypasses_buffer(ksi_row_store *store)
{
    if (store->options.family == NULL || !store->options.logged) {
        return false;
    }
    if (ksi_row_loader_count(loader_of(store)) > 0) {
        return true;
    }
    ksi_row_buffer_trim(store->buffer, 0);
    ksi_row_buffer_bytes known = ksi_row_buffer_bytes_of(store->buffer);
    return known.pending == 0 && known.unapplied == 0 && known.clean == 0;
}

static bool has_position(const ksi_row_store *store)
{
    for (size_t i = 0; i < store->position_count; i++) {
        if (store->positions[i].offset >= 0) {
            return true;
        }
    }
    return false;
}

/*
 * Whether RocksDB has no row of the partition: then there is nothing to delete. A store with a
 * position is not asked, it has rows as a rule.
 */
static ks_status is_empty_below(const ksi_row_store *store, bool *is_empty, ks_error *error)
{
    *is_empty = !has_position(store) && ksi_row_loader_has_deletes(store->loader);
    if (!*is_empty) {
        return KS_OK;
    }
    char low[KSI_PARTITION_BYTES];
    char high[KSI_PARTITION_BYTES];
    partition_bounds(store, low, high);
    ksi_rocks_iterator *rows = ksi_rocks_iterator_open(
        store->options.family, ks_slice_of(low, sizeof low), ks_slice_of(high, sizeof high));
    ksi_rocks_iterator_seek_first(rows);
    *is_empty = !ksi_rocks_iterator_valid(rows);
    ks_status status = ksi_rocks_iterator_status(rows, error);
    ksi_rocks_iterator_close(rows);
    return status;
}

static ks_status write_loaded(ksi_row_store *store, ks_error *error)
{
    if (store->loader == NULL || ksi_row_loader_count(store->loader) == 0) {
        return KS_OK;
    }
    bool is_empty = false;
    ksi_row_buffer_rows_came_below(store->buffer);
    KS_TRY(is_empty_below(store, &is_empty, error));
    return ksi_row_loader_write(store->loader, is_empty, error);
}

typedef struct loading {
    ksi_row_store *store;
    ks_status status;
    ks_error *error;
} loading;

static bool load_row(void *user, const ksi_row *row)
{
    loading *how = user;
    ksi_row_loader_add(how->store->loader, row);
    if (ksi_row_loader_bytes(how->store->loader) > RESTORE_BYTES) {
        how->status = write_loaded(how->store, how->error);
    }
    return how->status == KS_OK;
}

/* What was gathered goes to RocksDB; what had to go through the buffer takes the same way. */
static ks_status bring_in(ksi_row_store *store, ks_error *error)
{
    commit_rows(store);
    if (store->options.family == NULL) {
        return KS_OK;
    }
    if (!store->options.logged) {
        return ksi_row_store_apply(store, error); /* durable, whatever the number of rows */
    }
    KS_TRY(write_loaded(store, error));
    ksi_row_buffer_trim(store->buffer, 0); /* what somebody read meanwhile is older */
    if (!ksi_row_buffer_has_unapplied(store->buffer)) {
        return KS_OK;
    }
    loading how = {.store = store, .error = error};
    (void)loader_of(store);
    (void)ksi_row_buffer_each_unapplied(store->buffer, load_row, &how);
    KS_TRY(how.status);
    KS_TRY(write_loaded(store, error));
    ksi_row_buffer_applied(store->buffer);
    ksi_row_buffer_trim(store->buffer, 0);
    return KS_OK;
}

ks_status ksi_row_store_restore(ksi_row_store *store, ks_slice key, ks_slice value,
                                int64_t timestamp, ks_error *error)
{
    if (bypasses_buffer(store)) {
        ksi_row_loader_add(store->loader, &(ksi_row){key, value, timestamp});
    } else {
        ksi_row_store_put(store, key, value, timestamp);
    }
    return ksi_row_store_bound_restored(store, error);
}

ks_status ksi_row_store_bound_restored(ksi_row_store *store, ks_error *error)
{
    int64_t gathered = store->loader != NULL ? ksi_row_loader_bytes(store->loader) : 0;
    if (gathered + ksi_row_buffer_bytes_of(store->buffer).pending <= RESTORE_BYTES) {
        return KS_OK;
    }
    KS_TRY(bring_in(store, error));
    KSI_CRASH_POINT("restore.between-files");
    return KS_OK;
}

ks_status ksi_row_store_restored(ksi_row_store *store, const ksi_store_position *position,
                                 ks_error *error)
{
    ks_status status = bring_in(store, error);
    if (status == KS_OK) {
        if (position != NULL) {
            ksi_row_store_set_position(store, 0, position);
        }
        status = ksi_row_store_apply(store, error);
    }
    if (status != KS_OK) {
        ksi_error_prefix(error, "restoring store %s, partition %d: ", store->options.name,
                         (int)store->options.partition);
    }
    return status;
}

uint64_t ksi_row_store_count(ksi_row_store *store)
{
    return store->options.family == NULL ? ksi_row_buffer_present(store->buffer)
                                         : ksi_family_estimate_count(store->options.family);
}
