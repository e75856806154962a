/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_model.c - see group_model.h. The order of checks is the broker's
 * (org.apache.kafka.coordinator.group.GroupMetadataManager, its classicGroup* methods).
 */
#include "group_model.h"

#include "base/slice.h"

#include "membership/kafka/kafka_error.h"
#include "membership/kafka/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NO_CALLER = -1 };

static void copy_text(char *to, size_t size, ks_slice from)
{
    assert_true(from.size < size);
    memcpy(to, from.data != NULL ? from.data : "", from.size);
    to[from.size] = '\0';
}

static void copy_bytes(model_bytes *to, ks_slice from)
{
    assert_true(from.size <= sizeof to->data);
    memcpy(to->data, from.data != NULL ? from.data : "", from.size);
    to->size = from.size;
}

static ks_slice as_slice(const model_bytes *bytes)
{
    return ks_slice_of(bytes->data, bytes->size);
}

void group_model_init(group_model *self)
{
    memset(self, 0, sizeof *self);
}

void group_model_destroy(group_model *self)
{
    for (int c = 0; c <= MODEL_CALLERS; c++) {
        ksi_buffer_destroy(&self->answers[c]);
    }
}

/* ---- members --------------------------------------------------------------------------------- */

static model_member *find_member(group_model *self, const char *id)
{
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        if (self->members[m].there && strcmp(self->members[m].id, id) == 0) {
            return &self->members[m];
        }
    }
    return NULL;
}

static model_member *find_instance(group_model *self, const char *instance)
{
    for (int m = 0; instance[0] != '\0' && m < MODEL_MEMBERS; m++) {
        if (self->members[m].there && strcmp(self->members[m].instance, instance) == 0) {
            return &self->members[m];
        }
    }
    return NULL;
}

static bool take_pending(group_model *self, const char *id)
{
    for (int p = 0; p < MODEL_MEMBERS; p++) {
        if (id[0] != '\0' && strcmp(self->pending[p], id) == 0) {
            self->pending[p][0] = '\0';
            return true;
        }
    }
    return false;
}

static void make_id(group_model *self, char *id)
{
    (void)snprintf(id, 64, "member-%d", ++self->ids);
}

size_t group_model_count(const group_model *self)
{
    size_t count = 0;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        count += self->members[m].there;
    }
    return count;
}

bool group_model_accepts(const group_model *self, const ksi_generation *generation)
{
    const char *instance = generation->instance != NULL ? generation->instance : "";
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        const model_member *at = &self->members[m];
        if (at->there && strcmp(at->id, generation->member) == 0) {
            return generation->number == self->generation && strcmp(at->instance, instance) == 0;
        }
    }
    return false;
}

/* ---- answers --------------------------------------------------------------------------------- */

static ksi_buffer *begin_answer(group_model *self, int caller)
{
    ksi_buffer *to = &self->answers[caller];
    assert_false(self->answered[caller]);
    self->answered[caller] = caller != MODEL_CALLERS;
    ksi_buffer_clear(to);
    ksi_wire_put_i32(to, 0); /* throttle */
    return to;
}

static void put_text(ksi_buffer *to, const char *text)
{
    ksi_wire_put_compact_string(to, ks_slice_cstr(text));
}

static void answer_code(group_model *self, int caller, int16_t code)
{
    ksi_buffer *to = begin_answer(self, caller);
    ksi_wire_put_i16(to, code);
    ksi_wire_put_no_tags(to);
}

