/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assignor.c - shares first, then what stays, then what has state, then the rest, then standbys.
 *
 *     shares        T * c / C for each member: the whole part is `base`; so many members may have
 *                   one more (`extras`) as makes T
 *     keep          every task where it ran; the extras go to those who have more than their base
 *     shed          who still has too much gives up tasks of the sub-topology it has too much of
 *     state         stateful tasks without a place, to who has state and room
 *     spread        the rest: fewest of the sub-topology first, fewest at all next
 *     standbys      keep, fill up, then move single ones as long as that evens them out
 *
 * Members are numbered by their ids here, whatever their order in the input, and every choice that
 * is left goes to the lower number: so the result depends on nothing else.
 *
 * A member has room below its base, or at it while an extra is left that it may take. At the end
 * all extras are gone, because shares were counted to add up. They are not given out beforehand, so
 * that state and sub-topologies may decide who gets one.
 *
 * Loads are fractions (tasks / capacity) and are compared multiplied out, in 64 bits: in floating
 * point ties would depend on rounding.
 */
#include "membership/assignor.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

typedef struct load {
    const ksi_assignor_member *member;
    ksi_role *row; /* of the result */
    int64_t capacity;
    int64_t base;     /* its share, rounded down */
    int64_t limit;    /* base, or one more when it took an extra */
    int64_t fraction; /* what rounding took, of C; 0: it has no claim to an extra */
    int64_t active;
    int64_t standby;
    int64_t *of_subtopology; /* active tasks of each */
} load;

typedef struct plan {
    const ksi_assignor_input *input;
    load *loads; /* by id */
    size_t count;
    int64_t capacity;    /* of all */
    int64_t extras;      /* left */
    size_t *place;       /* for each task: the member it is active on */
    size_t *subtopology; /* for each task: its sub-topology, counted from 0 without gaps */
    int64_t *sizes;      /* tasks of each sub-topology */
    size_t subtopology_count;
} plan;

/* ---- setting up ------------------------------------------------------------------------------ */

static int compare_loads(const void *a, const void *b)
{
    return strcmp(((const load *)a)->member->id, ((const load *)b)->member->id);
}

static void number_subtopologies(plan *self)
{
    const ksi_assignor_input *input = self->input;
    self->subtopology = ksi_calloc(input->task_count + 1, sizeof *self->subtopology);
    self->sizes = ksi_calloc(input->task_count + 1, sizeof *self->sizes);
    for (size_t t = 0; t < input->task_count; t++) {
        if (t == 0 || input->tasks[t].id.subtopology != input->tasks[t - 1].id.subtopology) {
            self->subtopology_count++;
        }
        self->subtopology[t] = self->subtopology_count - 1;
        self->sizes[self->subtopology_count - 1]++;
    }
}

static void compute_shares(plan *self)
{
    int64_t tasks = (int64_t)self->input->task_count;
    self->extras = tasks;
    for (size_t m = 0; m < self->count; m++) {
        load *at = &self->loads[m];
        at->base = tasks * at->capacity / self->capacity;
        at->fraction = tasks * at->capacity % self->capacity;
        at->limit = at->base;
        self->extras -= at->base;
    }
}

static void begin(plan *self, const ksi_assignor_input *input, ksi_role *roles)
{
    *self = (plan){.input = input, .count = input->member_count};
    number_subtopologies(self);
    self->place = ksi_alloc((input->task_count + 1) * sizeof *self->place);
    for (size_t t = 0; t < input->task_count; t++) {
        self->place[t] = NOWHERE;
    }
    self->loads = ksi_calloc(self->count + 1, sizeof *self->loads);
    for (size_t m = 0; m < self->count; m++) {
        const ksi_assignor_member *member = &input->members[m];
        load *at = &self->loads[m];
        at->member = member;
        at->row = roles + m * input->task_count;
        at->capacity = member->capacity > 0 ? member->capacity : 0;
        at->of_subtopology = ksi_calloc(self->subtopology_count + 1, sizeof *at->of_subtopology);
        self->capacity += at->capacity;
    }
    qsort(self->loads, self->count, sizeof *self->loads, compare_loads);
}

