/* SPDX-License-Identifier: Apache-2.0 */
/*
 * use_order.c - see use_order.h. A hash table of keys through which two lists run.
 *
 *     used       eldest ... newest              every key that is there
 *     touched                                   what was used, added or removed since the commit
 *
 * Each use has a number, so that an abort can put a key back where it was: a key that is touched
 * for the first time since the commit keeps the number it had (0: it was not there). A key that was
 * removed stays in the table until the commit, for the same reason.
 *
 * The tempting wrong way is to leave the order alone when a transaction is aborted, as if it were
 * only a hint. It is not: it says which rows there are. A key whose eviction was taken back and
 * that nobody lists any more could never be evicted again.
 *
 * Thread rule: that of the row store it belongs to.
 */
#include "state/use_order.h"

#include "base/map.h"
#include "base/memory.h"

#include <stdlib.h>

typedef struct use {
    uint64_t number;
    uint64_t committed_number; /* while touched: what the commit had; 0: not there */
    struct use *older;
    struct use *newer;
    struct use *next_touched;
    bool is_touched;
    bool is_there;
    size_t key_size;
    char key[];
} use;

struct ksi_use_order {
    ksi_map *keys; /* -> use */
    use *eldest;
    use *newest;
    use *touched;
    size_t touched_count;
    size_t count;
    uint64_t last_number;
};

ksi_use_order *ksi_use_order_new(void)
{
    ksi_use_order *order = ksi_calloc(1, sizeof *order);
    order->keys = ksi_map_new();
    return order;
}

void ksi_use_order_free(ksi_use_order *order)
{
    if (order != NULL) {
        ksi_map_free(order->keys, ksi_free);
        ksi_free(order);
    }
}

void ksi_use_order_clear(ksi_use_order *order)
{
    ksi_map_free(order->keys, ksi_free);
    *order = (ksi_use_order){.keys = ksi_map_new()};
}

/* ---- the lists ------------------------------------------------------------------------------- */

static ks_slice key_of(const use *at)
{
    return ks_slice_of(at->key, at->key_size);
}

/* Links it behind `older`, which is NULL for the first place. */
static void link_behind(ksi_use_order *order, use *at, use *older)
{
    at->older = older;
    at->newer = older != NULL ? older->newer : order->eldest;
    *(at->older != NULL ? &at->older->newer : &order->eldest) = at;
    *(at->newer != NULL ? &at->newer->older : &order->newest) = at;
    at->is_there = true;
    order->count++;
}

static void unlink_use(ksi_use_order *order, use *at)
{
    *(at->older != NULL ? &at->older->newer : &order->eldest) = at->newer;
    *(at->newer != NULL ? &at->newer->older : &order->newest) = at->older;
    at->is_there = false;
    order->count--;
}

static void touch(ksi_use_order *order, use *at)
{
    if (!at->is_touched) {
        at->is_touched = true;
        at->committed_number = at->is_there ? at->number : 0;
        at->next_touched = order->touched;
        order->touched = at;
        order->touched_count++;
    }
}

static void make_newest(ksi_use_order *order, use *at)
{
    touch(order, at);
    if (at->is_there) {
        unlink_use(order, at);
    }
    at->number = ++order->last_number;
    link_behind(order, at, order->newest);
}

/* ---- what is asked --------------------------------------------------------------------------- */

size_t ksi_use_order_count(const ksi_use_order *order)
{
    return order->count;
}

bool ksi_use_order_has(const ksi_use_order *order, ks_slice key)
{
    const use *at = ksi_map_get(order->keys, key);
    return at != NULL && at->is_there;
}

ks_slice ksi_use_order_eldest(const ksi_use_order *order)
{
    return order->eldest != NULL ? key_of(order->eldest) : ks_slice_null();
}

/* ---- what is done ---------------------------------------------------------------------------- */

void ksi_use_order_add(ksi_use_order *order, ks_slice key)
{
    use *at = ksi_map_get(order->keys, key);
    if (at == NULL) {
        at = ksi_calloc(1, sizeof *at + key.size);
        at->key_size = key.size;
        if (key.size > 0) {
            memcpy(at->key, key.data, key.size);
        }
        (void)ksi_map_put(order->keys, key, at);
    }
    make_newest(order, at);
}

void ksi_use_order_use(ksi_use_order *order, ks_slice key)
{
    use *at = ksi_map_get(order->keys, key);
    if (at != NULL && at->is_there) {
        make_newest(order, at);
    }
}

void ksi_use_order_remove(ksi_use_order *order, ks_slice key)
{
    use *at = ksi_map_get(order->keys, key);
    if (at != NULL && at->is_there) {
        touch(order, at);
        unlink_use(order, at);
    }
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void forget(ksi_use_order *order, use *at)
{
    (void)ksi_map_remove(order->keys, key_of(at));
    ksi_free(at);
}

static use *take_touched(ksi_use_order *order)
{
    use *at = order->touched;
    if (at != NULL) {
        order->touched = at->next_touched;
        order->touched_count--;
        at->is_touched = false;
    }
    return at;
}

void ksi_use_order_commit(ksi_use_order *order)
{
    for (use *at = take_touched(order); at != NULL; at = take_touched(order)) {
        if (!at->is_there) {
            forget(order, at);
        }
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = (*(use *const *)a)->number;
    uint64_t right = (*(use *const *)b)->number;
    return left < right ? -1 : left > right;
}

void ksi_use_order_abort(ksi_use_order *order)
{
    use **back = ksi_calloc(order->touched_count + 1, sizeof *back);
    size_t count = 0;
    for (use *at = take_touched(order); at != NULL; at = take_touched(order)) {
        if (at->is_there) {
            unlink_use(order, at);
        }
        if (at->committed_number == 0) {
            forget(order, at);
        } else {
            at->number = at->committed_number;
            back[count++] = at;
        }
    }
    qsort(back, count, sizeof(use *), compare_numbers);
    use *older = NULL;
    for (size_t i = 0; i < count; i++) {
        use *next = older != NULL ? older->newer : order->eldest;
        while (next != NULL && next->number < back[i]->number) {
            older = next;
            next = next->newer;
        }
        link_behind(order, back[i], older);
        older = back[i];
    }
    ksi_free(back);
}
