/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_description.h - a group as `ks groups describe` prints it.
 */
#ifndef KS_TOOL_GROUP_DESCRIPTION_H
#define KS_TOOL_GROUP_DESCRIPTION_H

#include <kstreams/log.h>

/* Prints offsets and members. The exit status; what went wrong is said. */
int describe_group(ks_log *log, const char *group, bool json);

#endif
