/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_row_store_contract.c - every kind of store, in every combination of layers, against arrays.
 *
 * A world is three partitions of one store side by side, in memory or in one family, each with a
 * model of its own:
 *
 *     now         what a read finds                       changed by writes
 *     committed   what a read of committed rows finds     changed by commits and writing through
 *     settled     what the changelog says                 changed by commits
 *     applied     what RocksDB has when nothing crashes   changed by applying and restoring
 *     log         the commits since `durable`: what a crash may lose or keep, and what is replayed
 *
 * A crash leaves a position and rows. Rows may be newer than the position, never older: each row
 * must be what it was at the position or at a later commit, and replaying the log from there must
 * lead to what is settled. What a crash leaves is RocksDB's checkpoint of its files without a
 * flush, because closing a database flushes it, whatever one wants.
 *
 * Expiry is a key index below which rows are gone: at once from `now`, with the commit from the
 * others. To the changelog of the model that is a deletion. Wiping and opening forget it.
 *
 * An iterator shows the keys that were there when it was opened and still are, with what they are
 * now. Keys come from a fixed set in order: so an iterator is a set of flags and an index.
 *
 * KSTREAMS_TEST_SEED repeats a run.
 */
#include "state/key_value_store.h"
#include "state/row_store.h"

#include "base/slice.h"
#include "random_rows.h"
#include "scratch_directory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    KEYS = RANDOM_KEYS,
    LONGEST_KEY = RANDOM_KEY_BYTES,
    PARTITIONS = 3,
    ITERATORS = 4,
    LONGEST_VALUE = 100 * 1024,
    OPERATIONS = 54000 / SLOWER, /* of one world; there are 28 */
};

/* ---- the model ------------------------------------------------------------------------------- */

/* A value is a piece of a random text: to compare one, nothing has to be kept but where it is. */
typedef struct model_row {
    bool present;
    uint32_t at;
    uint32_t size;
    int64_t timestamp;
} model_row;

typedef struct change {
    int64_t commit;
    size_t key;
    model_row row;
} change;

typedef struct open_iterator {
    ksi_row_iterator *rows; /* NULL: none */
    bool shown[KEYS];       /* in the range, and there when it was opened */
    int at;                 /* the next key to look at */
    int step;
    bool committed;
} open_iterator;

typedef struct world_kind {
    bool in_memory;
    bool timestamped;
    bool logged;
    bool by_time;
    bool has_view; /* a key-value store above the rows */
    int64_t clean_bytes;
    int64_t cache_bytes; /* of a record cache; 0: none */
} world_kind;

typedef struct world world;

typedef struct part {
    world *in;
    int32_t partition;
    ksi_row_store *rows;
    ksi_key_value_store *view; /* NULL: rows alone */
    model_row now[KEYS];
    model_row committed[KEYS];
    model_row settled[KEYS];
    model_row applied[KEYS];
    model_row durable[KEYS];
    int64_t commit; /* the number of the last one: what positions count */
    int64_t applied_commit;
    int64_t durable_commit;
    change *log; /* behind `durable` */
    size_t log_count;
    size_t log_capacity;
    size_t floor; /* rows of keys before it are expired, writes there are nothing */
    size_t committed_floor;
    bool written_through; /* since the last commit */
    bool may_be_marked;   /* a crash may find the mark of writing through */
    open_iterator iterators[ITERATORS];
} part;

struct world {
    world_kind kind;
    char path[SCRATCH_PATH_BYTES];
    int lives; /* each crash makes the next database, in a directory of its own */
    ksi_rocks *rocks;
    ksi_family *family;
    ksi_store_spec spec;
    ksi_record_cache *cache;
    part parts[PARTITIONS];
    int64_t operation;
};

static int64_t operations;
static int64_t losses; /* crashes that took something that had been applied */

static ks_slice value_of(const model_row *row)
{
    return row->present ? random_value(row->at, row->size) : ks_slice_null();
}

