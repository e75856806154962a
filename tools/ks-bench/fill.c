/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.c - a topic of generated records or lines.
 *
 * Records go to the partition of their key's hash, as from any producer; lines have no key and go
 * to the partitions in turn. The topic has to be empty: a second filling behind the first would
 * give records whose number says nothing any more.
 *
 * Thread rule: the main thread.
 */
#include "fill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/command_line.h"

enum { MS_PER_DAY = 24 * 60 * 60 * 1000, PAUSE_MS = 50, PATIENCE_MS = 10000 };

int bench_report(const ks_error *error)
{
    static const app_about about = {.name = BENCH_PROGRAM};

    return app_report(&about, error);
}

/*
 * The brokers of a topic that somebody has just made answer for it in their own time, and nothing
 * tells when.
 */
static ks_log_reader *open_reader(ks_log *log, const char *topic, ks_error *error)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    ks_log_reader *reader = ks_log_reader_open(log, topic, error);

    for (int64_t waited_ms = 0;
         reader == NULL && (error->flags & KS_ERROR_RETRIABLE) != 0 && waited_ms < PATIENCE_MS;
         waited_ms += PAUSE_MS) {
        (void)nanosleep(&pause, NULL);
        reader = ks_log_reader_open(log, topic, error);
    }
    return reader;
}

ks_status bench_empty_topic(ks_log *log, const char *topic, int32_t partitions, ks_error *error)
{
    ks_log_record record;
    ks_status status = ks_log_create_topic(log, topic, partitions, error);

    if (status != KS_OK) {
        return status;
    }
    ks_log_reader *reader = open_reader(log, topic, error);
    if (reader == NULL) {
        return error->code;
    }
    if (ks_log_reader_next_to_end(reader, &record)) {
        *error = (ks_error){.code = KS_E_STATE};
        (void)snprintf(error->where, sizeof error->where, "topic %s", topic);
        (void)snprintf(error->message, sizeof error->message,
                       "has records already, and they would be taken for those of this run; name "
                       "another topic or delete this one");
        status = error->code;
    }
    ks_log_reader_free(reader);
    return status;
}

/* Midnight (UTC) before the day before. */
static int64_t default_start_ms(void)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    return now_ms - now_ms % MS_PER_DAY - MS_PER_DAY;
}

/* What a topic gets, and when: a record each `step_ms` from `start_ms` on. */
typedef struct filling {
    const char *topic;
    bench_input input;
    int32_t partitions;
    int64_t start_ms;
    int64_t step_ms;
} filling;

static ks_status send_all(ks_log *log, const filling *what, bench_generator *generator,
                          bench_filled *filled, ks_error *error)
{
    const bench_input *input = &what->input;
    ks_log_producer *producer = ks_log_producer_open(log, error);
    ks_status status = producer != NULL ? KS_OK : error->code;

    for (uint64_t i = 0; i < input->count && status == KS_OK; i++) {
        ks_log_record record = {.timestamp = what->start_ms + (int64_t)i * what->step_ms,
                                .partition =
                                    input->lines ? (int32_t)(i % (uint64_t)what->partitions) : -1};
        bench_generator_make(generator, i, &record.key, &record.value);
        status = ks_log_producer_send(producer, what->topic, &record, error);
        filled->records += status == KS_OK;
        filled->bytes += record.key.size + record.value.size;
    }
    if (status == KS_OK) {
        status = ks_log_producer_flush(producer, error);
    }
    ks_log_producer_free(producer);
    return status;
}

static ks_status fill_topic(ks_log *log, const filling *what, bench_filled *filled, ks_error *error)
{
    bench_generator generator;
    ks_status status = bench_empty_topic(log, what->topic, what->partitions, error);

    if (status != KS_OK) {
        return status;
    }
    if (bench_generator_begin(&generator, &what->input)) {
        status = send_all(log, what, &generator, filled, error);
    } else {
        *error = (ks_error){.code = KS_E_LIMIT, .message = "no memory for a value of that size"};
        status = error->code;
    }
    bench_generator_end(&generator);
    return status;
}

ks_status bench_fill(ks_log *log, const bench_options *options, bench_filled *filled,
                     ks_error *error)
{
    bool running = options->command == BENCH_RUN;
    bench_second kind = bench_options_second(options);
    filling first = {
        .topic = running ? options->input : options->topic,
        .input = bench_options_input(options),
        .partitions = (int32_t)options->partitions,
        .start_ms = options->start_ms >= 0 ? options->start_ms : default_start_ms(),
        .step_ms = kind == BENCH_TWIN ? 2 : 1,
    };
    filling second = first;

    second.topic = running                 ? options->input2
                   : options->rows != NULL ? options->rows
                                           : options->twin;
    second.input = bench_options_second_input(options);
    second.start_ms += kind == BENCH_TWIN ? 1 : -(int64_t)second.input.count;
    *filled = (bench_filled){0};
    ks_status status = fill_topic(log, &first, filled, error);
    if (status == KS_OK && kind != BENCH_NO_SECOND) {
        status = fill_topic(log, &second, filled, error);
    }
    return status;
}

int bench_fill_command(const bench_options *options)
{
    ks_error error = {0};
    bench_filled filled = {0};
    int64_t start_ns = bench_now_ns();
    int exit_status = EXIT_SUCCESS;

    ks_log *log = ks_log_open(options->bootstrap_server, &error);
    if (log == NULL || bench_fill(log, options, &filled, &error) != KS_OK) {
        exit_status = bench_report(&error);
    }
    ks_log_free(log);
    if (exit_status == EXIT_SUCCESS) {
        printf("{\"topic\": \"%s\", \"partitions\": %" PRId64 ", \"records\": %" PRIu64
               ", \"bytes\": %" PRIu64 ", \"wall_s\": %.3f}\n",
               options->topic, options->partitions, filled.records, filled.bytes,
               (double)(bench_now_ns() - start_ns) / 1e9);
    }
    return exit_status;
}
