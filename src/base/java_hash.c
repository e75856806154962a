/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_hash.c - the order in which a java.util.HashMap of texts is iterated, by doing what it does.
 *
 *     bucket 0   node -> node                       plain: in the order of insertion
 *     bucket 1   root -> node -> node -> ...    tree: the root first, a new node right behind its
 *                                               parent in the tree
 *
 * The problem: Java prints several lists of a topology in the order of a HashMap, so printing the
 * same text needs that order. It depends on four things: the hash of the text over its UTF-16
 * units, the size of the table (16, doubled when more than 3/4 full), the order of insertion inside
 * a bucket, and what happens to crowded buckets. The last one is why this file is longer than a
 * page: a bucket about to hold nine nodes doubles a table of fewer than 64 buckets whatever it
 * holds, and in a larger table becomes a red-black tree. The tree is invisible but for the chain
 * that iteration follows: the root is moved to its front, and where a new node is linked in depends
 * on its parent. So the tree has to be grown here too, rotations included. Sorting by bucket alone
 * is the tempting wrong way; it is right until names collide.
 *
 * Invariants: nodes are never removed; the capacity is a power of two; a tree's chain begins with
 * its root.
 *
 * Thread rule: any.
 */
#include "base/java_hash.h"

#include "base/check.h"
#include "base/memory.h"

enum { DEFAULT_CAPACITY = 16, TREE_FROM = 8, LIST_FROM = 6, SMALLEST_CAPACITY_WITH_TREES = 64 };

/* ---- texts as Java sees them ----------------------------------------------------------------- */

typedef struct units {
    const unsigned char *at;
    uint32_t second; /* the low half of a surrogate pair whose high half was taken, or 0 */
} units;

static uint32_t next_code_point(units *text)
{
    const unsigned char *at = text->at;
    size_t more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : 0;
    uint32_t point = more == 0 ? at[0] : at[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0u) != 0x80u) { /* malformed: the bytes as they are */
            text->at = at + 1;
            return at[0];
        }
        point = point << 6 | (at[i] & 0x3fu);
    }
    text->at = at + 1 + more;
    return point;
}

/* The next UTF-16 unit, or -1 at the end. */
static int32_t next_unit(units *text)
{
    if (text->second != 0) {
        int32_t unit = (int32_t)text->second;
        text->second = 0;
        return unit;
    }
    if (*text->at == '\0') {
        return -1;
    }
    uint32_t point = next_code_point(text);
    if (point < 0x10000u) {
        return (int32_t)point;
    }
    text->second = 0xdc00u + (point & 0x3ffu);
    return (int32_t)(0xd800u + ((point - 0x10000u) >> 10));
}

int32_t ksi_java_string_hash(const char *text)
{
    units rest = {.at = (const unsigned char *)text};
    uint32_t hash = 0;
    for (int32_t unit = next_unit(&rest); unit >= 0; unit = next_unit(&rest)) {
        hash = hash * 31u + (uint32_t)unit;
    }
    return (int32_t)hash;
}

