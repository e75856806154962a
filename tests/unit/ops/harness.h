/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h - one operation between a caller and a few children that write down what they get.
 *
 *     harness h;
 *     harness_start(&h, &(harness_options){.children = 1});
 *     harness_run(&h, ksi_op_filter(&h.arena, is_even, NULL, false));
 *     harness_feed(&h, ks_i32(1), ks_i32(2), 10);
 *     assert_string_equal(harness_trace(&h), "0:1=2@10 ");
 *     harness_stop(&h);
 *
 * A record is written as `child:key=value@timestamp`, a change as `child:key=new<-old@timestamp`,
 * both with the value of the header "h" behind a plus sign when there is one, and a change that is
 * not the latest of its row with a word that says so. The subscription of a foreign-key join is
 * `instruction(primary key,hash)->partition`, its response `value(hash)->partition`, with the first
 * half of the hash's first half, or a minus sign for none.
 */
#ifndef TEST_OPS_HARNESS_H
#define TEST_OPS_HARNESS_H

#include "base/clock.h"
#include "ops/ops.h"
#include "state/key_value_store.h"
#include "topology/context.h"

enum { HARNESS_CHILDREN = 4 };

typedef struct harness_options {
    size_t children;
    const char *store; /* name; NULL: none */
    const ks_serde *store_value;
    int64_t history_retention_ms; /* of a versioned store; 0: it is a key-value store */
    int64_t cache_bytes;          /* 0: no cache */
    const char *upgrade_from;     /* the property; NULL: not set */
} harness_options;

typedef struct harness {
    ks_ctx ctx;
    ks_arena arena;
    ks_arena task_arena;
    ksi_manual_clock clock;
    ks_config *config;
    ksi_node node;
    ksi_node child_nodes[HARNESS_CHILDREN];
    ksi_node_instance instance;
    ksi_node_instance children[HARNESS_CHILDREN];
    ksi_node_instance *child_list[HARNESS_CHILDREN];
    ksi_processor processor;
    ksi_store_spec spec;
    ksi_record_cache *cache;
    ksi_store *store;
    int too_late;              /* what the store was too old for */
    const char *failing_value; /* a child that gets this text fails */
    const ks_headers *headers; /* of what is fed */
    int32_t partition;         /* and where it came from */
    char trace[1024];
} harness;

void harness_start(harness *h, const harness_options *options);
/* The status of the operation's init, which must be KS_OK unless the test is about that. */
ks_status harness_init(harness *h, ksi_processor processor, ks_error *error);
void harness_run(harness *h, ksi_processor processor);
void harness_feed(harness *h, ks_value key, ks_value value, int64_t timestamp);
void harness_feed_text(harness *h, const char *key, const char *value, int64_t timestamp);
/* Feeds a change of a table of texts; NULL is null. */
void harness_feed_change(harness *h, const char *key, const char *new_value, const char *old_value,
                         int64_t timestamp);
void harness_flush(harness *h);
/* What was written down since the last call. */
const char *harness_trace(harness *h);
void harness_stop(harness *h);

#endif