static void answer_join(group_model *self, int caller, int16_t code, const char *member,
                        const char *leader)
{
    ksi_buffer *to = begin_answer(self, caller);
    bool leads = code == KSI_KAFKA_NONE && strcmp(member, leader) == 0;
    ksi_wire_put_i16(to, code);
    ksi_wire_put_i32(to, code == KSI_KAFKA_NONE ? self->generation : -1);
    put_text(to, "consumer");
    put_text(to, "kstreams");
    put_text(to, leader);
    put_text(to, member);
    ksi_wire_put_compact_count(to, leads ? group_model_count(self) : 0);
    for (int m = 0; leads && m < MODEL_MEMBERS; m++) {
        const model_member *at = &self->members[m];
        if (at->there) {
            put_text(to, at->id);
            ksi_wire_put_compact_string(to, at->instance[0] != '\0' ? ks_slice_cstr(at->instance)
                                                                    : (ks_slice){0});
            ksi_wire_put_compact_bytes(to, as_slice(&at->metadata));
            ksi_wire_put_no_tags(to);
        }
    }
    ksi_wire_put_no_tags(to);
}

static void answer_sync(group_model *self, int caller, int16_t code, const model_bytes *assignment)
{
    ksi_buffer *to = begin_answer(self, caller);
    ksi_wire_put_i16(to, code);
    put_text(to, "consumer");
    put_text(to, "kstreams");
    ksi_wire_put_compact_bytes(to, assignment != NULL ? as_slice(assignment) : ks_slice_cstr(""));
    ksi_wire_put_no_tags(to);
}

static void end_join(group_model *self, model_member *member, int16_t code)
{
    int caller = member->joining;
    member->joining = NO_CALLER;
    if (caller != NO_CALLER) {
        answer_join(self, caller, code, member->id, self->leader);
    }
}

static void end_sync(group_model *self, model_member *member, int16_t code)
{
    int caller = member->syncing;
    member->syncing = NO_CALLER;
    if (caller != NO_CALLER) {
        answer_sync(self, caller, code, &member->assignment);
    }
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void complete_join(group_model *self)
{
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        if (at->there && at->joining == NO_CALLER && at->instance[0] == '\0') {
            at->there = false;
        }
    }
    self->generation++;
    model_member *leader = find_member(self, self->leader);
    for (int m = 0; m < MODEL_MEMBERS && (leader == NULL || leader->joining == NO_CALLER); m++) {
        model_member *at = &self->members[m];
        leader = at->there && at->joining != NO_CALLER ? at : leader;
    }
    if (group_model_count(self) == 0) {
        self->state = MODEL_EMPTY;
        self->leader[0] = '\0';
        return;
    }
    assert_non_null(leader);
    (void)snprintf(self->leader, sizeof self->leader, "%s", leader->id);
    self->state = MODEL_COMPLETING;
    self->deadline_ms = self->now;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        if (at->there) {
            int64_t end = self->now + at->rebalance_ms;
            self->deadline_ms = end > self->deadline_ms ? end : self->deadline_ms;
            at->assignment.size = 0;
            at->heard_ms = self->now;
            end_join(self, at, KSI_KAFKA_NONE);
        }
    }
}

static bool all_have_joined(const group_model *self)
{
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        if (self->members[m].there && self->members[m].joining == NO_CALLER) {
            return false;
        }
        if (self->pending[m][0] != '\0') {
            return false;
        }
    }
    return true;
}

static void maybe_complete_join(group_model *self)
{
    if (self->state == MODEL_PREPARING && all_have_joined(self)) {
        complete_join(self);
    }
}

static void prepare(group_model *self)
{
    if (self->state == MODEL_COMPLETING) {
        for (int m = 0; m < MODEL_MEMBERS; m++) {
            if (self->members[m].there) {
                end_sync(self, &self->members[m], KSI_KAFKA_REBALANCE_IN_PROGRESS);
            }
        }
    }
    self->state = MODEL_PREPARING;
    self->rebalances++;
    self->deadline_ms = self->now;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        const model_member *at = &self->members[m];
        int64_t end = self->now + at->rebalance_ms;
        self->deadline_ms = at->there && end > self->deadline_ms ? end : self->deadline_ms;
    }
    maybe_complete_join(self);
}

