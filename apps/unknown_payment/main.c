/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - unknown_payment: prints the payments whose key is `unknown`.
 *
 * Input is one payment a line, KEY<TAB>VALUE or KEY,VALUE: the first tab separates, or, in a line
 * without tabs, the first comma. An empty key makes a record without key. Empty lines and lines
 * that begin with # are passed over; any other line is an error that names file and line, because a
 * payment that is silently left out is worse than a program that stops.
 */
#include <stdio.h>
#include <stdlib.h>

#include <kstreams/kstreams.h>

#include "common/program.h"
#include "common/report.h"
#include "unknown_payment/topology.h"

enum { PARTITIONS = 4 };

static const app_about about = {
    .name = "unknown_payment",
    .summary = "Finds the payments whose key is `unknown` and sends them to a topic of their own.",
    .input_help = "one payment a line, KEY<TAB>VALUE or KEY,VALUE",
    .example = "build/bin/unknown_payment --input apps/unknown_payment/text/payments.txt",
};

static app_line payment_of_line(ks_slice line, app_record *record, const char **problem)
{
    if (line.size == 0 || line.data[0] == '#') {
        return APP_LINE_SKIP;
    }
    const char *separator = memchr(line.data, '\t', line.size);
    if (separator == NULL) {
        separator = memchr(line.data, ',', line.size);
    }
    if (separator == NULL) {
        *problem = "no tab and no comma: a payment is KEY<TAB>VALUE or KEY,VALUE";
        return APP_LINE_MALFORMED;
    }
    size_t key_size = (size_t)(separator - line.data);
    record->record.key = key_size > 0 ? ks_slice_of(line.data, key_size) : ks_slice_null();
    record->record.value = ks_slice_of(separator + 1, line.size - key_size - 1);
    return APP_LINE_RECORD;
}

/* Both serdes are strings, whose bytes are the text: they can be printed as they are. */
static ks_status print_unknown(ks_log *log, ks_error *error)
{
    ks_log_reader *reader = ks_log_reader_open(log, UNKNOWN_PAYMENT_OUTPUT, error);
    ks_log_record record;
    uint64_t count = 0;
    char number[APP_NUMBER_SIZE];

    if (reader == NULL) {
        return error->code;
    }
    while (ks_log_reader_next_to_end(reader, &record)) {
        printf("%.*s\t%.*s\n", KS_SLICE_ARGS(record.key), KS_SLICE_ARGS(record.value));
        count++;
    }
    printf("\nunknown payments   %12s\n", app_number(count, number));
    ks_status status = ks_log_reader_status(reader, error);
    ks_log_reader_free(reader);
    return status;
}

int main(int argc, char **argv)
{
    const app_program program = {.topology = unknown_payment_topology,
                                 .input_topics = KS_NAMES(UNKNOWN_PAYMENT_INPUT),
                                 .output_topic = UNKNOWN_PAYMENT_OUTPUT,
                                 .partitions = PARTITIONS,
                                 .line = payment_of_line,
                                 .print = print_unknown};

    return app_main(&about, &program, argc, argv);
}
