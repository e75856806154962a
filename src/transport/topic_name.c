/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_name.c - what may be the name of a topic. @java
 * org.apache.kafka.common.internals.Topic#validate
 *
 * Every transport asks here, so that a topic that one accepts is never refused by another: a
 * program developed on the embedded log must not meet its first bad name in front of a broker.
 */
#include "base/error.h"
#include "transport/transport.h"

#define MAX_TOPIC_NAME_LENGTH 249

static bool is_topic_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

ks_status ksi_topic_name_check(const char *topic, ks_error *error)
{
    if (topic == NULL || topic[0] == '\0') {
        return ksi_error_set(error, KS_E_ARGUMENT, "topic",
                             "a topic needs a name; this one is empty");
    }
    if (strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic, "\".\" and \"..\" cannot name a topic");
    }
    size_t length = strlen(topic);
    if (length > MAX_TOPIC_NAME_LENGTH) {
        return ksi_error_set(error, KS_E_ARGUMENT, topic,
                             "the name of a topic has at most %d characters; this one has %zu",
                             MAX_TOPIC_NAME_LENGTH, length);
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_topic_character(topic[i])) {
            return ksi_error_set(error, KS_E_ARGUMENT, topic,
                                 "the name of a topic consists of ASCII letters, digits, '.', '_' "
                                 "and '-'; change character %zu",
                                 i + 1);
        }
    }
    return KS_OK;
}
