/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - ks-conformance: runs recorded scenarios on the library and compares with what Java did.
 *
 *     ks-conformance tests/conformance/scenarios
 *     ok a loop over a topic ends when nothing is left (scenarios/stateless/a-loop.json)
 *     not ok a split (scenarios/stateless/a-split.json): description[line 3]: want "...", got "..."
 *     1 passed, 1 failed
 *
 * One line a scenario, whatever stands in its name or its bytes, and a last line that counts, so
 * that scripts can read it. A file that is no scenario fails like a scenario that went wrong:
 * skipping it would make a broken file look like a passed test. For the same reason a run without
 * any scenario does not succeed. Arguments are checked before anything runs.
 *
 * With --restart each scenario runs twice, with restarts before its steps (restart.h), and is left
 * out, which is printed, where its two runs may differ. With --log it runs as an application on a
 * log (replay.h), and is left out where that may show.
 *
 * Status: 0 all passed; 1 some failed, or there was none; 2 wrong arguments.
 */
#include "compare.h"
#include "files.h"
#include "replay.h"
#include "restart.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATUS_PASSED = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, DIFFERENCE_SIZE = 2048 };

static const char usage[] =
    "usage: ks-conformance [--help] [--version] [--restart | --log SERVERS] [--] FILE|FOLDER...\n";

static const char help[] =
    "\n"
    "Runs scenarios (JSON files recorded from Java's Kafka Streams) on kstreams and compares.\n"
    "Of a folder, all files below it that end in .json are run, in the order of their paths.\n"
    "\n"
    "  --help     this text\n"
    "  --log SERVERS\n"
    "             run each as an application on this log, `embedded:` or a Kafka cluster, and\n"
    "             compare what it leaves in the topics\n"
    "  --restart  run each twice, with a restart before every step, once with the state kept and\n"
    "             once with the state lost: nobody may see it\n"
    "  --version  the version of the library\n"
    "\n"
    "Prints `ok NAME (FILE)` or `not ok NAME (FILE): first difference` for each, then\n"
    "`N passed, N failed`. Exits with 0 when all passed, 1 when one failed or there was\n"
    "none, 2 when the arguments are wrong.\n";

/* ---- one scenario ---------------------------------------------------------------------------- */

/* Runs a scenario that was loaded; false with what is wrong. */
static bool run(cf_scenario *scenario, char *difference)
{
    json_t *got =
        problem_is_set(&scenario->problem) ? NULL : scenario_run(scenario, BETWEEN_NOTHING);
    const json_t *want = json_object_get(scenario->root, "expect");
    bool same = false;
    if (got == NULL) {
        snprintf(difference, DIFFERENCE_SIZE, "%s", scenario->problem.text);
    } else if (want == NULL) {
        snprintf(difference, DIFFERENCE_SIZE, "nothing is recorded: `expect` is missing");
    } else {
        same = outcomes_are_equal(want, got, difference, DIFFERENCE_SIZE);
        size_t used = strlen(difference);
        if (!same && scenario->error_text[0] != '\0') {
            snprintf(difference + used, DIFFERENCE_SIZE - used, "; the library said: %s",
                     scenario->error_text);
        }
    }
    json_decref(got);
    return same;
}

/* Printed on one line, whatever is in it. */
static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        bool control = (unsigned char)*text < ' ' || *text == 0x7f;
        putchar(control ? ' ' : *text);
    }
}

static void report(bool passed, const char *name, const char *path, const char *difference)
{
    fputs(passed ? "ok " : "not ok ", stdout);
    print_text(name != NULL ? name : path);
    if (name != NULL) {
        fputs(" (", stdout);
        print_text(path);
        putchar(')');
    }
    if (!passed) {
        fputs(": ", stdout);
        print_text(difference);
    }
    putchar('\n');
    (void)fflush(stdout); /* a run that crashes shows how far it came */
}

/* What is done with the scenarios, and what came of it. */
typedef struct cf_tally {
    bool restarts;
    const char *servers; /* NULL: on the test driver */
    size_t passed;
    size_t failed;
    size_t left_out;
} cf_tally;

static void count(cf_tally *tally, bool passed)
{
    if (passed) {
        tally->passed++;
    } else {
        tally->failed++;
    }
}

/* Why nothing could be learnt from this scenario; NULL: something can. */
static const char *why_left_out(const cf_tally *tally, const cf_scenario *scenario)
{
    if (problem_is_set(&scenario->problem)) {
        return NULL;
    }
    return tally->restarts          ? restart_difference_expected(scenario)
           : tally->servers != NULL ? replay_difference_expected(scenario, tally->servers)
                                    : NULL;
}

