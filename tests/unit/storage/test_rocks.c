/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rocks.c - the database: rows, iterators, batches, families, flushing, sorted files, and what
 * is refused. Damaged databases and full disks are test_bad_ground.c's.
 */
#include "storage/rocks.h"

#include "base/thread.h"
#include "scratch.h"

#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    scratch *place;
    ksi_rocks *rocks;
    ksi_family *a;
    ksi_family *b;
} fixture;

static const char *path_of(const fixture *with)
{
    return scratch_path(with->place, "db");
}

static fixture begin(void **state)
{
    fixture with = {.place = *state};
    with.rocks = database_open(with.place, path_of(&with));
    with.a = family_of(with.rocks, "a");
    with.b = family_of(with.rocks, "b");
    return with;
}

static void end(fixture *with)
{
    ks_error error = {0};
    assert_done(ksi_rocks_close(with->rocks, &error), &error);
}

static void reopen(fixture *with)
{
    with->rocks = database_open(with->place, path_of(with));
    with->a = family_of(with->rocks, "a");
    with->b = family_of(with->rocks, "b");
}

/* What a crash would leave, opened. */
static void crash(fixture *with)
{
    ksi_rocks_abandon(with->rocks);
    reopen(with);
}

/* The rows between two keys (NULL: open) as "key=value ", forwards or backwards. */
static const char *rows_of(ksi_family *family, const char *low, const char *high, bool backwards)
{
    static char text[1024];
    ks_error error = {0};
    size_t used = 0;
    ksi_rocks_iterator *iterator =
        ksi_rocks_iterator_open(family, ks_slice_cstr(low), ks_slice_cstr(high));
    text[0] = '\0';
    if (backwards) {
        ksi_rocks_iterator_seek_last(iterator);
    } else {
        ksi_rocks_iterator_seek_first(iterator);
    }
    while (ksi_rocks_iterator_valid(iterator)) {
        ks_slice key = ksi_rocks_iterator_key(iterator);
        ks_slice value = ksi_rocks_iterator_value(iterator);
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s=%.*s ", (int)key.size,
                                 key.data, (int)value.size, value.data);
        if (backwards) {
            ksi_rocks_iterator_previous(iterator);
        } else {
            ksi_rocks_iterator_next(iterator);
        }
    }
    assert_done(ksi_rocks_iterator_status(iterator, &error), &error);
    ksi_rocks_iterator_close(iterator);
    return text;
}

