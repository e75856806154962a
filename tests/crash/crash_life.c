/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_life.c - the work of a life, and its end; see crash_life.h.
 *
 * The changelog comes first, always: a row is appended before the store is told, and a transaction
 * is committed there before the stores hear of it. That is the order of the runtime, and the only
 * one that a crash cannot turn into a row that exists in the store alone.
 */
#include "base/crash_point.h"
#include "base/endian.h"
#include "crash_life_parts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPERATIONS = 2000, CLOSED_AFTER = 25, SECONDS_AT_MOST = 60 };

static crash_life *the_life; /* the hook has no user pointer */
static unsigned times_reached;

/* ---- dying ----------------------------------------------------------------------------------- */

static _Noreturn void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static void die_soon(uint64_t *random)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value.tv_nsec = 1 + (long)crash_random_below(random, 1500000)};
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0) {
        crash_complain(the_life, "no timer for the kill");
    }
}

static void reach(const char *point)
{
    const crash_plan *plan = the_life->plan;
    if (the_life->ending != CRASH_AT_POINT || strcmp(point, plan->point) != 0 ||
        ++times_reached != plan->nth) {
        return;
    }
    the_life->report->was_struck = true;
    uint64_t random = plan->seed;
    if (!plan->soon_after) {
        die();
    }
    die_soon(&random);
}