static void end(plan *self)
{
    for (size_t m = 0; m < self->count; m++) {
        ksi_free(self->loads[m].of_subtopology);
    }
    ksi_free(self->loads);
    ksi_free(self->place);
    ksi_free(self->subtopology);
    ksi_free(self->sizes);
}

/* ---- active tasks ---------------------------------------------------------------------------- */

/* Negative when a / a_capacity < b / b_capacity. */
static int compare_fractions(int64_t a, int64_t a_capacity, int64_t b, int64_t b_capacity)
{
    int64_t left = a * b_capacity;
    int64_t right = b * a_capacity;
    return (left > right) - (left < right);
}

static bool has_room(const plan *self, const load *at)
{
    return at->active < at->limit || (at->active == at->base && at->limit == at->base &&
                                      at->fraction > 0 && self->extras > 0);
}

static void place_active(plan *self, size_t task, size_t member)
{
    load *at = &self->loads[member];
    self->place[task] = member;
    at->row[task] = KSI_ROLE_ACTIVE;
    at->of_subtopology[self->subtopology[task]]++;
    at->active++;
}

/* With room checked: takes an extra when the share is full. */
static void place_in_room(plan *self, size_t task, size_t member)
{
    load *at = &self->loads[member];
    if (at->active == at->limit) {
        at->limit++;
        self->extras--;
    }
    place_active(self, task, member);
}

static void keep_running(plan *self)
{
    for (size_t m = 0; m < self->count; m++) {
        const load *at = &self->loads[m];
        for (size_t t = 0; t < self->input->task_count; t++) {
            if (at->member->before[t] == KSI_ROLE_ACTIVE && self->place[t] == NOWHERE) {
                place_active(self, t, m);
            }
        }
    }
}

/* Each extra that goes to a member with more than its base saves a move. */
static void give_extras_to_the_full(plan *self)
{
    while (self->extras > 0) {
        load *best = NULL;
        for (size_t m = 0; m < self->count; m++) {
            load *at = &self->loads[m];
            if (at->active > at->base && at->limit == at->base && at->fraction > 0 &&
                (best == NULL || at->fraction > best->fraction)) {
                best = at;
            }
        }
        if (best == NULL) {
            return;
        }
        best->limit++;
        self->extras--;
    }
}

/* The sub-topology of which a member has most above its share. */
static size_t most_crowded(const plan *self, const load *at)
{
    size_t worst = 0;
    int64_t most = INT64_MIN;
    for (size_t s = 0; s < self->subtopology_count; s++) {
        int64_t above = at->of_subtopology[s] * self->capacity - self->sizes[s] * at->capacity;
        if (at->of_subtopology[s] > 0 && above > most) {
            most = above;
            worst = s;
        }
    }
    return worst;
}

/* Whether another one has state of the task, and may take it. */
static bool is_wanted_elsewhere(const plan *self, size_t task, const load *owner)
{
    for (size_t m = 0; m < self->count; m++) {
        const load *at = &self->loads[m];
        if (at != owner && at->member->offsets[task] >= 0 && has_room(self, at)) {
            return true;
        }
    }
    return false;
}

/* A task of the sub-topology to give up: the last that another is prepared for, else the last. */
static size_t choose_to_shed(const plan *self, const load *at, size_t subtopology)
{
    size_t last = NOWHERE;
    for (size_t t = self->input->task_count; t-- > 0;) {
        if (at->row[t] != KSI_ROLE_ACTIVE || self->subtopology[t] != subtopology) {
            continue;
        }
        if (self->input->tasks[t].stateful && is_wanted_elsewhere(self, t, at)) {
            return t;
        }
        if (last == NOWHERE) {
            last = t;
        }
    }
    return last;
}