static const char *all_of(ksi_family *family)
{
    return rows_of(family, NULL, NULL, false);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void what_was_put_is_read_until_it_is_deleted(void **state)
{
    fixture with = begin(state);
    assert_value(with.a, "k", NULL);
    put(with.a, "k", "1");
    assert_value(with.a, "k", "1");
    put(with.a, "k", "22");
    assert_value(with.a, "k", "22");
    put(with.a, "empty", "");
    assert_value(with.a, "empty", ""); /* not the same as none */
    erase(with.a, "k");
    assert_value(with.a, "k", NULL);
    end(&with);
}

static void families_do_not_see_each_other(void **state)
{
    fixture with = begin(state);
    put(with.a, "k", "of a");
    put(with.b, "k", "of b");
    erase(with.a, "k");
    assert_value(with.a, "k", NULL);
    assert_value(with.b, "k", "of b");
    assert_string_equal(ksi_family_name(with.b), "b");
    assert_ptr_equal(ksi_family_database(with.b), with.rocks);
    end(&with);
}

static void delete_range(ksi_family *family, const char *low, const char *high)
{
    ks_error error = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(ksi_family_database(family));
    ksi_rocks_batch_delete_range(batch, family, ks_slice_cstr(low), ks_slice_cstr(high));
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    ksi_rocks_batch_free(batch);
}

static void a_range_is_deleted_from_low_to_before_high(void **state)
{
    fixture with = begin(state);
    for (const char *key = "a\0b\0c\0d\0"; *key != '\0'; key += 2) {
        put(with.a, key, "1");
        put(with.b, key, "1");
    }
    delete_range(with.a, "b", "d");
    assert_string_equal(all_of(with.a), "a=1 d=1 ");
    assert_string_equal(all_of(with.b), "a=1 b=1 c=1 d=1 ");
    put(with.a, "c", "2"); /* newer than the range's tombstone */
    assert_string_equal(all_of(with.a), "a=1 c=2 d=1 ");
    end(&with);
    reopen(&with);
    assert_string_equal(all_of(with.a), "a=1 c=2 d=1 ");
    end(&with);
}

static void an_empty_or_backward_range_deletes_nothing_and_breaks_nothing(void **state)
{
    fixture with = begin(state);
    put(with.a, "b", "1");
    delete_range(with.a, "b", "b");
    delete_range(with.a, "c", "a");
    put(with.a, "c", "2"); /* the database still takes writes */
    assert_string_equal(all_of(with.a), "b=1 c=2 ");
    end(&with);
}

/* ---- iterators ------------------------------------------------------------------------------- */

static void an_iterator_goes_both_ways_between_its_bounds(void **state)
{
    fixture with = begin(state);
    for (const char *key = "e\0a\0c\0b\0d\0"; *key != '\0'; key += 2) {
        put(with.a, key, key);
    }
    assert_string_equal(all_of(with.a), "a=a b=b c=c d=d e=e ");
    assert_string_equal(rows_of(with.a, NULL, NULL, true), "e=e d=d c=c b=b a=a ");
    assert_string_equal(rows_of(with.a, "b", "d", false), "b=b c=c ");
    assert_string_equal(rows_of(with.a, "b", "d", true), "c=c b=b ");
    assert_string_equal(rows_of(with.a, "bb", NULL, false), "c=c d=d e=e ");
    assert_string_equal(rows_of(with.a, NULL, "bb", true), "b=b a=a ");
    assert_string_equal(rows_of(with.a, "d", "b", false), "");
    assert_string_equal(rows_of(with.a, "d", "b", true), "");
    assert_string_equal(rows_of(with.a, "x", NULL, true), "");
    assert_string_equal(rows_of(with.a, NULL, "", false), ""); /* nothing is below the empty key */
    assert_string_equal(rows_of(with.a, "", NULL, false), "a=a b=b c=c d=d e=e ");
    assert_string_equal(all_of(with.b), "");
    end(&with);
}

static void assert_at(const ksi_rocks_iterator *iterator, const char *key)
{
    assert_int_equal(ksi_rocks_iterator_valid(iterator), key != NULL);
    if (key != NULL) {
        assert_true(ks_slice_equal(ksi_rocks_iterator_key(iterator), ks_slice_cstr(key)));
    }
}

static void seeking_stays_inside_the_bounds(void **state)
{
    fixture with = begin(state);
    for (const char *key = "a\0c\0e\0g\0"; *key != '\0'; key += 2) {
        put(with.a, key, "1");
    }
    char low[] = "b";
    char high[] = "g";
    ksi_rocks_iterator *iterator =
        ksi_rocks_iterator_open(with.a, ks_slice_cstr(low), ks_slice_cstr(high));
    low[0] = 'x'; /* the bounds were copied */
    high[0] = 'x';
    ksi_rocks_iterator_seek(iterator, ks_slice_cstr("c"));
    assert_at(iterator, "c");
    ksi_rocks_iterator_seek(iterator, ks_slice_cstr("d"));
    assert_at(iterator, "e");
    ksi_rocks_iterator_seek_backward(iterator, ks_slice_cstr("d"));
    assert_at(iterator, "c");
    ksi_rocks_iterator_seek_backward(iterator, ks_slice_cstr("e"));
    assert_at(iterator, "e");
    ksi_rocks_iterator_previous(iterator);
    assert_at(iterator, "c");
    ksi_rocks_iterator_previous(iterator);
    assert_at(iterator, NULL);
    ksi_rocks_iterator_seek(iterator, ks_slice_cstr("a"));
    assert_at(iterator, "c");
    ksi_rocks_iterator_seek(iterator, ks_slice_cstr("f"));
    assert_at(iterator, NULL);
    ksi_rocks_iterator_seek_backward(iterator, ks_slice_cstr("z"));
    assert_at(iterator, "e");
    ksi_rocks_iterator_seek_backward(iterator, ks_slice_cstr("a"));
    assert_at(iterator, NULL);
    ksi_rocks_iterator_close(iterator);
    ksi_rocks_iterator_close(NULL);
    end(&with);
}

static void an_iterator_sees_the_rows_of_when_it_was_opened(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "a", "1");
    put(with.a, "b", "1");
    ksi_rocks_iterator *iterator =
        ksi_rocks_iterator_open(with.a, ks_slice_null(), ks_slice_null());
    erase(with.a, "b");
    put(with.a, "a", "2");
    put(with.a, "c", "2");
    assert_done(ksi_family_flush(with.a, &error), &error);
    assert_done(ksi_family_compact(with.a, &error), &error);
    ksi_rocks_iterator_seek_first(iterator);
    assert_at(iterator, "a");
    assert_true(ks_slice_equal(ksi_rocks_iterator_value(iterator), ks_slice_cstr("1")));
    ksi_rocks_iterator_next(iterator);
    assert_at(iterator, "b");
    ksi_rocks_iterator_next(iterator);
    assert_at(iterator, NULL);
    ksi_rocks_iterator_close(iterator);
    assert_string_equal(all_of(with.a), "a=2 c=2 ");
    end(&with);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void a_batch_is_seen_when_it_is_written_and_empty_after(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "old", "1");
    ksi_rocks_batch *batch = ksi_rocks_batch_new(with.rocks);
    size_t empty = ksi_rocks_batch_bytes(batch);
    assert_done(ksi_rocks_write(batch, false, &error), &error); /* nothing in it */
    ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("new"), ks_slice_cstr("1"));
    ksi_rocks_batch_put(batch, with.b, ks_slice_cstr("new"), ks_slice_cstr("1"));
    ksi_rocks_batch_delete(batch, with.a, ks_slice_cstr("old"));
    assert_true(ksi_rocks_batch_bytes(batch) > empty);
    assert_value(with.a, "new", NULL);
    assert_value(with.a, "old", "1");
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    assert_value(with.a, "new", "1");
    assert_value(with.b, "new", "1");
    assert_value(with.a, "old", NULL);
    assert_int_equal(ksi_rocks_batch_bytes(batch), empty);
    ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("cleared"), ks_slice_cstr("1"));
    ksi_rocks_batch_clear(batch);
    assert_done(ksi_rocks_write(batch, false, &error), &error);
    assert_value(with.a, "cleared", NULL);
    ksi_rocks_batch_free(batch);
    ksi_rocks_batch_free(NULL);
    end(&with);
}

