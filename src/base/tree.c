/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - the ordered tree: a B-tree of addresses of items, with a piece of every key in the node.
 *
 *     node     skip = 12     first  [ "00000017" | "00000042" | ... ]   8 key bytes behind `skip`
 *                            second [     ...    |     ...    | ... ]   and the 8 behind those
 *                            items  [    *       |    *       | ... ]   the owner's items
 *                            child  [ * |       *      |      ... ]       only in inner nodes
 *
 * The problem: a state store holds up to millions of rows, and a search that follows an address for
 * every comparison waits for memory at each. Keys of one store look alike at the front
 * ("customer-00012", a window's segment), so comparing the first eight bytes alone decides nothing
 * either. A node therefore remembers how many leading bytes all of its keys share and keeps the
 * sixteen bytes behind these as two numbers, with a copy of the shared ones; a search reads numbers
 * that lie side by side. Only keys that agree there too are compared in full.
 *
 * Invariants
 *   - all keys of a node share their first `skip` bytes (a smaller `skip` is as right, only
 *     slower); the numbers are always up to date with `skip`, short keys padded with zeros: unequal
 *     numbers order as the keys do, equal numbers say nothing
 *   - every node but the root has at least LEAST items, all leaves have the same depth
 *   - a search touches no key outside the node but those that tie, and one where more than SHARED
 *     bytes are shared
 *   - inserting begins at the finger, the leaf of the last insertion: sorted items and those of a
 *     clock seldom need the way from the root. A leaf that splits, or anything removed, lifts it
 *   - the tree never looks at an item but for its key, and never moves or frees one: a row's
 *     address is good for as long as its owner wants
 *
 * The tempting wrong way is a sorted array per node holding the keys themselves: twice as fast to
 * scan, and every split moves rows that iterators and callers still look at.
 *
 * Thread rule: the owner's.
 */
#include "base/tree.h"

#include "base/check.h"
#include "base/endian.h"
#include "base/memory.h"
#include "base/slice.h"

enum {
    AHEAD = 5,                 /* items of a walk that are asked for before they are needed */
    MOST = 31,                 /* items of a node */
    LEAST = MOST / 2,          /* of a node that is not the root */
    SHARED = 32,               /* of the shared bytes, how many stand in the node */
    DEEPEST = KSI_TREE_DEEPEST /* 16^16 items are enough */
};

typedef ksi_tree_item item;

typedef struct node {
    uint16_t count;
    bool is_leaf;
    size_t skip;
    char shared[SHARED]; /* the beginning of the shared bytes; all of them when they fit */
    uint64_t first[MOST];
    uint64_t second[MOST];
    item *items[MOST];
    struct node *children[]; /* MOST + 1 of them in an inner node */
} node;

struct ksi_tree {
    node *root; /* NULL when empty */
    uint64_t count;
    uint64_t changes; /* of its structure: cursors look whether their way still holds */
    /* The finger: the leaf that took the last item, unless something was split or removed since. */
    node *finger;
    bool finger_is_last; /* no leaf is right of it */
};

/* One step of the way from the root: which node, and the position that was taken in it. */
typedef struct step {
    node *at;
    size_t position;
} step;

typedef struct path {
    step steps[DEEPEST];
    size_t depth;
} path;

/* ---- keys in a node -------------------------------------------------------------------------- */

/* The 8 bytes of a key behind its first `skip`, as a number that orders as they do. */
static uint64_t first_bytes(ks_slice key, size_t skip)
{
    if (key.size >= skip + 8) {
        return ksi_get_be64(key.data + skip);
    }
    char padded[8] = {0};
    if (key.size > skip) {
        memcpy(padded, key.data + skip, key.size - skip);
    }
    return ksi_get_be64(padded);
}

static size_t shared_bytes(ks_slice a, ks_slice b, size_t at_most)
{
    size_t limit = a.size < b.size ? a.size : b.size;
    limit = limit < at_most ? limit : at_most;
    size_t i = 0;
    while (i < limit && a.data[i] == b.data[i]) {
        i++;
    }
    return i;
}

/* Key bytes of an item, as numbers. */
static void set_number(node *at, size_t i)
{
    at->first[i] = first_bytes(at->items[i]->key, at->skip);
    at->second[i] = first_bytes(at->items[i]->key, at->skip + 8);
}

static void set_skip(node *at, size_t skip)
{
    at->skip = skip;
    size_t kept = skip < SHARED ? skip : SHARED;
    if (kept > 0) {
        memcpy(at->shared, at->items[0]->key.data, kept);
    }
    for (size_t i = 0; i < at->count; i++) {
        set_number(at, i);
    }
}

/* The longest `skip`: in a sorted list the ends share what all share. */
static size_t longest_skip(const node *at)
{
    return shared_bytes(at->items[0]->key, at->items[at->count - 1]->key, SIZE_MAX);
}

/*
 * Takes the longest `skip` after items came or went. The numbers are right for the one there was,
 * and most often it stays: then no keys are touched but the two at the ends.
 */
static void refresh(node *at)
{
    size_t skip = longest_skip(at);
    if (skip != at->skip) {
        set_skip(at, skip);
    }
}

/*
 * How many items of the node are smaller than the key; `*found` says whether the next one equals
 * it.
 */
static size_t position_in(const node *at, ks_slice key, bool *found)
{
    *found = false;
    __builtin_prefetch(at->first + 2); /* all at once, and not one after the other */
    __builtin_prefetch(at->first + 10);
    __builtin_prefetch(at->first + 18);
    if (at->skip > 0) {
        const char *shared = at->skip <= SHARED ? at->shared : at->items[0]->key.data;
        size_t common = key.size < at->skip ? key.size : at->skip;
        int order = common > 0 ? memcmp(key.data, shared, common) : 0;
        if (order != 0 || common < at->skip) {
            return order > 0 ? at->count : 0;
        }
    }
    uint64_t wanted = first_bytes(key, at->skip);
    size_t low = 0;
    for (size_t left = at->count;
         left > 0;) { /* the first number that is not smaller, without branches to mispredict */
        size_t half = left / 2;
        bool right = at->first[low + half] < wanted;
        low = right ? low + half + 1 : low;
        left = right ? left - half - 1 : half;
    }
    if (low == at->count || at->first[low] != wanted) {
        return low;
    }
    uint64_t then = first_bytes(key, at->skip + 8);
    while (low < at->count && at->first[low] == wanted && at->second[low] < then) {
        low++;
    }
    size_t high = low;
    while (high < at->count && at->first[high] == wanted && at->second[high] == then) {
        high++;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ksi_slice_compare(at->items[middle]->key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- reading --------------------------------------------------------------------------------- */

ksi_tree *ksi_tree_new(void)
{
    return ksi_calloc(1, sizeof(ksi_tree));
}

static void free_node(node *at)
{
    if (at == NULL) {
        return;
    }
    if (!at->is_leaf) {
        for (size_t i = 0; i <= at->count; i++) {
            free_node(at->children[i]); /* as deep as the tree: a handful of frames */
        }
    }
    ksi_free(at);
}

void ksi_tree_free(ksi_tree *tree)
{
    if (tree != NULL) {
        free_node(tree->root);
        ksi_free(tree);
    }
}

void ksi_tree_clear(ksi_tree *tree)
{
    free_node(tree->root);
    *tree = (ksi_tree){.changes = tree->changes + 1};
}

uint64_t ksi_tree_count(const ksi_tree *tree)
{
    return tree->count;
}

ksi_tree_item *ksi_tree_get(const ksi_tree *tree, ks_slice key)
{
    const node *at = tree->root;
    while (at != NULL) {
        bool found;
        size_t position = position_in(at, key, &found);
        if (found) {
            return at->items[position];
        }
        at = at->is_leaf ? NULL : at->children[position];
    }
    return NULL;
}

/* The smallest entry that is greater than the key, or equal to it when `or_equal`. */
static ksi_tree_item *next_entry(const ksi_tree *tree, ks_slice key, bool or_equal)
{
    item *best = NULL;
    for (const node *at = tree->root; at != NULL;) {
        bool found;
        size_t position = position_in(at, key, &found);
        if (found && or_equal) {
            return at->items[position];
        }
        position += found ? 1 : 0;
        if (position < at->count) {
            best = at->items[position];
        }
        at = at->is_leaf ? NULL : at->children[position];
    }
    return best;
}

/* The greatest entry that is smaller than the key, or equal to it when `or_equal`. */
static ksi_tree_item *previous_entry(const ksi_tree *tree, ks_slice key, bool or_equal)
{
    item *best = NULL;
    for (const node *at = tree->root; at != NULL;) {
        bool found;
        size_t position = position_in(at, key, &found);
        if (found && or_equal) {
            return at->items[position];
        }
        if (position > 0) {
            best = at->items[position - 1];
        }
        at = at->is_leaf ? NULL : at->children[position];
    }
    return best;
}

ksi_tree_item *ksi_tree_first(const ksi_tree *tree)
{
    const node *at = tree->root;
    while (at != NULL && !at->is_leaf) {
        at = at->children[0];
    }
    return at != NULL ? at->items[0] : NULL;
}

ksi_tree_item *ksi_tree_last(const ksi_tree *tree)
{
    const node *at = tree->root;
    while (at != NULL && !at->is_leaf) {
        at = at->children[at->count];
    }
    return at != NULL ? at->items[at->count - 1] : NULL;
}

ksi_tree_item *ksi_tree_at_or_above(const ksi_tree *tree, ks_slice key)
{
    return next_entry(tree, key, true);
}

ksi_tree_item *ksi_tree_above(const ksi_tree *tree, ks_slice key)
{
    return next_entry(tree, key, false);
}

ksi_tree_item *ksi_tree_at_or_below(const ksi_tree *tree, ks_slice key)
{
    return previous_entry(tree, key, true);
}

ksi_tree_item *ksi_tree_below(const ksi_tree *tree, ks_slice key)
{
    return previous_entry(tree, key, false);
}

/* ---- cursors --------------------------------------------------------------------------------- */

static ksi_tree_item *item_at(const ksi_tree_cursor *cursor)
{
    const node *at = cursor->steps[cursor->depth - 1].node;
    return at->items[cursor->steps[cursor->depth - 1].position];
}

static void push(ksi_tree_cursor *cursor, node *at, size_t position)
{
    KSI_CHECK(cursor->depth < DEEPEST);
    cursor->steps[cursor->depth].node = at;
    cursor->steps[cursor->depth++].position = position;
}

/* Goes up to the nearest node that has an item ahead. In a step, `position` is the child taken. */
static ksi_tree_item *climb(ksi_tree_cursor *cursor, bool backward)
{
    while (cursor->depth > 0) {
        const node *at = cursor->steps[cursor->depth - 1].node;
        size_t *position = &cursor->steps[cursor->depth - 1].position;
        if (!backward && *position < at->count) {
            return at->items[*position];
        }
        if (backward && *position > 0) {
            (*position)--;
            return at->items[*position];
        }
        cursor->depth--;
    }
    return NULL;
}

/* Whoever seeks goes on from there: asks for the memory of the next items while it does. */
static void fetch_ahead(const node *at, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < at->count; i++) {
        __builtin_prefetch(at->items[i]);
        __builtin_prefetch((const char *)at->items[i] + 64);
    }
}

static ksi_tree_item *seek(ksi_tree_cursor *cursor, ks_slice key, bool backward, bool or_equal)
{
    cursor->depth = 0;
    cursor->changes = cursor->tree->changes;
    for (node *at = cursor->tree->root; at != NULL;) {
        bool found = false;
        size_t position = backward ? at->count : 0;
        if (key.data != NULL) {
            position = position_in(at, key, &found);
        }
        if (found && or_equal) {
            push(cursor, at, position);
            fetch_ahead(at, position, position + AHEAD);
            return item_at(cursor);
        }
        position += found && !backward ? 1 : 0;
        push(cursor, at, position);
        if (at->is_leaf && !backward) {
            fetch_ahead(at, position, position + AHEAD);
        }
        at = at->is_leaf ? NULL : at->children[position];
    }
    return climb(cursor, backward);
}

ksi_tree_item *ksi_tree_seek(ksi_tree_cursor *cursor, const ksi_tree *tree, ks_slice key,
                             bool backward)
{
    cursor->tree = tree;
    cursor->item = seek(cursor, key, backward, true);
    return cursor->item;
}

/* Down the children at one end, to a leaf. */
static void fall(ksi_tree_cursor *cursor, node *at, bool backward)
{
    while (at != NULL) {
        size_t position = backward ? at->count : 0;
        push(cursor, at, position);
        at = at->is_leaf ? NULL : at->children[position];
    }
}

ksi_tree_item *ksi_tree_next(ksi_tree_cursor *cursor, ks_slice after)
{
    if (cursor->item == NULL || cursor->changes != cursor->tree->changes) {
        cursor->item = seek(cursor, after, false, false);
        return cursor->item;
    }
    const node *at = cursor->steps[cursor->depth - 1].node;
    size_t position = ++cursor->steps[cursor->depth - 1].position;
    fetch_ahead(at, position + AHEAD - 1, position + AHEAD);
    fall(cursor, at->is_leaf ? NULL : at->children[position], false);
    cursor->item = climb(cursor, false);
    return cursor->item;
}

ksi_tree_item *ksi_tree_previous(ksi_tree_cursor *cursor, ks_slice before)
{
    if (cursor->item == NULL || cursor->changes != cursor->tree->changes) {
        cursor->item = seek(cursor, before, true, false);
        return cursor->item;
    }
    const node *at = cursor->steps[cursor->depth - 1].node;
    size_t position = cursor->steps[cursor->depth - 1].position;
    fall(cursor, at->is_leaf ? NULL : at->children[position], true);
    cursor->item = climb(cursor, true);
    return cursor->item;
}

/* ---- putting --------------------------------------------------------------------------------- */

static node *new_node(bool is_leaf)
{
    node *at = ksi_alloc(sizeof *at + (is_leaf ? 0 : (MOST + 1) * sizeof at->children[0]));
    at->count = 0;
    at->is_leaf = is_leaf;
    at->skip = 0;
    return at;
}

/* Goes down to the item of that key, or to the leaf where it belongs, and notes the way. */
static bool descend(const ksi_tree *tree, ks_slice key, path *way)
{
    way->depth = 0;
    node *at = tree->root;
    while (at != NULL) {
        KSI_CHECK(way->depth < DEEPEST);
        bool found;
        size_t position = position_in(at, key, &found);
        way->steps[way->depth++] = (step){.at = at, .position = position};
        if (found) {
            return true;
        }
        at = at->is_leaf ? NULL : at->children[position];
    }
    return false;
}

/* Puts an item, and the child right of it in an inner node, into a node that has room. */
static void insert_at(node *at, size_t position, item *it, node *right)
{
    size_t moved = at->count - position;
    memmove(at->items + position + 1, at->items + position, moved * sizeof *at->items);
    memmove(at->first + position + 1, at->first + position, moved * sizeof *at->first);
    memmove(at->second + position + 1, at->second + position, moved * sizeof *at->second);
    at->items[position] = it;
    if (!at->is_leaf) {
        memmove(at->children + position + 2, at->children + position + 1,
                moved * sizeof *at->children);
        at->children[position + 1] = right;
    }
    at->count++;
    size_t neighbour = position > 0 ? position - 1 : (size_t)at->count - 1;
    size_t shared = shared_bytes(it->key, at->items[neighbour]->key, at->skip);
    if (shared < at->skip) {
        set_skip(at, shared);
    } else {
        set_number(at, position);
    }
    if (at->count > 1 && (at->count & (at->count - 1U)) == 0) {
        refresh(at); /* a new root shares nothing yet; few enough times to cost nothing */
    }
}

/*
 * Moves the upper half of a full node into a new one; the item between the halves is for the
 * parent.
 */
static node *split(node *full, item **middle)
{
    node *right = new_node(full->is_leaf);
    size_t half = MOST / 2;
    *middle = full->items[half];
    right->count = (uint16_t)(MOST - half - 1);
    right->skip = full->skip;
    memcpy(right->shared, full->shared, sizeof right->shared);
    memcpy(right->items, full->items + half + 1, right->count * sizeof *right->items);
    memcpy(right->first, full->first + half + 1, right->count * sizeof *right->first);
    memcpy(right->second, full->second + half + 1, right->count * sizeof *right->second);
    if (!full->is_leaf) {
        memcpy(right->children, full->children + half + 1,
               ((size_t)right->count + 1) * sizeof *right->children);
    }
    full->count = (uint16_t)half;
    refresh(full);
    refresh(right);
    return right;
}

static void insert_along(ksi_tree *tree, path *way, item *it)
{
    node *right = NULL; /* the child that goes with `it` */
    while (way->depth > 0) {
        step *here = &way->steps[--way->depth];
        if (here->at->count < MOST) {
            insert_at(here->at, here->position, it, right);
            return;
        }
        item *middle = NULL;
        node *upper = split(here->at, &middle);
        size_t in_lower = here->at->count;
        if (here->position <= in_lower) {
            insert_at(here->at, here->position, it, right);
        } else {
            insert_at(upper, here->position - in_lower - 1, it, right);
        }
        it = middle;
        right = upper;
    }
    node *root = new_node(tree->root == NULL);
    if (!root->is_leaf) {
        root->children[0] = tree->root;
    }
    insert_at(root, 0, it, right);
    tree->root = root;
}

/*
 * Puts an item where the last one went, when it belongs between the items of that leaf, or behind
 * all. @return whether it did; `*found`: its key is there already
 */
static bool insert_at_finger(ksi_tree *tree, item *it, bool *found)
{
    node *leaf = tree->finger;
    *found = false;
    if (leaf == NULL || leaf->count == MOST) {
        return false;
    }
    size_t position = position_in(leaf, it->key, found);
    bool belongs = position > 0 && (position < leaf->count || tree->finger_is_last);
    if (*found || !belongs) {
        return false;
    }
    insert_at(leaf, position, it, NULL);
    return true;
}

static void set_finger(ksi_tree *tree, const path *way)
{
    node *leaf = way->depth > 0 ? way->steps[way->depth - 1].at : NULL;
    tree->finger = leaf != NULL && leaf->count < MOST ? leaf : NULL; /* else it will be split */
    tree->finger_is_last = true;
    for (size_t i = 0; i + 1 < way->depth; i++) {
        const step *here = &way->steps[i];
        tree->finger_is_last = tree->finger_is_last && here->position == here->at->count;
    }
}

bool ksi_tree_insert(ksi_tree *tree, ksi_tree_item *added)
{
    bool found;
    if (!insert_at_finger(tree, added, &found)) {
        path way;
        if (found || descend(tree, added->key, &way)) {
            return false;
        }
        set_finger(tree, &way);
        insert_along(tree, &way, added);
    }
    tree->count++;
    tree->changes++;
    return true;
}

/* ---- removing -------------------------------------------------------------------------------- */

/*
 * Takes out an item, and the child right of it in an inner node. `skip` stays: fewer keys share at
 * least as much.
 */
static void take_out(node *at, size_t position)
{
    size_t moved = (size_t)at->count - position - 1;
    memmove(at->items + position, at->items + position + 1, moved * sizeof *at->items);
    memmove(at->first + position, at->first + position + 1, moved * sizeof *at->first);
    memmove(at->second + position, at->second + position + 1, moved * sizeof *at->second);
    if (!at->is_leaf) {
        memmove(at->children + position + 1, at->children + position + 2,
                moved * sizeof *at->children);
    }
    at->count--;
}

/* Puts another item in the place of one, whose neighbours order the same against it. */
static void replace_at(node *at, size_t position, item *it)
{
    at->items[position] = it;
    if (at->count == 1) { /* no neighbour says whether the shared bytes are still the same */
        set_skip(at, longest_skip(at));
        return;
    }
    size_t neighbour = position > 0 ? position - 1 : (size_t)at->count - 1;
    size_t shared = shared_bytes(it->key, at->items[neighbour]->key, at->skip);
    if (shared < at->skip) {
        set_skip(at, shared);
    } else {
        set_number(at, position);
    }
}

static void borrow_from_left(node *parent, size_t position)
{
    node *left = parent->children[position - 1];
    node *right = parent->children[position];
    node *moved = left->is_leaf ? NULL : left->children[left->count];
    item *up = left->items[left->count - 1];
    left->count--;
    insert_at(right, 0, parent->items[position - 1], right->is_leaf ? NULL : right->children[0]);
    if (!right->is_leaf) {
        right->children[0] = moved;
    }
    replace_at(parent, position - 1, up);
}

static void borrow_from_right(node *parent, size_t position)
{
    node *left = parent->children[position];
    node *right = parent->children[position + 1];
    item *up = right->items[0];
    insert_at(left, left->count, parent->items[position],
              right->is_leaf ? NULL : right->children[0]);
    if (!right->is_leaf) {
        right->children[0] = right->children[1];
    }
    take_out(right, 0);
    replace_at(parent, position, up);
}

/* Makes one node of children[position], items[position] and children[position + 1]. */
static void merge(node *parent, size_t position)
{
    node *left = parent->children[position];
    node *right = parent->children[position + 1];
    size_t at = left->count;
    left->items[at] = parent->items[position];
    memcpy(left->items + at + 1, right->items, right->count * sizeof *right->items);
    if (!left->is_leaf) {
        memcpy(left->children + at + 1, right->children,
               ((size_t)right->count + 1) * sizeof *right->children);
    }
    left->count = (uint16_t)(at + 1 + right->count);
    set_skip(left, longest_skip(left)); /* of what came there are no numbers yet */
    take_out(parent, position);
    ksi_free(right);
}

/* Fills up nodes that became too small, from the leaf to the root. */
static void rebalance(ksi_tree *tree, path *way)
{
    while (way->depth > 1) {
        const node *small = way->steps[--way->depth].at;
        if (small->count >= LEAST) {
            return;
        }
        node *parent = way->steps[way->depth - 1].at;
        size_t position = way->steps[way->depth - 1].position;
        if (position > 0 && parent->children[position - 1]->count > LEAST) {
            borrow_from_left(parent, position);
        } else if (position < parent->count && parent->children[position + 1]->count > LEAST) {
            borrow_from_right(parent, position);
        } else {
            merge(parent, position > 0 ? position - 1 : position);
        }
    }
    node *root = tree->root;
    if (root->count == 0) {
        tree->root = root->is_leaf ? NULL : root->children[0];
        ksi_free(root);
    }
}

ksi_tree_item *ksi_tree_remove(ksi_tree *tree, ks_slice key)
{
    path way;
    if (tree->root == NULL || !descend(tree, key, &way)) {
        return NULL;
    }
    tree->finger = NULL;
    step *here = &way.steps[way.depth - 1];
    item *removed = here->at->items[here->position];
    if (!here->at->is_leaf) { /* the greatest item below takes its place */
        node *inner = here->at;
        size_t position = here->position;
        for (node *at = inner->children[position]; at != NULL;) {
            KSI_CHECK(way.depth < DEEPEST);
            size_t last = at->is_leaf ? (size_t)at->count - 1 : at->count;
            way.steps[way.depth++] = (step){.at = at, .position = last};
            at = at->is_leaf ? NULL : at->children[last];
        }
        here = &way.steps[way.depth - 1];
        replace_at(inner, position, here->at->items[here->position]);
    }
    take_out(here->at, here->position);
    rebalance(tree, &way);
    tree->count--;
    tree->changes++;
    return removed;
}
