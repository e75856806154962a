/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop.h - SIGINT and SIGTERM as a question that is asked between two steps.
 */
#ifndef APPS_COMMON_STOP_H
#define APPS_COMMON_STOP_H

/* From here on the two signals are remembered, and do nothing else. */
void app_stop_catch(void);
/* From here on they end the process again. */
void app_stop_release(void);
/* The signal that came since app_stop_catch(); 0: none. */
int app_stop_signal(void);

#endif