typedef struct reader {
    ksi_family *a;
    atomic_bool stop;
    int torn; /* reads that saw half a batch */
} reader;

static void read_pairs(void *user)
{
    reader *self = user;
    while (!atomic_load(&self->stop)) {
        ksi_rocks_iterator *iterator =
            ksi_rocks_iterator_open(self->a, ks_slice_null(), ks_slice_null());
        ksi_rocks_iterator_seek_first(iterator);
        char first[16] = "";
        for (; ksi_rocks_iterator_valid(iterator); ksi_rocks_iterator_next(iterator)) {
            ks_slice value = ksi_rocks_iterator_value(iterator);
            if (first[0] == '\0') {
                (void)snprintf(first, sizeof first, "%.*s", (int)value.size, value.data);
            }
            self->torn += !ks_slice_equal(value, ks_slice_cstr(first));
        }
        ksi_rocks_iterator_close(iterator);
    }
}

static void readers_of_other_threads_never_see_half_a_batch(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    reader self = {.a = with.a};
    ksi_thread thread;
    assert_int_equal(ksi_thread_start(&thread, "reader", read_pairs, &self), 0);
    ksi_rocks_batch *batch = ksi_rocks_batch_new(with.rocks);
    for (int i = 0; i < 500; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("x"), ks_slice_cstr(value));
        ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("y"), ks_slice_cstr(value));
        assert_done(ksi_rocks_write(batch, false, &error), &error);
        if (i % 100 == 0) {
            assert_done(ksi_family_flush(with.a, &error), &error);
        }
    }
    ksi_rocks_batch_free(batch);
    atomic_store(&self.stop, true);
    ksi_thread_join(&thread);
    assert_int_equal(self.torn, 0);
    end(&with);
}

