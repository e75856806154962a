/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology.h - the topology of click_enrich, its topics and what is in them.
 *
 * main.c, the driver test and `ks describe click_enrich` all build it with this one function.
 */
#ifndef APPS_CLICK_ENRICH_TOPOLOGY_H
#define APPS_CLICK_ENRICH_TOPOLOGY_H

#include <kstreams/json.h>
#include <kstreams/stream.h>

#define CLICK_ENRICH_VIEWS "clicks.pages.views"
#define CLICK_ENRICH_SEARCHES "clicks.search"
#define CLICK_ENRICH_PROFILES "clicks.user.profile"
#define CLICK_ENRICH_OUTPUT "clicks.user.activity"

enum {
    CLICK_ENRICH_AFTER_SEARCH_MS = 1000, /* a view within this time belongs to the search */
    CLICK_ENRICH_GRACE_MS = 500          /* how much later a search may come than it was made */
};

typedef struct page_view {
    int32_t userId;
    ks_slice page;
} page_view;

typedef struct search {
    int32_t userId;
    ks_slice searchTerms;
} search;

typedef struct user_profile {
    int32_t userId;
    ks_slice userName;
    ks_slice zipcode;
    const ks_slice *interests;
    size_t interest_count;
} user_profile;

/* A view with what is known about it. */
typedef struct user_activity {
    int32_t userId; /* -1: nobody has told who it is */
    ks_slice userName;
    ks_slice zipcode;
    const ks_slice *interests;
    size_t interest_count;
    ks_slice searchTerm; /* "": it followed no search */
    ks_slice page;
} user_activity;

extern const ks_serde page_view_serde;
extern const ks_serde search_serde;
extern const ks_serde user_profile_serde;
extern const ks_serde user_activity_serde;

/* Topics of views, searches and profiles (key: user, i32) -> a topic of user_activity. */
void click_enrich_topology(ks_builder *b);

#endif
