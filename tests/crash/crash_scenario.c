/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_scenario.c - see crash_scenario.h.
 */
#include "crash_scenario.h"

#include "crash_log.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- plans as text --------------------------------------------------------------------------- */

void crash_plan_write(const crash_plan *plan, char text[CRASH_TEXT])
{
    (void)snprintf(text, CRASH_TEXT, "%s%s:%u:%llu", plan->point, plan->soon_after ? "+" : "",
                   plan->nth, (unsigned long long)plan->seed);
}

bool crash_plan_read(const char *text, crash_plan *plan)
{
    *plan = (crash_plan){0};
    unsigned long long seed = 0;
    if (sscanf(text, "%47[^:]:%u:%llu", plan->point, &plan->nth, &seed) != 3 || plan->nth == 0) {
        return false;
    }
    size_t size = strlen(plan->point);
    plan->soon_after = plan->point[size - 1] == '+';
    if (plan->soon_after) {
        plan->point[size - 1] = '\0';
    }
    plan->seed = seed;
    return true;
}

uint64_t crash_first_seed(void)
{
    const char *given = getenv("KSTREAMS_CRASH_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) % 1000000;
    printf("first seed %llu (KSTREAMS_CRASH_SEED=%llu repeats it)\n", (unsigned long long)seed,
           (unsigned long long)seed);
    return seed;
}

/* ---- a directory of its own ------------------------------------------------------------------ */

/* Removes a directory with its files and the directories in it. */
static void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char inside[512];
        (void)snprintf(inside, sizeof inside, "%s/%.200s", path, entry->d_name);
        bool is_link = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_link && unlink(inside) != 0) {
            remove_directory(inside);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
}

static bool make_directory(char base[150], crash_plan *plan)
{
    const char *under = getenv("TMPDIR");
    (void)snprintf(base, 150, "%.100s/kstreams-crash-XXXXXX", under != NULL ? under : "/tmp");
    if (mkdtemp(base) == NULL) {
        perror(base);
        return false;
    }
    (void)snprintf(plan->directory, sizeof plan->directory, "%s/rocksdb", base);
    return mkdir(plan->directory, 0700) == 0;
}

/* ---- lives ----------------------------------------------------------------------------------- */

static int live(const crash_plan *plan, unsigned number, crash_ending ending, crash_report *report)
{
    *report = (crash_report){0};
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        crash_life_run(plan, number, ending, report);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("a child of the test");
        return -1;
    }
    return status;
}

static void judge(crash_outcome *outcome, int status, crash_ending ending,
                  const crash_report *report)
{
    bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool was_to_die = (ending == CRASH_AT_POINT && report->was_struck) || ending == CRASH_CUT;
    outcome->was_killed = was_killed && ending == CRASH_AT_POINT && report->was_struck;
    outcome->is_broken = !(was_killed && was_to_die) &&
                         !(WIFEXITED(status) && WEXITSTATUS(status) == CRASH_EXIT_FINE);
    if (outcome->is_broken && report->complaint[0] != '\0') {
        (void)snprintf(outcome->complaint, sizeof outcome->complaint, "%s", report->complaint);
    } else if (outcome->is_broken) {
        (void)snprintf(outcome->complaint, sizeof outcome->complaint,
                       "a child ended with status 0x%x", (unsigned)status);
    }
}

static crash_outcome live_all(const crash_plan *plan, crash_report *report)
{
    static const crash_ending endings[] = {CRASH_CUT, CRASH_AT_POINT, CRASH_CLOSED, CRASH_LOOKED};
    crash_outcome all = {0};
    for (unsigned i = plan->seed % 2; i < sizeof endings / sizeof *endings; i++) {
        crash_outcome one = {0};
        judge(&one, live(plan, i, endings[i], report), endings[i], report);
        all.was_killed = all.was_killed || one.was_killed;
        if (one.is_broken) {
            char why[sizeof report->complaint];
            (void)snprintf(why, sizeof why, "%.399s", one.complaint);
            (void)snprintf(all.complaint, sizeof all.complaint, "life %u: %s", i, why);
            all.is_broken = true;
            return all;
        }
        if (endings[i] == CRASH_AT_POINT && !one.was_killed) {
            return all; /* the point was not reached so often */
        }
    }
    return all;
}

crash_outcome crash_scenario_run(crash_plan plan)
{
    crash_outcome outcome = {.is_broken = true, .complaint = "no directory to work in"};
    char base[150];
    crash_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED || !make_directory(base, &plan)) {
        return outcome;
    }
    outcome = live_all(&plan, report);
    if (outcome.is_broken && plan.fault == CRASH_NO_FAULT) {
        char text[CRASH_TEXT];
        crash_plan_write(&plan, text);
        fprintf(stderr, "KSTREAMS_CRASH=%s: %s\n    left in %s\n", text, outcome.complaint, base);
    } else {
        remove_directory(base);
    }
    (void)munmap(report, sizeof *report);
    return outcome;
}
