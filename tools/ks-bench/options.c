/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the command line of ks-bench, read by one table.
 *
 * An option is a row: its name, where it goes, which commands take it and what its help says. What
 * is missing, unknown, given twice, no number or out of range is said with the name of the option,
 * and a benchmark that would measure something else than was asked for is refused: an option that
 * the command has no use for is an error, not a remark.
 *
 * Thread rule: the main thread.
 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kstreams/kstreams.h>

/* Who takes an option. FILLING is a run with --fill. */
enum { RUN = 1, FILL = 2, FILL_LINES = 4, FILLING = 8, ALL = RUN | FILL | FILL_LINES };

typedef enum option_kind { TEXT, NUMBER, FLAG } option_kind;

typedef struct option {
    const char *name;
    const char *value; /* as the help shows it */
    const char *help;
    size_t offset; /* in bench_options */
    option_kind kind;
    unsigned takers;
    unsigned needed_by;
    int64_t least;
    int64_t most;
    int64_t initial;
} option;

#define AT(field) offsetof(bench_options, field)
#define MOST_RECORDS INT64_C(1000000000000)

static const option options_known[] = {
    {"--input", "T", "topic to read", AT(input), TEXT, RUN, RUN, 0, 0, 0},
    {"--input2", "T", "second topic, for jobs that join", AT(input2), TEXT, RUN, 0, 0, 0, 0},
    {"--output", "T", "topic to write; made when it is not there, empty when it is", AT(output),
     TEXT, RUN, RUN, 0, 0, 0},
    {"--topic", "T", "topic to make and fill", AT(topic), TEXT, FILL | FILL_LINES,
     FILL | FILL_LINES, 0, 0, 0},
    {"--rows", "T", "second topic to fill, with a row for each key, all before the first record",
     AT(rows), TEXT, FILL, 0, 0, 0, 0},
    {"--twin", "T", "second topic to fill, with as many records in between", AT(twin), TEXT, FILL,
     0, 0, 0, 0},
    {"--records", "N", "how many records: those of the input, or those to make", AT(records),
     NUMBER, RUN | FILL, RUN | FILL, 1, MOST_RECORDS, -1},
    {"--lines", "N", "how many lines to make", AT(lines), NUMBER, FILL_LINES, FILL_LINES, 1,
     MOST_RECORDS, -1},
    {"--bootstrap-server", "S", "the log: embedded:DIRECTORY, or embedded: in memory (default)",
     AT(bootstrap_server), TEXT, ALL, 0, 0, 0, 0},
    {"--guarantee", "alos|eos", "at least once (default), or exactly once", AT(guarantee), TEXT,
     RUN, 0, 0, 0, 0},
    {"--threads", "N", "stream threads (1)", AT(threads), NUMBER, RUN, 0, 1, 1000, 1},
    {"--cache-bytes", "N", "record cache of the process; 0: every update is emitted",
     AT(cache_bytes), NUMBER, RUN, 0, 0, INT64_MAX, -1},
    {"--commit-ms", "N", "commit interval (1000; 100 with eos)", AT(commit_ms), NUMBER, RUN, 0, 0,
     INT64_MAX, -1},
    {"--fill", NULL, "fills the input first, outside of what is measured", AT(fill), FLAG, RUN, 0,
     0, 0, 0},
    {"--restore", NULL, "the job ran before: measures how its --records rows are restored",
     AT(restore), FLAG, RUN, 0, 0, 0, 0},
    {"--partitions", "N", "partitions of the filled topic (4)", AT(partitions), NUMBER,
     FILLING | FILL | FILL_LINES, 0, 1, 10000, 4},
    {"--keys", "N", "different keys of records (10000)", AT(keys), NUMBER, FILLING | FILL, 0, 1,
     INT64_MAX, 10000},
    {"--value-bytes", "N", "size of a record's value (100)", AT(value_bytes), NUMBER,
     FILLING | FILL, 0, 1, 1 << 20, 100},
    {"--words", "N", "words of a line (10)", AT(words), NUMBER, FILLING | FILL_LINES, 0, 1, 1 << 16,
     10},
    {"--vocabulary", "N", "different words (10000)", AT(vocabulary), NUMBER, FILLING | FILL_LINES,
     0, 1, INT32_MAX, 10000},
    {"--seed", "N", "another seed, other records (1)", AT(seed), NUMBER,
     FILLING | FILL | FILL_LINES, 0, 0, INT64_MAX, 1},
    {"--start-ms", "N", "timestamp of the first record; the next are a millisecond apart",
     AT(start_ms), NUMBER, FILLING | FILL | FILL_LINES, 0, 0, INT64_MAX / 2, -1},
};
enum { OPTIONS = sizeof options_known / sizeof options_known[0] };

