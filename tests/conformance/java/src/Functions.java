/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Windowed;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.UUID;

/**
 * The built-in functions of the vocabulary. Each is named in a scenario as "name" or ["name", arg...].
 *
 * Null rules, once: a value mapper gives null for null (except `const` and `withKey`); a predicate is false for null (except
 * `valueNull`, `keyEquals`, `always`, `never`); where a missing part is printed it is the text `null`.
 */
final class Functions {
    interface KeyMapper {
        Object key(Object key, Object value);

        /** As a whole record, for map and for KTable.groupBy. */
        default KeyValue<Object, Object> pair(Object key, Object value) {
            return KeyValue.pair(key(key, value), value);
        }
    }

    interface Mapper {
        Object apply(Object key, Object value);
    }

    interface Test {
        boolean test(Object key, Object value);
    }

    interface Flat {
        List<Object> values(Object value);
    }

    interface Fold {
        Object apply(Object aggregate, Object value);
    }

    interface Join {
        Object apply(Object key, Object left, Object right);
    }

    private final String name;
    private final List<JsonNode> args = new ArrayList<>();

    private Functions(JsonNode fn, int arity) {
        this(fn);
        if (args.size() != arity) {
            throw new ScenarioError("function `" + name + "` takes " + arity + " argument(s)");
        }
    }

    private Functions(JsonNode fn) {
        if (fn.isTextual()) {
            name = fn.textValue();
        } else if (fn.isArray() && fn.size() > 0 && fn.get(0).isTextual()) {
            name = fn.get(0).textValue();
            for (int i = 1; i < fn.size(); i++) {
                args.add(fn.get(i));
            }
        } else {
            throw new ScenarioError("not a function: " + fn);
        }
    }

    static String nameOf(JsonNode fn) {
        return new Functions(fn).name;
    }

    private String textArg() {
        need(1);
        return text(Types.value(null, args.get(0)));
    }

    private long longArg() {
        need(1);
        if (!args.get(0).isIntegralNumber()) {
            throw new ScenarioError("function `" + name + "` takes a whole number");
        }
        return args.get(0).longValue();
    }

    private void need(int arity) {
        if (args.size() != arity) {
            throw new ScenarioError("function `" + name + "` takes " + arity + " argument(s)");
        }
    }

    private ScenarioError unknown(String kind) {
        return new ScenarioError("unknown " + kind + " `" + name + "`");
    }

    // ---- text and numbers -------------------------------------------------------------------------------------------------------

    /** The text of a value: what Java's String.valueOf gives; bytes in the text form of `produced`; a windowed key `[key@start/end]`. */
    static String text(Object value) {
        return value instanceof byte[] ? Types.text((byte[]) value) : String.valueOf(value);
    }

    private static boolean isFloating(Object value) {
        return value instanceof Double || value instanceof Float;
    }

    private static Number number(Object value) {
        if (value == null) {
            return 0L;
        }
        if (value instanceof Number) {
            return (Number) value;
        }
        return Long.parseLong(text(value));
    }

    /** The number in the class of the model (a text or null model: long). */
    private static Object like(Object model, Number number) {
        if (model instanceof Double) {
            return number.doubleValue();
        }
        if (model instanceof Float) {
            return number.floatValue();
        }
        if (model instanceof Integer) {
            return number.intValue();
        }
        if (model instanceof Short) {
            return number.shortValue();
        }
        return number.longValue();
    }

    /** A number in the class the declared type has; everything else as it is. */
    static Object cast(String type, Object value) {
        if (!(value instanceof Number) || type == null) {
            return value;
        }
        Number number = (Number) value;
        switch (type) {
            case "long": return number.longValue();
            case "integer": return number.intValue();
            case "short": return number.shortValue();
            case "double": return number.doubleValue();
            case "float": return number.floatValue();
            default: return value;
        }
    }

    private static Object plus(Object a, Object b, int sign) {
        Number x = number(a);
        Number y = number(b);
        Number sum = isFloating(x) || isFloating(y)
            ? (Number) (x.doubleValue() + sign * y.doubleValue())
            : (Number) (x.longValue() + sign * y.longValue());
        return like(a != null ? a : b, sum);
    }

