/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - reading the arguments of a command.
 *
 * An option takes its value from behind "=" or from the next argument, whatever that looks like: a
 * separator may well be a dash. Texts are borrowed from argv.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"

#define EMBEDDED "embedded:"

/* ---- lists ----------------------------------------------------------------------------------- */

void text_list_add(text_list *list, const char *text)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);

    if (items == NULL) {
        fprintf(stderr, "ks: out of memory\n");
        abort();
    }
    list->items = items;
    list->items[list->count++] = text;
}

void text_list_free(text_list *list)
{
    free(list->items);
    *list = (text_list){0};
}

/* ---- numbers and times ----------------------------------------------------------------------- */

bool parse_number(const char *text, int64_t *number)
{
    char *end = NULL;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return false;
    }
    *number = value;
    return true;
}

/* Days since 1970-01-01 of a day of the Gregorian calendar, years from March to February. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468;
}

/* ".5" is 500 ms; `*text` moves behind it. What is finer than a millisecond is cut off. */
static int64_t parse_fraction(const char **text)
{
    int64_t ms = 0;
    int64_t scale = 100;

    if (**text == '.' && isdigit((unsigned char)(*text)[1])) {
        for (++*text; isdigit((unsigned char)**text); ++*text, scale /= 10) {
            ms += (**text - '0') * scale;
        }
    }
    return ms;
}

/* "Z", "+02:00", "+0200", "-05" or nothing, and nothing behind it. */
static bool parse_zone(const char *text, int64_t *minutes)
{
    int hours = 0;
    int rest = 0;
    int used = 0;

    *minutes = 0;
    if (strcmp(text, "Z") == 0 || *text == '\0') {
        return true;
    }
    if ((*text != '+' && *text != '-') || !isdigit((unsigned char)text[1]) ||
        sscanf(text + 1, "%2d%n", &hours, &used) != 1) {
        return false;
    }
    const char *end = text + 1 + used;
    end += *end == ':' ? 1 : 0;
    used = 0;
    if (isdigit((unsigned char)*end) && sscanf(end, "%2d%n", &rest, &used) != 1) {
        return false;
    }
    *minutes = (*text == '-' ? -1 : 1) * (hours * 60 + rest);
    return end[used] == '\0' && hours <= 18 && rest < 60;
}

