/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Prints what Java knows of its properties, as test_java_properties.c reads it from ../java_properties.tsv:
 *
 *     streams NAME TYPE IMPORTANCE DEFAULT VALIDATOR     every row of StreamsConfig.configDef()
 *     client  NAME CLIENTS                               every other name of the clients: c(onsumer), p(roducer), a(dmin)
 *
 * To record anew: java -cp 'kafka-streams.jar:kafka-clients.jar:slf4j-api.jar' -Djava.io.tmpdir=/tmp RecordProperties.java
 */
public final class RecordProperties {
    public static void main(final String[] arguments) {
        final ConfigDef streams = StreamsConfig.configDef();
        for (final String name : new TreeSet<>(streams.names())) {
            final ConfigDef.ConfigKey key = streams.configKeys().get(name);
            System.out.printf("streams\t%s\t%s\t%s\t%s\t%s%n", name, key.type, key.importance, text(key.defaultValue),
                key.validator);
        }
        final TreeMap<String, String> clients = new TreeMap<>();
        ConsumerConfig.configNames().forEach(name -> clients.merge(name, "c", String::concat));
        ProducerConfig.configNames().forEach(name -> clients.merge(name, "p", String::concat));
        AdminClientConfig.configNames().forEach(name -> clients.merge(name, "a", String::concat));
        clients.keySet().removeAll(streams.names());
        clients.forEach((name, who) -> System.out.printf("client\t%s\t%s%n", name, who));
    }

    private static String text(final Object value) {
        if (value == ConfigDef.NO_DEFAULT_VALUE || value == null) {
            return "<none>";
        }
        if (value instanceof Class) {
            return ((Class<?>) value).getName();
        }
        return value instanceof List ? String.join(",", ((List<?>) value).stream().map(Object::toString).toList()) : value.toString();
    }
}