static void holds(const world *w, bool condition, const char *what, int line)
{
    if (!condition) {
        print_error("seed %" PRIu64 ", operation %" PRId64
                    ", %s, timestamped %d, logged %d, by time %d, view %d, clean %" PRId64
                    ", cache %" PRId64 "\n",
                    random_seed(), w->operation, w->kind.in_memory ? "in memory" : "RocksDB",
                    w->kind.timestamped, w->kind.logged, w->kind.by_time, w->kind.has_view,
                    w->kind.clean_bytes, w->kind.cache_bytes);
        _fail(what, line);
    }
}
#define HOLDS(w, condition) holds(w, condition, #condition, __LINE__)

static void must(const world *w, ks_status status, const ks_error *error)
{
    if (status != KS_OK) {
        char text[1024];
        print_error("%s\n", ks_error_text(error, text, sizeof text));
    }
    HOLDS(w, status == KS_OK);
}

static void assert_row(const world *w, const model_row *expected, size_t key, const ksi_row *row)
{
    HOLDS(w, expected->present);
    HOLDS(w, ks_slice_equal(row->key, random_key(key)));
    HOLDS(w, row->value.data != NULL);
    HOLDS(w, ks_slice_equal(row->value, value_of(expected)));
    HOLDS(w, row->timestamp == expected->timestamp);
}

static bool is_same(const model_row *a, const model_row *b)
{
    return a->present == b->present && (!a->present || (a->timestamp == b->timestamp &&
                                                        ks_slice_equal(value_of(a), value_of(b))));
}

static void add_change(part *p, size_t key, const model_row *row)
{
    if (p->log_count == p->log_capacity) {
        p->log_capacity = p->log_capacity * 2 + 64;
        p->log = realloc(p->log, p->log_capacity * sizeof *p->log);
        assert_non_null(p->log);
    }
    p->log[p->log_count++] = (change){.commit = p->commit, .key = key, .row = *row};
}

/* ---- reading --------------------------------------------------------------------------------- */

static void get_one(part *p)
{
    size_t key = random_below(KEYS);
    bool committed = random_below(3) == 0;
    const model_row *expected = committed ? &p->committed[key] : &p->now[key];
    ksi_row row;
    bool found = false;
    ks_error error = {0};
    ks_status status =
        p->view != NULL && !committed
            ? ksi_key_value_store_read(p->view, random_key(key), &row, &found, &error)
            : ksi_row_store_get(p->rows, random_key(key), committed, &row, &found, &error);
    must(p->in, status, &error);
    HOLDS(p->in, found == expected->present);
    if (found) {
        assert_row(p->in, expected, key, &row);
    }
}

static void flush_view(part *p)
{
    ks_error error = {0};
    if (p->view != NULL) {
        must(p->in, ksi_key_value_store_flush(p->view, &error), &error);
    }
}

static void open_one(part *p, open_iterator *iterator)
{
    char low[LONGEST_KEY];
    char high[LONGEST_KEY];
    ksi_row_range range = random_range(low, high);
    flush_view(p);
    iterator->rows = ksi_row_iterator_open(p->rows, &range);
    iterator->committed = range.committed;
    iterator->step = range.backward ? -1 : 1;
    iterator->at = range.backward ? KEYS - 1 : 0;
    const model_row *rows = range.committed ? p->committed : p->now;
    for (size_t i = 0; i < KEYS; i++) {
        iterator->shown[i] = rows[i].present && random_range_has(&range, random_key(i));
    }
    memset(low, 'x', sizeof low); /* the bounds were copied */
    memset(high, 'x', sizeof high);
}

static void close_one(open_iterator *iterator)
{
    ksi_row_iterator_close(iterator->rows);
    iterator->rows = NULL;
}

static void close_iterators(part *p)
{
    for (size_t i = 0; i < ITERATORS; i++) {
        close_one(&p->iterators[i]);
    }
}

/* False at the end. */
static bool step_one(part *p, open_iterator *iterator)
{
    const model_row *rows = iterator->committed ? p->committed : p->now;
    int at = iterator->at;
    while (at >= 0 && at < KEYS && !(iterator->shown[at] && rows[at].present)) {
        at += iterator->step;
    }
    ksi_row row;
    bool found = false;
    ks_error error = {0};
    must(p->in, ksi_row_iterator_next(iterator->rows, &row, &found, &error), &error);
    HOLDS(p->in, found == (at >= 0 && at < KEYS));
    if (found) {
        assert_row(p->in, &rows[at], (size_t)at, &row);
    }
    iterator->at = at + iterator->step;
    return found;
}