static void remove_member(group_model *self, model_member *member)
{
    end_join(self, member, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    end_sync(self, member, KSI_KAFKA_UNKNOWN_MEMBER_ID);
    member->there = false;
    if (self->state == MODEL_STABLE || self->state == MODEL_COMPLETING) {
        prepare(self);
    } else {
        maybe_complete_join(self);
    }
}

static void end_phase(group_model *self)
{
    if (self->state == MODEL_PREPARING) {
        memset(self->pending, 0, sizeof self->pending);
        complete_join(self);
        return;
    }
    /* Completing: those who did not sync are out. */
    bool removed = false;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        if (at->there && at->syncing == NO_CALLER) {
            at->there = false;
            removed = true;
        }
    }
    if (removed) {
        prepare(self);
    }
}

void group_model_pass(group_model *self, int64_t now_ms)
{
    self->now = now_ms;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        bool waits = at->joining != NO_CALLER || at->syncing != NO_CALLER;
        if (at->there && !waits && now_ms - at->heard_ms > at->session_ms) {
            remove_member(self, at);
        }
    }
    for (int p = 0; p < MODEL_MEMBERS; p++) {
        if (self->pending[p][0] != '\0' && now_ms - self->pending_ms[p] > MODEL_PENDING_MS) {
            self->pending[p][0] = '\0';
            maybe_complete_join(self);
        }
    }
    bool in_phase = self->state == MODEL_PREPARING || self->state == MODEL_COMPLETING;
    if (in_phase && now_ms > self->deadline_ms) {
        end_phase(self);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

typedef struct join_request {
    char member[64];
    char instance[32];
    int64_t session_ms;
    int64_t rebalance_ms;
    ks_slice metadata;
} join_request;

static join_request read_join(ks_slice body)
{
    join_request join = {.session_ms = 0};
    ksi_wire_reader from = ksi_wire_reader_of(body);
    (void)ksi_wire_take_compact_string(&from);
    join.session_ms = ksi_wire_take_i32(&from);
    join.rebalance_ms = ksi_wire_take_i32(&from);
    copy_text(join.member, sizeof join.member, ksi_wire_take_compact_string(&from));
    copy_text(join.instance, sizeof join.instance, ksi_wire_take_optional_compact_string(&from));
    (void)ksi_wire_take_compact_string(&from);
    assert_int_equal(ksi_wire_take_compact_count(&from, 3), 1);
    (void)ksi_wire_take_compact_string(&from);
    join.metadata = ksi_wire_take_compact_bytes(&from);
    assert_true(ksi_wire_is_good(&from));
    return join;
}

static void park_join(group_model *self, int caller, const join_request *join, model_member *member)
{
    copy_bytes(&member->metadata, join->metadata);
    member->session_ms = join->session_ms;
    member->rebalance_ms = join->rebalance_ms;
    member->heard_ms = self->now;
    member->joining = caller;
    if (self->state == MODEL_PREPARING) {
        maybe_complete_join(self);
    } else {
        prepare(self);
    }
}

static model_member *add_member(group_model *self, const char *id, const char *instance)
{
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        if (!at->there) {
            *at = (model_member){.there = true, .joining = NO_CALLER, .syncing = NO_CALLER};
            (void)snprintf(at->id, sizeof at->id, "%s", id);
            (void)snprintf(at->instance, sizeof at->instance, "%s", instance);
            return at;
        }
    }
    fail_msg("more members than the model has room for");
    return NULL;
}

/* A static member that restarted: in a stable group nobody else notices. */
static void replace_static(group_model *self, int caller, const join_request *join,
                           model_member *member)
{
    char old_leader[64];
    (void)snprintf(old_leader, sizeof old_leader, "%s", self->leader);
    bool led = strcmp(self->leader, member->id) == 0;
    end_join(self, member, KSI_KAFKA_FENCED_INSTANCE_ID);
    end_sync(self, member, KSI_KAFKA_FENCED_INSTANCE_ID);
    make_id(self, member->id);
    if (led) {
        (void)snprintf(self->leader, sizeof self->leader, "%s", member->id);
    }
    if (self->state != MODEL_STABLE) {
        park_join(self, caller, join, member);
        return;
    }
    copy_bytes(&member->metadata, join->metadata);
    member->heard_ms = self->now;
    answer_join(self, caller, KSI_KAFKA_NONE, member->id, old_leader);
}

