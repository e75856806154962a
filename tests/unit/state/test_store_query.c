/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_query.c - a task's store read by threads that do not own it.
 *
 * One task works in batches: it moves amounts between accounts, commits, aborts and applies. What a
 * committed page must always show: the sum of all accounts, and a generation that never falls.
 * Everything runs once in memory and once on RocksDB.
 */
#include "state/store_query.h"

#include "base/thread.h"
#include "random_rows.h"
#include "scratch_directory.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNTS = 50, WORTH = 1000, READERS = 4, TRANSACTIONS = 300, RECORDS = 40, ANSWERS = 500 };

typedef struct task {
    char path[SCRATCH_PATH_BYTES];
    ksi_rocks *rocks; /* NULL: in memory */
    ksi_row_store *rows;
    ksi_store_lock *lock;
    ksi_store_query *query;
    int64_t balances[ACCOUNTS];
    int64_t settled[ACCOUNTS];
    atomic_uint_fast64_t answers; /* of all readers */
    atomic_bool failed;           /* one of them */
} task;

static void open_task_with(task *t, bool in_memory, ksi_store_lock *lock)
{
    ks_error error = {0};
    ksi_row_store_options options = {
        .name = "accounts", .timestamped = true, .logged = true, .clean_bytes = 2000};
    memset(t, 0, sizeof *t);
    if (!in_memory) {
        scratch_directory_make(t->path);
        t->rocks = ksi_rocks_open(&(ksi_rocks_options){.path = t->path,
                                                       .block_cache_bytes = 1024 * 1024,
                                                       .write_buffer_bytes = 1024 * 1024},
                                  &error);
        assert_non_null(t->rocks);
        options.family = ksi_rocks_family(t->rocks, "accounts", &error);
    }
    t->rows = ksi_row_store_open(&options, &error);
    assert_non_null(t->rows);
    t->lock = lock;
    t->query = ksi_store_query_open("accounts", t->rows, t->lock);
}

static void open_task(task *t, bool in_memory)
{
    open_task_with(t, in_memory, ksi_store_lock_new());
}

static void close_task(task *t)
{
    ks_error error = {0};
    ksi_store_query_close(t->query);
    ksi_row_store_close(t->rows);
    ksi_store_lock_release(t->lock);
    if (t->rocks != NULL) {
        assert_int_equal(ksi_rocks_close(t->rocks, &error), KS_OK);
        scratch_directory_remove(t->path);
    }
}

static ks_slice account_key(size_t number, char to[16])
{
    return ks_slice_of(to, (size_t)snprintf(to, 16, "account-%03zu", number));
}

static void put_number(task *t, ks_slice key, int64_t number)
{
    ksi_row_store_put(t->rows, key, ks_slice_of((const char *)&number, sizeof number), number);
}

static int64_t number_in(ks_slice value)
{
    int64_t number = 0;
    assert_int_equal(value.size, sizeof number);
    memcpy(&number, value.data, sizeof number);
    return number;
}

static void commit(task *t, int64_t generation)
{
    ks_error error = {0};
    put_number(t, ks_slice_cstr("generation"), generation);
    const ksi_store_position position = {.offset = generation};
    assert_int_equal(ksi_row_store_commit(t->rows, &position, &error), KS_OK);
    memcpy(t->settled, t->balances, sizeof t->settled);
}

static void fill(task *t)
{
    char key[16];
    ksi_store_lock_enter(t->lock);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        t->balances[i] = WORTH;
        put_number(t, account_key(i, key), WORTH);
    }
    commit(t, 0);
    ksi_store_lock_leave(t->lock);
}

/* ---- while the task works -------------------------------------------------------------------- */