/* ---- families -------------------------------------------------------------------------------- */

static void families_are_made_on_demand_and_opened_again(void **state)
{
    fixture with = begin(state);
    assert_false(ksi_rocks_has_family(with.rocks, "later"));
    put(family_of(with.rocks, "later"), "k", "1");
    assert_true(ksi_rocks_has_family(with.rocks, "later"));
    assert_ptr_equal(family_of(with.rocks, "later"), family_of(with.rocks, "later"));
    end(&with);
    reopen(&with);
    assert_true(ksi_rocks_has_family(with.rocks, "later"));
    assert_value(family_of(with.rocks, "later"), "k", "1");
    end(&with);
}

static void a_dropped_family_is_gone_with_its_rows(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "k", "1");
    put(with.b, "k", "1");
    assert_done(ksi_rocks_drop_family(with.rocks, "a", &error), &error);
    assert_done(ksi_rocks_drop_family(with.rocks, "a", &error), &error); /* not there: fine */
    assert_false(ksi_rocks_has_family(with.rocks, "a"));
    assert_value(with.b, "k", "1");
    with.a = family_of(with.rocks, "a");
    assert_value(with.a, "k", NULL);
    assert_done(ksi_rocks_drop_family(with.rocks, "a", &error), &error);
    end(&with);
    with.rocks = database_open(with.place, path_of(&with));
    assert_false(ksi_rocks_has_family(with.rocks, "a"));
    assert_value(family_of(with.rocks, "b"), "k", "1");
    end(&with);
}

static void a_family_that_cannot_be_dropped_stays_usable(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    assert_int_not_equal(ksi_rocks_drop_family(with.rocks, "default", &error), KS_OK);
    assert_says(&error, KS_E_ARGUMENT, "options or a call do not fit", path_of(&with), NULL);
    put(family_of(with.rocks, "default"), "k", "1");
    assert_value(family_of(with.rocks, "default"), "k", "1");
    end(&with);
}

typedef struct maker {
    ksi_rocks *rocks;
    ksi_family *seen[20];
} maker;

static void make_families(void *user)
{
    maker *self = user;
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "store-%d", i);
        self->seen[i] = ksi_rocks_family(self->rocks, name, NULL);
        (void)ksi_rocks_memory_of(self->rocks);
    }
}

