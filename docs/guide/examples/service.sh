#!/bin/sh
# The session of the chapter "Running it": the service on a log in a directory, used from other processes.
# GUIDE_LOG, GUIDE_STATE: empty directories; GUIDE_PROPERTIES: the file; ks and service are found in PATH.
set -eu
start()
{
    service "$GUIDE_PROPERTIES" "bootstrap.servers=embedded:$GUIDE_LOG" "state.dir=$GUIDE_STATE" &
    until [ -S "$GUIDE_LOG/socket" ]; do sleep 0.1; done
}

export KS_BOOTSTRAP_SERVER="embedded:$GUIDE_LOG"
for topic in readings highest-readings broken-readings readings-dead-letters; do
    ks topics create "$topic" --partitions 4
done

start
echo 'kitchen=21.5' | ks produce readings --key-separator = --value-serde double
ks consume highest-readings --value-serde double --print-key --follow --max-messages 1
kill $!; wait $!

start
printf 'kitchen=20.0\nbalcony=-3.0\n' | ks produce readings --key-separator = --value-serde double
ks consume highest-readings --value-serde double --print-key --follow --max-messages 3
ks groups describe thermometers
kill $!; wait $!

ks state range "$GUIDE_STATE/thermometers" highest --value-serde double

ks reset --application-id thermometers --input-topics readings --state-dir "$GUIDE_STATE" --dry-run
ks reset --application-id thermometers --input-topics readings --state-dir "$GUIDE_STATE"
