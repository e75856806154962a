/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.c - splitting a stream. A branch is named after the split: its own name, or its number (the
 * default branch is 0), behind the split's name; each branch uses up a number. @java
 * BranchedKStreamImpl
 */
#include "dsl/builder.h"

ks_split *ks_stream_split(ks_stream *stream, const ks_named *named)
{
    ks_builder *builder = stream->builder;
    const ks_options_head *head = KSI_HEAD_OF(named);
    if (!ksi_builder_ready(builder, head, "ks_stream_split", true)) {
        return &builder->inert_split;
    }
    const char *name =
        ksi_name_or_new(builder, head, named != NULL ? named->name : NULL, "KSTREAM-BRANCH-");
    if (name == NULL) {
        return &builder->inert_split;
    }
    ks_split *split = ksi_arena_zalloc(&builder->arena, sizeof *split);
    split->builder = builder;
    split->name = name;
    split->stream = stream;
    split->branches = ksi_branches_new(&builder->topology->arena);
    split->node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    split->node->processor = ksi_op_branch(split->branches);
    ksi_attach(builder, stream->node, split->node);
    return split;
}

static ks_stream *add_branch(ks_split *split, size_t number, const ks_branched *branched)
{
    ks_builder *builder = split->builder;
    const char *own = branched != NULL ? branched->name : NULL;
    const char *name = own != NULL
                           ? ksi_arena_format(&builder->arena, "%s%s", split->name, own)
                           : ksi_arena_format(&builder->arena, "%s%zu", split->name, number);
    builder->next_number++;
    ksi_plan_node *node = ksi_add_plan_node(builder, name, ksi_plan_write_processor);
    node->processor = ksi_op_pass_through();
    ksi_attach(builder, split->node, node);
    ks_stream stream = *split->stream;
    stream.name = name;
    stream.node = node;
    return ksi_stream_new(builder, &stream);
}

ks_stream *ks_split_branch(ks_split *split, ks_predicate_fn *condition, void *user,
                           const ks_branched *branched)
{
    ks_builder *builder = split->builder;
    const ks_options_head *head = KSI_HEAD_OF(branched);
    ksi_builder_own(builder, user, branched != NULL ? branched->user_free : NULL);
    if (!ksi_builder_ready(builder, head, "ks_split_branch", condition != NULL)) {
        return &builder->inert_stream;
    }
    ksi_branches_add(split->branches, &builder->topology->arena, condition, user);
    return add_branch(split, ksi_branches_count(split->branches), branched);
}

ks_stream *ks_split_default_branch(ks_split *split, const ks_branched *branched)
{
    ks_builder *builder = split->builder;
    const ks_options_head *head = KSI_HEAD_OF(branched);
    if (!ksi_builder_ready(builder, head, "ks_split_default_branch", true)) {
        return &builder->inert_stream;
    }
    if (split->has_default) {
        ksi_builder_fail(builder, head, KS_E_ARGUMENT, split->name,
                         "the split has a default branch already; it has at most one");
        return &builder->inert_stream;
    }
    split->has_default = true;
    return add_branch(split, 0, branched);
}
