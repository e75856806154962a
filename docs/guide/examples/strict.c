/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strict.c - a callback that fails, and a handler that answers it.
 */
#include "strict.h"

#include <stdio.h>

static ks_value parse_celsius(ks_ctx *ctx, const ks_record *line, void *user)
{
    const char *text = ks_text_cstr(ks_ctx_arena(ctx), ks_value_text(line->value));
    double celsius;
    char rest;

    (void)user;
    if (text == NULL || sscanf(text, "%lf%c", &celsius, &rest) != 1) {
        ks_ctx_fail(ctx, "'%s' is no number of degrees", text != NULL ? text : "null");
        return ks_null(); /* ignored: the record has failed */
    }
    return ks_f64(celsius);
}

void strict_topology(ks_builder *b)
{
    const ks_serde *text = &ks_serde_string;

    ks_stream *lines = ks_builder_stream(b, "lines", KS_CONSUMED(.key = text, .value = text));
    ks_stream *readings =
        ks_stream_map_values(lines, parse_celsius, NULL, KS_NAMED(.name = "parse"));
    ks_stream_to(readings, "readings", KS_PRODUCED(.value = &ks_serde_f64));
}

ks_failure_answer strict_failure(const ks_failure *failure, void *user)
{
    int *left = user;

    if (failure->stage != KS_FAILURE_PROCESSING || *left == 0) {
        return KS_FAILURE_FAIL;
    }
    (*left)--; /* a few are let pass; many are no accident */
    ks_error_print("strict", failure->error);
    return KS_FAILURE_CONTINUE;
}
