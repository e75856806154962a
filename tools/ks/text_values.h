/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_values.h - keys and values as text: what people type and read, by the name of a serde.
 *
 *     string   as it is                 bytes    in hexadecimal
 *     short integer long float double   as numbers, in Java's byte order on the topic
 *     boolean  true or false            uuid     36 characters
 */
#ifndef KS_TOOL_TEXT_VALUES_H
#define KS_TOOL_TEXT_VALUES_H

#include <stdio.h>

#include <kstreams/serde.h>

/* The serde; NULL when it has said that there is none of that name. NULL names string. */
const ks_serde *serde_of(const char *name);

/* The bytes that `text` stands for, in `arena`. KS_E_SERDE. Null stays null. */
KS_NODISCARD ks_status parse_value(const ks_serde *serde, ks_slice text, ks_arena *arena,
                                   ks_slice *bytes, ks_error *error);

/*
 * Prints what `bytes` stand for; as JSON, numbers and booleans are such. KS_E_SERDE when the bytes
 * are none of this serde's: nothing is printed then.
 */
KS_NODISCARD ks_status print_value(FILE *file, const ks_serde *serde, ks_slice bytes, bool json,
                                   ks_arena *arena, ks_error *error);

#endif
