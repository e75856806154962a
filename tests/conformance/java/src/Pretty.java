/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;

import java.util.Iterator;
import java.util.Map;

/** JSON with one line for each node, step and record, so that a scenario can be read and its changes compared. */
final class Pretty {
    private Pretty() {
    }

    static String print(JsonNode scenario) {
        StringBuilder out = new StringBuilder();
        value(out, scenario, 0);
        return out.append('\n').toString();
    }

    private static void value(StringBuilder out, JsonNode node, int depth) {
        boolean open = node.isObject() ? isOpenObject(node, depth) : node.isArray() && isOpenArray(node);
        if (!open) {
            inline(out, node);
            return;
        }
        out.append(node.isObject() ? "{" : "[");
        String separator = "\n";
        String indent = "  ".repeat(depth + 1);
        if (node.isObject()) {
            for (Iterator<Map.Entry<String, JsonNode>> it = node.properties().iterator(); it.hasNext(); ) {
                Map.Entry<String, JsonNode> field = it.next();
                out.append(separator).append(indent).append(text(field.getKey())).append(": ");
                value(out, field.getValue(), depth + 1);
                separator = ",\n";
            }
        } else {
            for (JsonNode item : node) {
                out.append(separator).append(indent);
                inline(out, item);
                separator = ",\n";
            }
        }
        out.append('\n').append("  ".repeat(depth)).append(node.isObject() ? "}" : "]");
    }

    /** The scenario itself, `topics`, `expect`, and in `expect` those with content. */
    private static boolean isOpenObject(JsonNode node, int depth) {
        if (depth == 0) {
            return true;
        }
        for (JsonNode child : node) {
            if (child.isArray() && isOpenArray(child) || child.isObject() && depth < 3) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOpenArray(JsonNode node) {
        return node.size() > 0 && node.get(0).isObject();
    }

    private static void inline(StringBuilder out, JsonNode node) {
        if (node.isObject()) {
            out.append('{');
            String separator = "";
            for (Iterator<Map.Entry<String, JsonNode>> it = node.properties().iterator(); it.hasNext(); ) {
                Map.Entry<String, JsonNode> field = it.next();
                out.append(separator).append(text(field.getKey())).append(": ");
                inline(out, field.getValue());
                separator = ", ";
            }
            out.append('}');
        } else if (node.isArray()) {
            out.append('[');
            String separator = "";
            for (JsonNode item : node) {
                out.append(separator);
                inline(out, item);
                separator = ", ";
            }
            out.append(']');
        } else {
            out.append(node);
        }
    }

    private static String text(String name) {
        return com.fasterxml.jackson.databind.node.TextNode.valueOf(name).toString();
    }
}
