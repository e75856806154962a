/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assert_ok.h - a call that has to answer KS_OK; else the test ends with the place of the call and
 * the error in words. Include it behind <cmocka.h>.
 */
#ifndef TESTS_SUPPORT_ASSERT_OK_H
#define TESTS_SUPPORT_ASSERT_OK_H

#include <kstreams/common.h>

static inline void assert_ok_at(ks_status status, const ks_error *error, const char *file, int line)
{
    if (status != KS_OK) {
        char words[1200];
        print_error("%s:%d: %s\n", file, line, ks_error_text(error, words, sizeof words));
        _fail(file, line);
    }
}
#define assert_ok(status, error) assert_ok_at(status, error, __FILE__, __LINE__)

#endif
