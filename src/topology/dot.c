/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - a topology as a Graphviz digraph: one cluster for each sub-topology, topics and stores as
 * shapes of their own.
 */
#include "base/buffer.h"
#include "topology/topology.h"

#include <string.h>

/* A text between double quotes, with what dot treats as special escaped. */
static void append_quoted(ksi_buffer *text, const char *prefix, const char *name)
{
    ksi_buffer_appendf(text, "\"%s", prefix);
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            ksi_buffer_append_text(text, "\\");
        }
        ksi_buffer_append(text, c, 1);
    }
    ksi_buffer_append_text(text, "\"");
}

static void append_edge(ksi_buffer *text, const char *from_prefix, const char *from,
                        const char *to_prefix, const char *to)
{
    ksi_buffer_append_text(text, "  ");
    append_quoted(text, from_prefix, from);
    ksi_buffer_append_text(text, " -> ");
    append_quoted(text, to_prefix, to);
    ksi_buffer_append_text(text, ";\n");
}

static void append_shape(ksi_buffer *text, const char *prefix, const char *name, const char *shape)
{
    ksi_buffer_append_text(text, "  ");
    append_quoted(text, prefix, name);
    ksi_buffer_append_text(text, " [label=");
    append_quoted(text, "", name);
    ksi_buffer_appendf(text, ", %s];\n", shape);
}

static void append_topics(ksi_buffer *text, const ksi_node *node)
{
    static const char *const shape = "shape=cds, style=filled, fillcolor=\"#eef3fb\"";
    if (node->kind == KSI_NODE_SINK && node->sink.topic != NULL) {
        append_shape(text, "topic ", node->sink.topic, shape);
        append_edge(text, "", node->name, "topic ", node->sink.topic);
    }
    if (node->kind != KSI_NODE_SOURCE) {
        return;
    }
    if (node->source.pattern != NULL) {
        const char *pattern = ksi_pattern_text(node->source.pattern);
        append_shape(text, "topic ", pattern, shape);
        append_edge(text, "topic ", pattern, "", node->name);
    }
    for (size_t i = 0; i < node->source.topic_count; i++) {
        append_shape(text, "topic ", node->source.topics[i], shape);
        append_edge(text, "topic ", node->source.topics[i], "", node->name);
    }
}

static void append_cluster(ksi_buffer *text, const ks_topology *topology, int number)
{
    static const char *const shapes[] = {[KSI_NODE_SOURCE] = "shape=house",
                                         [KSI_NODE_PROCESSOR] = "shape=box, style=rounded",
                                         [KSI_NODE_SINK] = "shape=invhouse"};
    ksi_buffer_appendf(text,
                       "  subgraph cluster_%d {\n  label=\"Sub-topology: %d%s\"; "
                       "labeljust=l; fontname=\"sans-serif\"; fontsize=10; color=gray;\n",
                       number, number,
                       ksi_topology_is_global(topology, number) ? " (global store)" : "");
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        if (node->subtopology == number) {
            append_shape(text, "", node->name, shapes[node->kind]);
        }
    }
    for (size_t i = 0; i < topology->store_count; i++) {
        if (topology->stores[i].subtopology == number) {
            append_shape(text, "store ", topology->stores[i].spec.name, "shape=cylinder");
        }
    }
    ksi_buffer_append_text(text, "  }\n");
}

char *ksi_topology_dot_text(const ks_topology *topology)
{
    ksi_buffer text = {0};
    ksi_buffer_append_text(
        &text,
        "digraph topology {\n  rankdir=TB;\n  node [fontname=\"sans-serif\", fontsize=10];\n");
    for (int number = 0; number < topology->subtopology_count; number++) {
        append_cluster(&text, topology, number);
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        const ksi_node *node = topology->nodes[i];
        append_topics(&text, node);
        for (size_t c = 0; c < node->child_count; c++) {
            append_edge(&text, "", node->name, "", node->children[c]->name);
        }
        for (size_t s = 0; s < node->store_count; s++) {
            append_edge(&text, "", node->name, "store ",
                        topology->stores[node->stores[s]].spec.name);
        }
    }
    ksi_buffer_append_text(&text, "}\n");
    ksi_buffer_append(&text, "", 1);
    return text.data;
}
