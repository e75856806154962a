#!/bin/sh
# The session of the chapter "On Apache Kafka": two instances of the service, each a process, on a cluster.
# GUIDE_KAFKA: its address; GUIDE_STATE: an empty directory; GUIDE_PROPERTIES: the file; ks and service are found in PATH.
set -eu
instance()
{
    service "$GUIDE_PROPERTIES" "bootstrap.servers=$GUIDE_KAFKA" "state.dir=$GUIDE_STATE/$1" &
}

export KS_BOOTSTRAP_SERVER="$GUIDE_KAFKA"
for topic in readings highest-readings broken-readings readings-dead-letters; do
    ks topics create "$topic" --partitions 4
done

instance one
one=$!
instance two
two=$!
printf 'kitchen=21.5\nbalcony=4.0\n' | ks produce readings --key-separator = --value-serde double
ks consume highest-readings --value-serde double --print-key --follow --max-messages 2
ks groups describe thermometers

kill $one; wait $one
echo 'balcony=-3.0' | ks produce readings --key-separator = --value-serde double
ks consume highest-readings --value-serde double --print-key --follow --max-messages 3
kill $two; wait $two
