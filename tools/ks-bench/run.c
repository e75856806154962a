/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - a job is run and measured.
 *
 * What is measured is the whole life of the process, from the first line of main() to the return of
 * ks_app_close(): opening the log, starting, the records, the last commit. CPU time is that of all
 * threads, the library's and RocksDB's. With --fill the filling comes before, and time and CPU of
 * it are taken off; its memory cannot be, so peak RSS then holds the records too.
 *
 * The result is read afterwards, and so is the input: a rate is a number of records by time, so it
 * has to be the number of those that were there. Records of a second topic are counted and belong
 * to the rate, because they are processed like those of the first.
 *
 * Each run is an application of its own, named after its output topic, which is empty when the run
 * begins: a run continues no other, on a log that lives longer than both. With --restore a run
 * continues the one before, which has left nothing to process and whose state is gone: what is
 * measured then are the rows that come back from the changelog.
 *
 * Thread rule: the main thread. The signal handler only sets a flag.
 */
#include "run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <kstreams/kstreams.h>

#include "common/scratch.h"
#include "fill.h"
#include "result.h"

static const int64_t turn_ms = 200;

typedef struct bench_cost {
    int64_t start_ns;
    double start_cpu_s; /* spent before the start */
    double wall_s;
    double cpu_s;
    double first_record_s;
    double peak_rss_mb;
} bench_cost;

/* A run and all it owns. */
typedef struct bench_session {
    const bench_options *options;
    bench_wiring wiring;
    bench_cost cost;
    _Atomic int64_t restored; /* rows */
    uint64_t processed;       /* records of all inputs, or rows restored */
    char application_id[256];
    char *scratch;
    ks_config *config;
    ks_log *log;
    ks_topology *topology;
    ks_app *app;
} bench_session;

static volatile sig_atomic_t signal_seen;

static void remember_signal(int number)
{
    signal_seen = number;
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void measure(bench_session *session)
{
    struct rusage usage = {0};
    bench_cost *cost = &session->cost;
    int64_t first_ns = atomic_load(&session->wiring.first_record_ns);

    cost->wall_s = (double)(bench_now_ns() - cost->start_ns) / 1e9;
    (void)getrusage(RUSAGE_SELF, &usage);
    cost->cpu_s = cpu_seconds(&usage) - cost->start_cpu_s;
    cost->first_record_s = first_ns > 0 ? (double)(first_ns - cost->start_ns) / 1e9 : 0;
    cost->peak_rss_mb = (double)usage.ru_maxrss * 1024 / 1e6;
}

static ks_status set_number(ks_config *config, const char *name, int64_t number, ks_error *error)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    return ks_config_set(config, name, text, error);
}

/* KS_OK, or what is wrong with a property, which came from the command line. */
static ks_status configure(bench_session *session, ks_error *error)
{
    const bench_options *options = session->options;
    bool exactly_once = strcmp(options->guarantee, "eos") == 0;
    int64_t commit_ms = options->commit_ms >= 0 ? options->commit_ms : exactly_once ? 100 : 1000;
    const char *texts[][2] = {
        {"application.id", session->application_id},
        {"bootstrap.servers", options->bootstrap_server},
        {"state.dir", session->scratch},
        {"auto.offset.reset", "earliest"},
        {"processing.guarantee", exactly_once ? "exactly_once_v2" : "at_least_once"},
    };
    ks_status status = KS_OK;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && status == KS_OK; i++) {
        status = ks_config_set(session->config, texts[i][0], texts[i][1], error);
    }
    if (status == KS_OK) {
        status = set_number(session->config, "commit.interval.ms", commit_ms, error);
    }
    if (status == KS_OK) {
        status = set_number(session->config, "num.stream.threads", options->threads, error);
    }
    if (status == KS_OK && options->cache_bytes >= 0) {
        status =
            set_number(session->config, "statestore.cache.max.bytes", options->cache_bytes, error);
    }
    return status;
}