/* True, and said so, when nothing could be learnt from this scenario. */
static bool is_left_out(cf_tally *tally, const cf_scenario *scenario, const char *path)
{
    const char *why = why_left_out(tally, scenario);
    if (why != NULL) {
        printf("left out %s: %s\n", path, why);
        tally->left_out++;
    }
    return why != NULL;
}

static void run_scenario(cf_tally *tally, cf_scenario *scenario, const char *path)
{
    char difference[DIFFERENCE_SIZE] = "";
    if (is_left_out(tally, scenario, path)) {
        return;
    }
    bool passed = tally->restarts ? restart_agrees(scenario, difference, sizeof difference)
                  : tally->servers != NULL
                      ? replay_agrees(scenario, tally->servers, difference, sizeof difference)
                      : run(scenario, difference);
    report(passed, scenario_name(scenario), path, difference);
    count(tally, passed);
}

static void run_file(cf_tally *tally, const char *path)
{
    size_t size = 0;
    char *bytes = file_read(path, &size);
    if (bytes == NULL) {
        char difference[DIFFERENCE_SIZE] = "";
        snprintf(difference, sizeof difference, "cannot be read: %s", strerror(errno));
        report(false, NULL, path, difference);
        count(tally, false);
        return;
    }
    cf_scenario *scenario = scenario_load(bytes, size);
    run_scenario(tally, scenario, path);
    scenario_free(scenario);
    free(bytes);
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* -1 to go on, else the status to end with; `*first` is the first path. */
static int read_options(int argc, char **argv, int *first, cf_tally *tally)
{
    for (*first = 1; *first < argc && argv[*first][0] == '-'; (*first)++) {
        const char *option = argv[*first];
        if (strcmp(option, "--") == 0) {
            (*first)++;
            break;
        }
        if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
            printf("%s%s", usage, help);
            return STATUS_PASSED;
        }
        if (strcmp(option, "--version") == 0) {
            printf("ks-conformance %s\n", ks_library_version());
            return STATUS_PASSED;
        }
        if (strcmp(option, "--restart") == 0) {
            tally->restarts = true;
            continue;
        }
        if (strcmp(option, "--log") == 0 && *first + 1 < argc) {
            tally->servers = argv[++*first];
            continue;
        }
        fprintf(stderr, "ks-conformance: unknown option %s\n%s", option, usage);
        return STATUS_USAGE;
    }
    if (tally->restarts && tally->servers != NULL) {
        fprintf(stderr, "ks-conformance: --restart is for the test driver, not for a log\n%s",
                usage);
        return STATUS_USAGE;
    }
    if (*first == argc) {
        fprintf(stderr, "ks-conformance: name a scenario file or a folder of them\n%s", usage);
        return STATUS_USAGE;
    }
    return -1;
}

static bool find_files(int count, char **paths, file_list *files)
{
    for (int i = 0; i < count; i++) {
        char *culprit = NULL;
        if (!file_list_add(files, paths[i], &culprit)) {
            fprintf(stderr, "ks-conformance: %s: %s\n", culprit, strerror(errno));
            free(culprit);
            return false;
        }
    }
    return true;
}

/* The status, or that of a failure when the lines did not get to where they should. */
static int written(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fprintf(stderr, "ks-conformance: results could not be written to standard output\n");
    return status == STATUS_PASSED ? STATUS_FAILED : status;
}

int main(int argc, char **argv)
{
    int first = 0;
    cf_tally tally = {0};
    int status = read_options(argc, argv, &first, &tally);
    if (status >= 0) {
        return written(status);
    }
    file_list files = {0};
    if (!find_files(argc - first, argv + first, &files)) {
        file_list_free(&files);
        return STATUS_USAGE;
    }
    for (size_t i = 0; i < files.count; i++) {
        run_file(&tally, files.paths[i]);
    }
    if (files.count == 0) {
        fprintf(stderr, "ks-conformance: no file ends in .json there, so nothing ran\n");
    }
    if (tally.left_out > 0) {
        printf("%zu left out\n", tally.left_out);
    }
    printf("%zu passed, %zu failed\n", tally.passed, tally.failed);
    bool succeeded = tally.passed > 0 && tally.failed == 0;
    file_list_free(&files);
    return written(succeeded ? STATUS_PASSED : STATUS_FAILED);
}