static void join_without_id(group_model *self, int caller, const join_request *join)
{
    model_member *same = find_instance(self, join->instance);
    char id[64];
    if (same != NULL) {
        replace_static(self, caller, join, same);
        return;
    }
    make_id(self, id);
    if (join->instance[0] != '\0') {
        park_join(self, caller, join, add_member(self, id, join->instance));
        return;
    }
    for (int p = 0; p < MODEL_MEMBERS; p++) {
        if (self->pending[p][0] == '\0') {
            (void)snprintf(self->pending[p], sizeof self->pending[p], "%s", id);
            self->pending_ms[p] = self->now;
            break;
        }
    }
    answer_join(self, caller, KSI_KAFKA_MEMBER_ID_REQUIRED, id, "");
}

static void join_group(group_model *self, int caller, ks_slice body)
{
    join_request join = read_join(body);
    self->joins++;
    if (self->others_are_in) {
        answer_join(self, caller, KSI_KAFKA_INCONSISTENT_GROUP_PROTOCOL, join.member, "");
        return;
    }
    if (join.member[0] == '\0') {
        join_without_id(self, caller, &join);
        return;
    }
    if (take_pending(self, join.member)) {
        park_join(self, caller, &join, add_member(self, join.member, join.instance));
        return;
    }
    const model_member *same = find_instance(self, join.instance);
    if (same != NULL && strcmp(same->id, join.member) != 0) {
        answer_join(self, caller, KSI_KAFKA_FENCED_INSTANCE_ID, join.member, "");
        return;
    }
    model_member *member = find_member(self, join.member);
    if (member == NULL) {
        answer_join(self, caller, KSI_KAFKA_UNKNOWN_MEMBER_ID, join.member, "");
        return;
    }
    bool news = ksi_slice_compare(as_slice(&member->metadata), join.metadata) != 0;
    bool leads = strcmp(self->leader, member->id) == 0;
    if ((self->state == MODEL_STABLE && !news && !leads) ||
        (self->state == MODEL_COMPLETING && !news)) {
        member->heard_ms = self->now;
        answer_join(self, caller, KSI_KAFKA_NONE, member->id, self->leader);
        return;
    }
    park_join(self, caller, &join, member);
}

/* Of the member that a SyncGroup or a Heartbeat begins with: the code when it is not current. */
static int16_t check_member(group_model *self, ksi_wire_reader *from, model_member **member)
{
    char id[64];
    char instance[32];
    (void)ksi_wire_take_compact_string(from);
    int32_t generation = ksi_wire_take_i32(from);
    copy_text(id, sizeof id, ksi_wire_take_compact_string(from));
    copy_text(instance, sizeof instance, ksi_wire_take_optional_compact_string(from));
    assert_true(ksi_wire_is_good(from));
    const model_member *same = find_instance(self, instance);
    *member = find_member(self, id);
    if (same != NULL && strcmp(same->id, id) != 0) {
        return KSI_KAFKA_FENCED_INSTANCE_ID;
    }
    if (*member == NULL) {
        return KSI_KAFKA_UNKNOWN_MEMBER_ID;
    }
    return generation == self->generation ? KSI_KAFKA_NONE : KSI_KAFKA_ILLEGAL_GENERATION;
}

