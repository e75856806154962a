/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_life.c - see kill_life.h.
 *
 * Commits come every few milliseconds, caches are off and segments are small, so that a life of a
 * tenth of a second passes every named point many times, with records on their way everywhere.
 *
 * The feeder produces up to 40 records at once and then waits until the application is caught up,
 * or a few milliseconds are over, as the dice say: with input left, and without.
 *
 * Thread rule: see kill_life.h; the hook runs on any thread.
 */
#include "kill_life.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "crash_log.h"
#include "kill_truth.h"
#include "transport/embedded/housekeeping.h"
#include "transport/log_handle.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNKS = 60, CHUNK_RECORDS = 40, SECONDS_AT_MOST = 400 };

typedef struct kill_life {
    const kill_plan *plan;
    const kill_strike *strike;
    kill_report *report;
    bool repartitions;
    uint64_t random;
    ks_log *log;
    ks_log_producer *producer;
    ks_app *app;
    int64_t next[KILL_PARTITIONS]; /* offsets of the input */
} kill_life;

static const kill_life *the_life; /* the hook has no user pointer */
static atomic_uint times_reached;
static _Thread_local bool is_feeder;

/* ---- ending ---------------------------------------------------------------------------------- */

static _Noreturn void complain(const kill_life *life, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(life->report->complaint, KILL_COMPLAINT, format, arguments);
    va_end(arguments);
    _exit(KILL_EXIT_COMPLAINT);
}

static void must(const kill_life *life, ks_status status, const ks_error *error, const char *what)
{
    if (status != KS_OK) {
        char words[300];
        complain(life, "%s: %s", what, ks_error_text(error, words, sizeof words));
    }
}

static bool has_name(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

static void hook(const char *point)
{
    if (!has_name(ksi_crash_points, point) && !has_name(ksi_commit_crash_points, point) &&
        !has_name(ksi_log_crash_points, point)) {
        complain(the_life, "crash point %s is in no list of crash_point.h", point);
    }
    if (is_feeder || strcmp(point, the_life->strike->point) != 0 ||
        atomic_fetch_add(&times_reached, 1) + 1 != the_life->strike->nth) {
        return;
    }
    the_life->report->was_struck = true;
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

/* The parent cannot tell a kill by the timer from another one; so it is said before. */
static void die_at_a_moment(const kill_life *life)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value.tv_sec = life->strike->nth / 1000,
                              .it_value.tv_nsec = (long)(life->strike->nth % 1000) * 1000000 + 1};
    timer_t timer;
    life->report->was_struck = true;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &when, NULL) != 0) {
        complain(life, "no timer for the kill");
    }
}

/* ---- the log --------------------------------------------------------------------------------- */

static void create_topic(const kill_life *life, const char *topic)
{
    ks_error error = {0};
    const ks_topic_config small_segments = {.name = "segment.bytes", .value = "16384"};
    must(life,
         ks_log_create_configured_topic(life->log, topic, KILL_PARTITIONS, &small_segments, 1,
                                        &error),
         &error, "creating a topic");
}

static void open_log(kill_life *life)
{
    ks_error error = {0};
    char address[260];
    (void)snprintf(address, sizeof address, "embedded:%s/log", life->plan->directory);
    life->log = ks_log_open(address, &error);
    must(life, life->log != NULL ? KS_OK : error.code, &error, "opening the log");
    create_topic(life, KILL_INPUT);
    create_topic(life, KILL_OUTPUT);
    for (int part = 0; part < WINDOWED_PARTS; part++) {
        create_topic(life, windowed_topics[part]);
    }
    for (int32_t p = 0; p < KILL_PARTITIONS; p++) {
        int64_t begin = 0;
        must(life, ks_log_offsets(life->log, KILL_INPUT, p, &begin, &life->next[p], &error), &error,
             "the end of the input");
    }
    life->producer = ks_log_producer_open(life->log, &error);
    must(life, life->producer != NULL ? KS_OK : error.code, &error, "opening a producer");
}

typedef struct moving {
    ks_group_offset offsets[KILL_PARTITIONS];
    size_t count;
    int by;
} moving;

static void move_offset(const ks_group_offset *offset, void *user)
{
    moving *how = user;
    int64_t moved = offset->offset + how->by;
    if (strcmp(offset->topic, KILL_INPUT) == 0 && moved >= offset->begin && moved <= offset->end) {
        ks_group_offset *to = &how->offsets[how->count++];
        *to = *offset;
        to->topic = KILL_INPUT; /* the text given is borrowed for the call */
        to->offset = moved;
    }
}

/* The mistake that a fault stands for. */
static void err(const kill_life *life)
{
    ks_error error = {0};
    moving how = {.by = life->plan->fault == KILL_OFFSET_FORWARD ? 1 : -1};
    if (life->plan->fault != KILL_OFFSET_FORWARD && life->plan->fault != KILL_OFFSET_BACK) {
        return;
    }
    must(life, ks_log_each_group_offset(life->log, KILL_APPLICATION, move_offset, &how, &error),
         &error, "the offsets of the group");
    if (how.count > 0) {
        must(life,
             ks_log_set_group_offsets(life->log, KILL_APPLICATION, how.offsets, how.count, &error),
             &error, "moving offsets");
    }
}

