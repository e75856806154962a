/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_key_partitioner.c - where the two topics of a foreign-key join are written to.
 *
 * A subscription must reach the task that has the row it names, a response the task that asked: so
 * where a program has partitioned a table in its own way, it says so to the join. Its partitioner
 * is asked with the key and without a value, since what travels is none of its values, and must
 * choose one partition: two would each have half of the truth.
 */
#include "base/error.h"
#include "ops/foreign_key.h"
#include "topology/partitioner.h"

static ks_status ask_program(const ks_partitioner *self, const char *topic, const ks_record *record,
                             int32_t partition_count, ks_partitions *partitions, ks_error *error)
{
    const ks_partitioner *program = self->config;
    ks_record without_value = *record;
    without_value.value = ks_null();
    KS_TRY(program->partition(program, topic, &without_value, partition_count, partitions, error));
    if (partitions->decided && partitions->count != 1) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "the partitioner chose %zu partitions for a key of a foreign-key "
                             "join; it must choose one, or leave the choice to the default",
                             partitions->count);
    }
    return KS_OK;
}

/* A subscription of before 3.4 has no partition, and the key decides. */
static ks_status go_back(const ks_partitioner *self, const char *topic, const ks_record *record,
                         int32_t partition_count, ks_partitions *partitions, ks_error *error)
{
    const ksi_row_response *response = ksi_value_response(record->value);
    (void)self;
    (void)topic;
    (void)partition_count;
    (void)error; /* it is filled through `partitions` */
    return response->primary_partition == KSI_NO_PARTITION
               ? KS_OK
               : ks_partitions_add(partitions, response->primary_partition);
}

static const ks_partitioner back_to_the_subscriber = {
    .struct_size = sizeof(ks_partitioner), .name = "foreign-key response", .partition = go_back};

const ks_partitioner *ksi_foreign_key_subscription_partitioner(ks_arena *arena,
                                                               const ks_partitioner *program)
{
    if (program == NULL) {
        return NULL;
    }
    ks_partitioner *asking = ksi_arena_alloc(arena, sizeof *asking);
    *asking = (ks_partitioner){.struct_size = sizeof *asking,
                               .name = program->name,
                               .partition = ask_program,
                               .config = program};
    return asking;
}

const ks_partitioner *ksi_foreign_key_response_partitioner(ks_arena *arena,
                                                           const ks_partitioner *program)
{
    return program == NULL ? &back_to_the_subscriber
                           : ksi_foreign_key_subscription_partitioner(arena, program);
}