/* Every record moves an amount; somebody who waits is let in between two records. */
static void do_transaction(task *t)
{
    char key[16];
    for (int i = 0; i < RECORDS; i++) {
        size_t from = random_below(ACCOUNTS);
        size_t to = random_below(ACCOUNTS);
        int64_t amount = random_below(100);
        t->balances[from] -= amount;
        t->balances[to] += amount;
        put_number(t, account_key(from, key), t->balances[from]);
        ksi_store_lock_give_way(t->lock); /* half of the record is done: uncommitted sums differ */
        put_number(t, account_key(to, key), t->balances[to]);
        ksi_store_lock_give_way(t->lock);
    }
}

static void work(task *t)
{
    ks_error error = {0};
    for (int64_t generation = 1; generation <= TRANSACTIONS ||
                                 (atomic_load(&t->answers) < ANSWERS && !atomic_load(&t->failed));
         generation++) {
        ksi_store_lock_enter(t->lock);
        do_transaction(t);
        if (random_below(3) == 0) {
            assert_true(ksi_row_store_abort(t->rows));
            memcpy(t->balances, t->settled, sizeof t->balances);
        } else {
            commit(t, generation);
        }
        if (random_below(4) == 0) {
            assert_int_equal(ksi_row_store_apply(t->rows, &error), KS_OK);
        }
        ksi_store_lock_leave(t->lock);
    }
}

typedef struct reader {
    ksi_thread thread;
    ksi_store_query *query;
    task *task;
    unsigned number;
    int64_t generation;
    const char *complaint; /* cmocka may only fail on its own thread */
} reader;

/* KS_OK, or why there is nothing to read any more. */
static ks_status read_committed_page(reader *r)
{
    int64_t sum = 0;
    size_t count = 0;
    ksi_row row;
    bool found = true;
    ks_error error = {0};
    ksi_query_iterator *iterator =
        ksi_query_iterator_open(r->query, &(ksi_row_range){.low = ks_slice_cstr("account-"),
                                                           .high = ks_slice_cstr("account."),
                                                           .backward = r->number % 2 == 0,
                                                           .committed = true});
    ks_status status = KS_OK;
    while (status == KS_OK && found) {
        status = ksi_query_iterator_next(iterator, &row, &found, &error);
        if (status == KS_OK && found) {
            int64_t balance = 0;
            memcpy(&balance, row.value.data, sizeof balance);
            sum += balance;
            count++;
        }
    }
    ksi_query_iterator_close(iterator);
    if (status == KS_OK && (count != ACCOUNTS || sum != (int64_t)ACCOUNTS * WORTH)) {
        r->complaint = "a committed page shows half a transaction";
    }
    return status;
}

static ks_status read_rows(reader *r)
{
    ksi_queried_row row = {0};
    ks_error error = {0};
    uint64_t count = 0;
    char key[16];
    ks_status status =
        ksi_store_query_get(r->query, ks_slice_cstr("generation"), true, &row, &error);
    if (status == KS_OK) {
        int64_t generation = -1;
        if (row.found && row.value.size == sizeof generation) {
            memcpy(&generation, row.value.data, sizeof generation);
        }
        if (generation < r->generation || row.timestamp != generation) {
            r->complaint = "a committed row became an older one";
        }
        r->generation = generation;
        status = ksi_store_query_get(r->query, account_key(r->number, key), false, &row, &error);
    }
    if (status == KS_OK) {
        r->complaint = row.found ? r->complaint : "an account is gone";
        status = ksi_store_query_count(r->query, &count, &error);
    }
    ksi_queried_row_destroy(&row);
    return status;
}

/* Reads until the store closes under it. */
static void read_on(void *user)
{
    reader *r = user;
    ks_status status = KS_OK;
    while (status == KS_OK && r->complaint == NULL) {
        status = read_rows(r);
        if (status == KS_OK) {
            status = read_committed_page(r);
        }
        atomic_fetch_add(&r->task->answers, 1);
    }
    if (status != KS_OK && status != KS_E_STORE_MIGRATED) {
        r->complaint = ks_status_name(status);
    }
    if (r->complaint != NULL) {
        atomic_store(&r->task->failed, true);
    }
    ksi_store_query_release(r->query);
}