static void iterate(part *p)
{
    open_iterator *iterator = &p->iterators[random_below(ITERATORS)];
    if (iterator->rows == NULL) {
        open_one(p, iterator);
    }
    /* A record cache gives rows away when it likes: an iterator below it does not stay open. */
    bool to_the_end = p->in->cache != NULL || random_below(4) == 0;
    uint32_t steps = to_the_end ? KEYS + 1 : random_below(8);
    bool any = true;
    for (uint32_t i = 0; any && i < steps; i++) {
        any = step_one(p, iterator);
    }
    if (!any || to_the_end || random_below(8) == 0) {
        close_one(iterator);
    }
}

static void compare_all(part *p, const model_row *rows, bool committed)
{
    open_iterator all = {.step = 1, .committed = committed};
    for (size_t i = 0; i < KEYS; i++) {
        all.shown[i] = rows[i].present;
    }
    all.rows = ksi_row_iterator_open(p->rows, &(ksi_row_range){.committed = committed});
    while (step_one(p, &all)) {
    }
    close_one(&all);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_one(part *p, bool deletes)
{
    world *w = p->in;
    size_t key = random_below(KEYS);
    model_row row = {.present = !deletes, .timestamp = -1};
    bool is_expired = key < p->floor;
    if (!deletes) {
        uint32_t kind = random_below(2000);
        row.size = kind == 0 ? random_below(LONGEST_VALUE) : kind < 200 ? 0 : random_below(60);
        row.at = random_below(RANDOM_TEXT_BYTES - LONGEST_VALUE);
        row.timestamp = w->kind.timestamped ? w->operation : -1;
    }
    p->now[key] = is_expired ? p->now[key] : row;
    if (p->view == NULL) {
        ksi_row_store_put(p->rows, random_key(key), value_of(&row), w->operation);
        return;
    }
    ks_error error = {0};
    const ksi_record_context context = {.topic = "t", .timestamp = w->operation};
    must(w,
         ksi_key_value_store_write(p->view, random_key(key), value_of(&row), w->operation, &context,
                                   &error),
         &error);
}

/* Puts a row that an earlier read gave, which lies in the store itself. */
static void write_back(part *p)
{
    size_t key = random_below(KEYS);
    size_t from = random_below(KEYS);
    ksi_row row;
    bool found = false;
    ks_error error = {0};
    if (p->view != NULL) {
        return;
    }
    must(p->in, ksi_row_store_get(p->rows, random_key(from), false, &row, &found, &error), &error);
    if (found) {
        ksi_row_store_put(p->rows, random_key(key), row.value, row.timestamp);
        p->now[key] = key < p->floor ? p->now[key] : p->now[from];
    }
}

/* Some of the lowest rows expire; some stay, whatever happens. */
static void expire_one(part *p)
{
    size_t floor = p->floor + random_below(KEYS / 10);
    if (p->view != NULL || floor > KEYS * 3 / 4) {
        return;
    }
    ksi_row_store_expire(p->rows, random_key(random_below(4) == 0 ? p->floor / 2 : floor));
    ksi_row_store_expire(p->rows, random_key(floor));
    p->floor = floor;
    for (size_t i = 0; i < floor; i++) {
        p->now[i].present = false;
    }
}

static ksi_store_position position_at(int64_t commit)
{
    return (ksi_store_position){
        .offset = commit, .current_ms = commit * 3, .hash = (uint64_t)commit * 7 + 1};
}

static void assert_position(part *p, int64_t commit)
{
    ksi_store_position position = ksi_row_store_position(p->rows);
    HOLDS(p->in, position.offset == commit);
    if (commit >= 0) {
        HOLDS(p->in, position.current_ms == position_at(commit).current_ms);
        HOLDS(p->in, position.hash == position_at(commit).hash);
    }
}

static void note_applied(part *p)
{
    memcpy(p->applied, p->settled, sizeof p->applied);
    p->applied_commit = p->commit;
    HOLDS(p->in, ksi_row_store_bytes(p->rows).unapplied == 0);
}

/* What is applied can no longer be lost. */
static void note_durable(part *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->log_count; i++) {
        if (p->log[i].commit > p->applied_commit) {
            p->log[kept++] = p->log[i];
        }
    }
    p->log_count = kept;
    memcpy(p->durable, p->applied, sizeof p->durable);
    p->durable_commit = p->applied_commit;
}