    private static int compare(Object a, Object b) {
        if (a instanceof Number && b instanceof Number) {
            return isFloating(a) || isFloating(b)
                ? Double.compare(((Number) a).doubleValue(), ((Number) b).doubleValue())
                : Long.compare(((Number) a).longValue(), ((Number) b).longValue());
        }
        return Arrays.compareUnsigned(text(a).getBytes(StandardCharsets.UTF_8), text(b).getBytes(StandardCharsets.UTF_8));
    }

    // ---- the kinds --------------------------------------------------------------------------------------------------------------

    static Test predicate(JsonNode json) {
        Functions f = new Functions(json);
        switch (f.name) {
            case "contains": {
                String s = f.textArg();
                return (k, v) -> v != null && text(v).contains(s);
            }
            case "equals": {
                String s = f.textArg();
                return (k, v) -> v != null && text(v).equals(s);
            }
            case "startsWith": {
                String s = f.textArg();
                return (k, v) -> v != null && text(v).startsWith(s);
            }
            case "even":
                f.need(0);
                return (k, v) -> v != null && number(v).longValue() % 2 == 0;
            case "greater": {
                long n = f.longArg();
                return (k, v) -> v != null && compare(number(v), n) > 0;
            }
            case "valueNull":
                f.need(0);
                return (k, v) -> v == null;
            case "keyEquals": {
                String s = f.textArg();
                return (k, v) -> k != null && text(k).equals(s);
            }
            case "always":
                f.need(0);
                return (k, v) -> true;
            case "never":
                f.need(0);
                return (k, v) -> false;
            default:
                throw f.unknown("predicate");
        }
    }

    static Mapper valueMapper(JsonNode json) {
        Functions f = new Functions(json);
        switch (f.name) {
            case "upper":
                f.need(0);
                return orNull(v -> text(v).toUpperCase(Locale.ROOT));
            case "lower":
                f.need(0);
                return orNull(v -> text(v).toLowerCase(Locale.ROOT));
            case "reverse":
                f.need(0);
                return orNull(v -> new StringBuilder(text(v)).reverse().toString());
            case "length":
                f.need(0);
                return orNull(v -> (long) text(v).length());
            case "identity":
                f.need(0);
                return (k, v) -> v;
            case "append": {
                String s = f.textArg();
                return orNull(v -> text(v) + s);
            }
            case "prefix": {
                String s = f.textArg();
                return orNull(v -> s + text(v));
            }
            case "const": {
                f.need(1);
                Object constant = Types.value(null, f.args.get(0));
                return (k, v) -> constant;
            }
            case "null":
                f.need(0);
                return (k, v) -> null;
            case "parseLong":
                f.need(0);
                return orNull(v -> Long.parseLong(text(v)));
            case "toText":
                f.need(0);
                return orNull(Functions::text);
            case "add": {
                long n = f.longArg();
                return orNull(v -> plus(v instanceof Number ? v : number(v), n, 1));
            }
            case "first": {
                int n = (int) f.longArg();
                return orNull(v -> first(text(v), n));
            }
            case "after": {
                String sep = f.textArg();
                return orNull(v -> after(text(v), sep));
            }
            case "before": {
                String sep = f.textArg();
                return orNull(v -> before(text(v), sep));
            }
            case "withKey":
                f.need(0);
                return (k, v) -> text(k) + ":" + text(v);
            default:
                throw f.unknown("value mapper");
        }
    }

    private interface One {
        Object apply(Object value);
    }

    private static Mapper orNull(One mapper) {
        return (k, v) -> v == null ? null : mapper.apply(v);
    }

    private static String first(String text, int n) {
        return text.substring(0, Math.min(n, text.length()));
    }

    /** What follows the first separator; null when there is none. */
    private static String after(String text, String sep) {
        int at = text.indexOf(sep);
        return at < 0 ? null : text.substring(at + sep.length());
    }

    /** What stands before the first separator; null when there is none. */
    private static String before(String text, String sep) {
        int at = text.indexOf(sep);
        return at < 0 ? null : text.substring(0, at);
    }

