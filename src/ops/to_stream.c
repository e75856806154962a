/* SPDX-License-Identifier: Apache-2.0 */
/*
 * to_stream.c - a table's updates as records: the new value, null for a deletion. @java
 * KTableImpl#toStream
 */
#include "ops/ops.h"
#include "topology/change.h"
#include "topology/context.h"

static void to_stream_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    (void)config;
    (void)state;
    ks_record out = *record;
    out.value = ksi_value_change(record->value)->new_value;
    ksi_forward(ctx, &out);
}

static const ksi_processor_class to_stream_class = {.process = to_stream_process};

ksi_processor ksi_op_to_stream(void)
{
    return (ksi_processor){.class = &to_stream_class};
}
