/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - compares two outcomes member by member; see compare.h.
 *
 * Exactly: a whole number is never equal to a floating one, 0.0 is not -0.0, a member that only one
 * side has is a difference. How the run ended comes first, because all else follows from it; the
 * description next, because its numbers explain the names of topics and stores. The tempting
 * json_equal() says only that two things differ.
 */
#include "compare.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 300, SHOWN_MAX = 300 };

/* Where the comparison is, and where it says what it found. */
typedef struct comparison {
    char path[PATH_SIZE];
    size_t path_size;
    char *text;
    size_t text_size;
} comparison;

static bool equal(comparison *at, const json_t *want, const json_t *got);

/* ---- saying it ------------------------------------------------------------------------------- */

/* JSON on one line, cut where it gets long; to be freed. */
static char *shown(const json_t *json)
{
    char *text = json == NULL
                     ? strdup("nothing")
                     : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL) {
        abort();
    }
    if (strlen(text) > SHOWN_MAX) {
        memcpy(text + SHOWN_MAX - 3, "...", 4);
    }
    return text;
}

static bool differ(comparison *at, const json_t *want, const json_t *got)
{
    char *wanted = shown(want);
    char *came = shown(got);
    snprintf(at->text, at->text_size, "%s: want %s, got %s", at->path, wanted, came);
    free(wanted);
    free(came);
    return false;
}

/* Goes one step down; gives what leave() takes. A path that gets too long is cut. */
static size_t enter(comparison *at, const char *name)
{
    size_t before = at->path_size;
    const char *dot = before > 0 && name[0] != '[' ? "." : "";
    snprintf(at->path + before, PATH_SIZE - before, "%s%s", dot, name);
    at->path_size = strlen(at->path);
    return before;
}

static void leave(comparison *at, size_t before)
{
    at->path[before] = '\0';
    at->path_size = before;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool equal_member(comparison *at, const char *name, const json_t *want, const json_t *got)
{
    const json_t *wanted = json_object_get(want, name);
    const json_t *came = json_object_get(got, name);
    size_t before = enter(at, name);
    bool same = equal(at, wanted, came);
    leave(at, before);
    return same;
}

static bool equal_objects(comparison *at, const json_t *want, const json_t *got)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)want, name, value)
    {
        if (!equal_member(at, name, want, got)) {
            return false;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)got, name, value)
    {
        if (json_object_get(want, name) == NULL) {
            return equal_member(at, name, want, got);
        }
    }
    return true;
}

static bool equal_arrays(comparison *at, const json_t *want, const json_t *got)
{
    size_t count =
        json_array_size(want) > json_array_size(got) ? json_array_size(want) : json_array_size(got);
    for (size_t i = 0; i < count; i++) {
        char index[32];
        snprintf(index, sizeof index, "[%zu]", i);
        size_t before = enter(at, index);
        bool same = equal(at, json_array_get(want, i), json_array_get(got, i));
        leave(at, before);
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool equal_reals(double a, double b)
{
    return a == b && signbit(a) == signbit(b);
}

static bool equal(comparison *at, const json_t *want, const json_t *got)
{
    if (want == NULL || got == NULL || json_typeof(want) != json_typeof(got)) {
        return (want == NULL && got == NULL) || differ(at, want, got);
    }
    switch (json_typeof(want)) {
    case JSON_OBJECT:
        return equal_objects(at, want, got);
    case JSON_ARRAY:
        return equal_arrays(at, want, got);
    case JSON_REAL:
        return equal_reals(json_real_value(want), json_real_value(got)) || differ(at, want, got);
    default:
        return json_equal(want, got) || differ(at, want, got);
    }
}

/* ---- descriptions ---------------------------------------------------------------------------- */

static json_t *line_at(const char *text)
{
    return *text == '\0' ? NULL : json_stringn(text, strcspn(text, "\n"));
}

static const char *next_line(const char *text)
{
    text += strcspn(text, "\n");
    return *text == '\n' ? text + 1 : text;
}

/* Two descriptions that differ, by their first line that does. */
static bool differ_in_a_line(comparison *at, const char *want, const char *got)
{
    size_t line = 1;
    for (;; line++) {
        size_t size = strcspn(want, "\n");
        bool same =
            size == strcspn(got, "\n") && memcmp(want, got, size) == 0 && want[size] == got[size];
        if (!same || want[size] == '\0') {
            break;
        }
        want = next_line(want);
        got = next_line(got);
    }
    char name[48];
    snprintf(name, sizeof name, "[line %zu]", line);
    size_t before = enter(at, name);
    json_t *wanted = line_at(want);
    json_t *came = line_at(got);
    differ(at, wanted, came);
    json_decref(wanted);
    json_decref(came);
    leave(at, before);
    return false;
}

static bool equal_descriptions(comparison *at, const json_t *want, const json_t *got)
{
    const json_t *wanted = json_object_get(want, "description");
    const json_t *came = json_object_get(got, "description");
    if (!json_is_string(wanted) || !json_is_string(came)) {
        return equal_member(at, "description", want, got);
    }
    if (json_equal(wanted, came)) {
        return true;
    }
    size_t before = enter(at, "description");
    bool same = differ_in_a_line(at, json_string_value(wanted), json_string_value(came));
    leave(at, before);
    return same;
}

bool outcomes_are_equal(const json_t *want, const json_t *got, char *text, size_t size)
{
    static const char *const order[] = {"produced", "stores", "dropped"};
    comparison at = {.text = text, .text_size = size};
    if (!equal_member(&at, "error", want, got) || !equal_descriptions(&at, want, got)) {
        return false;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!equal_member(&at, order[i], want, got)) {
            return false;
        }
    }
    return equal_objects(&at, want, got);
}