/* ---- the application ------------------------------------------------------------------------- */

static void hear(ks_log_level level, const char *where, const char *message, void *user)
{
    (void)user;
    if (level >= KS_LOG_LEVEL_ERROR) {
        fprintf(stderr, "%s: %s\n", where, message);
    }
}

static void start_application(kill_life *life)
{
    ks_error error = {0};
    char state[260];
    (void)snprintf(state, sizeof state, "%s/state", life->plan->directory);
    bool applies_often = crash_random_below(&life->random, 4) != 0;
    bool is_small =
        life->plan->application == KILL_WINDOWING && crash_random_below(&life->random, 3) == 0;
    const char *const properties[][2] = {
        {"application.id", KILL_APPLICATION},
        {"bootstrap.servers", "embedded:"}, /* the log is given below */
        {"state.dir", state},
        {"processing.guarantee", life->plan->exactly_once ? "exactly_once_v2" : "at_least_once"},
        {"num.stream.threads", "2"},
        {"commit.interval.ms", "5"},
        {"statestore.cache.max.bytes", "0"},
        {"statestore.apply.interval.ms", applies_often ? "10" : "30000"},
        {"repartition.purge.interval.ms", "20"},
        {"topic.segment.bytes", "16384"},
        {"topology.optimization", "reuse.ktable.source.topics"},
        {"statestore.uncommitted.max.bytes", is_small ? "65536" : "67108864"},
        {"__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", "0"},
        {"__emit.interval.ms.kstreams.windowed.aggregation__", "0"},
    };
    ks_config *config = ks_config_new();
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        must(life, ks_config_set(config, properties[i][0], properties[i][1], &error), &error,
             properties[i][0]);
    }
    ks_builder *builder = ks_builder_new(config);
    if (life->plan->application == KILL_WINDOWING) {
        windowed_app_build(builder, KILL_INPUT, WINDOWED_ALL_PARTS);
    } else {
        kill_topology(builder, &life->repartitions);
    }
    const ks_topology *topology = ks_builder_build(builder, &error);
    must(life, topology != NULL ? KS_OK : error.code, &error, "the topology");
    life->app =
        ks_app_new(topology, config, KS_APP_OPTIONS(.log = life->log, .log_line = hear), &error);
    must(life, life->app != NULL ? KS_OK : error.code, &error, "the application");
    must(life, ks_app_start(life->app, &error), &error, "starting the application");
    ks_config_free(config); /* builder and topology live as long as the process */
}

/* ---- feeding --------------------------------------------------------------------------------- */

/* The next record of a partition; `later_ms` is for the windowing application. */
static void produce_one(kill_life *life, int32_t partition, int64_t later_ms)
{
    ks_error error = {0};
    char key[RECORD_PLACE_TEXT];
    char value[RECORD_PLACE_TEXT];
    int64_t offset = life->next[partition];
    if (offset == KILL_MOST_OFFSETS) {
        complain(life, "too many records for the stores of this test");
    }
    ks_log_record record = {.value = record_place_text(value, partition, offset),
                            .timestamp = -1,
                            .partition = partition};
    if (life->plan->application == KILL_WINDOWING) {
        record.key = windowed_app_key(key, partition, offset);
        record.timestamp = windowed_app_time(offset) + later_ms;
    } else if (!life->repartitions) {
        record.key = kill_key_text(key, kill_place_of(false, partition, offset).key);
    }
    must(life, ks_log_producer_send(life->producer, KILL_INPUT, &record, &error), &error,
         "feeding");
    life->next[partition]++;
}

static void produce(kill_life *life, size_t records)
{
    ks_error error = {0};
    for (size_t i = 0; i < records; i++) {
        produce_one(life, (int32_t)crash_random_below(&life->random, KILL_PARTITIONS), 0);
    }
    must(life, ks_log_producer_flush(life->producer, &error), &error, "feeding");
}

/*
 * The end of the input: time jumps so often that all windows close that a record may still close.
 * When a row without a partner comes out between two jumps depends on what was looked at before.
 */
static void close_windows(kill_life *life)
{
    ks_error error = {0};
    for (int jump = 1; jump <= WINDOWED_JUMPS; jump++) {
        for (int32_t p = 0; p < KILL_PARTITIONS; p++) {
            produce_one(life, p, windowed_app_jump_ms(jump));
        }
    }
    must(life, ks_log_producer_flush(life->producer, &error), &error, "feeding");
}