static void queries_see_whole_transactions_until_the_store_closes(bool in_memory,
                                                                  ksi_store_lock *lock)
{
    task t;
    reader readers[READERS] = {0};
    open_task_with(&t, in_memory, lock);
    fill(&t);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i].query = ksi_store_query_retain(t.query);
        readers[i].task = &t;
        readers[i].number = i;
        assert_int_equal(ksi_thread_start(&readers[i].thread, "reader", read_on, &readers[i]), 0);
    }
    work(&t);
    close_task(&t); /* while they read */
    for (unsigned i = 0; i < READERS; i++) {
        ksi_thread_join(&readers[i].thread);
        if (readers[i].complaint != NULL) {
            fail_msg("reader %u: %s", i, readers[i].complaint);
        }
    }
    assert_true(atomic_load(&t.answers) >= ANSWERS);
}

static void queries_see_whole_transactions_of_a_store_in_memory(void **state)
{
    (void)state;
    queries_see_whole_transactions_until_the_store_closes(true, ksi_store_lock_new());
}

static void queries_see_whole_transactions_of_a_store_on_rocksdb(void **state)
{
    (void)state;
    queries_see_whole_transactions_until_the_store_closes(false, ksi_store_lock_new());
}

static void queries_see_whole_transactions_of_a_global_store_in_memory(void **state)
{
    (void)state;
    queries_see_whole_transactions_until_the_store_closes(true, ksi_store_lock_new_shared());
}

static void queries_see_whole_transactions_of_a_global_store_on_rocksdb(void **state)
{
    (void)state;
    queries_see_whole_transactions_until_the_store_closes(false, ksi_store_lock_new_shared());
}

/* ---- turns ----------------------------------------------------------------------------------- */

typedef struct waiter {
    ksi_thread thread;
    ksi_store_lock *lock;
    atomic_bool had_its_turn;
} waiter;

static void wait_for_a_turn(void *user)
{
    waiter *w = user;
    ksi_store_lock_enter(w->lock);
    atomic_store(&w->had_its_turn, true);
    ksi_store_lock_leave(w->lock);
}

static void who_waits_has_its_turn_when_the_thread_gives_way_once(void **state)
{
    (void)state;
    ksi_store_lock *lock = ksi_store_lock_new();
    for (int round = 0; round < 200; round++) {
        waiter w = {.lock = lock};
        ksi_store_lock_enter(lock);
        assert_int_equal(ksi_thread_start(&w.thread, "waiter", wait_for_a_turn, &w), 0);
        while (!ksi_store_lock_is_wanted(lock)) {
        }
        assert_false(atomic_load(&w.had_its_turn));
        ksi_store_lock_give_way(lock);
        assert_true(atomic_load(&w.had_its_turn));
        ksi_store_lock_leave(lock);
        ksi_thread_join(&w.thread);
    }
    ksi_store_lock_release(lock);
}

static void a_lock_nobody_wants_is_kept(void **state)
{
    (void)state;
    ksi_store_lock *lock = ksi_store_lock_new();
    assert_false(ksi_store_lock_is_mine(lock));
    ksi_store_lock_enter(lock);
    assert_false(ksi_store_lock_is_wanted(lock));
    ksi_store_lock_give_way(lock);
    assert_true(ksi_store_lock_is_mine(lock));
    assert_true(ksi_store_lock_holds_any());
    ksi_store_lock_leave(lock);
    assert_false(ksi_store_lock_is_mine(lock));
    assert_false(ksi_store_lock_holds_any());
    ksi_store_lock_release(ksi_store_lock_retain(lock));
    ksi_store_lock_release(lock);
    ksi_store_lock_release(NULL);
}