static void threads_that_ask_for_a_family_at_once_get_the_same(void **state)
{
    fixture with = begin(state);
    maker makers[3];
    ksi_thread threads[3];
    for (size_t i = 0; i < 3; i++) {
        makers[i] = (maker){.rocks = with.rocks};
        assert_int_equal(ksi_thread_start(&threads[i], "maker", make_families, &makers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        ksi_thread_join(&threads[i]);
    }
    for (size_t i = 0; i < 20; i++) {
        assert_non_null(makers[0].seen[i]);
        assert_ptr_equal(makers[0].seen[i], makers[1].seen[i]);
        assert_ptr_equal(makers[0].seen[i], makers[2].seen[i]);
    }
    end(&with);
}

static void tune(const char *family, void *options, void *user)
{
    char(*names)[256] = user;
    assert_non_null(options);
    size_t used = strlen(*names);
    (void)snprintf(*names + used, sizeof *names - used, "%s ", family);
    if (strcmp(family, "refused") == 0) { /* needs an extractor, which it has not */
        rocksdb_options_set_hash_link_list_rep(options, 1);
        rocksdb_options_set_allow_concurrent_memtable_write(options, 1);
    }
}

static ksi_rocks *open_tuned(scratch *place, char (*names)[256], ks_error *error)
{
    return ksi_rocks_open(&(ksi_rocks_options){.path = scratch_path(place, "db"),
                                               .block_cache_bytes = 1024 * 1024,
                                               .write_buffer_bytes = 1024 * 1024,
                                               .tune = tune,
                                               .tune_user = names},
                          error);
}

static void the_application_tunes_each_family_and_hears_of_what_does_not_fit(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    char names[256] = "";
    ksi_rocks *rocks = open_tuned(place, &names, &error);
    assert_done(error.code, &error);
    put(family_of(rocks, "mine"), "k", "1");
    assert_string_equal(strstr(names, "mine"), "mine ");
    assert_non_null(strstr(names, "default "));
    assert_done(ksi_rocks_close(rocks, &error), &error);

    rocks = database_open(place, scratch_path(place, "db"));
    put(family_of(rocks, "refused"), "k", "1");
    assert_done(ksi_rocks_close(rocks, &error), &error);
    assert_null(open_tuned(place, &names, &error));
    assert_says(&error, KS_E_ARGUMENT, "do not fit", scratch_path(place, "db"), "RocksDB: ", NULL);
    rocks = database_open(place, scratch_path(place, "db")); /* without the tuning it is whole */
    assert_value(family_of(rocks, "refused"), "k", "1");
    error = (ks_error){0};
    assert_done(ksi_rocks_close(rocks, &error), &error);
}

/* ---- what lasts ------------------------------------------------------------------------------ */

static void closing_keeps_everything(void **state)
{
    fixture with = begin(state);
    put(with.a, "k", "1");
    put(with.b, "k", "2");
    end(&with);
    reopen(&with);
    assert_value(with.a, "k", "1");
    assert_value(with.b, "k", "2");
    end(&with);
}

static void a_crash_loses_what_was_not_flushed_of_each_family(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "flushed", "1");
    put(with.b, "lost", "1");
    assert_done(ksi_family_flush(with.a, &error), &error); /* and nothing of b */
    put(with.a, "lost", "1");
    crash(&with);
    assert_string_equal(all_of(with.a), "flushed=1 ");
    assert_string_equal(all_of(with.b), "");
    end(&with);
}

static void a_durable_batch_outlives_a_crash(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(with.rocks);
    put(with.a, "before", "1");
    ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("k"), ks_slice_cstr("1"));
    ksi_rocks_batch_put(batch, with.b, ks_slice_cstr("k"), ks_slice_cstr("1"));
    assert_done(ksi_rocks_write(batch, true, &error), &error);
    ksi_rocks_batch_free(batch);
    put(with.a, "after", "1");
    crash(&with);
    assert_string_equal(all_of(with.a), "k=1 ");
    assert_string_equal(all_of(with.b), "k=1 ");
    crash(&with); /* and another one */
    assert_string_equal(all_of(with.a), "k=1 ");
    end(&with);
}

/* The log of durable writes would bring back what was deleted without it, if a flush did not end
 * it. */
static void a_flushed_delete_is_not_undone_by_an_older_durable_put(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    ksi_rocks_batch *batch = ksi_rocks_batch_new(with.rocks);
    ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("mark"), ks_slice_cstr(""));
    assert_done(ksi_rocks_write(batch, true, &error), &error);
    ksi_rocks_batch_free(batch);
    erase(with.a, "mark");
    put(with.a, "k", "1");
    assert_done(ksi_family_flush(with.a, &error), &error);
    crash(&with);
    assert_string_equal(all_of(with.a), "k=1 ");
    end(&with);
}