bool parse_time(const char *text, int64_t *ms)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int used = 0;

    if (parse_number(text, ms)) {
        return *ms >= 0;
    }
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) {
        return false;
    }
    const char *rest = text + used;
    if (*rest == 'T' || *rest == ' ') {
        used = 0;
        if (sscanf(rest + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3) {
            return false;
        }
        rest += 1 + used;
    }
    int64_t fraction = parse_fraction(&rest);
    int64_t zone = 0;
    bool in_range = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
                    hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 &&
                    second <= 60;
    bool has_zone = parse_zone(rest, &zone);
    *ms = ((days_of(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 +
          (int64_t)second * 1000 + fraction;
    return has_zone && in_range && *ms >= 0;
}

/* ---- options --------------------------------------------------------------------------------- */

static const option *find_option(option_table table, const char *argument, size_t length)
{
    for (size_t i = 0; i < table.count; i++) {
        const char *name = table.options[i].name;
        if (strlen(name) == length && strncmp(name, argument, length) == 0) {
            return &table.options[i];
        }
    }
    return NULL;
}

static int unknown_option(option_table table, const char *argument, size_t length)
{
    const char *names[32];
    char word[64];

    for (size_t i = 0; i < table.count; i++) {
        names[i] = table.options[i].name;
    }
    names[table.count] = "--help";
    (void)snprintf(word, sizeof word, "%.*s", (int)length, argument);
    return unknown_word("option", word, names, table.count + 1);
}

static int set_option(const option *which, const char *value)
{
    switch (which->kind) {
    case OPTION_FLAG:
        *(bool *)which->target = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)which->target = value;
        return 0;
    case OPTION_LIST:
        text_list_add(which->target, value);
        return 0;
    case OPTION_NUMBER:
        if (!parse_number(value, which->target)) {
            return usage("%s takes a whole number, not '%s'", which->name, value);
        }
        return 0;
    case OPTION_TIME:
        if (!parse_time(value, which->target)) {
            return usage("%s takes milliseconds of the epoch or a date such as "
                         "2026-11-21T09:30:00, not '%s'",
                         which->name, value);
        }
        return 0;
    }
    return KS_TOOL_USAGE;
}

/* Reads the option at argv[0]; `*used`: how many arguments it took. */
static int parse_option(int argc, char **argv, option_table table, int *used)
{
    const char *equals = strchr(argv[0], '=');
    size_t length = equals != NULL ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const option *which = find_option(table, argv[0], length);

    *used = 1;
    if (which == NULL) {
        return unknown_option(table, argv[0], length);
    }
    if (which->kind == OPTION_FLAG) {
        return equals == NULL ? set_option(which, NULL) : usage("%s takes no value", which->name);
    }
    if (equals == NULL && argc < 2) {
        return usage("a value is missing after %s", which->name);
    }
    *used = equals != NULL ? 1 : 2;
    return set_option(which, equals != NULL ? equals + 1 : argv[1]);
}

int parse_options(int argc, char **argv, option_table table, text_list *words)
{
    int i = 0;

    while (i < argc && strcmp(argv[i], "--") != 0) {
        int used = 1;
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            text_list_add(words, argv[i]);
        } else {
            int status = parse_option(argc - i, argv + i, table, &used);
            if (status != 0) {
                return status;
            }
        }
        i += used;
    }
    for (i++; i < argc; i++) {
        text_list_add(words, argv[i]);
    }
    return 0;
}

const char *only_word(const char *action_name, const char *what, const text_list *words)
{
    if (words->count == 0) {
        (void)usage("%s: which %s?", action_name, what);
        return NULL;
    }
    if (words->count > 1) {
        (void)usage("%s takes one %s, not %s and %s", action_name, what, words->items[0],
                    words->items[1]);
        return NULL;
    }
    return words->items[0];
}

/* ---- the log --------------------------------------------------------------------------------- */

/*
 * Whether a directory has a log, or what is left of one: the library says what is wrong with that.
 * Opening would make one anywhere, and a slip of the pen an empty log among somebody's files.
 */
static bool has_log(const char *directory)
{
    static const char *const parts[] = {"catalogue", "topics"};
    struct stat there;
    bool found = false;

    if (stat(directory, &there) == 0 && !S_ISDIR(there.st_mode)) {
        return true; /* no directory: the library says so */
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !found; i++) {
        char path[4200];
        int size = snprintf(path, sizeof path, "%s/%s", directory, parts[i]);
        if (size < 0 || (size_t)size >= sizeof path) {
            errno = ENAMETOOLONG;
            return false;
        }
        found = stat(path, &there) == 0;
    }
    return found;
}

/* Where the log is: by the command line, by the file it names, by the environment. */
static const char *find_servers(const log_options *options, const ks_config *config)
{
    const char *servers = options->servers;

    if (servers == NULL && config != NULL) {
        servers = ks_config_get(config, "bootstrap.servers");
    }
    if (servers == NULL) {
        servers = getenv("KS_BOOTSTRAP_SERVER");
    }
    return servers;
}

static ks_log *open_servers(const char *servers, const ks_config *config, bool may_create,
                            int *exit_status)
{
    ks_error error = {0};

    if (servers == NULL || strcmp(servers, EMBEDDED) == 0) {
        *exit_status = usage("which log? give --bootstrap-server embedded:DIR or the address of a "
                             "Kafka broker, or set KS_BOOTSTRAP_SERVER to it");
        return NULL;
    }
    bool is_directory = strncmp(servers, EMBEDDED, strlen(EMBEDDED)) == 0;
    if (is_directory && !may_create && !has_log(servers + strlen(EMBEDDED))) {
        bool is_missing = errno == ENOENT;
        fprintf(stderr, "ks: there is no log in %s: %s%s\n", servers + strlen(EMBEDDED),
                strerror(errno), is_missing ? "; `ks topics create` makes one" : "");
        *exit_status = EXIT_FAILURE;
        return NULL;
    }
    ks_log *log = ks_log_open_with(servers, KS_LOG_OPTIONS(.config = config), &error);
    if (log == NULL) {
        *exit_status = failed(&error);
    }
    return log;
}

ks_log *open_log(const log_options *options, bool may_create, int *exit_status)
{
    ks_config *config = options->command_config != NULL ? ks_config_new() : NULL;
    ks_error error = {0};
    ks_log *log = NULL;

    if (config != NULL && ks_config_load(config, options->command_config, &error) != KS_OK) {
        (void)failed(&error);
        *exit_status = KS_TOOL_USAGE;
    } else {
        log = open_servers(find_servers(options, config), config, may_create, exit_status);
    }
    ks_config_free(config);
    return log;
}

int with_one_word(int argc, char **argv, const one_word *how)
{
    log_options log_is = {0};
    text_list words = {0};
    const option options[] = {LOG_OPTIONS(log_is)};
    int exit_status = parse_options(argc, argv, OPTION_TABLE(options), &words);

    if (exit_status == 0) {
        const char *word = only_word(how->name, how->what, &words);
        exit_status = word != NULL ? 0 : KS_TOOL_USAGE;
        ks_log *log = word != NULL ? open_log(&log_is, false, &exit_status) : NULL;
        if (log != NULL) {
            exit_status = how->act(log, word, log_is.json);
        }
        ks_log_free(log);
    }
    text_list_free(&words);
    return exit_status;
}
