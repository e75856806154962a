/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - the properties of a scenario.
 *
 * Names and values go to the library as they stand: it knows Kafka's properties, and short class
 * names. Two checks come before, because what fails them is a wrong scenario and must never be
 * equal to a ConfigException that Java recorded: names that are unknown or belong to the runner,
 * and values of class properties outside the vocabulary.
 */
#include "ops.h"

#include "types.h"

#include <stdio.h>

/* The class properties with the short names they may have. */
typedef struct class_property {
    const char *name;
    const char *values[3];
} class_property;

static const class_property class_properties[] = {
    {"deserialization.exception.handler",
     {"LogAndFailExceptionHandler", "LogAndContinueExceptionHandler"}},
    {"default.deserialization.exception.handler",
     {"LogAndFailExceptionHandler", "LogAndContinueExceptionHandler"}},
    {"processing.exception.handler",
     {"LogAndFailProcessingExceptionHandler", "LogAndContinueProcessingExceptionHandler"}},
    {"production.exception.handler", {"DefaultProductionExceptionHandler"}},
    {"default.production.exception.handler", {"DefaultProductionExceptionHandler"}},
    {"dsl.store.suppliers.class", {"RocksDBDslStoreSuppliers", "InMemoryDslStoreSuppliers"}},
};

static void check_class(cf_problem *problem, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof class_properties / sizeof class_properties[0]; i++) {
        const class_property *property = &class_properties[i];
        if (strcmp(property->name, name) != 0) {
            continue;
        }
        bool known = false;
        for (size_t v = 0; v < 3 && property->values[v] != NULL; v++) {
            known = known || strcmp(property->values[v], value) == 0;
        }
        if (!known) {
            problem_set(problem, "config `%s`: unknown value `%s`", name, value);
        }
    }
}

/* The text of a scalar, as a properties file would have it. */
static const char *text_of(cf_scenario *scenario, const char *name, const json_t *json)
{
    if (json_is_boolean(json)) {
        return json_is_true(json) ? "true" : "false";
    }
    if (json_is_object(json) || json_is_array(json)) {
        problem_set(&scenario->problem, "config `%s` must be a text, a number or a truth value",
                    name);
        return "";
    }
    ks_value value = type_literal(&scenario->problem, scenario->arena, NULL, json);
    return ks_text_cstr(scenario->arena, ks_value_to_text(scenario->arena, value));
}

static bool is_runners(const char *name)
{
    return strcmp(name, "application.id") == 0 || strcmp(name, "bootstrap.servers") == 0 ||
           strcmp(name, "state.dir") == 0;
}

/*
 * The library answers alike to an unknown name and to a refused value, but it has a default for
 * most properties that it knows, and for those without one it takes a text, the name of a serde, a
 * number or a version.
 */
static bool is_known(const char *name)
{
    static const char *const probes[] = {"x", "string", "1", "4.0"};
    ks_config *scratch = ks_config_new();
    bool known = ks_config_get(scratch, name) != NULL;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0] && !known; i++) {
        known = ks_config_set(scratch, name, probes[i], NULL) != KS_E_CONFIG;
    }
    ks_config_free(scratch);
    return known;
}

/* True when the property was set, or is one that the runner honours itself. */
static bool set_property(cf_scenario *scenario, ks_config *config, const char *name,
                         const json_t *json, ks_error *error)
{
    const char *value = text_of(scenario, name, json);
    check_class(&scenario->problem, name, value);
    if (!is_known(name)) {
        problem_set(&scenario->problem, "unknown config `%s`", name);
    } else if (is_runners(name)) {
        problem_set(&scenario->problem, "config `%s` belongs to the runner", name);
    } else if (strcmp(name, "default.timestamp.extractor") == 0) {
        extractor_of(&scenario->problem, value);
        if (strcmp(value, "embedded-value") == 0) {
            return !problem_is_set(&scenario->problem);
        }
    } else if (strcmp(name, "default.key.serde") == 0 || strcmp(name, "default.value.serde") == 0) {
        (void)type_serde(&scenario->problem, value);
    }
    return !problem_is_set(&scenario->problem) &&
           ks_config_set(config, name, value, error) == KS_OK;
}

/* As Java's driver has them where a scenario says nothing. */
static const char *const throttles[] = {
    "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__",
    "__emit.interval.ms.kstreams.windowed.aggregation__",
};

ks_config *build_config(cf_scenario *scenario, const char *state_dir, ks_error *error)
{
    ks_config *config = ks_config_new();
    bool sound = ks_config_set(config, "application.id", "app", error) == KS_OK &&
                 ks_config_set(config, "state.dir", state_dir, error) == KS_OK;
    for (size_t i = 0; i < sizeof throttles / sizeof throttles[0] && sound; i++) {
        sound = ks_config_set(config, throttles[i], "0", error) == KS_OK;
    }
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(scenario->root, "config"), name, value)
    {
        sound = sound && set_property(scenario, config, name, value, error);
    }
    if (!sound) {
        ks_config_free(config);
        return NULL;
    }
    return config;
}
