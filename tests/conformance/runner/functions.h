/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.h - the built-in functions of the vocabulary, as callbacks of the library.
 *
 * A function of a scenario, "name" or ["name", arg...], becomes a `cf_function` that lives as long
 * as the scenario; it is the user pointer of the callbacks below. NULL is never returned: a wrong
 * function is a problem, and one that does nothing.
 */
#ifndef CONFORMANCE_FUNCTIONS_H
#define CONFORMANCE_FUNCTIONS_H

#include "scenario.h"

#include <kstreams/join.h>

typedef struct cf_function cf_function;

cf_function *function_predicate(cf_scenario *scenario, const json_t *fn);
cf_function *function_value_mapper(cf_scenario *scenario, const json_t *fn);
cf_function *function_key_mapper(cf_scenario *scenario, const json_t *fn);
cf_function *function_flat(cf_scenario *scenario, const json_t *fn);
/**
 * An aggregator or reducer; a number result takes the width of `type` where that is a number type.
 */
cf_function *function_fold(cf_scenario *scenario, const json_t *fn, const char *type);
/** An initial value alone, the literal `init` of `type`. */
cf_function *function_initial(cf_scenario *scenario, const char *type, const json_t *init);
/** Gives the fold its initial value, the literal `init` of `type`. */
void function_set_init(cf_scenario *scenario, cf_function *fold, const char *type,
                       const json_t *init);
/** Gives the fold of a grouped table its counterpart, the aggregator or reducer `fn`. */
void function_set_subtract(cf_scenario *scenario, cf_function *fold, const char *type,
                           const json_t *fn);
/** Gives the fold of sessions its merger, `fn`. */
void function_set_merge(cf_scenario *scenario, cf_function *fold, const char *type,
                        const json_t *fn);
cf_function *function_joiner(cf_scenario *scenario, const json_t *fn);
/** Whether the joiner is one of those that tables do not have. */
bool function_needs_key(const cf_function *joiner);
/** Puts beside a joiner what makes the key of the other side, the key mapper `fn`. */
void function_set_key(cf_scenario *scenario, cf_function *joiner, const json_t *fn);
/** A processor with the store that it uses, the first one of its node; NULL: it has none. */
cf_function *function_processor(cf_scenario *scenario, const json_t *fn, const char *store);

/** A processor that puts every record with a key into a store. */
cf_function *function_keeper(cf_scenario *scenario, const char *store);

bool call_predicate(ks_ctx *ctx, const ks_record *record, void *user);
ks_value call_value_mapper(ks_ctx *ctx, const ks_record *record, void *user);
ks_value call_key_mapper(ks_ctx *ctx, const ks_record *record, void *user);
ks_pair call_pair_mapper(ks_ctx *ctx, const ks_record *record, void *user);
void call_flat(ks_ctx *ctx, const ks_record *record, void *user);
ks_slice call_topic_name(ks_ctx *ctx, const ks_record *record, void *user);
ks_value call_initializer(ks_ctx *ctx, void *user);
ks_value call_aggregator(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user);
ks_value call_reducer(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user);
/** The counterparts of the two. */
ks_value call_subtracting_aggregator(ks_ctx *ctx, const ks_record *record, ks_value aggregate,
                                     void *user);
ks_value call_subtracting_reducer(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user);
/** The merger beside an aggregator. */
ks_value call_merger(ks_ctx *ctx, ks_value key, ks_value aggregate, ks_value other, void *user);
ks_value call_joiner(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user);
/** The key mapper beside a joiner. */
ks_value call_joiner_key(ks_ctx *ctx, const ks_record *record, void *user);
/** Runs the function that is its user pointer. */
extern const ks_processor call_processor;
/** Has the value mapper that is its user pointer make the values. */
extern const ks_value_transformer call_value_transformer;
/** Does nothing: peek and foreach of the vocabulary. */
void call_nothing(ks_ctx *ctx, const ks_record *record, void *user);

#endif
