/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - word_count: counts the words of a text and prints the most frequent ones.
 *
 * What counts is in topology.c; how an application is made of it, filled and run is in
 * common/program.c. This prints.
 */
#include <stdio.h>
#include <stdlib.h>

#include <kstreams/kstreams.h>

#include "common/program.h"
#include "common/report.h"
#include "common/topic_table.h"
#include "word_count/topology.h"

enum { PARTITIONS = 4, WORDS_SHOWN = 20, WORD_WIDTH = 20, BAR_WIDTH = 40 };

static const app_about about = {
    .name = "word_count",
    .summary = "Counts the words of a text, without \"the\", and prints the 20 most frequent ones.",
    .input_help = "the text, a record each line",
    .example = "build/bin/word_count --input apps/word_count/text/harbour.txt",
};

/* More frequent words first; words of equal count by the alphabet. */
static int compare_rows(const void *left, const void *right)
{
    const topic_row *a = left;
    const topic_row *b = right;
    int64_t more = ks_value_i64(b->value);
    int64_t less = ks_value_i64(a->value);

    if (more != less) {
        return more > less ? 1 : -1;
    }
    ks_slice x = ks_value_text(a->key);
    ks_slice y = ks_value_text(b->key);
    size_t common = x.size < y.size ? x.size : y.size;
    int order = common > 0 ? memcmp(x.data, y.data, common) : 0;
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* Blanks that bring a word to WORD_WIDTH columns; a character of UTF-8 may have several bytes. */
static int padding(ks_slice word)
{
    int width = 0;

    for (size_t i = 0; i < word.size && width < WORD_WIDTH; i++) {
        bool continues_character = (word.data[i] & 0xc0) == 0x80;
        width += !continues_character;
    }
    return WORD_WIDTH - width;
}

static void print_row(size_t rank, const topic_row *row, int64_t highest)
{
    static const char bar[] = "########################################";
    char count[APP_NUMBER_SIZE];
    ks_slice word = ks_value_text(row->key);
    int64_t width = highest > 0 ? ks_value_i64(row->value) * BAR_WIDTH / highest : 0;

    printf("%4zu  %.*s%*s %10s  %.*s\n", rank, KS_SLICE_ARGS(word), padding(word), "",
           app_number((uint64_t)ks_value_i64(row->value), count), (int)width, bar);
}

static ks_status print_counts(ks_log *log, ks_error *error)
{
    topic_table counts;
    ks_status status =
        topic_table_read(log, WORD_COUNT_OUTPUT, &ks_serde_string, &ks_serde_i64, &counts, error);

    if (status == KS_OK && counts.count > 0) {
        char words[APP_NUMBER_SIZE];
        qsort(counts.rows, counts.count, sizeof *counts.rows, compare_rows);
        printf("rank  %-*s %10s\n", WORD_WIDTH, "word", "count");
        for (size_t i = 0; i < counts.count && i < WORDS_SHOWN; i++) {
            print_row(i + 1, &counts.rows[i], ks_value_i64(counts.rows[0].value));
        }
        printf("\ndifferent words    %12s\n", app_number(counts.count, words));
    }
    topic_table_free(&counts);
    return status;
}

int main(int argc, char **argv)
{
    const app_program program = {.topology = word_count_topology,
                                 .input_topics = KS_NAMES(WORD_COUNT_INPUT),
                                 .output_topic = WORD_COUNT_OUTPUT,
                                 .partitions = PARTITIONS,
                                 .line = app_line_as_value,
                                 .print = print_counts};

    return app_main(&about, &program, argc, argv);
}
