/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;

import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/**
 * Builds the topology of one scenario with the ordinary public API of Kafka Streams, op by op, in the order in which they stand.
 *
 * Rule for serdes: a source or sink takes them from `topics`, every other node from its own `key`, `value`, `otherValue`; what is absent
 * is left to Java (inherited or default). Rule for overloads: the shorter overload is used when nothing needs the longer one, because
 * Java numbers generated names differently (count() against count(Materialized)).
 */
final class Topologies {
    private final ObjectNode scenario;
    private final Properties properties;
    private final Nodes nodes;
    private final Sources sources;
    private final Stateless stateless;
    private final Grouping grouping;
    private final Joins joins;
    private final ProcessorApi processors;
    private final List<Fields> lowLevel = new ArrayList<>();

    private Topologies(ObjectNode scenario, Properties properties) {
        this.scenario = scenario;
        this.properties = properties;
        StreamsBuilder builder = new StreamsBuilder(new TopologyConfig(new StreamsConfig(properties)));
        nodes = new Nodes(builder, scenario.path("topics"));
        sources = new Sources(nodes);
        stateless = new Stateless(nodes);
        grouping = new Grouping(nodes);
        joins = new Joins(nodes);
        processors = new ProcessorApi(nodes, sources);
    }

    static Topology build(ObjectNode scenario, Properties properties) {
        return new Topologies(scenario, properties).build();
    }

    private Topology build() {
        if (!scenario.path("topology").isArray()) {
            throw new ScenarioError("`topology` must be a list");
        }
        int index = 0;
        for (JsonNode json : scenario.get("topology")) {
            Fields node = new Fields(json, "topology[" + index++ + "]");
            String id = node.text("id");
            Object handle = op(node);
            if (handle == lowLevel) {
                lowLevel.add(node);
                continue;
            }
            node.done();
            if (id != null) {
                if (handle == null) {
                    throw new ScenarioError("op `" + node.text("op") + "` gives nothing to call `" + id + "`");
                }
                nodes.put(id, handle);
            }
        }
        Topology topology = nodes.builder.build(properties);
        for (Fields node : lowLevel) {
            processors.add(topology, node);
            node.done();
        }
        return topology;
    }

    private Object op(Fields n) {
        String op = n.needText("op");
        switch (op) {
            case "stream": return sources.stream(n);
            case "table": return sources.table(n);
            case "globalTable": return sources.globalTable(n);
            case "addStore": return sources.addStore(n);
            case "addGlobalStore": return sources.addGlobalStore(n);
            case "addSource":
            case "addProcessor":
            case "addSink":
            case "addReadOnlyStore":
                return lowLevel;
            case "filter":
            case "filterNot":
                return stateless.filter(n, op.equals("filterNot"));
            case "mapValues": return stateless.mapValues(n);
            case "transformValues": return stateless.transformValues(n);
            case "map":
            case "selectKey":
            case "flatMap":
            case "flatMapValues":
            case "peek":
            case "foreach":
            case "print":
                return stateless.stateless(n, op);
            case "split": return stateless.split(n);
            case "merge": return stateless.merge(n);
            case "repartition": return stateless.repartition(n);
            case "to": return stateless.to(n);
            case "toTable": return stateless.toTable(n);
            case "toStream": return stateless.toStream(n);
            case "groupByKey":
            case "groupBy":
                return grouping.group(n, op);
            case "count":
            case "reduce":
            case "aggregate":
                return grouping.aggregate(n, op);
            case "windowedBy": return grouping.windowedBy(n);
            case "cogroup": return grouping.cogroup(n);
            case "join":
            case "leftJoin":
            case "outerJoin":
                return joins.join(n, op);
            case "suppress": return processors.suppress(n);
            case "process":
            case "processValues":
                return processors.process(n, op);
            default:
                throw new ScenarioError("unknown op `" + op + "`");
        }
    }
}