static void a_global_store_is_asked_within_a_batch_and_a_task_is_not(void **state)
{
    (void)state;
    ks_error error = {0};
    ksi_queried_row row = {0};
    task own;
    task other;
    task global;
    open_task(&own, true);
    open_task(&other, true);
    open_task_with(&global, true, ksi_store_lock_new_shared());
    fill(&global);
    ksi_store_lock_enter(own.lock);
    assert_int_equal(
        ksi_store_query_get(global.query, ks_slice_cstr("generation"), false, &row, &error), KS_OK);
    assert_true(row.found);
    assert_true(ksi_store_lock_is_mine(own.lock));
    assert_int_equal(ksi_store_query_get(other.query, ks_slice_cstr("k"), false, &row, &error),
                     KS_E_STATE);
    ksi_store_lock_leave(own.lock);

    ksi_store_lock_enter(global.lock); /* who writes global stores waits for nobody else */
    assert_int_equal(
        ksi_store_query_get(global.query, ks_slice_cstr("generation"), false, &row, &error), KS_OK);
    assert_int_equal(ksi_store_query_get(own.query, ks_slice_cstr("k"), false, &row, &error),
                     KS_E_STATE);
    assert_false(ksi_store_lock_may_enter(own.lock));
    ksi_store_lock_leave(global.lock);
    assert_true(ksi_store_lock_may_enter(own.lock));
    ksi_queried_row_destroy(&row);
    close_task(&own);
    close_task(&other);
    close_task(&global);
}

static void read_once(void *user)
{
    waiter *w = user;
    ksi_store_lock_enter_to_read(w->lock);
    atomic_store(&w->had_its_turn, true);
    ksi_store_lock_leave_reading(w->lock);
}

static void a_reader_has_its_turn_when_the_writer_gives_way_once(void **state)
{
    (void)state;
    ksi_store_lock *lock = ksi_store_lock_new_shared();
    for (int round = 0; round < 200; round++) {
        waiter w = {.lock = lock};
        ksi_store_lock_enter(lock);
        assert_int_equal(ksi_thread_start(&w.thread, "waiter", read_once, &w), 0);
        while (!ksi_store_lock_is_wanted(lock)) {
        }
        ksi_store_lock_give_way(lock);
        assert_true(atomic_load(&w.had_its_turn));
        ksi_store_lock_leave(lock);
        ksi_thread_join(&w.thread);
    }
    ksi_store_lock_release(lock);
}

static void a_writer_waits_for_readers_and_readers_for_none_of_their_kind(void **state)
{
    (void)state;
    ksi_store_lock *lock = ksi_store_lock_new_shared();
    waiter beside = {.lock = lock};
    waiter behind = {.lock = lock};
    ksi_store_lock_enter_to_read(lock);
    assert_int_equal(ksi_thread_start(&beside.thread, "reader", read_once, &beside), 0);
    ksi_thread_join(&beside.thread);
    assert_true(atomic_load(&beside.had_its_turn));
    assert_int_equal(ksi_thread_start(&behind.thread, "writer", wait_for_a_turn, &behind), 0);
    for (int i = 0; i < 1000; i++) {
        assert_false(atomic_load(&behind.had_its_turn));
    }
    ksi_store_lock_leave_reading(lock);
    ksi_thread_join(&behind.thread);
    assert_true(atomic_load(&behind.had_its_turn));
    ksi_store_lock_release(lock);
}

/* ---- pages ----------------------------------------------------------------------------------- */

enum { MANY = 3 * KSI_QUERY_PAGE_ROWS + 7 };

/* Rows of many sizes: some pages end by their rows, some by their bytes, one row is too big. */
static ks_slice many_value(size_t number)
{
    size_t size = number == 300 ? KSI_QUERY_PAGE_BYTES * 2 : number > 400 ? 900 : number % 3;
    return random_value((uint32_t)number, (uint32_t)size);
}

static ks_slice many_key(size_t number, char to[16])
{
    return number == 0 ? ks_slice_of("", 0)
                       : ks_slice_of(to, (size_t)snprintf(to, 16, "%05zu", number));
}

static void put_many(task *t)
{
    char key[16];
    for (size_t i = 0; i < MANY; i++) {
        ksi_row_store_put(t->rows, many_key(i, key), many_value(i), (int64_t)i);
    }
}

