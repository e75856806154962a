/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kstreams.h - all of kstreams but the test driver (testing.h). Start at stream.h.
 */
#ifndef KSTREAMS_KSTREAMS_H
#define KSTREAMS_KSTREAMS_H

#include <kstreams/app.h>
#include <kstreams/common.h>
#include <kstreams/config.h>
#include <kstreams/handlers.h>
#include <kstreams/join.h>
#include <kstreams/json.h>
#include <kstreams/log.h>
#include <kstreams/options.h>
#include <kstreams/processor.h>
#include <kstreams/serde.h>
#include <kstreams/session_store.h>
#include <kstreams/store.h>
#include <kstreams/stream.h>
#include <kstreams/table.h>
#include <kstreams/topology.h>
#include <kstreams/value.h>
#include <kstreams/window_store.h>
#include <kstreams/windows.h>

#endif