static void commit_one(part *p)
{
    world *w = p->in;
    flush_view(p);
    p->commit++;
    for (size_t i = 0; i < KEYS; i++) {
        if (!is_same(&p->now[i], &p->settled[i])) {
            add_change(p, i, &p->now[i]);
        }
    }
    memcpy(p->settled, p->now, sizeof p->settled);
    memcpy(p->committed, p->now, sizeof p->committed);
    p->committed_floor = p->floor;
    ksi_store_position position = position_at(p->commit);
    ks_error error = {0};
    must(w, ksi_row_store_commit(p->rows, w->kind.logged ? &position : NULL, &error), &error);
    HOLDS(w, ksi_row_store_bytes(p->rows).pending == 0);
    assert_position(p, w->kind.logged ? p->commit : -1);
    if (!w->kind.logged || p->written_through) {
        note_applied(p);
        p->written_through = false;
    }
    if (!w->kind.logged) {
        p->may_be_marked = false;
        note_durable(p);
    }
}

static void apply_one(part *p)
{
    ks_error error = {0};
    must(p->in, ksi_row_store_apply(p->rows, &error), &error);
    if (!p->written_through) {
        note_applied(p);
    }
    bool iterates = false;
    for (size_t i = 0; i < ITERATORS; i++) {
        iterates = iterates || p->iterators[i].rows != NULL;
    }
    if (!p->in->kind.in_memory && !iterates) {
        HOLDS(p->in, ksi_row_store_bytes(p->rows).clean <= p->in->kind.clean_bytes);
    }
}

static void write_through(part *p)
{
    ks_error error = {0};
    if (p->in->kind.in_memory || !p->in->kind.logged) { /* rows wait for their commit */
        must(p->in, ksi_row_store_write_through(p->rows, &error), &error);
        return;
    }
    flush_view(p);
    must(p->in, ksi_row_store_write_through(p->rows, &error), &error);
    memcpy(p->committed, p->now, sizeof p->committed); /* RocksDB does not tell them apart */
    p->committed_floor = p->floor;
    p->written_through = true;
    p->may_be_marked = true;
    HOLDS(p->in, ksi_row_store_bytes(p->rows).pending == 0);
    HOLDS(p->in, ksi_row_store_bytes(p->rows).unapplied == 0);
}

/* ---- restoring ------------------------------------------------------------------------------- */

static void restore_row(part *p, size_t key, const model_row *row)
{
    ks_error error = {0};
    must(p->in,
         ksi_row_store_restore(p->rows, random_key(key), value_of(row), row->timestamp, &error),
         &error);
}

static void end_chunk(part *p, int64_t commit)
{
    ks_error error = {0};
    ksi_store_position position = position_at(commit);
    must(p->in, ksi_row_store_restored(p->rows, &position, &error), &error);
    assert_position(p, commit);
}

static void note_restored(part *p)
{
    memcpy(p->now, p->settled, sizeof p->now);
    memcpy(p->committed, p->settled, sizeof p->committed);
    if (p->in->kind.logged) {
        end_chunk(p, p->commit);
    }
    note_applied(p);
    compare_all(p, p->now, false);
}

/* Nothing is left below: all rows come from the changelog, in several pieces. */
static void rebuild(part *p)
{
    p->written_through = false;
    p->may_be_marked = false;
    p->log_count = 0;
    memset(p->durable, 0, sizeof p->durable);
    p->durable_commit = -1;
    assert_position(p, -1);
    memset(p->now, 0, sizeof p->now);
    compare_all(p, p->now, false);
    for (size_t i = 0; p->in->kind.logged && i < KEYS; i++) {
        if (p->settled[i].present) {
            add_change(p, i, &p->settled[i]);
            restore_row(p, i, &p->settled[i]);
        }
        if (random_below(KEYS / 3) == 0) {
            end_chunk(p, -1);
        }
    }
    if (!p->in->kind.logged) {
        memset(p->settled, 0, sizeof p->settled);
    }
    note_restored(p);
}

