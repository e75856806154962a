/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_tables.h - what functions.c and the files with the functions themselves share: one table
 * for each kind of function.
 *
 * A function is added by a line in its table. `skips_null` is the rule of the vocabulary said once:
 * such a mapper gives null for a null value, such a predicate is false for one, without being
 * called.
 */
#ifndef CONFORMANCE_FUNCTION_TABLES_H
#define CONFORMANCE_FUNCTION_TABLES_H

#include "functions.h"

/** One call of a function. */
typedef struct cf_call {
    ks_ctx *ctx;
    ks_arena *arena; /**< of the record in hand */
    const cf_function *fn;
} cf_call;

typedef bool predicate_fn(const cf_call *call, ks_value key, ks_value value);
typedef ks_value mapper_fn(const cf_call *call, ks_value key, ks_value value);
typedef ks_value fold_fn(const cf_call *call, ks_value aggregate, ks_value value);
typedef ks_value join_fn(const cf_call *call, ks_value key, ks_value left, ks_value right);
typedef void flat_fn(const cf_call *call, ks_value value);
typedef void process_fn(const cf_call *call, const ks_record *record);
typedef void start_fn(const cf_call *call);

typedef enum argument_kind {
    ARGUMENT_NONE = 0,
    ARGUMENT_TEXT,   /**< any literal, as text */
    ARGUMENT_NUMBER, /**< a whole number */
    ARGUMENT_LITERAL
} argument_kind;

/** A line of a table; the table says what else it has. */
typedef struct cf_signature {
    const char *name;
    argument_kind argument;
    bool skips_null;
    bool swaps; /**< of key mappers: as a pair mapper, the value becomes the old key */
    predicate_fn *predicate;
    mapper_fn *map;
    fold_fn *fold;
    join_fn *join;
    bool needs_key; /**< of joiners */
    flat_fn *flat;
    process_fn *process; /**< of a processor */
    start_fn *start;     /**< when its task begins, or NULL */
} cf_signature;

typedef struct signature_table {
    const char *kind; /**< for messages */
    const cf_signature *lines;
    size_t count;
} signature_table;

extern const signature_table predicate_table;
extern const signature_table value_mapper_table;
extern const signature_table key_mapper_table;
extern const signature_table flat_table;
extern const signature_table fold_table;
extern const signature_table joiner_table;
extern const signature_table processor_table;

/** A function of a scenario: a line of a table and the argument it was given. */
struct cf_function {
    const cf_signature *signature;
    ks_slice text;
    int64_t number;
    ks_value literal;      /**< also the initial value of a fold */
    ks_kind number_kind;   /**< of a fold: the width of a number result */
    cf_function *subtract; /**< of a fold: what takes a value out again */
    cf_function *merge;    /**< of a fold: what makes one of two sessions */
    cf_function *key;      /**< of a joiner: what makes the key of the other side */
    const char *store;     /**< of a processor: the one it uses, or NULL */
    cf_problem *problem;
};

/** *text(x)* in the arena of the call. */
ks_slice call_text(const cf_call *call, ks_value value);

/**
 * *num(x)*: the number itself, 0 for null, else its text parsed; a text that is no number fails the
 * record.
 */
ks_value call_number(const cf_call *call, ks_value value);

/**
 * The sum or difference of *num*s, in the width of `a` (of `b` if `a` is null; long if that is a
 * text).
 */
ks_value call_plus(const cf_call *call, ks_value a, ks_value b, int sign);

/** Numbers by size, all else by the bytes of their texts. */
int call_compare(const cf_call *call, ks_value a, ks_value b);

/** The three texts one after another. */
ks_value call_join(const cf_call *call, ks_slice left, const char *between, ks_slice right);

/**
 * As many UTF-16 units of *text(value)* as the function's number says; a negative number fails the
 * record.
 */
ks_value call_first(const cf_call *call, ks_value value);

/**
 * What stands in *text(value)* before the first separator, the function's text; null when there is
 * none.
 */
ks_value call_before(const cf_call *call, ks_value value);

/** The same bytes; both are texts, so neither is the null slice. */
bool text_equal(ks_slice a, ks_slice b);

/** Where `part` first stands in `text`, or SIZE_MAX; the empty part stands at 0. */
size_t text_find(ks_slice text, ks_slice part);

/**
 * How many bytes the character at `at` has in UTF-8, and how many units a character of that size
 * has in UTF-16.
 */
size_t utf8_size(ks_slice text, size_t at);
int64_t utf16_units(size_t size);

#endif
