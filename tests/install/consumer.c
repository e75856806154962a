/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.c - a program of a user who has only what `make install` put there.
 *
 * Builds the smallest topology and prints its description, then the version of the library it runs
 * with. Fails when that is not the version of the headers it was compiled with.
 */
#include <kstreams/kstreams.h>
#include <kstreams/testing.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    ks_error error = {0};
    char text[700];
    char headers[32];
    snprintf(headers, sizeof headers, "%d.%d.%d", KS_VERSION_MAJOR, KS_VERSION_MINOR,
             KS_VERSION_PATCH);

    ks_builder *builder = ks_builder_new(NULL);
    ks_stream *stream = ks_builder_stream(builder, "in", KS_CONSUMED(.value = &ks_serde_string));
    ks_stream_to(stream, "out", NULL);
    ks_topology *topology = ks_builder_build(builder, &error);
    if (topology == NULL) {
        fprintf(stderr, "%s\n", ks_error_text(&error, text, sizeof text));
        ks_builder_free(builder);
        return 1;
    }
    fputs(ks_topology_describe(topology), stdout);
    ks_topology_free(topology);
    ks_builder_free(builder);

    printf("%s\n", ks_library_version());
    return strcmp(headers, ks_library_version()) == 0 ? 0 : 1;
}
