/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology_use.c - what changes about a topology that does not change: whether somebody uses it,
 * and its texts.
 *
 * Applications and drivers are made from a const topology, in any thread; yet from the first of
 * them on nothing may be added, and that has to be remembered somewhere. The texts are made when
 * they are asked for: an application that starts does not need them, and a topology that is put
 * together node by node would make them once for each node.
 *
 * Thread rule: any thread; under a lock.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"
#include "topology/topology.h"

struct ksi_topology_use {
    ksi_mutex lock;
    bool is_used;
    char *description; /* NULL: not made yet */
    char *dot;
};

ksi_topology_use *ksi_topology_use_new(void)
{
    ksi_topology_use *use = ksi_calloc(1, sizeof *use);
    ksi_mutex_init(&use->lock);
    return use;
}

void ksi_topology_use_free(ksi_topology_use *use)
{
    ksi_topology_use_forget(use);
    ksi_mutex_destroy(&use->lock);
    ksi_free(use);
}

void ksi_topology_use_forget(ksi_topology_use *use)
{
    ksi_mutex_lock(&use->lock);
    ksi_free(use->description);
    ksi_free(use->dot);
    use->description = NULL;
    use->dot = NULL;
    ksi_mutex_unlock(&use->lock);
}

ks_status ksi_topology_begin_use(const ks_topology *topology, ks_error *error)
{
    KS_TRY(ksi_topology_check_depth(topology, error));
    ksi_mutex_lock(&topology->use->lock);
    topology->use->is_used = true;
    ksi_mutex_unlock(&topology->use->lock);
    return KS_OK;
}

ks_status ksi_topology_check_open(const ks_topology *topology, ks_error *error)
{
    if (topology == NULL) {
        return ksi_error_set(error, KS_E_ARGUMENT, "topology",
                             "must not be NULL; ks_builder_build() said why it made none");
    }
    ksi_mutex_lock(&topology->use->lock);
    bool is_used = topology->use->is_used;
    ksi_mutex_unlock(&topology->use->lock);
    return is_used ? ksi_error_set(error, KS_E_STATE, "topology",
                                   "an application or a test driver was made from it already; add "
                                   "everything before")
                   : KS_OK;
}

static const char *text_of(const ks_topology *topology, char **text,
                           char *make(const ks_topology *topology))
{
    ksi_mutex_lock(&topology->use->lock);
    if (*text == NULL) {
        *text = make(topology);
    }
    ksi_mutex_unlock(&topology->use->lock);
    return *text;
}

const char *ks_topology_describe(const ks_topology *topology)
{
    return text_of(topology, &topology->use->description, ksi_topology_description);
}

const char *ks_topology_dot(const ks_topology *topology)
{
    return text_of(topology, &topology->use->dot, ksi_topology_dot_text);
}
