/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - what the main() of every application does.
 */
#ifndef APPS_COMMON_PROGRAM_H
#define APPS_COMMON_PROGRAM_H

#include <kstreams/stream.h>

#include "common/command_line.h"
#include "common/load.h"

/* What tells one application from another. */
typedef struct app_program {
    void (*topology)(ks_builder *builder);
    const char *const *input_topics; /* KS_NAMES("first", ...) */
    const char *output_topic;
    int32_t partitions;        /* of all topics */
    app_line_fn *line;         /* makes records of the input */
    app_generate_fn *generate; /* for --generate; NULL: nothing can be made up */
    bool shows_topology;       /* prints it before it runs */
    /* Prints to standard output what is in the output topic. */
    ks_status (*print)(ks_log *log, ks_error *error);
} app_program;

/* Reads the arguments, runs, prints. Returns what main() returns. */
int app_main(const app_about *about, const app_program *program, int argc, char **argv);

#endif
