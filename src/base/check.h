/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - assertions. KSI_ASSERT is for mistakes of our own and is gone in release builds;
 * KSI_CHECK stays wherever going on would corrupt state. Both print file, line and condition, and
 * abort.
 */
#ifndef KSI_BASE_CHECK_H
#define KSI_BASE_CHECK_H

#include <kstreams/common.h>

KS_NORETURN void ksi_check_failed(const char *file, int line, const char *condition);

#define KSI_CHECK(condition) \
    ((condition) ? (void)0 : ksi_check_failed(__FILE__, __LINE__, #condition))
#ifdef KSI_DEBUG
#define KSI_ASSERT(condition) KSI_CHECK(condition)
#else
#define KSI_ASSERT(condition) ((void)0)
#endif

#endif