static ks_status fill_input(bench_session *session, ks_error *error)
{
    const bench_options *options = session->options;
    bench_filled filled;
    struct rusage usage = {0};
    ks_status status = bench_fill(session->log, options, &filled, error);

    (void)getrusage(RUSAGE_SELF, &usage);
    session->cost.start_ns = bench_now_ns();
    session->cost.start_cpu_s = cpu_seconds(&usage);
    return status;
}

static ks_status is_not_there(const bench_options *options, const char *topic, ks_error *error)
{
    const char *second = options->job->second == BENCH_ROWS   ? " --rows "
                         : options->job->second == BENCH_TWIN ? " --twin "
                                                              : "";

    *error = (ks_error){.code = KS_E_UNKNOWN_TOPIC};
    (void)snprintf(error->where, sizeof error->where, "topic %s", topic);
    (void)snprintf(error->message, sizeof error->message,
                   "is not in %s; `" BENCH_PROGRAM " %s --topic %s%s%s ...` makes it",
                   options->bootstrap_server, options->job->reads_lines ? "fill-lines" : "fill",
                   options->input, second, second[0] != '\0' ? options->input2 : "");
    return error->code;
}

static ks_status prepare_topics(bench_session *session, ks_error *error)
{
    const bench_options *options = session->options;
    ks_status status = KS_OK;

    if (options->fill) {
        status = fill_input(session, error);
    }
    if (status != KS_OK) {
        return status;
    }
    int32_t partitions = ks_log_partition_count(session->log, options->input);
    if (partitions < 1) {
        return is_not_there(options, options->input, error);
    }
    if (options->input2 != NULL && ks_log_partition_count(session->log, options->input2) < 1) {
        return is_not_there(options, options->input2, error);
    }
    return options->restore ? KS_OK
                            : bench_empty_topic(session->log, options->output, partitions, error);
}

static void count_restored(const ks_restore_progress *progress, void *user)
{
    bench_session *session = user;

    if (progress->step == KS_RESTORE_BATCH) {
        atomic_fetch_add(&session->restored, progress->records);
    }
}

/* Builds, starts, waits, closes. KS_OK after a signal too. */
static ks_status run_application(bench_session *session, ks_error *error)
{
    ks_builder *builder = ks_builder_new(session->config);

    session->options->job->build(builder, &session->wiring);
    session->topology = ks_builder_build(builder, error);
    ks_builder_free(builder);
    if (session->topology == NULL) {
        return error->code;
    }
    session->app = ks_app_new(
        session->topology, session->config,
        KS_APP_OPTIONS(.log = session->log, .restore_listener = count_restored, .user = session),
        error);
    if (session->app == NULL) {
        return error->code;
    }
    ks_status status = ks_app_start(session->app, error);
    while (status == KS_OK && signal_seen == 0) {
        ks_error now = {0};
        ks_status caught_up = ks_app_wait_until_caught_up(session->app, turn_ms, &now);
        if (caught_up == KS_OK) {
            break;
        }
        if (caught_up != KS_E_TIMEOUT) {
            *error = now;
            status = caught_up;
        }
    }
    ks_error close_error = {0};
    if (ks_app_close(session->app, -1, &close_error) != KS_OK && status == KS_OK) {
        *error = close_error;
        status = close_error.code;
    }
    measure(session);
    return status;
}

static ks_status check_input(bench_session *session, ks_error *error)
{
    const bench_options *options = session->options;
    uint64_t records = (uint64_t)atomic_load(&session->restored);
    uint64_t second = 0;
    ks_status status = options->restore
                           ? KS_OK
                           : bench_count_records(session->log, options->input, &records, error);

    if (status == KS_OK && records != (uint64_t)options->records) {
        *error = (ks_error){.code = KS_E_ARGUMENT};
        (void)snprintf(error->where, sizeof error->where, "topic %s", options->input);
        (void)snprintf(error->message, sizeof error->message,
                       options->restore
                           ? "led to %" PRIu64 " rows that were restored, but --records says "
                             "%" PRId64 ": no rate would be right"
                           : "has %" PRIu64 " records, and all of them were processed, but "
                             "--records says %" PRId64 ": no rate would be right",
                       records, options->records);
        status = error->code;
    }
    if (status == KS_OK && options->input2 != NULL && !options->restore) {
        status = bench_count_records(session->log, options->input2, &second, error);
    }
    session->processed = records + second;
    return status;
}