static int usage_error(const char *format, const char *name, const char *more)
{
    fprintf(stderr, BENCH_PROGRAM ": ");
    fprintf(stderr, format, name, more);
    fprintf(stderr, "; `" BENCH_PROGRAM " --help` lists all\n");
    return BENCH_EXIT_USAGE;
}

static void print_options(const char *title, unsigned takers, unsigned not_for)
{
    printf("\n%s\n", title);
    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        char left[40];
        if ((o->takers & takers) != 0 && (o->takers & not_for) == 0) {
            (void)snprintf(left, sizeof left, "%s %s", o->name, o->value != NULL ? o->value : "");
            printf("  %-24s %s%s\n", left, o->help, (o->needed_by & takers) != 0 ? " *" : "");
        }
    }
}

static void print_help(void)
{
    printf("Usage: " BENCH_PROGRAM " JOB --input T --output T --records N [OPTION]...\n"
           "       " BENCH_PROGRAM " fill --topic T --records N [OPTION]...\n"
           "       " BENCH_PROGRAM " fill-lines --topic T --lines N [OPTION]...\n\n"
           "Runs a job over the records of a topic and prints one line of JSON with what it took,\n"
           "or fills a topic with records that are the same every time.\n\nJobs:\n");
    for (size_t i = 0; i < bench_job_count; i++) {
        printf("  %-24s %s\n", bench_jobs[i].name, bench_jobs[i].summary);
    }
    print_options("Running (* is needed):", RUN, 0);
    print_options("Filling, and running with --fill:", FILL | FILL_LINES, RUN);
    printf("  %-24s %s\n  %-24s %s\n", "--help", "prints this", "--version", "prints the version");
}

static int set_number(bench_options *options, const option *o, const char *text)
{
    char range[80];
    char *end;

    errno = 0;
    intmax_t number = strtoimax(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < o->least || number > o->most) {
        (void)snprintf(range, sizeof range, "a whole number from %" PRId64 " to %" PRId64, o->least,
                       o->most);
        fprintf(stderr, BENCH_PROGRAM ": %s takes %s, not '%s'\n", o->name, range, text);
        return BENCH_EXIT_USAGE;
    }
    memcpy((char *)options + o->offset, &(int64_t){number}, sizeof(int64_t));
    return EXIT_SUCCESS;
}

static int set_option(bench_options *options, const option *o, const char *value)
{
    switch (o->kind) {
    case FLAG:
        memcpy((char *)options + o->offset, &(bool){true}, sizeof(bool));
        return EXIT_SUCCESS;
    case NUMBER:
        return set_number(options, o, value);
    default:
        memcpy((char *)options + o->offset, &value, sizeof value);
        return EXIT_SUCCESS;
    }
}

static const option *find_option(const char *name, size_t size)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strlen(options_known[i].name) == size &&
            strncmp(options_known[i].name, name, size) == 0) {
            return &options_known[i];
        }
    }
    return NULL;
}

