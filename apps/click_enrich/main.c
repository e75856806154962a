/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - click_enrich: prints what users looked at, and after which search.
 *
 * Input is one record a line, TIME<TAB>KIND<TAB>JSON: milliseconds of the epoch, `profile`,
 * `search` or `view`, and the value as it stands in the topic; the user in it is the record's key.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kstreams/kstreams.h>

#include "click_enrich/topology.h"
#include "common/program.h"
#include "common/report.h"

enum { PARTITIONS = 4, ROWS_SHOWN = 20 };

static const app_about about = {
    .name = "click_enrich",
    .summary = "Tells of each page view who the user is, and what they searched for just before.",
    .input_help = "one profile, search or view a line, TIME<TAB>KIND<TAB>JSON",
    .generates = "N made-up views, with users and searches",
    .example = "build/bin/click_enrich --input apps/click_enrich/text/clicks.txt",
};

/* ---- records --------------------------------------------------------------------------------- */

typedef struct kind {
    const char *name;
    const char *topic;
    const ks_serde *serde;
} kind;

static const kind kinds[] = {
    {"profile", CLICK_ENRICH_PROFILES, &user_profile_serde},
    {"search", CLICK_ENRICH_SEARCHES, &search_serde},
    {"view", CLICK_ENRICH_VIEWS, &page_view_serde},
};

