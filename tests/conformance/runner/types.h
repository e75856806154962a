/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types.h - the types of the vocabulary: their serdes, their JSON forms, and the text form of
 * bytes.
 */
#ifndef CONFORMANCE_TYPES_H
#define CONFORMANCE_TYPES_H

#include "scenario.h"

/**
 * The serde of a type; NULL for NULL, and NULL with a problem for a type that is unknown or not
 * built yet.
 */
const ks_serde *type_serde(cf_problem *problem, const char *type);

/** The kind of a number type ("long" ...), KS_KIND_NULL for any other type and for NULL. */
ks_kind type_number_kind(const char *type);

/**
 * A literal as a value of a type; without a type as it is written: text, long, double or null.
 * Lives in `arena` or in the JSON. What cannot be written so is a problem, and null.
 */
ks_value type_literal(cf_problem *problem, ks_arena *arena, const char *type, const json_t *json);

/** A text, or `hex:` and hex, as bytes in `arena` or in the JSON; null for null and absent. */
ks_slice type_bytes(cf_problem *problem, ks_arena *arena, const json_t *json);

/**
 * A key or value of a step: a text that begins with `hex:` is raw whatever the type, all else goes
 * through the type's serde.
 */
ks_slice type_step_bytes(cf_problem *problem, ks_arena *arena, const char *type,
                         const ks_serde_ctx *where, const json_t *json);

/**
 * Printable ASCII that does not begin with `hex:` as it is, all else as `hex:` and lower-case hex.
 * Null stays null.
 */
ks_slice type_bytes_text(ks_arena *arena, ks_slice bytes);

/** *text(x)* of the vocabulary: String.valueOf, but bytes in their text form. */
ks_slice type_text(ks_arena *arena, ks_value value);

/** Bytes in their text form as JSON; null is null. New reference. */
json_t *type_bytes_json(ks_arena *arena, ks_slice bytes);

/** A value as `stores` has it. New reference; a kind without such a form is a problem, and null. */
json_t *type_value_json(cf_problem *problem, ks_arena *arena, ks_value value);

#endif
