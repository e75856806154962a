/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.c - click enrichment: who viewed a page, and what had they searched for?
 *
 * Page views meet two others. A table of profiles says who the user is at that moment; a stream of
 * searches says what was searched for within the second before the view. Both are left joins: a
 * view of a user without profile, or without a search, counts as well.
 *
 * What a stream finds in a table is there at once. What it finds in a stream may still come: that a
 * view had no search is known when time is behind the view by the grace period, and only then does
 * such a view come out.
 *
 * The functions below keep nothing between calls, so any number of stream threads may run them at
 * once.
 */
#include "click_enrich/topology.h"

#include <kstreams/kstreams.h>

enum { NOBODY = -1 };

static const ks_json_field page_view_fields[] = {
    KS_JSON_INTEGER(page_view, userId),
    KS_JSON_STRING(page_view, page),
};
static const ks_json_type page_view_type = KS_JSON_TYPE(page_view, page_view_fields);
const ks_serde page_view_serde = KS_JSON_SERDE(page_view_type);

static const ks_json_field search_fields[] = {
    KS_JSON_INTEGER(search, userId),
    KS_JSON_STRING(search, searchTerms),
};
static const ks_json_type search_type = KS_JSON_TYPE(search, search_fields);
const ks_serde search_serde = KS_JSON_SERDE(search_type);

static const ks_json_field user_profile_fields[] = {
    KS_JSON_INTEGER(user_profile, userId),
    KS_JSON_STRING(user_profile, userName),
    KS_JSON_STRING(user_profile, zipcode),
    KS_JSON_ARRAY(user_profile, interests, interest_count, KS_JSON_STRINGS),
};
static const ks_json_type user_profile_type = KS_JSON_TYPE(user_profile, user_profile_fields);
const ks_serde user_profile_serde = KS_JSON_SERDE(user_profile_type);

static const ks_json_field user_activity_fields[] = {
    KS_JSON_INTEGER(user_activity, userId),
    KS_JSON_STRING(user_activity, userName),
    KS_JSON_STRING(user_activity, zipcode),
    KS_JSON_ARRAY(user_activity, interests, interest_count, KS_JSON_STRINGS),
    KS_JSON_STRING(user_activity, searchTerm),
    KS_JSON_STRING(user_activity, page),
};
static const ks_json_type user_activity_type = KS_JSON_TYPE(user_activity, user_activity_fields);
const ks_serde user_activity_serde = KS_JSON_SERDE(user_activity_type);

static ks_value add_profile(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    const page_view *view = ks_value_object(left, &page_view_serde);
    const user_profile *profile =
        ks_value_is_null(right) ? NULL : ks_value_object(right, &user_profile_serde);
    ks_value value;
    (void)key;
    (void)user;
    if (view == NULL) {
        return ks_null(); /* the record has failed */
    }
    user_activity *activity =
        ks_object_new(ks_ctx_arena(ctx), &user_activity_serde, sizeof *activity, &value);
    const ks_slice nothing = ks_slice_cstr("");
    *activity = (user_activity){.userId = NOBODY,
                                .userName = nothing,
                                .zipcode = nothing,
                                .searchTerm = nothing,
                                .page = view->page};
    if (profile != NULL) {
        activity->userId = profile->userId;
        activity->userName = profile->userName;
        activity->zipcode = profile->zipcode;
        activity->interests = profile->interests;
        activity->interest_count = profile->interest_count;
    }
    return value;
}

static ks_value add_search(ks_ctx *ctx, ks_value key, ks_value left, ks_value right, void *user)
{
    const user_activity *before = ks_value_object(left, &user_activity_serde);
    const search *made = ks_value_is_null(right) ? NULL : ks_value_object(right, &search_serde);
    ks_value value;
    (void)key;
    (void)user;
    if (before == NULL || made == NULL) {
        return left;
    }
    user_activity *activity =
        ks_object_new(ks_ctx_arena(ctx), &user_activity_serde, sizeof *activity, &value);
    *activity = *before;
    activity->searchTerm = made->searchTerms;
    return value;
}

void click_enrich_topology(ks_builder *b)
{
    const ks_serde *user = &ks_serde_i32;

    ks_stream *views = ks_builder_stream(b, CLICK_ENRICH_VIEWS,
                                         KS_CONSUMED(.key = user, .value = &page_view_serde));
    ks_stream *searches = ks_builder_stream(b, CLICK_ENRICH_SEARCHES,
                                            KS_CONSUMED(.key = user, .value = &search_serde));
    ks_table *profiles = ks_builder_table(
        b, CLICK_ENRICH_PROFILES, KS_CONSUMED(.key = user, .value = &user_profile_serde), NULL);

    ks_stream *with_profile = ks_stream_left_join_table(views, profiles, add_profile, NULL, NULL);

    /* The search is the other record: at most a second before the view, never behind it. */
    ks_join_windows after_search =
        ks_join_windows_between(CLICK_ENRICH_AFTER_SEARCH_MS, 0, CLICK_ENRICH_GRACE_MS);
    ks_stream *activity = ks_stream_left_join(
        with_profile, searches, add_search, NULL, after_search,
        KS_STREAM_JOINED(.key = user, .value = &user_activity_serde, .other_value = &search_serde));
    ks_stream_to(activity, CLICK_ENRICH_OUTPUT,
                 KS_PRODUCED(.key = user, .value = &user_activity_serde));
}