static void take_assignments(group_model *self, ksi_wire_reader *from)
{
    (void)ksi_wire_take_optional_compact_string(from);
    (void)ksi_wire_take_optional_compact_string(from);
    size_t count = ksi_wire_take_compact_count(from, 3);
    for (size_t i = 0; i < count; i++) {
        char id[64];
        copy_text(id, sizeof id, ksi_wire_take_compact_string(from));
        ks_slice assignment = ksi_wire_take_compact_bytes(from);
        ksi_wire_skip_tags(from);
        model_member *member = find_member(self, id);
        if (member != NULL) {
            copy_bytes(&member->assignment, assignment);
        }
    }
    assert_true(ksi_wire_is_good(from));
    self->state = MODEL_STABLE;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        if (at->there && at->syncing != NO_CALLER) {
            at->heard_ms = self->now;
            end_sync(self, at, KSI_KAFKA_NONE);
        }
    }
}

static void sync_group(group_model *self, int caller, ks_slice body)
{
    ksi_wire_reader from = ksi_wire_reader_of(body);
    model_member *member = NULL;
    int16_t code = check_member(self, &from, &member);
    if (code == KSI_KAFKA_NONE && self->state == MODEL_PREPARING) {
        code = KSI_KAFKA_REBALANCE_IN_PROGRESS;
    }
    if (code != KSI_KAFKA_NONE) {
        answer_sync(self, caller, code, NULL);
        return;
    }
    member->heard_ms = self->now;
    member->syncing = caller;
    if (self->state == MODEL_STABLE) {
        end_sync(self, member, KSI_KAFKA_NONE);
    } else if (strcmp(self->leader, member->id) == 0) {
        take_assignments(self, &from);
    }
}

static void heartbeat(group_model *self, int caller, ks_slice body)
{
    ksi_wire_reader from = ksi_wire_reader_of(body);
    model_member *member = NULL;
    int16_t code = check_member(self, &from, &member);
    if (code == KSI_KAFKA_NONE) {
        member->heard_ms = self->now;
        code = self->state == MODEL_PREPARING ? KSI_KAFKA_REBALANCE_IN_PROGRESS : KSI_KAFKA_NONE;
    }
    answer_code(self, caller, code);
}

static void leave_group(group_model *self, int caller, ks_slice body)
{
    ksi_wire_reader from = ksi_wire_reader_of(body);
    char id[64];
    (void)ksi_wire_take_compact_string(&from);
    assert_int_equal(ksi_wire_take_compact_count(&from, 3), 1);
    copy_text(id, sizeof id, ksi_wire_take_compact_string(&from));
    assert_true(ksi_wire_is_good(&from));
    model_member *member = find_member(self, id);
    if (take_pending(self, id)) {
        maybe_complete_join(self);
    } else if (member != NULL) {
        remove_member(self, member);
    }
    answer_code(self, caller, KSI_KAFKA_NONE);
}

static void answer_next_code(group_model *self, int caller, ksi_api api)
{
    int16_t code = self->next_code;
    self->next_code = 0;
    if (api == KSI_API_JOIN_GROUP) {
        answer_join(self, caller, code, "", "");
    } else if (api == KSI_API_SYNC_GROUP) {
        answer_sync(self, caller, code, NULL);
    } else {
        answer_code(self, caller, code);
    }
}

void group_model_request(group_model *self, int caller, ksi_api api, ks_slice body)
{
    if (self->next_code != 0) {
        answer_next_code(self, caller, api);
    } else if (api == KSI_API_JOIN_GROUP) {
        join_group(self, caller, body);
    } else if (api == KSI_API_SYNC_GROUP) {
        sync_group(self, caller, body);
    } else if (api == KSI_API_HEARTBEAT) {
        heartbeat(self, caller, body);
    } else {
        assert_int_equal(api, KSI_API_LEAVE_GROUP);
        leave_group(self, caller, body);
    }
}

void group_model_disconnect(group_model *self, int caller)
{
    self->answered[caller] = false;
    for (int m = 0; m < MODEL_MEMBERS; m++) {
        model_member *at = &self->members[m];
        /* The broker goes on keeping who waits; here the answer just has nowhere to go. */
        at->joining = at->joining == caller ? MODEL_CALLERS : at->joining;
        at->syncing = at->syncing == caller ? MODEL_CALLERS : at->syncing;
    }
}
