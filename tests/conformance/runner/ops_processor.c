/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_processor.c - processors within the DSL.
 */
#include "ops.h"

cf_handle op_process(cf_build *build, cf_fields *node)
{
    ks_stream *stream = stream_input(build, node);
    size_t count = 0;
    const char *const *stores = fields_texts(node, "stores", build->scenario->arena, &count);
    cf_function *processor = function_processor(build->scenario, fields_need(node, "processor"),
                                                count > 0 ? stores[0] : NULL);
    ks_named storage;
    const ks_named *named = named_of(node, &storage);
    if (count > 0) {
        problem_not_built(build_problem(build), "stores of a processor");
    }
    return build_is_sound(build)
               ? handle_of(HANDLE_STREAM,
                           ks_stream_process(stream, &call_processor, processor, named))
               : handle_none();
}
