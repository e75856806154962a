/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.c - from a function in JSON to a callback of the library; see functions.h.
 *
 * The functions accept values of every kind, as the recorder's do, so nothing here asks a value for
 * a kind it may not have. What throws in Java (a text that is no number) fails the record by
 * ks_ctx_fail(). What in the recorder is an error of the scenario (a window asked of a key that has
 * none) is a problem; it also fails the record, so that the run ends there.
 */
#include "function_tables.h"

#include "numbers.h"
#include "types.h"

/* ---- from JSON ------------------------------------------------------------------------------- */

static bool keep_nothing(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return false;
}

static ks_value make_null(const cf_call *call, ks_value key, ks_value value)
{
    (void)call;
    (void)key;
    (void)value;
    return ks_null();
}

static ks_value join_to_null(const cf_call *call, ks_value key, ks_value left, ks_value right)
{
    (void)left;
    return make_null(call, key, right);
}

static void emit_nothing(const cf_call *call, ks_value value)
{
    (void)call;
    (void)value;
}

static void forward_nothing(const cf_call *call, const ks_record *record)
{
    (void)call;
    (void)record;
}

/*
 * What stands in for a function that is a problem: the scenario is not run, but the callback must
 * not be NULL.
 */
static const cf_signature no_function = {.name = "",
                                         .predicate = keep_nothing,
                                         .map = make_null,
                                         .fold = make_null,
                                         .join = join_to_null,
                                         .flat = emit_nothing,
                                         .process = forward_nothing};

static const cf_signature *find(cf_scenario *scenario, const signature_table *table,
                                const json_t *json)
{
    const char *name = json_string_value(json);
    bool whole = name != NULL && strlen(name) == json_string_length(json);
    for (size_t i = 0; whole && i < table->count; i++) {
        if (strcmp(table->lines[i].name, name) == 0) {
            return &table->lines[i];
        }
    }
    problem_set(&scenario->problem, "unknown %s `%s`", table->kind,
                name != NULL ? name : "(neither a text nor a list that begins with one)");
    return &no_function;
}

static void take_argument(cf_scenario *scenario, cf_function *made, const json_t *argument)
{
    cf_problem *problem = &scenario->problem;
    switch (made->signature->argument) {
    case ARGUMENT_NONE:
        break;
    case ARGUMENT_TEXT:
        made->text =
            type_text(scenario->arena, type_literal(problem, scenario->arena, NULL, argument));
        break;
    case ARGUMENT_NUMBER:
        if (!json_is_integer(argument)) {
            problem_set(problem, "function `%s` takes a whole number", made->signature->name);
        }
        made->number = json_integer_value(argument);
        break;
    case ARGUMENT_LITERAL:
        made->literal = type_literal(problem, scenario->arena, NULL, argument);
        break;
    }
}

static cf_function *parse(cf_scenario *scenario, const signature_table *table, const json_t *fn)
{
    cf_function *made = ks_arena_alloc(scenario->arena, sizeof *made);
    memset(made, 0, sizeof *made);
    made->problem = &scenario->problem;
    size_t given = json_is_array(fn) && json_array_size(fn) > 0 ? json_array_size(fn) - 1 : 0;
    made->signature = find(scenario, table, json_is_array(fn) ? json_array_get(fn, 0) : fn);
    size_t taken = made->signature->argument == ARGUMENT_NONE ? 0 : 1;
    if (given != taken) {
        problem_set(&scenario->problem, "function `%s` takes %zu argument(s)",
                    made->signature->name, taken);
        made->signature = &no_function;
        return made;
    }
    take_argument(scenario, made, json_array_get(fn, 1));
    return made;
}

cf_function *function_predicate(cf_scenario *scenario, const json_t *fn)
{
    return parse(scenario, &predicate_table, fn);
}

cf_function *function_value_mapper(cf_scenario *scenario, const json_t *fn)
{
    return parse(scenario, &value_mapper_table, fn);
}

cf_function *function_key_mapper(cf_scenario *scenario, const json_t *fn)
{
    return parse(scenario, &key_mapper_table, fn);
}

cf_function *function_flat(cf_scenario *scenario, const json_t *fn)
{
    return parse(scenario, &flat_table, fn);
}

cf_function *function_fold(cf_scenario *scenario, const json_t *fn, const char *type)
{
    cf_function *fold = parse(scenario, &fold_table, fn);
    fold->number_kind = type_number_kind(type);
    return fold;
}

cf_function *function_initial(cf_scenario *scenario, const char *type, const json_t *init)
{
    cf_function *initial = ks_arena_alloc(scenario->arena, sizeof *initial);
    *initial =
        (cf_function){.literal = type_literal(&scenario->problem, scenario->arena, type, init)};
    return initial;
}