static const kind *find_kind(ks_slice name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (ks_slice_equal(name, ks_slice_cstr(kinds[i].name))) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* The user of any of the three: what each of the structs begins with. */
typedef struct any_record {
    int32_t userId;
} any_record;
_Static_assert(offsetof(user_profile, userId) == 0 && offsetof(search, userId) == 0 &&
                   offsetof(page_view, userId) == 0,
               "the key is read as the first member");

static app_line record_of_line(ks_slice line, app_record *record, const char **problem)
{
    const ks_serde_ctx as_key = {.is_key = true};
    ks_slice rest = line;
    ks_slice time_field;
    ks_slice name;
    ks_value value;

    if (line.size == 0 || line.data[0] == '#') {
        return APP_LINE_SKIP;
    }
    if (!app_next_field(&rest, &time_field) || !app_next_field(&rest, &name) ||
        !app_number_of(time_field, &record->record.timestamp)) {
        *problem = "a record is TIME<TAB>KIND<TAB>JSON, with TIME in milliseconds of the epoch";
        return APP_LINE_MALFORMED;
    }
    const kind *found = find_kind(name);
    if (found == NULL) {
        *problem = "the kind of a record is profile, search or view";
        return APP_LINE_MALFORMED;
    }
    const ks_serde_ctx as_value = {.topic = found->topic};
    if (found->serde->deserialize(found->serde, &as_value, rest, record->arena, &value,
                                  &record->error) != KS_OK) {
        return APP_LINE_MALFORMED;
    }
    const any_record *any = ks_value_object(value, found->serde);
    record->topic = found->topic;
    record->record.value = rest;
    return ks_serde_i32.serialize(&ks_serde_i32, &as_key, ks_i32(any->userId), record->arena,
                                  &record->record.key, &record->error) == KS_OK
               ? APP_LINE_RECORD
               : APP_LINE_MALFORMED;
}

/* ---- made-up users --------------------------------------------------------------------------- */

/* A line of printf's kind; false: no more are needed. */
static bool put(app_lines *lines, int64_t time_ms, const char *kind_name, const char *format, ...)
    KS_PRINTF(4, 5);
static bool put(app_lines *lines, int64_t time_ms, const char *kind_name, const char *format, ...)
{
    char line[256];
    va_list arguments;
    size_t begin = (size_t)snprintf(line, sizeof line, "%lld\t%s\t", (long long)time_ms, kind_name);

    va_start(arguments, format);
    size_t rest = (size_t)vsnprintf(line + begin, sizeof line - begin, format, arguments);
    va_end(arguments);
    return app_lines_put(lines, ks_slice_of(line, begin + rest));
}

static bool put_profile(app_lines *lines, int64_t time_ms, uint32_t user)
{
    static const char *const interests[] = {"Surfing", "Hiking", "Cooking", "Chess"};
    return put(lines, time_ms, "profile",
               "{\"userId\":%u,\"userName\":\"user %u\",\"zipcode\":\"%05u\",\"interests\":"
               "[\"%s\"]}",
               user, user, app_lines_random(lines, 100000), interests[app_lines_random(lines, 4)]);
}

/*
 * Views of users, each of the cases that the joins tell apart among them: after a search, twice
 * after one, too long after one, before one, without one, of a user who moves, and of one without
 * profile.
 */
static void make_up_clicks(app_lines *lines, uint64_t count)
{
    static const char *const terms[] = {"surfboard", "tent", "wok", "chess clock"};
    enum { USERS = 50, UNKNOWN_USERS = 5, STEP_MS = 100, TOO_LONG_MS = 1500, SOON_MS = 400 };
    int64_t time_ms = (int64_t)time(NULL) * 1000 - (int64_t)count * STEP_MS - TOO_LONG_MS;
    bool more = true;

    for (uint32_t user = 0; user < USERS && more; user++) {
        more = put_profile(lines, time_ms, user);
    }
    for (uint64_t i = 0; i < count && more; i++) {
        uint32_t user = app_lines_random(lines, USERS + UNKNOWN_USERS);
        uint32_t what = app_lines_random(lines, 6);
        time_ms += STEP_MS;
        if (what == 0 && user < USERS) {
            more = put_profile(lines, time_ms, user);
        }
        if (what <= 3) {
            int64_t before = what == 3 ? TOO_LONG_MS : what == 2 ? -SOON_MS : SOON_MS;
            more = more &&
                   put(lines, time_ms - before, "search", "{\"userId\":%u,\"searchTerms\":\"%s\"}",
                       user, terms[app_lines_random(lines, 4)]);
        }
        more = more && put(lines, time_ms, "view", "{\"userId\":%u,\"page\":\"/page/%u\"}", user,
                           app_lines_random(lines, 1000));
    }
}

/* ---- results --------------------------------------------------------------------------------- */

typedef struct totals {
    uint64_t views;
    uint64_t with_profile;
    uint64_t with_search;
} totals;

static void print_activity(const user_activity *activity, const ks_log_record *record)
{
    printf("%13lld  %-12.*s %-16.*s %.*s\n", (long long)record->timestamp,
           KS_SLICE_ARGS(activity->userName), KS_SLICE_ARGS(activity->searchTerm),
           KS_SLICE_ARGS(activity->page));
}

static ks_status count_activity(const ks_log_record *record, ks_arena *arena, totals *sum,
                                ks_error *error)
{
    const ks_serde_ctx as_value = {.topic = CLICK_ENRICH_OUTPUT};
    ks_value value;
    ks_status status = user_activity_serde.deserialize(&user_activity_serde, &as_value,
                                                       record->value, arena, &value, error);
    if (status == KS_OK) {
        const user_activity *activity = ks_value_object(value, &user_activity_serde);
        if (sum->views++ < ROWS_SHOWN) {
            print_activity(activity, record);
        }
        sum->with_profile += activity->userId >= 0;
        sum->with_search += activity->searchTerm.size > 0;
    }
    ks_arena_reset(arena);
    return status;
}

static ks_status print_activities(ks_log *log, ks_error *error)
{
    ks_log_reader *reader = ks_log_reader_open(log, CLICK_ENRICH_OUTPUT, error);
    ks_arena *arena = ks_arena_new();
    ks_log_record record;
    totals sum = {0};
    char number[APP_NUMBER_SIZE];
    ks_status status = reader != NULL ? KS_OK : error->code;

    printf("%13s  %-12s %-16s %s\n", "time", "user", "searched for", "page");
    while (status == KS_OK && ks_log_reader_next_to_end(reader, &record)) {
        status = count_activity(&record, arena, &sum, error);
    }
    if (status == KS_OK) {
        status = ks_log_reader_status(reader, error);
    }
    if (sum.views > ROWS_SHOWN) {
        printf("... the first %d\n", ROWS_SHOWN);
    }
    printf("\nviews              %12s\n", app_number(sum.views, number));
    printf("of known users     %12s\n", app_number(sum.with_profile, number));
    printf("after a search     %12s\n", app_number(sum.with_search, number));
    ks_arena_free(arena);
    ks_log_reader_free(reader);
    return status;
}

int main(int argc, char **argv)
{
    const app_program program = {
        .topology = click_enrich_topology,
        .input_topics = KS_NAMES(CLICK_ENRICH_VIEWS, CLICK_ENRICH_SEARCHES, CLICK_ENRICH_PROFILES),
        .output_topic = CLICK_ENRICH_OUTPUT,
        .partitions = PARTITIONS,
        .line = record_of_line,
        .generate = make_up_clicks,
        .shows_topology = true,
        .print = print_activities};

    return app_main(&about, &program, argc, argv);
}