/* String.compareTo(). */
static int compare_texts(const char *a, const char *b)
{
    units rest_a = {.at = (const unsigned char *)a};
    units rest_b = {.at = (const unsigned char *)b};
    for (;;) {
        int32_t unit_a = next_unit(&rest_a);
        int32_t unit_b = next_unit(&rest_b);
        if (unit_a != unit_b || unit_a < 0) {
            return unit_a < unit_b ? -1 : unit_a > unit_b;
        }
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct node node;
struct node {
    const char *text;
    uint32_t hash; /* spread */
    bool in_tree;
    bool is_red;
    node *next; /* of the bucket's chain, which is what iteration follows */
    node *previous;
    node *parent;
    node *left;
    node *right;
};

typedef struct table {
    node **buckets;
    size_t capacity;
    size_t count;
} table;

static node **bucket_of(const table *map, const node *of)
{
    KSI_CHECK(of != NULL);
    return &map->buckets[of->hash & (map->capacity - 1)];
}

/* ---- the red-black tree of a crowded bucket -------------------------------------------------- */

static node *put_in_place_of(node *root, const node *old, node *with)
{
    node *parent = old->parent;
    with->parent = parent;
    if (parent == NULL) {
        with->is_red = false;
        return with;
    }
    if (parent->left == old) {
        parent->left = with;
    } else {
        parent->right = with;
    }
    return root;
}

static node *rotate_left(node *root, node *at)
{
    node *up = at->right;
    if (up == NULL) {
        return root;
    }
    at->right = up->left;
    if (at->right != NULL) {
        at->right->parent = at;
    }
    root = put_in_place_of(root, at, up);
    up->left = at;
    at->parent = up;
    return root;
}

static node *rotate_right(node *root, node *at)
{
    node *up = at->left;
    if (up == NULL) {
        return root;
    }
    at->left = up->right;
    if (at->left != NULL) {
        at->left->parent = at;
    }
    root = put_in_place_of(root, at, up);
    up->right = at;
    at->parent = up;
    return root;
}

/* Repairs the colours above a node that was just attached; returns the root. */
static node *balance(node *root, node *at)
{
    at->is_red = true;
    for (;;) {
        node *parent = at->parent;
        if (parent == NULL) {
            at->is_red = false;
            return at;
        }
        node *above = parent->parent;
        if (!parent->is_red || above == NULL) {
            return root;
        }
        bool on_left = parent == above->left;
        node *uncle = on_left ? above->right : above->left;
        if (uncle != NULL && uncle->is_red) {
            uncle->is_red = false;
            parent->is_red = false;
            above->is_red = true;
            at = above;
            continue;
        }
        if (at == (on_left ? parent->right
                           : parent->left)) { /* an inner child: first make it an outer one */
            at = parent;
            root = on_left ? rotate_left(root, at) : rotate_right(root, at);
            parent = at->parent;
            above = parent->parent;
        }
        parent->is_red = false;
        if (above != NULL) {
            above->is_red = true;
            root = on_left ? rotate_right(root, above) : rotate_left(root, above);
        }
    }
}

/* Attaches a node below the tree's root and returns its parent there. */
static node *attach(node *root, node *added)
{
    for (node *at = root;;) {
        int32_t here = (int32_t)at->hash; /* Java compares them as signed numbers */
        int32_t there = (int32_t)added->hash;
        bool to_left = there == here ? compare_texts(added->text, at->text) <= 0 : there < here;
        node **child = to_left ? &at->left : &at->right;
        if (*child == NULL) {
            *child = added;
            added->parent = at;
            return at;
        }
        at = *child;
    }
}

static void move_to_front(const table *map, node *root)
{
    node **bucket = bucket_of(map, root);
    node *first = *bucket;
    if (root == first) {
        return;
    }
    *bucket = root;
    if (root->next != NULL) {
        root->next->previous = root->previous;
    }
    if (root->previous != NULL) {
        root->previous->next = root->next;
    }
    if (first != NULL) {
        first->previous = root;
    }
    root->next = first;
    root->previous = NULL;
}

/* Makes a tree of the chain of a bucket. */
static void make_tree(const table *map, node *first)
{
    node *root = NULL;
    node *previous = NULL;
    for (node *at = first; at != NULL; at = at->next) {
        at->in_tree = true;
        at->previous = previous;
        at->left = at->right = at->parent = NULL;
        previous = at;
        if (root == NULL) {
            at->is_red = false;
            root = at;
        } else {
            (void)attach(root, at);
            root = balance(root, at);
        }
    }
    move_to_front(map, root);
}

static void put_in_tree(const table *map, node *first, node *added)
{
    node *root =
        first; /* the chain of a tree begins with its root, but for the moment after a split */
    while (root->parent != NULL) {
        root = root->parent;
    }
    node *parent = attach(root, added);
    node *behind = parent->next;
    added->in_tree = true;
    added->next = behind;
    added->previous = parent;
    parent->next = added;
    if (behind != NULL) {
        behind->previous = added;
    }
    move_to_front(map, balance(root, added));
}

/* ---- growing --------------------------------------------------------------------------------- */

typedef struct chain {
    node *first;
    node *last;
    size_t count;
} chain;

static void append(chain *to, node *added)
{
    if (to->last != NULL) {
        to->last->next = added;
    } else {
        to->first = added;
    }
    added->previous = to->last;
    to->last = added;
    to->count++;
}

/* One half of a bucket that was a tree, in its new bucket. */
static void settle_half(const table *map, chain half, bool was_divided)
{
    if (half.first == NULL) {
        return;
    }
    half.last->next = NULL;
    *bucket_of(map, half.first) = half.first;
    if (half.count <= LIST_FROM) {
        for (node *at = half.first; at != NULL; at = at->next) {
            at->in_tree = false;
        }
    } else if (was_divided) {
        make_tree(map, half.first);
    }
}

static void grow(table *map)
{
    table old = *map;
    map->capacity *= 2;
    map->buckets = ksi_calloc(map->capacity, sizeof *map->buckets);
    for (size_t i = 0; i < old.capacity; i++) {
        chain halves[2] = {{0}, {0}};
        bool was_tree = old.buckets[i] != NULL && old.buckets[i]->in_tree;
        for (node *at = old.buckets[i]; at != NULL;) {
            node *next = at->next;
            append(&halves[(at->hash & old.capacity) != 0], at);
            at = next;
        }
        bool was_divided = halves[0].first != NULL && halves[1].first != NULL;
        for (size_t half = 0; half < 2; half++) {
            if (was_tree) {
                settle_half(map, halves[half], was_divided);
            } else if (halves[half].first != NULL) {
                halves[half].last->next = NULL;
                *bucket_of(map, halves[half].first) = halves[half].first;
            }
        }
    }
    ksi_free(old.buckets);
}

static void put(table *map, node *added)
{
    node **bucket = bucket_of(map, added);
    if (*bucket == NULL) {
        *bucket = added;
    } else if ((*bucket)->in_tree) {
        put_in_tree(map, *bucket, added);
    } else {
        node *last = *bucket;
        size_t before = 1;
        for (; last->next != NULL; last = last->next) {
            before++;
        }
        last->next = added;
        if (before >= TREE_FROM && map->capacity < SMALLEST_CAPACITY_WITH_TREES) {
            grow(map);
        } else if (before >= TREE_FROM) {
            make_tree(map, *bucket);
        }
    }
    map->count++;
    if (map->count > map->capacity / 4 * 3 + map->capacity % 4 * 3 / 4) {
        grow(map);
    }
}

void ksi_java_hash_order(const char *const *texts, size_t count, size_t initial_capacity,
                         size_t *order)
{
    if (count == 0) {
        return;
    }
    table map = {.capacity = 1};
    while (map.capacity < (initial_capacity == 0 ? DEFAULT_CAPACITY : initial_capacity)) {
        map.capacity *= 2;
    }
    map.buckets = ksi_calloc(map.capacity, sizeof *map.buckets);
    node *nodes = ksi_calloc(count, sizeof *nodes);
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = (uint32_t)ksi_java_string_hash(texts[i]);
        nodes[i].text = texts[i];
        nodes[i].hash = hash ^ hash >> 16;
        put(&map, &nodes[i]);
    }
    size_t written = 0;
    for (size_t i = 0; i < map.capacity; i++) {
        for (const node *at = map.buckets[i]; at != NULL; at = at->next) {
            order[written++] = (size_t)(at - nodes);
        }
    }
    KSI_CHECK(written == count);
    ksi_free(nodes);
    ksi_free(map.buckets);
}