/* Replays the log behind a position, with a chunk's end at some of the commits. */
static void replay(part *p, int64_t from)
{
    for (size_t i = 0; i < p->log_count; i++) {
        if (p->log[i].commit <= from) {
            continue;
        }
        restore_row(p, p->log[i].key, &p->log[i].row);
        bool ends_commit = i + 1 == p->log_count || p->log[i + 1].commit > p->log[i].commit;
        if (ends_commit && random_below(4) == 0) {
            end_chunk(p, p->log[i].commit);
        }
    }
    note_restored(p);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void database_path(const world *w, int life, char path[SCRATCH_PATH_BYTES * 2])
{
    (void)snprintf(path, SCRATCH_PATH_BYTES * 2, "%s/%d", w->path, life);
}

static void open_rocks(world *w)
{
    ks_error error = {0};
    char path[SCRATCH_PATH_BYTES * 2];
    database_path(w, w->lives, path);
    w->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = path,
                                                   .block_cache_bytes = 1024 * 1024,
                                                   .write_buffer_bytes = 1024 * 1024},
                              &error);
    must(w, w->rocks != NULL ? KS_OK : error.code, &error);
    w->family = ksi_rocks_family(w->rocks, "store", &error);
    must(w, w->family != NULL ? KS_OK : error.code, &error);
}

static void open_part(world *w, part *p)
{
    ks_error error = {0};
    p->rows = ksi_row_store_open(&(ksi_row_store_options){.name = "store",
                                                          .family = w->family,
                                                          .partition = p->partition,
                                                          .timestamped = w->kind.timestamped,
                                                          .logged = w->kind.logged,
                                                          .by_time = w->kind.by_time,
                                                          .clean_bytes = w->kind.clean_bytes},
                                 &error);
    must(w, p->rows != NULL ? KS_OK : error.code, &error);
    p->floor = p->committed_floor = 0;
    if (w->kind.has_view) {
        p->view = ksi_key_value_store_open(
            &(ksi_store_options){.spec = &w->spec, .cache = w->cache, .rows = p->rows});
    }
}

static void close_part(part *p)
{
    close_iterators(p);
    if (p->view != NULL) {
        ksi_key_value_store_close(p->view);
    }
    ksi_row_store_close(p->rows);
    p->view = NULL;
    p->rows = NULL;
}

static void wipe(part *p)
{
    ks_error error = {0};
    for (size_t i = 0; i < ITERATORS; i++) { /* they stay open, and have nothing left to show */
        memset(p->iterators[i].shown, 0, sizeof p->iterators[i].shown);
    }
    if (p->view != NULL) { /* what a record cache holds goes, too */
        close_part(p);
        open_part(p->in, p);
    }
    must(p->in, ksi_row_store_wipe(p->rows, &error), &error);
    p->floor = p->committed_floor = 0;
    rebuild(p);
}

static void abort_one(part *p)
{
    if (p->in->kind.has_view) {
        return; /* a task that aborts opens its store again; the rows have their own worlds */
    }
    bool is_whole = ksi_row_store_abort(p->rows);
    HOLDS(p->in, is_whole == !p->written_through);
    HOLDS(p->in, ksi_row_store_bytes(p->rows).pending == 0);
    if (is_whole) {
        memcpy(p->now, p->settled, sizeof p->now);
        p->floor = p->committed_floor;
    } else {
        wipe(p);
    }
}

/* After an orderly end RocksDB has exactly what was applied. */
static void take_up(part *p)
{
    if (p->in->kind.in_memory || p->written_through) {
        rebuild(p);
        return;
    }
    assert_position(p, p->in->kind.logged ? p->applied_commit : -1);
    memcpy(p->now, p->applied, sizeof p->now);
    compare_all(p, p->now, false);
    replay(p, p->applied_commit);
}

/* Whether a row is what it was at the commit `from`, or became by a later one. */
static void assert_row_since(part *p, size_t key, int64_t from, const model_row *row)
{
    model_row at = p->durable[key];
    bool matches = false;
    for (size_t i = 0; i < p->log_count; i++) {
        const change *changed = &p->log[i];
        if (changed->key == key) {
            matches = matches || (changed->commit > from && is_same(&at, row));
            at = changed->row;
        }
    }
    HOLDS(p->in, matches || is_same(&at, row));
}

