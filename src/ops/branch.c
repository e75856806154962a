/* SPDX-License-Identifier: Apache-2.0 */
/*
 * branch.c - the node of a split: the first branch whose condition holds takes the record. @java
 * KStreamBranch
 *
 * Branch i is child i of the node: branches become nodes in the order in which they were added, and
 * nothing else is ever a child of the node. A default branch is the child behind the last
 * condition, whenever it was added: Java counts the same way, so a branch added after the default
 * shifts it, there and here.
 */
#include "base/arena.h"
#include "ops/ops.h"
#include "topology/context.h"

typedef struct branch {
    ks_predicate_fn *condition;
    void *user;
    struct branch *next;
} branch;

struct ksi_branches {
    branch *first;
    branch **end;
    size_t count;
};

ksi_branches *ksi_branches_new(ks_arena *arena)
{
    ksi_branches *branches = ksi_arena_zalloc(arena, sizeof *branches);
    branches->end = &branches->first;
    return branches;
}

void ksi_branches_add(ksi_branches *branches, ks_arena *arena, ks_predicate_fn *condition,
                      void *user)
{
    branch *added = ksi_arena_alloc(arena, sizeof *added);
    *added = (branch){.condition = condition, .user = user};
    *branches->end = added;
    branches->end = &added->next;
    branches->count++;
}

size_t ksi_branches_count(const ksi_branches *branches)
{
    return branches->count;
}

static void branch_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_branches *branches = config;
    ksi_node_instance *here = ctx->node;
    (void)state;
    size_t child = 0;
    for (const branch *b = branches->first; b != NULL; b = b->next, child++) {
        bool taken = b->condition(ctx, record, b->user);
        if (taken || ksi_ctx_failed(ctx)) {
            break;
        }
    }
    if (!ksi_ctx_failed(ctx) && child < here->child_count) {
        ksi_forward_to(ctx, here->children[child], record);
    }
}

static const ksi_processor_class branch_class = {.process = branch_process};

ksi_processor ksi_op_branch(const ksi_branches *branches)
{
    return (ksi_processor){.class = &branch_class, .config = branches};
}