/* A mark that nobody flushes must not hold on to all that other families wrote behind it. */
static void the_log_of_durable_writes_is_cut_though_a_family_is_idle(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    static char value[256 * 1024];
    ksi_rocks_batch *batch = ksi_rocks_batch_new(with.rocks);
    ksi_rocks_batch_put(batch, with.a, ks_slice_cstr("mark"), ks_slice_cstr("1"));
    assert_done(ksi_rocks_write(batch, true, &error), &error);
    for (int i = 0; i < 160; i++) { /* 40 MB, a megabyte of it at a time in memory */
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        ksi_rocks_batch_put(batch, with.b, ks_slice_cstr(key), ks_slice_of(value, sizeof value));
        assert_done(ksi_rocks_write(batch, true, &error), &error);
        if (i % 4 == 3) {
            assert_done(ksi_family_flush(with.b, &error), &error);
        }
    }
    ksi_rocks_batch_free(batch);
    ksi_rocks_abandon(with.rocks);
    assert_true(bytes_in(path_of(&with), ".log") < 20 * 1024 * 1024);
    reopen(&with);
    assert_value(with.a, "mark", "1");
    assert_int_equal(ksi_family_estimate_count(with.b), 160);
    end(&with);
}

typedef struct flusher {
    ksi_family *family;
    int refused;
} flusher;

static void flush_often(void *user)
{
    flusher *self = user;
    for (int i = 0; i < 20; i++) {
        put(self->family, "k", "1");
        self->refused += ksi_family_flush(self->family, NULL) != KS_OK;
    }
}

static void threads_may_flush_and_compact_the_same_family(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    flusher flushers[3];
    ksi_thread threads[3];
    for (size_t i = 0; i < 3; i++) {
        flushers[i] = (flusher){.family = with.a};
        assert_int_equal(ksi_thread_start(&threads[i], "flusher", flush_often, &flushers[i]), 0);
    }
    assert_done(ksi_family_compact(with.a, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        ksi_thread_join(&threads[i]);
        assert_int_equal(flushers[i].refused, 0);
    }
    crash(&with);
    assert_value(with.a, "k", "1");
    end(&with);
}

static void the_memory_in_use_shows_and_the_files_of_a_small_database_are_small(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    ksi_rocks_memory before = ksi_rocks_memory_of(with.rocks);
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        put(with.a, key, "0123456789012345678901234567890123456789012345678901234567890123456789");
    }
    ksi_rocks_memory after = ksi_rocks_memory_of(with.rocks);
    assert_true(after.memtables > before.memtables);
    assert_int_equal(ksi_family_estimate_count(with.a), 100);
    assert_done(ksi_family_flush(with.a, &error), &error);
    assert_value(with.a, "7",
                 "0123456789012345678901234567890123456789012345678901234567890123456789");
    after = ksi_rocks_memory_of(with.rocks);
    assert_true(after.block_cache > 0);
    end(&with);
    for (int i = 0; i < 5; i++) { /* opening again and again must not gather files */
        reopen(&with);
        end(&with);
    }
    assert_true(count_files(path_of(&with), "", NULL) < 20);
    assert_true(bytes_in(path_of(&with), "") < 512 * 1024);
}

/* ---- sorted files ---------------------------------------------------------------------------- */

static ksi_sst *sst_begin(ksi_family *family)
{
    ks_error error = {0};
    ksi_sst *sst = ksi_sst_begin(family, &error);
    assert_done(error.code, &error);
    assert_non_null(sst);
    return sst;
}

static void sst_put(ksi_sst *sst, const char *key, const char *value)
{
    ks_error error = {0};
    assert_done(ksi_sst_put(sst, ks_slice_cstr(key), ks_slice_cstr(value), &error), &error);
}