static void hook(const char *point)
{
    size_t i = 0;
    while (ksi_crash_points[i] != NULL && strcmp(ksi_crash_points[i], point) != 0) {
        i++;
    }
    if (ksi_crash_points[i] == NULL) {
        crash_complain(the_life, "crash point %s is not in ksi_crash_points", point);
    }
    reach(point);
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* Writes the position row as the store would, at a time when it would not. */
static void write_position(crash_life *life, int s, int p, bool durable)
{
    ksi_store_position position = ksi_row_store_position(life->stores[s][p]);
    char key[CRASH_META_BYTES];
    char value[26] = {2}; /* the format; the layout is 0, as these stores are opened */
    ksi_put_be64(value + 2, (uint64_t)position.offset);
    ksi_put_be64(value + 10, (uint64_t)position.current_ms);
    ksi_put_be64(value + 18, position.hash);
    ksi_rocks_batch *batch = ksi_rocks_batch_new(life->rocks);
    ksi_rocks_batch_put(batch, life->families[s], crash_meta_key(key, p, ""),
                        ks_slice_of(value, sizeof value));
    ks_error error = {0};
    crash_must(life, ksi_rocks_write(batch, durable, &error), &error, "fault");
    ksi_rocks_batch_free(batch);
}

static void remove_mark(crash_life *life, int s, int p)
{
    char key[CRASH_META_BYTES];
    ksi_rocks_batch *batch = ksi_rocks_batch_new(life->rocks);
    ksi_rocks_batch_delete(batch, life->families[s], crash_meta_key(key, p, "dirty"));
    ks_error error = {0};
    crash_must(life, ksi_rocks_write(batch, true, &error), &error, "fault");
    ksi_rocks_batch_free(batch);
    crash_must(life, ksi_family_flush(life->families[s], &error), &error, "fault");
}

/* ---- operations ------------------------------------------------------------------------------ */

static int any_store(crash_life *life)
{
    return (int)crash_random_below(&life->random, CRASH_STORES);
}

static int any_partition(crash_life *life)
{
    return (int)crash_random_below(&life->random, CRASH_PARTITIONS);
}

static crash_record new_row(crash_life *life, int s, int p, int key, uint32_t size)
{
    return (crash_record){.kind = CRASH_ROW,
                          .store = (uint8_t)s,
                          .partition = (uint8_t)p,
                          .is_present = 1,
                          .key = (uint16_t)key,
                          .size = size,
                          .number = ++life->next_number * UINT64_C(0x2545f4914f6cdd1d),
                          .timestamp = (int64_t)crash_random_below(&life->random, 1000000)};
}

static void put_row(crash_life *life, const crash_record *row)
{
    static char bytes[CRASH_LARGEST_VALUE];
    bool forgets = life->plan->fault == CRASH_ROW_NOT_LOGGED && life->next_number % 7 == 0;
    if (!forgets) {
        crash_log_append(&life->log, row);
    }
    char key[CRASH_KEY_BYTES];
    size_t key_size = crash_key_fill(key, row->key);
    crash_value_fill(bytes, row->size, row->number);
    ks_slice value = row->is_present ? ks_slice_of(bytes, row->size) : ks_slice_null();
    ksi_row_store_put(life->stores[row->store][row->partition], ks_slice_of(key, key_size), value,
                      row->timestamp);
}

static void put_some(crash_life *life, int s, int p)
{
    for (uint64_t i = 1 + crash_random_below(&life->random, 8); i > 0; i--) {
        int key = (int)crash_random_below(&life->random, CRASH_SMALL_KEYS);
        crash_record row =
            new_row(life, s, p, key, (uint32_t)crash_random_below(&life->random, 300));
        if (crash_random_below(&life->random, 4) == 0) {
            row.is_present = 0;
            row.size = 0;
        }
        put_row(life, &row);
    }
}

/* More than a batch takes. */
static void put_large(crash_life *life, int s, int p)
{
    for (int i = 0; i < CRASH_LARGE_KEYS; i++) {
        uint32_t size = 140 * 1024 + (uint32_t)crash_random_below(&life->random, 60 * 1024);
        crash_record row = new_row(life, s, p, CRASH_SMALL_KEYS + i, size);
        put_row(life, &row);
    }
}

static void commit(crash_life *life, int p)
{
    ks_error error = {0};
    crash_log_mark(&life->log, CRASH_COMMIT, 0, p);
    ksi_store_position position = {
        .offset = (int64_t)life->log.count, .current_ms = 1, .hash = life->log.count};
    for (int s = 0; s < CRASH_STORES; s++) {
        const ksi_store_position *behind = crash_store_kinds[s].logged ? &position : NULL;
        crash_must(life, ksi_row_store_commit(life->stores[s][p], behind, &error), &error,
                   "committing");
    }
    crash_log_mark(&life->log, CRASH_DONE, 0, p);
}

static void abort_transaction(crash_life *life, int p)
{
    crash_log_mark(&life->log, CRASH_ABORT, 0, p);
    crash_log_settle(&life->log);
    for (int s = 0; s < CRASH_STORES; s++) {
        if (!ksi_row_store_abort(life->stores[s][p])) {
            crash_life_rebuild(life, s, p);
        }
    }
}

static void apply(crash_life *life, int s, int p)
{
    ks_error error = {0};
    if (life->plan->fault == CRASH_POSITION_FIRST && crash_store_kinds[s].logged) {
        write_position(life, s, p, false);
        crash_must(life, ksi_family_flush(life->families[s], &error), &error, "fault");
    }
    crash_must(life, ksi_row_store_apply(life->stores[s][p], &error), &error, "applying");
    if (life->plan->fault == CRASH_POSITION_ALONE && crash_store_kinds[s].logged) {
        write_position(life, s, p, true);
    }
}

/* As the runtime does with the stores of its tasks, one after the other. */
static void apply_all(crash_life *life)
{
    bool forgets = life->plan->fault == CRASH_CLOSE_FORGETS && life->ending == CRASH_CLOSED;
    for (int s = 0; s < (forgets ? 1 : CRASH_STORES); s++) {
        for (int p = 0; p < CRASH_PARTITIONS; p++) {
            apply(life, s, p);
        }
        KSI_CRASH_POINT("apply.between-families");
    }
}

static void write_through(crash_life *life, int s, int p)
{
    ks_error error = {0};
    crash_must(life, ksi_row_store_write_through(life->stores[s][p], &error), &error,
               "writing through");
    if (life->plan->fault == CRASH_MARK_MISSING) {
        remove_mark(life, s, p);
    }
    reach("written-through");
}

static void reopen_store(crash_life *life, int s, int p)
{
    abort_transaction(life, p);
    ksi_row_store_close(life->stores[s][p]);
    crash_life_open_store(life, s, p);
}

static void close_all(crash_life *life)
{
    for (int p = 0; p < CRASH_PARTITIONS; p++) {
        abort_transaction(life, p);
    }
    apply_all(life);
    for (int s = 0; s < CRASH_STORES; s++) {
        for (int p = 0; p < CRASH_PARTITIONS; p++) {
            ksi_row_store_close(life->stores[s][p]);
        }
    }
    KSI_CRASH_POINT("close.before-flush");
    ks_error error = {0};
    crash_must(life, ksi_rocks_close(life->rocks, &error), &error, "closing the database");
}

/* Somebody else wrote so much into a changelog that restoring it takes two files. */
static void restore_bulk(crash_life *life)
{
    enum { STORE = 1, PARTITION = 0, SIZE = 250 * 1024 };
    abort_transaction(life, PARTITION);
    for (int i = 0; i < CRASH_BULK_KEYS; i++) {
        crash_record row =
            new_row(life, STORE, PARTITION, CRASH_SMALL_KEYS + CRASH_LARGE_KEYS + i, SIZE);
        crash_log_append(&life->log, &row);
    }
    crash_log_mark(&life->log, CRASH_COMMIT, 0, PARTITION);
    crash_log_mark(&life->log, CRASH_DONE, 0, PARTITION);
    reopen_store(life, STORE, PARTITION);
}

static void flush_or_compact(crash_life *life, bool compacts)
{
    ks_error error = {0};
    ksi_family *family = life->families[any_store(life)];
    crash_must(life,
               compacts ? ksi_family_compact(family, &error) : ksi_family_flush(family, &error),
               &error, "flushing");
}

/* A store comes and goes. */
static void make_family(crash_life *life)
{
    ks_error error = {0};
    ksi_family *family = ksi_rocks_family(life->rocks, "passing", &error);
    crash_must(life, family != NULL ? KS_OK : error.code, &error, "making a family");
    crash_must(life, ksi_rocks_drop_family(life->rocks, "passing", &error), &error, "dropping it");
}

/* What leads to a point that is rare otherwise; so that a kill does not need a long life. */
static void head_for_point(crash_life *life)
{
    const char *point = life->plan->point;
    int s = any_store(life);
    int p = any_partition(life);
    bool is_large = strstr(point, "between-batches") != NULL;
    bool writes_through = strncmp(point, "write-through", strlen("write-through")) == 0;
    bool wipes = strncmp(point, "wipe", strlen("wipe")) == 0;
    if (is_large) {
        put_large(life, s, p);
    } else {
        put_some(life, s, p);
    }
    if (writes_through || wipes) {
        write_through(life, s, p);
    }
    if (wipes) {
        abort_transaction(life, p);
    } else if (is_large) {
        commit(life, p);
        apply(life, s, p);
    }
}

static void operate(crash_life *life)
{
    uint64_t choice = crash_random_below(&life->random, 200);
    int s = any_store(life);
    int p = any_partition(life);
    if (choice < 130) {
        put_some(life, s, p);
    } else if (choice < 134) {
        put_large(life, s, p);
    } else if (choice < 160) {
        commit(life, p);
    } else if (choice < 168) {
        apply(life, s, p);
    } else if (choice < 171) {
        apply_all(life);
    } else if (choice < 176) {
        abort_transaction(life, p);
    } else if (choice < 183) {
        write_through(life, s, p);
    } else if (choice < 190) {
        flush_or_compact(life, false);
    } else if (choice < 192) {
        flush_or_compact(life, true);
    } else if (choice < 198) {
        reopen_store(life, s, p);
    } else if (choice < 199) {
        make_family(life);
    } else {
        close_all(life);
        crash_life_open(life);
    }
}

/* ---- a life ---------------------------------------------------------------------------------- */

static void work(crash_life *life)
{
    bool is_armed = life->ending == CRASH_AT_POINT;
    unsigned operations = is_armed ? OPERATIONS : CLOSED_AFTER;
    if (life->ending == CRASH_CUT) {
        operations = 1 + (unsigned)crash_random_below(&life->random, 100);
    }
    if (is_armed && strcmp(life->plan->point, "restore.between-files") == 0) {
        restore_bulk(life);
    }
    for (unsigned i = 0; i < operations; i++) {
        reach("operation");
        operate(life);
        if (is_armed && i % 8 == 0) {
            head_for_point(life);
        }
    }
    if (life->ending == CRASH_CUT) {
        die();
    }
}

_Noreturn void crash_life_run(const crash_plan *plan, unsigned number, crash_ending ending,
                              crash_report *report)
{
    crash_life life = {.plan = plan, .report = report, .ending = ending};
    the_life = &life;
    (void)alarm(SECONDS_AT_MOST); /* a child that hangs is a failure as well */
    life.random = plan->seed * 1000 + number;
    life.next_number = crash_random(&life.random);
    static const int64_t megabytes[] = {3, 8, 64};
    life.write_buffer_bytes = megabytes[crash_random_below(&life.random, 3)] * 1024 * 1024;
    life.clean_bytes = (int64_t)crash_random_below(&life.random, 64) * 1024;
    char path[sizeof plan->directory + 16];
    (void)snprintf(path, sizeof path, "%s/../changelog", plan->directory);
    crash_log_open(&life.log, path);
    ksi_crash_hook = hook;
    crash_life_open(&life);
    if (ending != CRASH_LOOKED) {
        work(&life);
    }
    close_all(&life);
    crash_log_close(&life.log);
    _exit(CRASH_EXIT_FINE);
}