/* A topic that was deleted comes back empty, also when the process died while it was deleted. */
static void make_and_delete_a_topic(const kill_life *life)
{
    ks_error error = {0};
    int64_t begin = 0;
    int64_t end = 0;
    const ks_log_record record = {.value = ks_slice_of("left over", 9), .timestamp = 1};
    if (ks_log_partition_count(life->log, KILL_SCRATCH) == 0) {
        create_topic(life, KILL_SCRATCH);
        must(life, ks_log_offsets(life->log, KILL_SCRATCH, 0, &begin, &end, &error), &error,
             "a new topic");
        if (begin != 0 || end != 0) {
            complain(life, "a new topic has records of one that was deleted: %lld to %lld",
                     (long long)begin, (long long)end);
        }
    }
    must(life, ks_log_produce(life->log, KILL_SCRATCH, &record, &error), &error, "a new topic");
    must(life, ks_log_delete_topic(life->log, KILL_SCRATCH, &error), &error, "deleting a topic");
}

/* What the log does by itself every few minutes: the changelogs are compacted. */
static void keep_house(const kill_life *life)
{
    ks_error error = {0};
    ksi_housekeeping done;
    ksi_transport *transport = ksi_log_transport(life->log);
    must(life,
         ksi_embedded_housekeep(ksi_embedded_log_of(transport), ksi_wall_ms(&ksi_system_clock),
                                &done, &error),
         &error, "housekeeping");
    transport->class->release(transport);
}

static void wait_a_little(const kill_life *life, int64_t milliseconds)
{
    ks_error error = {0};
    ks_status status = ks_app_wait_until_caught_up(life->app, milliseconds, &error);
    must(life, status == KS_E_TIMEOUT ? KS_OK : status, &error, "the application");
}

static void feed(kill_life *life)
{
    const char *point = life->strike->point;
    bool deletes = strcmp(point, "log.delete") == 0;
    bool is_bulk = strcmp(point, "bulk") == 0;
    bool compacts =
        strncmp(point, "log.compact.", 12) == 0 || crash_random_below(&life->random, 3) == 0;
    for (int i = 0; i < CHUNKS; i++) {
        size_t most = is_bulk                                     ? 4 * CHUNK_RECORDS
                      : life->plan->application == KILL_WINDOWING ? CHUNK_RECORDS / 4
                                                                  : CHUNK_RECORDS;
        produce(life, 1 + (size_t)crash_random_below(&life->random, most));
        is_feeder = false; /* two points are reached by this thread only */
        if (deletes && i % 4 == 1) {
            make_and_delete_a_topic(life);
        }
        if (compacts && i % 8 == 7) {
            keep_house(life);
        }
        is_feeder = true;
        wait_a_little(life, (int64_t)crash_random_below(&life->random, 5));
    }
    if (is_bulk || strncmp(point, "restore.", 8) == 0) {
        wait_a_little(life, KILL_CATCH_UP_MS); /* else closing ends the restoring */
    }
}

/* ---- a life ---------------------------------------------------------------------------------- */

static void judge(kill_life *life, kill_facts *facts)
{
    if (life->plan->application == KILL_WINDOWING) {
        char state[260];
        (void)snprintf(state, sizeof state, "%s/undisturbed", life->plan->directory);
        if (!kill_truth_judge(life->log, facts->exactly_once, state, life->report->complaint)) {
            _exit(KILL_EXIT_COMPLAINT);
        }
        return;
    }
    if (!kill_facts_read_log(facts, life->log, life->report->complaint) ||
        !kill_facts_judge(facts, life->report->complaint)) {
        _exit(KILL_EXIT_COMPLAINT);
    }
}

static void catch_up(kill_life *life, kill_facts *facts)
{
    ks_error error = {0};
    if (life->plan->application == KILL_WINDOWING) {
        close_windows(life);
    }
    must(life, ks_app_wait_until_caught_up(life->app, KILL_CATCH_UP_MS, &error), &error,
         "the last life catches up");
    if (life->plan->application != KILL_WINDOWING &&
        !kill_facts_read_stores(facts, life->app, life->report->complaint)) {
        _exit(KILL_EXIT_COMPLAINT);
    }
}

_Noreturn void kill_life_run(const kill_plan *plan, unsigned number, const kill_strike *strike,
                             bool is_last, kill_report *report)
{
    kill_life life = {.plan = plan,
                      .strike = strike,
                      .report = report,
                      .repartitions = plan->application == KILL_REPARTITIONING};
    ks_error error = {0};
    the_life = &life;
    is_feeder = true;
    (void)alarm(SECONDS_AT_MOST); /* a child that hangs is a failure as well */
    life.random = plan->seed * 1000 + number;
    if (strcmp(strike->point, "moment") == 0) {
        die_at_a_moment(&life);
    }
    ksi_crash_hook = hook;
    is_feeder = false; /* opening and closing are not feeding */
    open_log(&life);
    err(&life);
    start_application(&life);
    is_feeder = true;
    kill_facts *facts = kill_facts_new(
        life.repartitions, plan->exactly_once || plan->fault == KILL_JUDGED_TOO_STRICTLY);
    if (is_last) {
        catch_up(&life, facts);
    } else {
        feed(&life);
    }
    is_feeder = false;
    must(&life, ks_app_close(life.app, -1, &error), &error, "closing the application");
    ks_app_free(life.app);
    if (is_last) {
        judge(&life, facts);
    }
    ks_log_producer_free(life.producer);
    ks_log_free(life.log);
    _exit(KILL_EXIT_FINE);
}
