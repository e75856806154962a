/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_plan.h - what `ks reset` would do to an application: members to remove, topics to delete,
 * offsets to set, a directory to empty.
 *
 * Making a plan changes nothing. What cannot be done is found while it is made, so that a reset
 * stops before its first step and not behind it.
 */
#ifndef KS_TOOL_RESET_PLAN_H
#define KS_TOOL_RESET_PLAN_H

#include "where.h"

typedef struct reset_options {
    const char *application_id;
    text_list input_topics;    /* each one or several, with commas between them */
    text_list internal_topics; /* as well; empty: all that are found */
    where_options where;
    const char *from_file; /* TOPIC,PARTITION,OFFSET a line; NULL: by `where` */
    const char *state_dir; /* NULL: local state is left alone */
    bool dry_run;
    bool force;
} reset_options;

typedef struct planned_offset {
    const char *topic;
    int32_t partition;
    int64_t committed; /* -1: nothing */
    int64_t offset;
} planned_offset;

typedef struct reset_plan {
    ks_arena *arena; /* all texts */
    text_list members;
    text_list topics; /* to be deleted, by name */
    /* Named as if they were the application's, but of another group: left alone. */
    text_list spared;
    text_list spared_for;
    planned_offset *offsets;
    size_t offset_count;
    size_t offset_capacity;
    const char *state; /* <state.dir>/<application.id>; NULL: nothing is there */
} reset_plan;

/* 0, or the exit status when it has said what is wrong. The plan is to be freed in both cases. */
int reset_plan_make(reset_plan *plan, ks_log *log, const reset_options *options);
void reset_plan_free(reset_plan *plan);

#endif
