/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.c - regular expressions over whole topic names, by PCRE2, whose syntax covers what Java's
 * Pattern is used for here.
 *
 * A pattern belongs to the topology and is matched from any thread: match data is made for each
 * match, which happens when topics are looked up and never for a record.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/error.h"
#include "base/memory.h"
#include "topology/topology.h"

#include <pcre2.h>

struct ksi_pattern {
    pcre2_code *code;
    char *text;
};

ksi_pattern *ksi_pattern_compile(const char *text, ks_error *error)
{
    int code_error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code_error, &at, NULL);
    if (code == NULL) {
        PCRE2_UCHAR reason[160];
        pcre2_get_error_message(code_error, reason, sizeof reason);
        ksi_error_set(error, KS_E_ARGUMENT, text, "not a regular expression: %s at character %zu",
                      (const char *)reason, (size_t)at);
        return NULL;
    }
    ksi_pattern *pattern = ksi_calloc(1, sizeof *pattern);
    pattern->code = code;
    pattern->text = ksi_strdup(text);
    return pattern;
}

void ksi_pattern_free(ksi_pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->code);
        ksi_free(pattern->text);
        ksi_free(pattern);
    }
}

ks_status ksi_pattern_match(const ksi_pattern *pattern, const char *topic, bool *matches,
                            ks_error *error)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    int found =
        pcre2_match(pattern->code, (PCRE2_SPTR)topic, PCRE2_ZERO_TERMINATED, 0, 0, data, NULL);
    pcre2_match_data_free(data);
    *matches = found >= 0;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH) {
        return KS_OK;
    }
    PCRE2_UCHAR reason[160];
    pcre2_get_error_message(found, reason, sizeof reason);
    return ksi_error_set(error, KS_E_LIMIT, pattern->text,
                         "whether topic '%s' matches this pattern cannot be told: %s; avoid "
                         "repetitions of repetitions, such as (a+)+",
                         topic, (const char *)reason);
}

bool ksi_pattern_matches(const ksi_pattern *pattern, const char *topic)
{
    bool matches = false;
    return ksi_pattern_match(pattern, topic, &matches, NULL) == KS_OK && matches;
}

const char *ksi_pattern_text(const ksi_pattern *pattern)
{
    return pattern->text;
}