static void a_sorted_file_lies_over_older_rows_and_deletes(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "flushed", "old");
    put(with.a, "untouched", "old");
    put(with.a, "gone", "old");
    assert_done(ksi_family_flush(with.a, &error), &error);
    put(with.a, "in memory", "old");
    put(with.a, "deleted", "old");
    erase(with.a, "deleted");
    delete_range(with.a, "r", "s");
    ksi_sst *sst = sst_begin(with.a);
    sst_put(sst, "deleted", "new");
    sst_put(sst, "flushed", "new");
    assert_done(ksi_sst_delete(sst, ks_slice_cstr("gone"), &error), &error);
    sst_put(sst, "in memory", "new");
    sst_put(sst, "ranged", "new");
    assert_done(ksi_sst_ingest(sst, &error), &error);
    const char *wanted = "deleted=new flushed=new in memory=new ranged=new untouched=old ";
    assert_string_equal(all_of(with.a), wanted);
    assert_string_equal(all_of(with.b), "");
    put(with.a, "flushed", "newest");
    assert_value(with.a, "flushed", "newest");
    crash(&with); /* the file is durable, the row after it was not */
    assert_string_equal(all_of(with.a), wanted);
    end(&with);
}

static void a_sorted_file_leaves_nothing_behind_however_it_ends(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    ksi_sst *sst = sst_begin(with.a);
    sst_put(sst, "a", "1");
    assert_int_equal(count_files(path_of(&with), ".tmp", NULL), 1);
    ksi_sst_abandon(sst);
    ksi_sst_abandon(sst_begin(with.a));
    ksi_sst_abandon(NULL);
    assert_done(ksi_sst_ingest(sst_begin(with.a), &error), &error); /* no rows: nothing to do */
    sst = sst_begin(with.a);
    sst_put(sst, "b", "1");
    assert_done(ksi_sst_ingest(sst, &error), &error);
    assert_int_equal(count_files(path_of(&with), ".tmp", NULL), 0);
    assert_string_equal(all_of(with.a), "b=1 ");
    end(&with);
}

static void keys_of_a_sorted_file_must_rise(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    ksi_sst *sst = sst_begin(with.a);
    sst_put(sst, "b", "1");
    assert_int_equal(ksi_sst_put(sst, ks_slice_cstr("a"), ks_slice_cstr("1"), &error),
                     KS_E_ARGUMENT);
    ksi_sst_abandon(sst);
    end(&with);
}