    static KeyMapper keyMapper(JsonNode json) {
        Functions f = new Functions(json);
        switch (f.name) {
            case "value":
                f.need(0);
                return (k, v) -> v;
            case "swap":
                f.need(0);
                return new KeyMapper() {
                    @Override
                    public Object key(Object k, Object v) {
                        return v;
                    }

                    @Override
                    public KeyValue<Object, Object> pair(Object k, Object v) {
                        return KeyValue.pair(v, k);
                    }
                };
            case "keyAppend": {
                String s = f.textArg();
                return (k, v) -> k == null ? null : text(k) + s;
            }
            case "keyFirst": {
                int n = (int) f.longArg();
                return (k, v) -> k == null ? null : first(text(k), n);
            }
            case "valueBefore": {
                String sep = f.textArg();
                return (k, v) -> v == null ? null : before(text(v), sep);
            }
            case "nullKey":
                f.need(0);
                return (k, v) -> null;
            case "windowStart":
                f.need(0);
                return (k, v) -> windowed(f, k).key() + "@" + windowed(f, k).window().start();
            case "unwindow":
                f.need(0);
                return (k, v) -> windowed(f, k).key();
            default:
                throw f.unknown("key mapper");
        }
    }

    private static Windowed<?> windowed(Functions f, Object key) {
        if (!(key instanceof Windowed)) {
            throw new ScenarioError("`" + f.name + "` needs a windowed key");
        }
        return (Windowed<?>) key;
    }

    static Flat flat(JsonNode json) {
        Functions f = new Functions(json);
        switch (f.name) {
            case "words":
                f.need(0);
                return v -> {
                    List<Object> words = new ArrayList<>();
                    for (String word : v == null ? new String[0] : text(v).split(" ")) {
                        if (!word.isEmpty()) {
                            words.add(word);
                        }
                    }
                    return words;
                };
            case "chars":
                f.need(0);
                return v -> {
                    List<Object> chars = new ArrayList<>();
                    if (v != null) {
                        text(v).chars().forEach(c -> chars.add(String.valueOf((char) c)));
                    }
                    return chars;
                };
            case "repeat": {
                int n = (int) f.longArg();
                return v -> new ArrayList<>(Collections.nCopies(n, v));
            }
            case "none":
                f.need(0);
                return v -> new ArrayList<>();
            default:
                throw f.unknown("flat function");
        }
    }

    /** An aggregator, reducer or session merger; the result takes the declared type where it is a number. */
    static Fold fold(JsonNode json, String type) {
        Fold fold = fold(json);
        return (aggregate, value) -> cast(type, fold.apply(aggregate, value));
    }

    private static Fold fold(JsonNode json) {
        Functions f = new Functions(json);
        if (f.name.equals("lastUnless")) {
            String s = f.textArg();
            return (a, v) -> text(v).equals(s) ? null : v;
        }
        f.need(0);
        switch (f.name) {
            case "concat": return (a, v) -> text(a) + "+" + text(v);
            case "remove": return (a, v) -> text(a) + "-" + text(v);
            case "sum": return (a, v) -> plus(a, v, 1);
            case "subtract": return (a, v) -> plus(a, v, -1);
            case "count": return (a, v) -> plus(a, 1L, 1);
            case "uncount": return (a, v) -> plus(a, 1L, -1);
            case "min": return (a, v) -> a == null ? v : v == null || compare(a, v) <= 0 ? a : v;
            case "max": return (a, v) -> a == null ? v : v == null || compare(a, v) >= 0 ? a : v;
            case "last": return (a, v) -> v;
            default: throw f.unknown("aggregator");
        }
    }

    static boolean joinerNeedsKey(JsonNode json) {
        return nameOf(json).equals("keyPair");
    }

    static Join joiner(JsonNode json) {
        Functions f = new Functions(json, 0);
        switch (f.name) {
            case "pair": return (k, l, r) -> text(l) + "|" + text(r);
            case "keyPair": return (k, l, r) -> text(k) + "=" + text(l) + "|" + text(r);
            case "sum": return (k, l, r) -> plus(l, r, 1);
            default: throw f.unknown("joiner");
        }
    }

    // ---- processors -------------------------------------------------------------------------------------------------------------

    static Processors.Spec processor(JsonNode json) {
        Functions f = new Functions(json);
        switch (f.name) {
            case "punctuateStream":
            case "punctuateWall":
            case "fanOut":
                return new Processors.Spec(f.name, f.longArg(), null);
            case "fail":
                return new Processors.Spec(f.name, 0, f.textArg());
            case "forward":
            case "countStore":
            case "dedupe":
            case "metadata":
            case "headers":
                f.need(0);
                return new Processors.Spec(f.name, 0, null);
            default:
                throw f.unknown("processor");
        }
    }
}