static void assert_pages(task *t, size_t from, size_t to, const ksi_row_range *range)
{
    ksi_query_iterator *iterator = ksi_query_iterator_open(t->query, range);
    ks_error error = {0};
    ksi_row row;
    bool found;
    char key[16];
    for (size_t i = 0; i < to - from; i++) {
        size_t number = range->backward ? to - 1 - i : from + i;
        assert_int_equal(ksi_query_iterator_next(iterator, &row, &found, &error), KS_OK);
        assert_true(found);
        assert_true(ks_slice_equal(row.key, many_key(number, key)));
        assert_true(ks_slice_equal(row.value, many_value(number)));
        assert_int_equal(row.timestamp, number);
    }
    for (int i = 0; i < 2; i++) { /* the end stays one */
        assert_int_equal(ksi_query_iterator_next(iterator, &row, &found, &error), KS_OK);
        assert_false(found);
    }
    ksi_query_iterator_close(iterator);
}

static void every_row_of_a_range_is_on_one_page(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        task t;
        open_task(&t, kind == 0);
        put_many(&t);
        assert_pages(&t, 0, MANY, &(ksi_row_range){0});
        assert_pages(&t, 0, MANY, &(ksi_row_range){.backward = true});
        assert_pages(&t, 0, 0, &(ksi_row_range){.committed = true});
        commit(&t, 1);
        const ksi_row_range range = {.low = ks_slice_cstr("00017"),
                                     .high = ks_slice_cstr("00700"),
                                     .high_inclusive = true,
                                     .committed = true};
        assert_pages(&t, 17, 701, &range);
        ks_error error = {0};
        assert_int_equal(ksi_row_store_apply(t.rows, &error), KS_OK);
        ksi_row_range backward = range;
        backward.backward = true;
        backward.high_inclusive = false;
        assert_pages(&t, 17, 700, &backward);
        close_task(&t);
    }
}

