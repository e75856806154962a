/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.c - loads a scenario and reads its objects field by field; see scenario.h.
 *
 * JSON is parsed strictly: a name twice in one object is refused, because which of the two counts
 * would depend on the parser. Whole numbers are read as 64 bits exactly; one that does not fit is a
 * parse error, never a rounded double.
 */
#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- problems -------------------------------------------------------------------------------- */

static void problem_vset(cf_problem *problem, const char *prefix, const char *format, va_list args)
{
    if (problem_is_set(problem)) {
        return;
    }
    int used = snprintf(problem->text, sizeof problem->text, "%s", prefix);
    vsnprintf(problem->text + used, sizeof problem->text - (size_t)used, format, args);
}

void problem_set(cf_problem *problem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_vset(problem, "", format, args);
    va_end(args);
}

void problem_not_built(cf_problem *problem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problem_vset(problem, "not built yet: ", format, args);
    va_end(args);
}

bool problem_is_set(const cf_problem *problem)
{
    return problem->text[0] != '\0';
}

/* ---- the scenario ---------------------------------------------------------------------------- */

/*
 * `topics`: for each the types of key and value. Whether a type is known is asked where it is used.
 */
static void check_topics(cf_scenario *scenario, const json_t *topics)
{
    const char *topic;
    json_t *types;
    json_object_foreach((json_t *)(uintptr_t)topics, topic, types)
    {
        cf_fields fields;
        fields_open(&fields, &scenario->problem, types, "topics.%.80s", topic);
        fields_text(&fields, "key");
        fields_text(&fields, "value");
        fields_done(&fields);
    }
}

static void check_top(cf_scenario *scenario)
{
    static const struct {
        const char *name;
        json_type type;
        const char *form;
    } known[] = {
        {"name", JSON_STRING, "a text"},      {"about", JSON_STRING, "a text"},
        {"differs", JSON_STRING, "a text"},   {"config", JSON_OBJECT, "an object"},
        {"topics", JSON_OBJECT, "an object"}, {"wallClock", JSON_INTEGER, "a whole number"},
        {"topology", JSON_ARRAY, "a list"},   {"steps", JSON_ARRAY, "a list"},
        {"expect", JSON_OBJECT, "an object"},
    };
    cf_fields top;
    fields_open(&top, &scenario->problem, scenario->root, "scenario");
    fields_need(&top, "topology");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const json_t *value = fields_get(&top, known[i].name);
        if (value != NULL && json_typeof(value) != known[i].type) {
            problem_set(&scenario->problem, "`%s` must be %s", known[i].name, known[i].form);
        }
    }
    fields_done(&top);
    check_topics(scenario, fields_get(&top, "topics"));
    fields_number(&top, "wallClock", &scenario->wall_clock_ms);
}

cf_scenario *scenario_load(const char *bytes, size_t size)
{
    cf_scenario *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL) {
        abort();
    }
    loaded->arena = ks_arena_new();
    json_error_t error;
    loaded->root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (loaded->root == NULL) {
        problem_set(&loaded->problem, "no JSON: line %d, column %d: %s", error.line, error.column,
                    error.text);
    } else {
        check_top(loaded);
    }
    return loaded;
}

void scenario_free(cf_scenario *scenario)
{
    if (scenario == NULL) {
        return;
    }
    ks_arena_free(scenario->arena);
    json_decref(scenario->root);
    free(scenario);
}

const char *scenario_name(const cf_scenario *scenario)
{
    return json_string_value(json_object_get(scenario->root, "name"));
}

const char *scenario_topic_type(const cf_scenario *scenario, const char *topic, const char *side)
{
    const json_t *types = json_object_get(json_object_get(scenario->root, "topics"), topic);
    return json_string_value(json_object_get(types, side));
}

/* ---- fields ---------------------------------------------------------------------------------- */

