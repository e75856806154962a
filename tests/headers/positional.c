/* SPDX-License-Identifier: Apache-2.0 */
/*
 * positional.c - what the options macros must not accept silently.
 *
 * Options are named: KS_CONSUMED(.value = &ks_serde_string). Given by position, a serde would land
 * in whatever member comes first, and move when a version adds one. A guard member behind the
 * hidden head makes the compiler warn; the check fails when this file compiles without a warning.
 * It is compiled only there.
 */
#include <kstreams/kstreams.h>

const void *positional_options(void);

const void *positional_options(void)
{
    return KS_CONSUMED(&ks_serde_string);
}
