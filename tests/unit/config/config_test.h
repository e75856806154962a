/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_test.h - what the tests of this room share: sets made of pairs, and what a refusal must
 * say.
 */
#ifndef CONFIG_TEST_H
#define CONFIG_TEST_H

#include "config/config.h"
#include "config/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A set of `NAME, VALUE, ..., NULL`, also of what is not built. Free it with ks_config_free(). */
ks_config *config_of(const char *name, ...);

/* ks_config_set() takes it. */
void assert_taken(ks_config *config, const char *name, const char *value);

/*
 * ks_config_set() answers `status` and a message that has all of `parts` (NULL at the end) in it;
 * `where` is the name.
 */
void assert_refused(const char *name, const char *value, ks_status status,
                    const char *const *parts);
#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

void assert_contains(const char *text, const char *part);

#endif