void fields_open(cf_fields *fields, cf_problem *problem, const json_t *node,
                 const char *where_format, ...)
{
    memset(fields, 0, sizeof *fields);
    fields->node = node;
    fields->problem = problem;
    va_list args;
    va_start(args, where_format);
    vsnprintf(fields->where, sizeof fields->where, where_format, args);
    va_end(args);
    if (!json_is_object(node)) {
        problem_set(problem, "%s: expected an object", fields->where);
    }
}

static bool was_read(const cf_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->read_count; i++) {
        if (strcmp(fields->read[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const json_t *fields_get(cf_fields *fields, const char *name)
{
    if (!was_read(fields, name)) {
        if (fields->read_count == FIELDS_READ_MAX) {
            problem_set(fields->problem, "%s: raise FIELDS_READ_MAX to read `%s`", fields->where,
                        name);
            return NULL;
        }
        fields->read[fields->read_count++] = name;
    }
    return json_object_get(fields->node, name);
}

bool fields_has(cf_fields *fields, const char *name)
{
    return fields_get(fields, name) != NULL;
}

const json_t *fields_need(cf_fields *fields, const char *name)
{
    const json_t *value = fields_get(fields, name);
    if (value == NULL) {
        problem_set(fields->problem, "%s: field `%s` is missing", fields->where, name);
    }
    return value;
}

/*
 * A text as a C string: names and topics go through C interfaces, where a NUL would cut them short
 * unseen.
 */
static const char *c_text(cf_fields *fields, const char *name, const json_t *value)
{
    if (!json_is_string(value)) {
        problem_set(fields->problem, "%s: field `%s` must be text", fields->where, name);
        return "";
    }
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) {
        problem_set(fields->problem, "%s: field `%s` has a NUL in its text", fields->where, name);
    }
    return text;
}

const char *fields_text(cf_fields *fields, const char *name)
{
    const json_t *value = fields_get(fields, name);
    return value == NULL || json_is_null(value) ? NULL : c_text(fields, name, value);
}

const char *fields_need_text(cf_fields *fields, const char *name)
{
    const json_t *value = fields_need(fields, name);
    return value == NULL ? "" : c_text(fields, name, value);
}

bool fields_number(cf_fields *fields, const char *name, int64_t *number)
{
    const json_t *value = fields_get(fields, name);
    if (value == NULL || json_is_null(value)) {
        return false;
    }
    if (!json_is_integer(value)) {
        problem_set(fields->problem, "%s: field `%s` must be a whole number", fields->where, name);
        return false;
    }
    *number = json_integer_value(value);
    return true;
}

int64_t fields_need_number(cf_fields *fields, const char *name)
{
    int64_t number = 0;
    if (!fields_number(fields, name, &number)) {
        problem_set(fields->problem, "%s: field `%s` is missing", fields->where, name);
    }
    return number;
}

bool fields_bool(cf_fields *fields, const char *name, bool *truth)
{
    const json_t *value = fields_get(fields, name);
    if (value == NULL || json_is_null(value)) {
        return false;
    }
    if (!json_is_boolean(value)) {
        problem_set(fields->problem, "%s: field `%s` must be true or false", fields->where, name);
        return false;
    }
    *truth = json_is_true(value);
    return true;
}

const char *const *fields_texts(cf_fields *fields, const char *name, ks_arena *arena, size_t *count)
{
    const json_t *value = fields_get(fields, name);
    bool one = value != NULL && !json_is_array(value);
    *count = value == NULL ? 0 : one ? 1 : json_array_size(value);
    const char **texts = ks_arena_alloc(arena, *count * sizeof *texts);
    for (size_t i = 0; i < *count; i++) {
        texts[i] = c_text(fields, name, one ? value : json_array_get(value, i));
    }
    return texts;
}

bool fields_object(cf_fields *fields, const char *name, cf_fields *object)
{
    const json_t *value = fields_get(fields, name);
    if (value == NULL) {
        return false;
    }
    fields_open(object, fields->problem, value, "%.60s.%s", fields->where, name);
    return true;
}

void fields_done(const cf_fields *fields)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)fields->node, name, value)
    {
        if (!was_read(fields, name)) {
            problem_set(fields->problem, "%s: unknown field `%s`", fields->where, name);
        }
    }
}
