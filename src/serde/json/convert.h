/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convert.h - a single value of a document into a member: a text, a number, a date, a name.
 */
#ifndef KSI_SERDE_JSON_CONVERT_H
#define KSI_SERDE_JSON_CONVERT_H

#include "serde/json/reader.h"

#include <kstreams/json.h>

/*
 * Fills the member at `to`; for kinds that are neither object nor array.
 *
 * @return NULL, or why the value does not fit, in `arena`
 */
const char *ksi_json_convert(const ks_json_what *what, const ksi_json_event *event, char *to,
                             ks_arena *arena);

/* The same from a default's text, whose token the kind decides. */
const char *ksi_json_convert_text(const ks_json_what *what, const char *text, char *to,
                                  ks_arena *arena);

/* "a string", "an object": what a token is. */
const char *ksi_json_token_name(ksi_json_token token);

#endif