void function_set_init(cf_scenario *scenario, cf_function *fold, const char *type,
                       const json_t *init)
{
    fold->literal = type_literal(&scenario->problem, scenario->arena, type, init);
}

cf_function *function_processor(cf_scenario *scenario, const json_t *fn, const char *store)
{
    cf_function *processor = parse(scenario, &processor_table, fn);
    processor->store = store;
    return processor;
}

cf_function *function_joiner(cf_scenario *scenario, const json_t *fn)
{
    return parse(scenario, &joiner_table, fn);
}

bool function_needs_key(const cf_function *joiner)
{
    return joiner->signature->needs_key;
}

void function_set_key(cf_scenario *scenario, cf_function *joiner, const json_t *fn)
{
    joiner->key = function_key_mapper(scenario, fn);
}

void function_set_subtract(cf_scenario *scenario, cf_function *fold, const char *type,
                           const json_t *fn)
{
    fold->subtract = function_fold(scenario, fn, type);
}

void function_set_merge(cf_scenario *scenario, cf_function *fold, const char *type,
                        const json_t *fn)
{
    fold->merge = function_fold(scenario, fn, type);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static cf_call call_of(ks_ctx *ctx, const cf_function *fn)
{
    return (cf_call){.ctx = ctx, .arena = ks_ctx_arena(ctx), .fn = fn};
}

bool call_predicate(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    bool skipped = fn->signature->skips_null && ks_value_is_null(record->value);
    return !skipped && fn->signature->predicate(&call, record->key, record->value);
}

ks_value call_value_mapper(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    bool skipped = fn->signature->skips_null && ks_value_is_null(record->value);
    return skipped ? ks_null() : fn->signature->map(&call, record->key, record->value);
}

ks_value call_key_mapper(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    return fn->signature->map(&call, record->key, record->value);
}

ks_pair call_pair_mapper(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *fn = user;
    ks_pair pair = {
        .key = call_key_mapper(ctx, record, user),
        .value = fn->signature->swaps ? record->key : record->value,
    };
    return pair;
}

void call_flat(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    fn->signature->flat(&call, record->value);
}

ks_slice call_topic_name(ks_ctx *ctx, const ks_record *record, void *user)
{
    ks_value topic = call_value_mapper(ctx, record, user);
    return type_text(ks_ctx_arena(ctx), topic);
}

ks_value call_initializer(ks_ctx *ctx, void *user)
{
    (void)ctx;
    const cf_function *fold = user;
    return fold->literal;
}

ks_value call_reducer(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    const cf_function *fold = user;
    cf_call call = call_of(ctx, fold);
    return number_cast(fold->signature->fold(&call, aggregate, value), fold->number_kind);
}

ks_value call_aggregator(ks_ctx *ctx, const ks_record *record, ks_value aggregate, void *user)
{
    return call_reducer(ctx, aggregate, record->value, user);
}

ks_value call_joiner(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    const cf_function *joiner = user;
    cf_call call = call_of(ctx, joiner);
    return joiner->signature->join(&call, key, left, right);
}

ks_value call_joiner_key(ks_ctx *ctx, const ks_record *record, void *user)
{
    const cf_function *joiner = user;
    return call_key_mapper(ctx, record, joiner->key);
}

static void start_processor(ks_ctx *ctx, void *state, void *user)
{
    (void)state;
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    if (fn->signature->start != NULL) {
        fn->signature->start(&call);
    }
}

static void run_processor(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    const cf_function *fn = user;
    cf_call call = call_of(ctx, fn);
    fn->signature->process(&call, record);
}

const ks_processor call_processor = {
    .struct_size = sizeof call_processor, .init = start_processor, .process = run_processor};

ks_value call_subtracting_reducer(ks_ctx *ctx, ks_value aggregate, ks_value value, void *user)
{
    return call_reducer(ctx, aggregate, value, ((cf_function *)user)->subtract);
}

ks_value call_merger(ks_ctx *ctx, ks_value key, ks_value aggregate, ks_value other, void *user)
{
    (void)key;
    return call_reducer(ctx, aggregate, other, ((cf_function *)user)->merge);
}

ks_value call_subtracting_aggregator(ks_ctx *ctx, const ks_record *record, ks_value aggregate,
                                     void *user)
{
    return call_subtracting_reducer(ctx, aggregate, record->value, user);
}

static ks_value transform(ks_ctx *ctx, const ks_record *record, void *state, void *user)
{
    (void)state;
    return call_value_mapper(ctx, record, user);
}

const ks_value_transformer call_value_transformer = {.struct_size = sizeof call_value_transformer,
                                                     .transform = transform};

void call_nothing(ks_ctx *ctx, const ks_record *record, void *user)
{
    (void)ctx;
    (void)record;
    (void)user;
}