static model_row read_model(part *p, size_t key)
{
    ksi_row row;
    bool found = false;
    ks_error error = {0};
    must(p->in, ksi_row_store_get(p->rows, random_key(key), false, &row, &found, &error), &error);
    if (!found) {
        return (model_row){.present = false};
    }
    const model_row *candidates[] = {&p->durable[key], &p->settled[key]};
    for (size_t i = 0; i < 2; i++) {
        if (ks_slice_equal(value_of(candidates[i]), row.value) &&
            candidates[i]->timestamp == row.timestamp) {
            return *candidates[i];
        }
    }
    for (size_t i = p->log_count; i-- > 0;) {
        const model_row *logged = &p->log[i].row;
        if (p->log[i].key == key && logged->timestamp == row.timestamp &&
            ks_slice_equal(value_of(logged), row.value)) {
            return *logged;
        }
    }
    fail_msg("seed %" PRIu64 ": a row that was never committed", random_seed());
    return (model_row){0};
}

/* After a crash the position may be old, but the rows are never older than it. */
static void take_up_after_crash(part *p)
{
    int64_t from = ksi_row_store_position(p->rows).offset;
    if (p->written_through || (p->may_be_marked && from < 0)) {
        rebuild(p);
        return;
    }
    from = p->in->kind.logged ? from : p->commit;
    HOLDS(p->in, from >= p->durable_commit && from <= p->applied_commit);
    losses += from < p->applied_commit ? 1 : 0;
    for (size_t i = 0; i < KEYS; i++) {
        model_row row = read_model(p, i);
        assert_row_since(p, i, from, &row);
    }
    replay(p, from);
}

/* Leaves the files as they are now, with nothing flushed. */
static void crash(world *w)
{
    char old_path[SCRATCH_PATH_BYTES * 2];
    char path[SCRATCH_PATH_BYTES * 2];
    database_path(w, w->lives, old_path);
    w->lives++;
    database_path(w, w->lives, path);
    scratch_directory_copy_database(w->rocks, path);
    ksi_rocks_abandon(w->rocks);
    scratch_directory_remove(old_path);
}

static void reopen_rocks(world *w)
{
    bool crashes = random_below(2) == 0;
    ks_error error = {0};
    for (size_t i = 0; i < PARTITIONS; i++) {
        close_part(&w->parts[i]);
    }
    if (crashes) {
        crash(w);
    } else {
        must(w, ksi_rocks_close(w->rocks, &error), &error);
    }
    open_rocks(w);
    for (size_t i = 0; i < PARTITIONS; i++) {
        part *p = &w->parts[i];
        open_part(w, p);
        if (crashes) {
            take_up_after_crash(p);
            continue;
        }
        p->may_be_marked = p->written_through;
        note_durable(p);
        take_up(p);
    }
}

static void reopen(part *p)
{
    if (!p->in->kind.in_memory && random_below(2) == 0) {
        reopen_rocks(p->in);
        return;
    }
    close_part(p);
    open_part(p->in, p);
    take_up(p);
}

/* ---- worlds ---------------------------------------------------------------------------------- */

static void count_rows(part *p)
{
    uint64_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        count += p->now[i].present ? 1 : 0;
    }
    flush_view(p);
    uint64_t answer = ksi_row_store_count(p->rows);
    HOLDS(p->in, !p->in->kind.in_memory || answer == count);
}

static void do_one(world *w)
{
    part *p = &w->parts[random_below(PARTITIONS)];
    uint32_t chance = random_below(20000);
    uint32_t syncs = w->kind.logged ? 1 : 8; /* a commit that waits for the disk is rare */
    if (chance < 7000) {
        write_one(p, false);
    } else if (chance < 9500) {
        write_one(p, true);
    } else if (chance < 16500) {
        get_one(p);
    } else if (chance < 18500) {
        iterate(p);
    } else if (chance < 19000) {
        write_back(p);
    } else if (chance < 19000 + 400 / syncs) {
        commit_one(p);
    } else if (chance >= 19400 && chance < 19650) {
        abort_one(p);
    } else if (chance < 19900) {
        apply_one(p);
    } else if (chance < 19950) {
        count_rows(p);
    } else if (chance < 19970) {
        write_through(p);
    } else if (chance < 19980) {
        wipe(p);
    } else if (chance < 19990) {
        reopen(p);
    }
    if (random_below(200) == 0) {
        expire_one(p);
    }
    w->operation++;
}

