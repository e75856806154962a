/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.h - one scenario in memory, and its JSON objects read field by field.
 *
 * Two kinds of trouble must never be mixed up. What the library refuses or fails with is a
 * *result*: it is compared with what Java did. What is wrong with the scenario itself, or with this
 * runner (an unknown op, a misspelt field, an operation that is not built yet) is a *problem*: the
 * scenario is "not ok" whatever it expected. Problems are collected here, the first one wins, and
 * code goes on with harmless values until somebody asks problem_is_set().
 *
 * `cf_fields` remembers which fields of an object were asked for; fields_done() then refuses all
 * others, so that a misspelt field is never a silent default. Explicit JSON nulls count as absent
 * for texts, numbers and truth values, as in the recorder.
 */
#ifndef CONFORMANCE_SCENARIO_H
#define CONFORMANCE_SCENARIO_H

#include <jansson.h>
#include <kstreams/serde.h>

/** What makes a scenario "not ok" whatever it expects. */
typedef struct cf_problem {
    char text[1024]; /**< "": none */
} cf_problem;

/** Notes a problem unless there is one already. */
void problem_set(cf_problem *problem, const char *format, ...) KS_PRINTF(2, 3);
/** Notes that the library does not offer something yet: "not built yet: ...". */
void problem_not_built(cf_problem *problem, const char *format, ...) KS_PRINTF(2, 3);
bool problem_is_set(const cf_problem *problem);

/**
 * A scenario. Functions, texts and literals that its topology uses live in `arena` or in `root`.
 */
typedef struct cf_scenario {
    json_t *root;
    ks_arena *arena;
    cf_problem problem;
    int64_t wall_clock_ms; /**< at the start */
    char error_text[700];  /**< what the library said, when a run ended in an error */
} cf_scenario;

/**
 * Parses the bytes of a scenario file and checks its top-level fields. Trouble is in `problem`.
 * @return owned: free with scenario_free(), after everything that was built from it
 */
cf_scenario *scenario_load(const char *bytes, size_t size);
void scenario_free(cf_scenario *scenario);

/** The scenario's own name, or NULL. */
const char *scenario_name(const cf_scenario *scenario);

/** The type that `topics` gives a topic's key or value, or NULL. */
const char *scenario_topic_type(const cf_scenario *scenario, const char *topic, const char *side);

/* More than the widest op has; asking for more is refused as a problem. */
enum { FIELDS_READ_MAX = 32 };

/** A JSON object while it is read. */
typedef struct cf_fields {
    const json_t *node;
    cf_problem *problem;
    char where[96];
    const char *read[FIELDS_READ_MAX]; /**< names asked for: literals of this program */
    size_t read_count;
} cf_fields;

/** Begins to read `node`; a problem when it is no object (reading goes on as if it were empty). */
void fields_open(cf_fields *fields, cf_problem *problem, const json_t *node,
                 const char *where_format, ...) KS_PRINTF(4, 5);

/** The field, or NULL when absent; an explicit null is returned as JSON null. */
const json_t *fields_get(cf_fields *fields, const char *name);
bool fields_has(cf_fields *fields, const char *name);
/** The same, and a problem when absent. */
const json_t *fields_need(cf_fields *fields, const char *name);

/** NULL when absent. */
const char *fields_text(cf_fields *fields, const char *name);
/** "" with a problem when absent. */
const char *fields_need_text(cf_fields *fields, const char *name);

/** False when absent; `*number` is then untouched. */
bool fields_number(cf_fields *fields, const char *name, int64_t *number);
int64_t fields_need_number(cf_fields *fields, const char *name);

/** False when absent; `*truth` is then untouched. */
bool fields_bool(cf_fields *fields, const char *name, bool *truth);

/** A text or a list of texts, as a list in `arena`; none when absent. */
const char *const *fields_texts(cf_fields *fields, const char *name, ks_arena *arena,
                                size_t *count);

/** False when absent; otherwise begins to read the object into `*object`. */
bool fields_object(cf_fields *fields, const char *name, cf_fields *object);

/** A problem when the object has a field that nobody asked for. */
void fields_done(const cf_fields *fields);

#endif
