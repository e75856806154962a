/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.h - the first difference between what Java did and what the library did.
 */
#ifndef CONFORMANCE_COMPARE_H
#define CONFORMANCE_COMPARE_H

#include <jansson.h>
#include <stdbool.h>

/**
 * Compares two outcomes: first how they ended, then what they describe, produced, stored and
 * dropped.
 *
 * @param text  set to one line that says where they differ, what was wanted and what came
 * @return true when they are equal; `text` is then left alone
 */
bool outcomes_are_equal(const json_t *want, const json_t *got, char *text, size_t size);

#endif
