/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number_text.h - floating-point numbers as Java writes them.
 */
#ifndef KSI_SERDE_NUMBER_TEXT_H
#define KSI_SERDE_NUMBER_TEXT_H

#include <stddef.h>

enum { KSI_NUMBER_TEXT_SIZE = 32 };

/*
 * Writes the text of Double.toString() or Float.toString(), NUL-terminated; returns its size.
 * @thread any
 */
size_t ksi_f64_to_text(double number, char text[KSI_NUMBER_TEXT_SIZE]);
size_t ksi_f32_to_text(float number, char text[KSI_NUMBER_TEXT_SIZE]);

#endif
