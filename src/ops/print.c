/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - the end of a stream in lines of text: "[label]: key, value". @java KStreamPrint,
 * PrintForeachAction
 *
 * Each task opens the file by itself, to append, and hands every line over in one write(), so that
 * tasks do not mix within a line. Tempting but wrong: stdio's own buffer, which is written when it
 * is full, and that is in the middle of a line.
 */
#include "base/arena.h"
#include "base/error.h"
#include "ops/ops.h"
#include "topology/context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct print_state {
    FILE *file;
} print_state;

static ks_status print_init(ks_ctx *ctx, const void *config, void *state, ks_error *error)
{
    const ksi_print *print = config;
    print_state *here = state;
    (void)ctx;
    here->file = print->path != NULL ? fopen(print->path, "a") : stdout;
    if (here->file == NULL) {
        return ksi_error_set(error, KS_E_IO, print->path, "cannot be opened to print to: %s",
                             strerror(errno));
    }
    if (print->path != NULL) {
        (void)setvbuf(here->file, NULL, _IONBF, 0);
    }
    return KS_OK;
}

static void print_process(ks_ctx *ctx, const void *config, void *state, const ks_record *record)
{
    const ksi_print *print = config;
    print_state *here = state;
    ks_slice text;
    if (print->mapper != NULL) {
        text = print->mapper(ctx, record, print->user);
    } else {
        ks_slice key = ks_value_to_text(ctx->arena, record->key);
        ks_slice value = ks_value_to_text(ctx->arena, record->value);
        text = ks_text_format(ctx->arena, "%.*s, %.*s", KS_SLICE_ARGS(key), KS_SLICE_ARGS(value));
    }
    if (ksi_ctx_failed(ctx)) {
        return;
    }
    ks_slice line = ks_text_format(ctx->arena, "[%s]: %.*s\n", print->label, KS_SLICE_ARGS(text));
    (void)fwrite(line.data, 1, line.size, here->file);
    if (print->path == NULL) {
        (void)fflush(here->file);
    }
    if (ferror(here->file)) {
        ks_ctx_fail(ctx, "cannot print to %s: %s",
                    print->path != NULL ? print->path : "standard output", strerror(errno));
        clearerr(here->file);
    }
}

static void print_close(const void *config, void *state)
{
    const ksi_print *print = config;
    print_state *here = state;
    if (print->path != NULL) {
        fclose(here->file);
    }
}

static const ksi_processor_class print_class = {.state_size = sizeof(print_state),
                                                .init = print_init,
                                                .process = print_process,
                                                .close = print_close};

ksi_processor ksi_op_print(ks_arena *arena, const ksi_print *print)
{
    ksi_print *config = ksi_arena_alloc(arena, sizeof *config);
    *config = *print;
    config->path = ksi_arena_strdup(arena, print->path);
    config->label = ksi_arena_strdup(arena, print->label);
    return (ksi_processor){.class = &print_class, .config = config};
}
