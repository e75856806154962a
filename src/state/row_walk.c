/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_walk.c - walks over the rows of a buffer; see row_buffer.h.
 *
 * Walks and time. A walk wants to know whether a key was there when it began. The clock ticks with
 * each walk that begins; a row that changes while walks are open first writes down what was known
 * of it until now, once per tick. So the oldest note since a walk began is what the walk began
 * with, and without one nothing has changed. A row that an abort makes unknown again keeps its
 * notes, as a clean row that says so.
 *
 * Rows that are made while a walk is open are not its business: it puts rows into the tree when it
 * begins, and those that come later are found in the tree only if another walk begins, with a note
 * that says that they were not there.
 *
 * The tempting wrong way is one time of birth per row: a key that goes and comes back between two
 * walks is there for one of them and not for the other.
 *
 * Thread rule: that of the buffer.
 */
#include "state/row_buffer_parts.h"

#include "base/check.h"

typedef ksi_buffered_row row;

void ksi_row_walk_begin(ksi_row_walk *walk, ksi_row_buffer *buffer, bool backward, bool committed)
{
    ksi_row_index_order(buffer);
    buffer->clock++;
    if (buffer->walks++ == 0) {
        buffer->oldest_walk = buffer->clock;
    }
    walk->buffer = buffer;
    walk->began = buffer->clock;
    walk->backward = backward;
    walk->committed = committed;
    walk->at.item = NULL;
}

void ksi_row_walk_end(ksi_row_walk *walk)
{
    ksi_row_buffer *buffer = walk->buffer;
    KSI_CHECK(buffer->walks > 0);
    if (--buffer->walks == 0) {
        ksi_row_buffer_walks_ended(buffer);
    }
}

bool ksi_row_walk_is_void(const ksi_row_walk *walk)
{
    return walk->began <= walk->buffer->cleared;
}

static ksi_row_knowledge at_beginning(const ksi_row_walk *walk, const row *it,
                                      const ksi_row_version *shown)
{
    ksi_row_knowledge known = shown->knowledge;
    const ksi_row_past *at = it->kept != NULL ? it->kept->past : NULL;
    for (; at != NULL && at->tick >= walk->began; at = at->older) {
        known = walk->committed ? at->committed : at->newest;
    }
    return known;
}

void ksi_row_walk_look(const ksi_row_walk *walk, ksi_row_seen *seen)
{
    const row *it = seen->in;
    const ksi_row_buffer *buffer = walk->buffer;
    const ksi_row_version *shown =
        walk->committed ? ksi_row_committed_version(buffer, it) : &it->top;
    seen->at_beginning =
        ksi_row_walk_is_void(walk) ? KSI_ROW_ABSENT : at_beginning(walk, it, shown);
    seen->knowledge = ksi_row_describe(it, shown, &seen->row);
    if (ksi_row_buffer_hides(buffer, it->item.key, walk->committed)) {
        seen->knowledge = KSI_ROW_ABSENT;
        seen->row.value = ks_slice_null();
    }
}

static bool see(const ksi_row_walk *walk, ksi_tree_item *item, ksi_row_seen *seen)
{
    seen->in = ksi_row_of(item);
    if (item == NULL) {
        return false;
    }
    ksi_row_walk_look(walk, seen);
    return true;
}

bool ksi_row_walk_seek(ksi_row_walk *walk, ks_slice from, ksi_row_seen *seen)
{
    return see(walk, ksi_tree_seek(&walk->at, walk->buffer->tree, from, walk->backward), seen);
}

bool ksi_row_walk_next(ksi_row_walk *walk, ks_slice after, ksi_row_seen *seen)
{
    ksi_tree_item *item =
        walk->backward ? ksi_tree_previous(&walk->at, after) : ksi_tree_next(&walk->at, after);
    return see(walk, item, seen);
}

void ksi_row_walk_lend(const ksi_row_walk *walk, row *in)
{
    if (walk->committed && in->state == KSI_PENDING) {
        in->kept->under.is_lent = true; /* something is shown, so something is kept */
    } else {
        in->top.is_lent = true;
    }
}

void ksi_row_walk_find(const ksi_row_walk *walk, ks_slice key, ksi_row_seen *seen)
{
    seen->in = ksi_row_index_find(walk->buffer, key);
    if (seen->in != NULL) {
        ksi_row_walk_look(walk, seen);
        return;
    }
    bool is_gone = ksi_row_buffer_hides(walk->buffer, key, walk->committed);
    ksi_row_knowledge nothing =
        walk->buffer->has_rocks && !is_gone ? KSI_ROW_UNKNOWN : KSI_ROW_ABSENT;
    seen->row = (ksi_row){.key = key, .value = ks_slice_null(), .timestamp = -1};
    seen->knowledge = nothing;
    seen->at_beginning = ksi_row_walk_is_void(walk) ? KSI_ROW_ABSENT : nothing;
}
