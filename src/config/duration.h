/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duration.h - durations as text, as java.time.Duration and ISO 8601 write them.
 */
#ifndef KSI_CONFIG_DURATION_H
#define KSI_CONFIG_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Milliseconds of "P7D", "PT1H30M", "P1DT0.5S": days, hours, minutes and seconds, in this order and
 * each of them or not. False when the text is no duration, is negative, or too long to count.
 */
bool ksi_duration_ms(const char *text, int64_t *milliseconds);

#endif
