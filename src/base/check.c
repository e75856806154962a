/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what a failed assertion does: say where, and stop before anything is written on top of
 * broken state.
 *
 * Thread rule: any. Writes straight to standard error, not through a logger, because the logger may
 * be what is broken.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void ksi_check_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "kstreams: %s:%d: this must hold and does not: %s\n", file, line,
                  condition);
    abort();
}