static void the_file_of_a_killed_restore_is_removed_on_open(void **state)
{
    fixture with = begin(state);
    end(&with);
    write_file(scratch_path(with.place, "db/restore-0.tmp"), "half a file");
    write_file(scratch_path(with.place, "db/restore-12.tmp"), "half a file");
    write_file(scratch_path(with.place, "db/notes"), "of a person");
    reopen(&with);
    assert_int_equal(count_files(path_of(&with), ".tmp", NULL), 0);
    assert_true(file_exists(scratch_path(with.place, "db/notes")));
    assert_non_null(strstr(with.place->lines, "restore-12.tmp, of a restore that was killed, was "
                                              "removed"));
    ksi_sst *sst = sst_begin(with.a);
    sst_put(sst, "k", "1");
    ks_error error = {0};
    assert_done(ksi_sst_ingest(sst, &error), &error);
    assert_value(with.a, "k", "1");
    end(&with);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void opening_twice_is_refused_and_harms_nothing(void **state)
{
    fixture with = begin(state);
    ks_error error = {0};
    put(with.a, "k", "1");
    assert_null(database_try(with.place, path_of(&with), &error));
    assert_says(&error, KS_E_STATE, "this process has opened the database already", path_of(&with),
                NULL);
    put(with.a, "k", "2");
    end(&with);
    reopen(&with);
    assert_value(with.a, "k", "2");
    end(&with);
}

static void a_missing_parent_directory_is_named(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    assert_null(database_try(place, scratch_path(place, "not/there"), &error));
    assert_says(&error, KS_E_IO, scratch_path(place, "not/there"), "No such file", NULL);
}

static void a_file_in_the_place_of_the_database_is_named(void **state)
{
    scratch *place = *state;
    ks_error error = {0};
    write_file(scratch_path(place, "db"), "a file");
    assert_null(database_try(place, scratch_path(place, "db"), &error));
    assert_says(&error, KS_E_IO, scratch_path(place, "db"), "Not a directory", NULL);
    assert_string_equal(file_text(scratch_path(place, "db")), "a file");
}

static void closing_with_an_open_iterator_stops_with_the_number(void **state)
{
    scratch *place = *state;
    char said[512] = "";
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) { /* the logger without a callback writes to standard error */
        (void)dup2(pipes[1], STDERR_FILENO);
        ksi_logger logger;
        ksi_logger_init(&logger, NULL, NULL, KS_LOG_LEVEL_INFO);
        ksi_rocks *rocks = ksi_rocks_open(&(ksi_rocks_options){.path = scratch_path(place, "db"),
                                                               .block_cache_bytes = 1024 * 1024,
                                                               .write_buffer_bytes = 1024 * 1024,
                                                               .logger = &logger},
                                          NULL);
        ksi_family *family = ksi_rocks_family(rocks, "a", NULL);
        (void)ksi_rocks_iterator_open(family, ks_slice_null(), ks_slice_null());
        (void)ksi_rocks_batch_new(rocks);
        (void)ksi_rocks_close(rocks, NULL);
        _exit(0);
    }
    int how = 0;
    (void)close(pipes[1]);
    for (ssize_t got = 1, used = 0; got > 0 && used < (ssize_t)sizeof said - 1; used += got) {
        got = read(pipes[0], said + used, sizeof said - 1 - (size_t)used);
    }
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(!WIFEXITED(how) || WEXITSTATUS(how) != 0);
    assert_non_null(strstr(said, "closed with 2 iterators, batches or files still open"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(closing_with_an_open_iterator_stops_with_the_number), /* forks: before any thread */
        TEST(what_was_put_is_read_until_it_is_deleted),
        TEST(families_do_not_see_each_other),
        TEST(a_range_is_deleted_from_low_to_before_high),
        TEST(an_empty_or_backward_range_deletes_nothing_and_breaks_nothing),
        TEST(an_iterator_goes_both_ways_between_its_bounds),
        TEST(seeking_stays_inside_the_bounds),
        TEST(an_iterator_sees_the_rows_of_when_it_was_opened),
        TEST(a_batch_is_seen_when_it_is_written_and_empty_after),
        TEST(readers_of_other_threads_never_see_half_a_batch),
        TEST(families_are_made_on_demand_and_opened_again),
        TEST(a_dropped_family_is_gone_with_its_rows),
        TEST(a_family_that_cannot_be_dropped_stays_usable),
        TEST(threads_that_ask_for_a_family_at_once_get_the_same),
        TEST(the_application_tunes_each_family_and_hears_of_what_does_not_fit),
        TEST(closing_keeps_everything),
        TEST(a_crash_loses_what_was_not_flushed_of_each_family),
        TEST(a_durable_batch_outlives_a_crash),
        TEST(a_flushed_delete_is_not_undone_by_an_older_durable_put),
        TEST(the_log_of_durable_writes_is_cut_though_a_family_is_idle),
        TEST(threads_may_flush_and_compact_the_same_family),
        TEST(the_memory_in_use_shows_and_the_files_of_a_small_database_are_small),
        TEST(a_sorted_file_lies_over_older_rows_and_deletes),
        TEST(a_sorted_file_leaves_nothing_behind_however_it_ends),
        TEST(keys_of_a_sorted_file_must_rise),
        TEST(the_file_of_a_killed_restore_is_removed_on_open),
        TEST(opening_twice_is_refused_and_harms_nothing),
        TEST(a_missing_parent_directory_is_named),
        TEST(a_file_in_the_place_of_the_database_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
