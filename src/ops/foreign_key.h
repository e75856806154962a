/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key.h - the foreign-key join of two tables: five nodes in two sub-topologies, and what
 * they share.
 *
 *     left table                                        right table
 *     ----------                                        -----------
 *     register (foreign_key_left.c)
 *        row changes: whom does it name? -- topic -->   receive (foreign_key_right.c)
 *                                                         keeps the subscription in a store
 *                                                       answer
 *                                                         with the row that is named, as it is now
 *                                                       tell
 *                                                         all that named a row that has changed
 *     resolve                            <-- topic --
 *        joins, if the row is still the one that asked
 *     result, a table like that of a topic
 *
 * Nobody waits for anybody: the left row is joined when the answer comes, with what it is by then,
 * and only if that is what it was when it asked. So of several answers on their way the last one
 * counts, in whatever order subscriptions and updates were seen on the right.
 *
 * The store of subscriptions has a row for each left row, under the key it names and its own:
 *
 *     size of foreign key i32, foreign key, primary key     a subscription (row_subscription.h)
 *
 * so that those of one foreign key stand together, and no key is taken for the beginning of a
 * longer one. It is neither cached nor ever asked for by a program.
 *
 * Thread rule: the configuration is the builder's until the topology is frozen, then anyone's.
 */
#ifndef KSI_OPS_FOREIGN_KEY_H
#define KSI_OPS_FOREIGN_KEY_H

#include "ops/table_view.h"
#include "topology/row_subscription.h"
#include <kstreams/join.h>

/* One for all five; in the topology's arena. Serdes: NULL is the default of the properties. */
typedef struct ksi_foreign_key_join {
    ks_mapper_fn *foreign_key;
    ks_joiner_fn *join;
    void *user;
    bool is_left_join;
    bool left_is_versioned;
    bool right_is_versioned;
    const ks_serde *primary_key_serde;
    const ks_serde *left_value_serde;
    const ks_serde *foreign_key_serde;
    const ksi_table_view *left;
    const ksi_table_view *right;
    const char *store; /* of the subscriptions */
    /* what serdes get to see as a topic, without the application id */
    const char *primary_key_topic;
    const char *foreign_key_topic;
    const char *hash_topic;
} ksi_foreign_key_join;

/* foreign_key_left.c */
ksi_processor ksi_op_foreign_key_register(const ksi_foreign_key_join *join);
ksi_processor ksi_op_foreign_key_resolve(const ksi_foreign_key_join *join);

/* foreign_key_right.c */
ksi_processor ksi_op_foreign_key_receive(const ksi_foreign_key_join *join);
ksi_processor ksi_op_foreign_key_answer(const ksi_foreign_key_join *join);
ksi_processor ksi_op_foreign_key_tell(const ksi_foreign_key_join *join);

/*
 * foreign_key_serdes.c: a serde of the join at work in a task, with the topic that it gets to see.
 */
typedef struct ksi_foreign_key_serde {
    const ks_serde *serde;
    ks_serde_ctx where; /* but for the headers */
} ksi_foreign_key_serde;

/* From a node's init. `topic` without the application id. */
KS_NODISCARD ks_status ksi_foreign_key_serde_open(ksi_foreign_key_serde *serde, const ks_ctx *ctx,
                                                  const ks_serde *own, const char *topic,
                                                  ks_error *error);
KS_NODISCARD ks_status ksi_foreign_value_serde_open(ksi_foreign_key_serde *serde, const ks_ctx *ctx,
                                                    const ks_serde *own, const char *topic,
                                                    ks_error *error);
/* In the record's arena; null gives null. False: the context failed. */
bool ksi_foreign_key_serialize(const ksi_foreign_key_serde *serde, ks_ctx *ctx,
                               const ks_record *record, ks_value value, ks_slice *bytes);
bool ksi_foreign_key_deserialize(const ksi_foreign_key_serde *serde, ks_ctx *ctx,
                                 const ks_record *record, ks_slice bytes, ks_value *value);
/* The hash of a left row's value; null has none. False: the context failed. */
bool ksi_foreign_key_hash(const ksi_foreign_key_serde *serde, ks_ctx *ctx, const ks_record *record,
                          ks_value value, ksi_row_hash *hash);

/*
 * foreign_key_partitioner.c: where subscriptions and responses go. `program` is the program's
 * partitioner of the left or the right table; NULL: subscriptions go by key (then there is none),
 * responses where the subscription came from.
 */
const ks_partitioner *ksi_foreign_key_subscription_partitioner(ks_arena *arena,
                                                               const ks_partitioner *program);
const ks_partitioner *ksi_foreign_key_response_partitioner(ks_arena *arena,
                                                           const ks_partitioner *program);

#endif