static void shed_surplus(plan *self)
{
    give_extras_to_the_full(self);
    for (size_t m = 0; m < self->count; m++) {
        load *at = &self->loads[m];
        while (at->active > at->limit) {
            size_t subtopology = most_crowded(self, at);
            size_t task = choose_to_shed(self, at, subtopology);
            self->place[task] = NOWHERE;
            at->row[task] = KSI_ROLE_NONE;
            at->of_subtopology[subtopology]--;
            at->active--;
        }
    }
}

static size_t most_current_with_room(const plan *self, size_t task)
{
    size_t best = NOWHERE;
    for (size_t m = 0; m < self->count; m++) {
        const load *at = &self->loads[m];
        if (at->member->offsets[task] >= 0 && has_room(self, at) &&
            (best == NOWHERE ||
             at->member->offsets[task] > self->loads[best].member->offsets[task])) {
            best = m;
        }
    }
    return best;
}

static size_t count_holders(const plan *self, size_t task)
{
    size_t count = 0;
    for (size_t m = 0; m < self->count; m++) {
        count += self->loads[m].capacity > 0 && self->loads[m].member->offsets[task] >= 0;
    }
    return count;
}

/* Who has one place to go chooses before who has two. */
static void place_by_state(plan *self)
{
    const ksi_assignor_input *input = self->input;
    size_t *holders = ksi_calloc(input->task_count + 1, sizeof *holders);
    for (size_t t = 0; t < input->task_count; t++) {
        if (input->tasks[t].stateful && self->place[t] == NOWHERE) {
            holders[t] = count_holders(self, t);
        }
    }
    for (size_t wanted = 1; wanted <= self->count; wanted++) {
        for (size_t t = 0; t < input->task_count; t++) {
            size_t best = holders[t] == wanted ? most_current_with_room(self, t) : NOWHERE;
            if (best != NOWHERE) {
                place_in_room(self, t, best);
            }
        }
    }
    ksi_free(holders);
}

/* Whether a member is the better place for one more task of the sub-topology. */
static bool is_less_loaded(const load *a, const load *b, size_t subtopology)
{
    int order = compare_fractions(a->of_subtopology[subtopology] + 1, a->capacity,
                                  b->of_subtopology[subtopology] + 1, b->capacity);
    if (order == 0) {
        order = compare_fractions(a->active + 1, a->capacity, b->active + 1, b->capacity);
    }
    return order < 0;
}

static void spread_the_rest(plan *self)
{
    for (size_t t = 0; t < self->input->task_count; t++) {
        if (self->place[t] != NOWHERE) {
            continue;
        }
        size_t best = NOWHERE;
        for (size_t m = 0; m < self->count; m++) {
            if (has_room(self, &self->loads[m]) &&
                (best == NOWHERE ||
                 is_less_loaded(&self->loads[m], &self->loads[best], self->subtopology[t]))) {
                best = m;
            }
        }
        place_in_room(self, t, best);
    }
}

/* ---- standbys -------------------------------------------------------------------------------- */

static bool may_stand_by(const load *at, size_t task)
{
    return at->capacity > 0 && at->row[task] == KSI_ROLE_NONE;
}

static void place_standby(plan *self, size_t task, size_t member)
{
    self->loads[member].row[task] = KSI_ROLE_STANDBY;
    self->loads[member].standby++;
}

/* Those that stay: `wanted` of those there were, the most current first. Answers how many. */
static int64_t keep_standbys(plan *self, size_t task, int64_t wanted)
{
    for (int64_t kept = 0; kept < wanted; kept++) {
        size_t best = NOWHERE;
        for (size_t m = 0; m < self->count; m++) {
            const load *at = &self->loads[m];
            if (at->member->before[task] == KSI_ROLE_STANDBY && may_stand_by(at, task) &&
                (best == NOWHERE ||
                 at->member->offsets[task] > self->loads[best].member->offsets[task])) {
                best = m;
            }
        }
        if (best == NOWHERE) {
            return kept;
        }
        place_standby(self, task, best);
    }
    return wanted;
}

