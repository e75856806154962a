/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_scenario.c - see kill_scenario.h.
 */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* nftw() */
#endif

#include "kill_scenario.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- scripts as text ------------------------------------------------------------------------- */

static const char *const application_names[] = {
    [KILL_COUNTING] = "counting",
    [KILL_REPARTITIONING] = "repartitioning",
    [KILL_WINDOWING] = "windowing",
};

void kill_script_write(const kill_script *script, char text[KILL_SCRIPT_TEXT])
{
    const kill_plan *plan = &script->plan;
    int size = snprintf(text, KILL_SCRIPT_TEXT, "%s,%s,%llu", application_names[plan->application],
                        plan->exactly_once ? "eos" : "alos", (unsigned long long)plan->seed);
    for (size_t i = 0; i < script->strike_count; i++) {
        const kill_strike *strike = &script->strikes[i];
        size += snprintf(text + size, (size_t)(KILL_SCRIPT_TEXT - size), ",%s%s:%u",
                         strike->without_state ? "!" : "", strike->point, strike->nth);
    }
}

static bool read_strike(const char *text, kill_strike *strike)
{
    *strike = (kill_strike){.without_state = *text == '!'};
    return sscanf(text + (strike->without_state ? 1 : 0), "%39[^:]:%u", strike->point,
                  &strike->nth) == 2;
}

bool kill_script_read(const char *text, kill_script *script)
{
    char application[16];
    char guarantee[8];
    unsigned long long seed = 0;
    *script = (kill_script){0};
    if (sscanf(text, "%15[a-z],%7[a-z],%llu", application, guarantee, &seed) != 3) {
        return false;
    }
    while (strcmp(application_names[script->plan.application], application) != 0) {
        if (++script->plan.application > KILL_WINDOWING) {
            return false;
        }
    }
    script->plan.exactly_once = strcmp(guarantee, "eos") == 0;
    script->plan.seed = seed;
    const char *at = strchr(strchr(text, ',') + 1, ',');
    for (at = strchr(at + 1, ','); at != NULL; at = strchr(at + 1, ',')) {
        if (script->strike_count == KILL_MOST_STRIKES ||
            !read_strike(at + 1, &script->strikes[script->strike_count++])) {
            return false;
        }
    }
    return true;
}

uint64_t kill_first_seed(void)
{
    const char *given = getenv("KSTREAMS_CRASH_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) % 1000000;
    printf("first seed %llu (KSTREAMS_CRASH_SEED=%llu repeats it)\n", (unsigned long long)seed,
           (unsigned long long)seed);
    return seed;
}

/* ---- directories ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void remove_directory(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool make_directory(kill_plan *plan)
{
    const char *under = getenv("TMPDIR");
    (void)snprintf(plan->directory, sizeof plan->directory, "%.100s/kstreams-kill-XXXXXX",
                   under != NULL ? under : "/tmp");
    if (mkdtemp(plan->directory) == NULL) {
        perror(plan->directory);
        return false;
    }
    return true;
}

static void remove_state(const kill_plan *plan)
{
    char path[sizeof plan->directory + 16];
    (void)snprintf(path, sizeof path, "%s/state", plan->directory);
    remove_directory(path);
}

/* ---- lives ----------------------------------------------------------------------------------- */

static int live(const kill_plan *plan, unsigned number, const kill_strike *strike, bool is_last,
                kill_report *report)
{
    *report = (kill_report){0};
    if (strike->without_state) {
        remove_state(plan);
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        kill_life_run(plan, number, strike, is_last, report);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("a child of the test");
        return -1;
    }
    return status;
}

/* Whether the life ended as it may. */
static bool is_fine(kill_outcome *outcome, unsigned number, int status, const kill_report *report)
{
    bool was_struck = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && report->was_struck;
    if (was_struck || (WIFEXITED(status) && WEXITSTATUS(status) == KILL_EXIT_FINE)) {
        return true;
    }
    outcome->is_broken = true;
    if (report->complaint[0] != '\0') {
        (void)snprintf(outcome->complaint, sizeof outcome->complaint, "life %u: %s", number,
                       report->complaint);
    } else {
        (void)snprintf(outcome->complaint, sizeof outcome->complaint,
                       "life %u ended with status 0x%x%s", number, (unsigned)status,
                       WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    }
    return false;
}

static kill_outcome live_all(const kill_script *script, kill_report *report)
{
    kill_outcome outcome = {0};
    unsigned number = 0;
    for (; number < script->strike_count; number++) {
        int status = live(&script->plan, number, &script->strikes[number], false, report);
        if (!is_fine(&outcome, number, status, report)) {
            return outcome;
        }
        outcome.was_struck[number] = WIFSIGNALED(status);
    }
    const kill_strike none = {.without_state = script->plan.seed % 2 == 0};
    (void)is_fine(&outcome, number, live(&script->plan, number, &none, true, report), report);
    return outcome;
}

kill_outcome kill_scenario_run(kill_script script)
{
    kill_outcome outcome = {.is_broken = true, .complaint = "no directory to work in"};
    kill_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED || !make_directory(&script.plan)) {
        return outcome;
    }
    outcome = live_all(&script, report);
    if (outcome.is_broken && script.plan.fault == KILL_NO_FAULT) {
        char text[KILL_SCRIPT_TEXT];
        kill_script_write(&script, text);
        fprintf(stderr, "KSTREAMS_CRASH='%s': %s\n    left in %s\n", text, outcome.complaint,
                script.plan.directory);
    } else {
        remove_directory(script.plan.directory);
    }
    (void)munmap(report, sizeof *report);
    return outcome;
}