static void a_page_behind_shows_what_was_written_meanwhile(void **state)
{
    (void)state;
    task t;
    ks_error error = {0};
    ksi_row row;
    bool found;
    char key[16];
    open_task(&t, true);
    put_many(&t);
    ksi_query_iterator *iterator =
        ksi_query_iterator_open(t.query, &(ksi_row_range){.high = ks_slice_cstr("00300")});
    assert_int_equal(ksi_query_iterator_next(iterator, &row, &found, &error), KS_OK);
    assert_true(found);
    put_number(&t, many_key(1, key), -1);                       /* on the page in hand */
    put_number(&t, many_key(KSI_QUERY_PAGE_ROWS + 1, key), -1); /* on the next */
    ksi_row_store_put(t.rows, many_key(KSI_QUERY_PAGE_ROWS, key), ks_slice_null(), -1);
    for (size_t i = 1; i < KSI_QUERY_PAGE_ROWS; i++) {
        assert_int_equal(ksi_query_iterator_next(iterator, &row, &found, &error), KS_OK);
        assert_true(found && ks_slice_equal(row.value, many_value(i)));
    }
    assert_int_equal(ksi_query_iterator_next(iterator, &row, &found, &error), KS_OK);
    assert_true(found);
    assert_true(ks_slice_equal(row.key, many_key(KSI_QUERY_PAGE_ROWS + 1, key)));
    assert_int_equal(number_in(row.value), -1);
    ksi_query_iterator_close(iterator);
    close_task(&t);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void every_call_after_the_close_says_that_the_store_migrated(void **state)
{
    (void)state;
    task t;
    ks_error error = {0};
    ksi_row row;
    bool found;
    uint64_t count = 7;
    ksi_queried_row queried = {0};
    open_task(&t, false);
    fill(&t);
    ksi_store_query *query = ksi_store_query_retain(t.query);
    ksi_query_iterator *begun = ksi_query_iterator_open(query, &(ksi_row_range){0});
    ksi_query_iterator *fresh = ksi_query_iterator_open(query, &(ksi_row_range){0});
    assert_int_equal(ksi_query_iterator_next(begun, &row, &found, &error), KS_OK);
    assert_true(found);
    close_task(&t);

    assert_int_equal(ksi_query_iterator_next(begun, &row, &found, &error), KS_E_STORE_MIGRATED);
    assert_false(found);
    assert_int_equal(ksi_query_iterator_next(fresh, &row, &found, &error), KS_E_STORE_MIGRATED);
    assert_int_equal(ksi_store_query_get(query, ks_slice_cstr("x"), true, &queried, &error),
                     KS_E_STORE_MIGRATED);
    assert_false(queried.found);
    assert_int_equal(ksi_store_query_count(query, &count, &error), KS_E_STORE_MIGRATED);
    assert_int_equal(count, 0);
    assert_int_equal(error.code, KS_E_STORE_MIGRATED);
    char text[512];
    assert_non_null(strstr(ks_error_text(&error, text, sizeof text), "accounts"));
    assert_string_equal(ks_status_name(KS_E_STORE_MIGRATED), "KS_E_STORE_MIGRATED");

    ksi_query_iterator *late = ksi_query_iterator_open(query, &(ksi_row_range){0});
    ksi_store_query_release(query); /* the iterators keep it */
    assert_int_equal(ksi_query_iterator_next(late, &row, &found, &error), KS_E_STORE_MIGRATED);
    ksi_query_iterator_close(begun);
    ksi_query_iterator_close(fresh);
    ksi_query_iterator_close(late);
    ksi_query_iterator_close(NULL);
    ksi_store_query_release(NULL);
    ksi_store_query_close(NULL);
}

static void the_tasks_own_thread_queries_within_its_batch(void **state)
{
    (void)state;
    task t;
    task other;
    ks_error error = {0};
    ksi_queried_row row = {0};
    open_task(&t, true);
    open_task(&other, true);
    ksi_store_lock_enter(t.lock);
    put_number(&t, ks_slice_cstr("a"), 5);
    assert_int_equal(ksi_store_query_get(t.query, ks_slice_cstr("a"), false, &row, &error), KS_OK);
    assert_true(row.found);
    assert_int_equal(number_in(ksi_buffer_slice(&row.value)), 5);
    assert_int_equal(ksi_store_query_get(t.query, ks_slice_cstr("a"), true, &row, &error), KS_OK);
    assert_false(row.found);
    assert_true(ksi_store_lock_is_mine(t.lock));
    assert_int_equal(ksi_store_query_get(other.query, ks_slice_cstr("a"), false, &row, &error),
                     KS_E_STATE);
    ksi_store_lock_leave(t.lock);
    assert_int_equal(ksi_store_query_get(other.query, ks_slice_cstr("a"), false, &row, &error),
                     KS_OK);
    ksi_queried_row_destroy(&row);
    close_task(&t);
    close_task(&other);
}

static int set_up(void **state)
{
    (void)state;
    random_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_see_whole_transactions_of_a_store_in_memory),
        cmocka_unit_test(queries_see_whole_transactions_of_a_store_on_rocksdb),
        cmocka_unit_test(queries_see_whole_transactions_of_a_global_store_in_memory),
        cmocka_unit_test(queries_see_whole_transactions_of_a_global_store_on_rocksdb),
        cmocka_unit_test(a_global_store_is_asked_within_a_batch_and_a_task_is_not),
        cmocka_unit_test(a_reader_has_its_turn_when_the_writer_gives_way_once),
        cmocka_unit_test(a_writer_waits_for_readers_and_readers_for_none_of_their_kind),
        cmocka_unit_test(who_waits_has_its_turn_when_the_thread_gives_way_once),
        cmocka_unit_test(a_lock_nobody_wants_is_kept),
        cmocka_unit_test(every_row_of_a_range_is_on_one_page),
        cmocka_unit_test(a_page_behind_shows_what_was_written_meanwhile),
        cmocka_unit_test(every_call_after_the_close_says_that_the_store_migrated),
        cmocka_unit_test(the_tasks_own_thread_queries_within_its_batch),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
