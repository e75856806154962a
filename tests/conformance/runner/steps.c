/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.c - reads the steps of a scenario; see steps.h.
 *
 * Keys and values are serialized here, by the types that `topics` gives the topic (string for a
 * topic it does not list), because the driver takes bytes: its own typed topics would hide what
 * stands in a record. So a step is checked in full before anything runs. Reading each step only
 * when its turn comes would let a typing error behind an expected error go unseen.
 */
#include "steps.h"

#include "types.h"

static ks_slice header_name(cf_fields *step, const json_t *json)
{
    if (!json_is_string(json)) {
        problem_set(step->problem, "%s: a header must be [name, text or null]", step->where);
        return ks_slice_null();
    }
    return ks_slice_of(json_string_value(json), json_string_length(json));
}

static const ks_headers *read_headers(cf_scenario *scenario, cf_fields *step)
{
    const json_t *list = fields_get(step, "headers");
    if (list != NULL && !json_is_array(list)) {
        problem_set(step->problem, "%s: `headers` must be a list", step->where);
    }
    const ks_headers *headers = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        ks_slice name = header_name(step, json_array_get(pair, 0));
        if (json_array_size(pair) != 2) {
            problem_set(step->problem, "%s: a header must be [name, text or null]", step->where);
        }
        ks_slice value = type_bytes(step->problem, scenario->arena, json_array_get(pair, 1));
        if (problem_is_set(step->problem)) {
            return NULL;
        }
        headers = ks_headers_with(scenario->arena, headers, name, value);
    }
    return headers;
}

static ks_slice read_side(cf_scenario *scenario, cf_fields *step, const cf_step *into, bool is_key)
{
    const char *side = is_key ? "key" : "value";
    const char *type = scenario_topic_type(scenario, into->topic, side);
    ks_serde_ctx where = {.topic = into->topic, .is_key = is_key, .headers = into->record.headers};
    return type_step_bytes(step->problem, scenario->arena, type != NULL ? type : "string", &where,
                           fields_get(step, side));
}

static cf_step read_step(cf_scenario *scenario, const json_t *json, size_t index)
{
    cf_fields fields;
    cf_step step = {.record.partition = -1, .record.offset = -1};
    fields_open(&fields, &scenario->problem, json, "steps[%zu]", index);
    if (fields_has(&fields, "advanceWallClock")) {
        step.advance_ms = fields_need_number(&fields, "advanceWallClock");
    } else {
        step.topic = fields_need_text(&fields, "pipe");
        step.record.headers = read_headers(scenario, &fields);
        step.record.key = read_side(scenario, &fields, &step, true);
        step.record.value = read_side(scenario, &fields, &step, false);
        step.record.timestamp = fields_need_number(&fields, "ts");
    }
    fields_done(&fields);
    return step;
}

cf_steps steps_read(cf_scenario *scenario)
{
    const json_t *list = json_object_get(scenario->root, "steps");
    size_t count = json_array_size(list);
    cf_step *all = ks_arena_alloc(scenario->arena, count * sizeof *all);
    for (size_t i = 0; i < count && !problem_is_set(&scenario->problem); i++) {
        all[i] = read_step(scenario, json_array_get(list, i), i);
    }
    return problem_is_set(&scenario->problem) ? (cf_steps){0}
                                              : (cf_steps){.all = all, .count = count};
}
