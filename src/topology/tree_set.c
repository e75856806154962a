/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_set.c - insertion into a red-black tree, step by step as java.util.TreeMap does it.
 *
 * The algorithm is that of Cormen, Leiserson and Rivest, Introduction to Algorithms, which TreeMap
 * follows; rebalancing must be the same in every case, since the shape decides later comparisons
 * (see the header). Nothing is ever removed.
 */
#include "topology/tree_set.h"

#include <string.h>

struct ksi_tree_set_entry {
    ksi_described *node;
    ksi_tree_set_entry *left;
    ksi_tree_set_entry *right;
    ksi_tree_set_entry *parent;
    bool black;
};

typedef ksi_tree_set_entry entry;

static int compare(const ksi_described *a, const ksi_described *b)
{
    if (a == b) {
        return 0;
    }
    return a->size != b->size ? b->size - a->size : strcmp(a->name, b->name);
}

static entry *parent_of(entry *e)
{
    return e != NULL ? e->parent : NULL;
}

static entry *left_of(entry *e)
{
    return e != NULL ? e->left : NULL;
}

static entry *right_of(entry *e)
{
    return e != NULL ? e->right : NULL;
}

static bool is_black(const entry *e)
{
    return e == NULL || e->black;
}

static void set_black(entry *e, bool black)
{
    if (e != NULL) {
        e->black = black;
    }
}

/* Puts `up` where `down` was. */
static void replace_child(ksi_tree_set *set, entry *down, entry *up)
{
    up->parent = down->parent;
    if (down->parent == NULL) {
        set->root = up;
    } else if (down->parent->left == down) {
        down->parent->left = up;
    } else {
        down->parent->right = up;
    }
    down->parent = up;
}

static void rotate_left(ksi_tree_set *set, entry *down)
{
    entry *up = right_of(down);
    if (up == NULL) {
        return;
    }
    down->right = up->left;
    if (up->left != NULL) {
        up->left->parent = down;
    }
    replace_child(set, down, up);
    up->left = down;
}

static void rotate_right(ksi_tree_set *set, entry *down)
{
    entry *up = left_of(down);
    if (up == NULL) {
        return;
    }
    down->left = up->right;
    if (up->right != NULL) {
        up->right->parent = down;
    }
    replace_child(set, down, up);
    up->right = down;
}

static void rebalance(ksi_tree_set *set, entry *added)
{
    entry *e = added;
    while (e != set->root && !e->parent->black) {
        entry *grandparent = parent_of(parent_of(e));
        bool on_left = parent_of(e) == left_of(grandparent);
        entry *uncle = on_left ? right_of(grandparent) : left_of(grandparent);
        if (!is_black(uncle)) {
            set_black(parent_of(e), true);
            set_black(uncle, true);
            set_black(grandparent, false);
            e = grandparent;
        } else if (on_left) {
            if (e == right_of(parent_of(e))) {
                e = parent_of(e);
                rotate_left(set, e);
            }
            set_black(parent_of(e), true);
            set_black(parent_of(parent_of(e)), false);
            rotate_right(set, parent_of(parent_of(e)));
        } else {
            if (e == left_of(parent_of(e))) {
                e = parent_of(e);
                rotate_right(set, e);
            }
            set_black(parent_of(e), true);
            set_black(parent_of(parent_of(e)), false);
            rotate_left(set, parent_of(parent_of(e)));
        }
    }
    set->root->black = true;
}

void ksi_tree_set_add(ksi_tree_set *set, ksi_described *node, ks_arena *arena)
{
    entry *parent = NULL;
    entry **place = &set->root;
    while (*place != NULL) {
        parent = *place;
        int order = compare(node, parent->node);
        if (order == 0) {
            return;
        }
        place = order < 0 ? &parent->left : &parent->right;
    }
    entry *added = ksi_arena_zalloc(arena, sizeof *added);
    added->node = node;
    added->parent = parent;
    *place = added;
    rebalance(set, added);
}

static void visit_below(const entry *e, void (*visit)(ksi_described *node, void *user), void *user)
{
    if (e != NULL) {
        visit_below(e->left, visit, user);
        visit(e->node, user);
        visit_below(e->right, visit, user);
    }
}

void ksi_tree_set_each(const ksi_tree_set *set, void (*visit)(ksi_described *node, void *user),
                       void *user)
{
    visit_below(set->root, visit, user);
}