/* Reads the options behind the command's name; `given` has a place for each. */
static int read_options(int argc, char **argv, bench_options *options, bool *given)
{
    int status = EXIT_SUCCESS;

    for (int i = 2; i < argc && status == EXIT_SUCCESS; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t size = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        const option *o = find_option(argv[i], size);
        if (o == NULL) {
            return usage_error(
                argv[i][0] == '-' ? "no option '%s'%s" : "unexpected argument '%s'%s", argv[i], "");
        }
        if (given[o - options_known]) {
            return usage_error("%s is given twice%s", o->name, "");
        }
        given[o - options_known] = true;
        const char *value = equals != NULL ? equals + 1 : NULL;
        if (o->kind == FLAG && value != NULL) {
            return usage_error("%s takes no value%s", o->name, "");
        }
        if (o->kind != FLAG && value == NULL) {
            value = i + 1 < argc ? argv[++i] : NULL;
        }
        if (o->kind != FLAG && (value == NULL || value[0] == '\0')) {
            return usage_error("a value is missing after %s%s", o->name, "");
        }
        status = set_option(options, o, value);
    }
    return status;
}

/* Options that the command needs, and those it has no use for. */
static int check_given(const bench_options *options, const char *command, const bool *given)
{
    static const unsigned taker_of[] = {
        [BENCH_RUN] = RUN, [BENCH_FILL] = FILL, [BENCH_FILL_LINES] = FILL_LINES};
    unsigned taker = taker_of[options->command] | (options->fill ? FILLING : 0);

    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        if (!given[i] && (o->needed_by & taker) != 0) {
            return usage_error("%s needs %s", command, o->name);
        }
        if (given[i] && (o->takers & taker) == 0) {
            return usage_error((o->takers & FILLING) != 0 && taker == RUN
                                   ? "%s says what to fill the input with, so %s needs --fill too"
                                   : "%s is not for %s",
                               o->name, command);
        }
    }
    return EXIT_SUCCESS;
}

/* What the kind of the job's input leaves without a meaning. */
static int check_fill_kind(const bench_options *options, const bool *given)
{
    unsigned other = options->job->reads_lines ? FILL : FILL_LINES;

    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        if (given[i] && (o->takers & (FILL | FILL_LINES)) == other && (o->takers & FILLING) != 0) {
            return usage_error("%s is not for the input of %s", o->name, options->job->name);
        }
    }
    return EXIT_SUCCESS;
}

static int check_run(const bench_options *options, const bool *given)
{
    const bench_job *job = options->job;

    if ((job->second != BENCH_NO_SECOND) != (options->input2 != NULL)) {
        return usage_error(options->input2 == NULL ? "%s reads two topics: give --input2%s"
                                                   : "%s reads one topic: --input2 has no use%s",
                           job->name, "");
    }
    if (strcmp(options->guarantee, "alos") != 0 && strcmp(options->guarantee, "eos") != 0) {
        return usage_error("--guarantee is alos or eos, not '%s'%s", options->guarantee, "");
    }
    if (options->restore && job->store == NULL) {
        return usage_error("%s has no store: --restore has no use%s", job->name, "");
    }
    if (options->restore && options->fill) {
        return usage_error("--restore is for a job that ran before, and --fill for %s's first%s",
                           job->name, " run");
    }
    if (strcmp(options->input, options->output) == 0 ||
        (options->input2 != NULL && strcmp(options->input2, options->output) == 0)) {
        return usage_error("'%s' is both input and output, and the job would never end%s",
                           options->output, "");
    }
    if (options->input2 != NULL && strcmp(options->input, options->input2) == 0) {
        return usage_error("'%s' is both inputs, but %s joins two topics", options->input,
                           job->name);
    }
    if (bench_options_in_memory(options) && !options->fill) {
        return usage_error("'%s' is a log in the memory of this process, which begins empty: add "
                           "--fill, or name a directory with embedded:DIRECTORY%s",
                           options->bootstrap_server, "");
    }
    return options->fill ? check_fill_kind(options, given) : EXIT_SUCCESS;
}

