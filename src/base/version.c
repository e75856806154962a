/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - the version of the library as it was built, for programs that were compiled against
 * other headers.
 *
 * Thread rule: any.
 */
#include <kstreams/common.h>

#define TEXT_OF(number) #number
#define EXPANDED_TEXT_OF(number) TEXT_OF(number)

const char *ks_library_version(void)
{
    return EXPANDED_TEXT_OF(KS_VERSION_MAJOR) "." EXPANDED_TEXT_OF(
        KS_VERSION_MINOR) "." EXPANDED_TEXT_OF(KS_VERSION_PATCH);
}