/* Whether a is the better place for a new standby: more of its state, else less to do. */
static bool is_better_standby(const load *a, const load *b, size_t task)
{
    if (a->member->offsets[task] != b->member->offsets[task]) {
        return a->member->offsets[task] > b->member->offsets[task];
    }
    int order = compare_fractions(a->standby + 1, a->capacity, b->standby + 1, b->capacity);
    if (order == 0) {
        order = compare_fractions(a->standby + a->active, a->capacity, b->standby + b->active,
                                  b->capacity);
    }
    return order < 0;
}

static void add_standby(plan *self, size_t task)
{
    size_t best = NOWHERE;
    for (size_t m = 0; m < self->count; m++) {
        if (may_stand_by(&self->loads[m], task) &&
            (best == NOWHERE || is_better_standby(&self->loads[m], &self->loads[best], task))) {
            best = m;
        }
    }
    place_standby(self, task, best);
}

/* A standby of `from` that `to` may have instead: one it has state of, else any. */
static size_t find_movable(const plan *self, const load *from, const load *to)
{
    size_t any = NOWHERE;
    for (size_t t = self->input->task_count; t-- > 0;) {
        if (from->row[t] != KSI_ROLE_STANDBY || !may_stand_by(to, t)) {
            continue;
        }
        if (to->member->offsets[t] >= 0) {
            return t;
        }
        if (any == NOWHERE) {
            any = t;
        }
    }
    return any;
}

/*
 * Moves the standby whose move evens out most. Each move takes from a larger fraction to what
 * stays a smaller one, so this comes to an end.
 */
static bool move_one_standby(plan *self)
{
    load *from = NULL;
    load *to = NULL;
    size_t task = NOWHERE;
    for (size_t m = 0; m < self->count; m++) {
        load *giver = &self->loads[m];
        if (giver->standby == 0 ||
            (from != NULL && compare_fractions(giver->standby, giver->capacity, from->standby,
                                               from->capacity) <= 0)) {
            continue;
        }
        load *best = NULL;
        for (size_t n = 0; n < self->count; n++) {
            load *taker = &self->loads[n];
            if (taker->capacity == 0 ||
                compare_fractions(giver->standby, giver->capacity, taker->standby + 1,
                                  taker->capacity) <= 0 ||
                (best != NULL && compare_fractions(taker->standby + 1, taker->capacity,
                                                   best->standby + 1, best->capacity) >= 0)) {
                continue;
            }
            size_t movable = find_movable(self, giver, taker);
            if (movable != NOWHERE) {
                best = taker;
                from = giver;
                to = taker;
                task = movable;
            }
        }
    }
    if (from == NULL) {
        return false;
    }
    from->row[task] = KSI_ROLE_NONE;
    from->standby--;
    to->row[task] = KSI_ROLE_STANDBY;
    to->standby++;
    return true;
}

static void place_standbys(plan *self)
{
    const ksi_assignor_input *input = self->input;
    int64_t wanted = -1; /* the active one has a member to itself */
    for (size_t m = 0; m < self->count; m++) {
        wanted += self->loads[m].capacity > 0;
    }
    wanted = wanted < input->standbys ? wanted : input->standbys;
    if (wanted <= 0) {
        return;
    }
    int64_t *kept = ksi_calloc(input->task_count + 1, sizeof *kept);
    for (size_t t = 0; t < input->task_count; t++) {
        kept[t] = input->tasks[t].stateful ? keep_standbys(self, t, wanted) : wanted;
    }
    for (size_t t = 0; t < input->task_count; t++) {
        for (int64_t have = kept[t]; have < wanted; have++) {
            add_standby(self, t);
        }
    }
    while (move_one_standby(self)) {
    }
    ksi_free(kept);
}

void ksi_assign(const ksi_assignor_input *input, ksi_role *roles)
{
    if (input->member_count == 0 || input->task_count == 0) {
        return;
    }
    memset(roles, KSI_ROLE_NONE, input->member_count * input->task_count * sizeof *roles);
    plan self;
    begin(&self, input, roles);
    if (self.capacity > 0) {
        compute_shares(&self);
        keep_running(&self);
        shed_surplus(&self);
        place_by_state(&self);
        spread_the_rest(&self);
        place_standbys(&self);
    }
    end(&self);
}