static int check(const bench_options *options, const char *command, const bool *given)
{
    int status = check_given(options, command, given);

    if (status != EXIT_SUCCESS) {
        return status;
    }
    if (options->command == BENCH_RUN) {
        return check_run(options, given);
    }
    if (options->rows != NULL && options->twin != NULL) {
        return usage_error("--rows and --twin are for one second topic: give either%s%s", "", "");
    }
    if (bench_options_in_memory(options)) {
        return usage_error("'%s' is a log in the memory of this process, and what is filled ends "
                           "with it: name a directory with embedded:DIRECTORY, or use JOB --fill%s",
                           options->bootstrap_server, "");
    }
    return EXIT_SUCCESS;
}

static int unknown_command(const char *name)
{
    fprintf(stderr, BENCH_PROGRAM ": no job or command '%s'; there is", name);
    for (size_t i = 0; i < bench_job_count; i++) {
        fprintf(stderr, " %s,", bench_jobs[i].name);
    }
    fprintf(stderr, " fill, fill-lines\n");
    return BENCH_EXIT_USAGE;
}

static bool asks(int argc, char **argv, const char *name, const char *short_name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0 || strcmp(argv[i], short_name) == 0) {
            return true;
        }
    }
    return false;
}

static void set_defaults(bench_options *options)
{
    *options = (bench_options){.bootstrap_server = "embedded:", .guarantee = "alos"};
    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        if (o->kind == NUMBER) {
            memcpy((char *)options + o->offset, &o->initial, sizeof o->initial);
        }
    }
}

static int read_command(const char *name, bench_options *options)
{
    options->command = strcmp(name, "fill") == 0         ? BENCH_FILL
                       : strcmp(name, "fill-lines") == 0 ? BENCH_FILL_LINES
                                                         : BENCH_RUN;
    options->job = bench_job_find(name);
    return options->command == BENCH_RUN && options->job == NULL ? unknown_command(name)
                                                                 : EXIT_SUCCESS;
}

bool bench_options_read(int argc, char **argv, bench_options *options, int *exit_status)
{
    bool given[OPTIONS] = {false};

    *exit_status = EXIT_SUCCESS;
    if (asks(argc, argv, "--help", "-h")) {
        print_help();
        return false;
    }
    if (asks(argc, argv, "--version", "--version")) {
        printf(BENCH_PROGRAM " %s\n", ks_library_version());
        return false;
    }
    set_defaults(options);
    if (argc < 2) {
        *exit_status = usage_error("which job?%s%s", "", "");
        return false;
    }
    *exit_status = read_command(argv[1], options);
    if (*exit_status == EXIT_SUCCESS) {
        *exit_status = read_options(argc, argv, options, given);
    }
    if (*exit_status == EXIT_SUCCESS) {
        *exit_status = check(options, argv[1], given);
    }
    return *exit_status == EXIT_SUCCESS;
}

bench_input bench_options_input(const bench_options *options)
{
    bool lines = options->command == BENCH_RUN ? options->job->reads_lines
                                               : options->command == BENCH_FILL_LINES;
    int64_t count = options->command == BENCH_FILL_LINES ? options->lines : options->records;

    return (bench_input){
        .lines = lines,
        .count = (uint64_t)count,
        .seed = (uint64_t)options->seed,
        .keys = (uint64_t)options->keys,
        .value_bytes = (uint64_t)options->value_bytes,
        .words = (uint64_t)options->words,
        .vocabulary = (uint64_t)options->vocabulary,
    };
}

bench_second bench_options_second(const bench_options *options)
{
    if (options->command == BENCH_RUN) {
        return options->job->second;
    }
    return options->rows != NULL   ? BENCH_ROWS
           : options->twin != NULL ? BENCH_TWIN
                                   : BENCH_NO_SECOND;
}

bench_input bench_options_second_input(const bench_options *options)
{
    bench_input input = bench_options_input(options);

    input.seed++;
    if (bench_options_second(options) == BENCH_ROWS) {
        input.in_turn = true;
        input.count = input.keys;
    }
    return input;
}

bool bench_options_in_memory(const bench_options *options)
{
    return strcmp(options->bootstrap_server, "embedded:") == 0;
}