static ks_status count_changelog(const bench_session *session, uint64_t *records, ks_error *error)
{
    const char *store = session->options->job->store;
    char topic[sizeof session->application_id + 64];

    *records = 0;
    if (store == NULL) {
        return KS_OK;
    }
    (void)snprintf(topic, sizeof topic, "%s-%s-changelog", session->application_id, store);
    return bench_count_records(session->log, topic, records, error);
}

static void print_line(const bench_session *session, const bench_result *result,
                       uint64_t changelog_records)
{
    const bench_cost *cost = &session->cost;
    int64_t records = session->options->records;

    printf("{\"job\": \"%s\", \"records\": %" PRId64 ", \"results\": %" PRIu64
           ", \"outputs\": %" PRIu64 ", \"changelog_records\": %" PRIu64 ", \"bytes_out\": %" PRIu64
           ", \"digest\": \"%016" PRIx64 "\"",
           session->options->job->name, records, result->results, result->outputs,
           changelog_records, result->bytes, result->digest);
    printf(", \"wall_s\": %.3f, \"cpu_s\": %.3f, \"records_per_s\": %.0f"
           ", \"records_per_cpu_s\": %.0f, \"first_record_s\": %.4f, \"peak_rss_mb\": %.1f}\n",
           cost->wall_s, cost->cpu_s, (double)session->processed / cost->wall_s,
           (double)session->processed / cost->cpu_s, cost->first_record_s, cost->peak_rss_mb);
}

static ks_status run_and_print(bench_session *session, ks_error *error)
{
    bench_result result;
    uint64_t changelog_records = 0;

    ks_status status = prepare_topics(session, error);
    if (status == KS_OK) {
        status = run_application(session, error);
    }
    if (status == KS_OK && signal_seen == 0) {
        status = check_input(session, error);
    }
    if (status == KS_OK && signal_seen == 0) {
        status = bench_result_read(session->log, session->options->output, &result, error);
    }
    if (status == KS_OK && signal_seen == 0) {
        status = count_changelog(session, &changelog_records, error);
    }
    if (status == KS_OK && signal_seen == 0) {
        print_line(session, &result, changelog_records);
    }
    return status;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = remember_signal, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int bench_run(const bench_options *options, int64_t main_ns)
{
    bench_session session = {
        .options = options,
        .wiring = {.input = options->input, .input2 = options->input2, .output = options->output},
        .cost = {.start_ns = main_ns},
    };
    ks_error error = {0};
    int exit_status = EXIT_SUCCESS;

    watch_signals();
    (void)snprintf(session.application_id, sizeof session.application_id, BENCH_PROGRAM "-%s",
                   options->output);
    session.config = ks_config_new();
    session.scratch = app_scratch_make(BENCH_PROGRAM, &error);
    if (session.scratch == NULL) {
        exit_status = bench_report(&error);
        goto out;
    }
    if (configure(&session, &error) != KS_OK) {
        (void)bench_report(&error);
        exit_status = BENCH_EXIT_USAGE;
        goto out;
    }
    session.log = ks_log_open(options->bootstrap_server, &error);
    if (session.log == NULL || run_and_print(&session, &error) != KS_OK) {
        exit_status = bench_report(&error);
    } else if (signal_seen != 0) {
        fprintf(stderr, BENCH_PROGRAM ": stopped by signal %d, no result\n", (int)signal_seen);
        exit_status = 128 + (int)signal_seen;
    }
out:
    ks_app_free(session.app);
    ks_topology_free(session.topology);
    ks_log_free(session.log);
    ks_config_free(session.config);
    app_scratch_remove(session.scratch);
    return exit_status;
}