static void run(const world_kind *kind)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->kind = *kind;
    w->spec = (ksi_store_spec){.name = "store",
                               .timestamped = kind->timestamped,
                               .logging = kind->logged,
                               .caching = kind->cache_bytes > 0};
    w->cache = kind->cache_bytes > 0 ? ksi_record_cache_new(kind->cache_bytes) : NULL;
    if (!kind->in_memory) {
        scratch_directory_make(w->path);
        open_rocks(w);
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        part *p = &w->parts[i];
        p->in = w;
        p->partition = i == 2 ? INT32_MAX - 1 : i;
        p->commit = p->applied_commit = p->durable_commit = -1;
        open_part(w, p);
    }
    for (int i = 0; i < OPERATIONS; i++) {
        do_one(w);
    }
    for (size_t i = 0; i < PARTITIONS; i++) {
        part *p = &w->parts[i];
        commit_one(p);
        compare_all(p, p->now, false);
        compare_all(p, p->committed, true);
        close_part(p);
        free(p->log);
    }
    operations += w->operation;
    if (!kind->in_memory) {
        ks_error error = {0};
        must(w, ksi_rocks_close(w->rocks, &error), &error);
        scratch_directory_remove(w->path);
    }
    if (w->cache != NULL) {
        ksi_record_cache_free(w->cache);
    }
    free(w);
}

static void run_every_kind(world_kind kind)
{
    for (unsigned flags = 0; flags < 4; flags++) {
        kind.timestamped = (flags & 1U) != 0;
        kind.logged = (flags & 2U) != 0;
        run(&kind);
    }
}

static void rows_in_memory_are_their_model(void **state)
{
    (void)state;
    run_every_kind((world_kind){.in_memory = true});
}

static void rows_on_rocksdb_are_their_model_when_nothing_is_remembered(void **state)
{
    (void)state;
    run_every_kind((world_kind){.clean_bytes = 0});
}

static void rows_on_rocksdb_are_their_model_when_some_are_remembered(void **state)
{
    (void)state;
    run_every_kind((world_kind){.clean_bytes = 4000});
}

static void rows_on_rocksdb_are_their_model_when_the_lowest_are_forgotten_first(void **state)
{
    (void)state;
    run_every_kind((world_kind){.clean_bytes = 4000, .by_time = true});
    run_every_kind((world_kind){.clean_bytes = 40000, .by_time = true});
}

static void rows_on_rocksdb_are_their_model_when_all_are_remembered(void **state)
{
    (void)state;
    run_every_kind((world_kind){.clean_bytes = INT64_MAX});
}

static void key_value_stores_are_their_model_with_and_without_a_record_cache(void **state)
{
    (void)state;
    run(&(world_kind){.has_view = true, .in_memory = true, .timestamped = true, .logged = true});
    run(&(world_kind){.has_view = true, .timestamped = true, .logged = true, .clean_bytes = 4000});
    run(&(world_kind){.has_view = true,
                      .in_memory = true,
                      .timestamped = true,
                      .logged = true,
                      .cache_bytes = 5000});
    run(&(world_kind){.has_view = true, .logged = true, .clean_bytes = 4000, .cache_bytes = 20000});
}

static int set_up(void **state)
{
    (void)state;
    random_start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    print_message("%" PRId64 " operations, %" PRId64 " losses by crashes\n", operations, losses);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_memory_are_their_model),
        cmocka_unit_test(rows_on_rocksdb_are_their_model_when_nothing_is_remembered),
        cmocka_unit_test(rows_on_rocksdb_are_their_model_when_some_are_remembered),
        cmocka_unit_test(rows_on_rocksdb_are_their_model_when_the_lowest_are_forgotten_first),
        cmocka_unit_test(rows_on_rocksdb_are_their_model_when_all_are_remembered),
        cmocka_unit_test(key_value_stores_are_their_model_with_and_without_a_record_cache),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
