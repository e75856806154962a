/* SPDX-License-Identifier: Apache-2.0 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The recorder: writes down what Java's own engine does with a scenario, so that our engine can be compared with it without Java.
 *
 *   FILE|DIR...            run each scenario twice, insist that both runs agree, write `expect` into the file
 *   --check FILE|DIR...    run each scenario once and compare with the `expect` that the file holds
 *
 * A result that changes from run to run (a system clock, a hash of an object) would make a test that fails at random; it is refused here,
 * where its author can still see why. A scenario that is itself wrong (ScenarioError) is refused too, and never becomes an `error` of Java.
 */
public final class Recorder {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Recorder() {
    }

    public static void main(String[] args) throws IOException {
        boolean check = args.length > 0 && args[0].equals("--check");
        List<String> paths = Arrays.asList(args).subList(check ? 1 : 0, args.length);
        if (paths.isEmpty() || paths.get(0).startsWith("-")) {
            System.err.println("usage: record [--check] FILE|DIR...");
            System.exit(2);
        }
        int passed = 0;
        int failed = 0;
        for (Path file : files(paths)) {
            String problem;
            try {
                problem = check ? check(file) : record(file);
            } catch (ScenarioError | IOException wrong) {
                problem = wrong.getMessage();
            }
            if (problem == null) {
                passed++;
                System.out.println("ok " + file);
            } else {
                failed++;
                System.out.println("not ok " + file + ": " + problem);
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static List<Path> files(List<String> paths) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String path : paths) {
            try (Stream<Path> all = Files.walk(Path.of(path))) {
                all.filter(file -> file.toString().endsWith(".json")).sorted().forEach(files::add);
            }
        }
        return files;
    }

    private static ObjectNode read(Path file) throws IOException {
        return (ObjectNode) MAPPER.readTree(file.toFile());
    }

    private static String record(Path file) throws IOException {
        ObjectNode scenario = read(file);
        ObjectNode first = ScenarioRun.run(scenario);
        ObjectNode second = ScenarioRun.run(scenario);
        String difference = difference("", first, second);
        if (difference != null) {
            return "two runs differ: " + difference;
        }
        scenario.set("expect", first);
        Files.writeString(file, Pretty.print(scenario));
        return null;
    }

    private static String check(Path file) throws IOException {
        ObjectNode scenario = read(file);
        JsonNode expect = scenario.get("expect");
        if (expect == null) {
            return "nothing recorded";
        }
        // through text, so that number types compare as written
        return difference("", expect, MAPPER.readTree(MAPPER.writeValueAsBytes(ScenarioRun.run(scenario))));
    }

    /** The first difference, or null. */
    private static String difference(String path, JsonNode want, JsonNode got) {
        if (want == null || got == null) {
            return want == got ? null : path + ": want " + want + ", got " + got;
        }
        if (want.isObject() && got.isObject()) {
            for (Iterator<Map.Entry<String, JsonNode>> it = want.properties().iterator(); it.hasNext(); ) {
                Map.Entry<String, JsonNode> field = it.next();
                String difference = difference(path + "/" + field.getKey(), field.getValue(), got.get(field.getKey()));
                if (difference != null) {
                    return difference;
                }
            }
            for (Iterator<String> it = got.fieldNames(); it.hasNext(); ) {
                String name = it.next();
                if (!want.has(name)) {
                    return path + "/" + name + ": not expected";
                }
            }
            return null;
        }
        if (want.isArray() && got.isArray()) {
            for (int i = 0; i < Math.min(want.size(), got.size()); i++) {
                String difference = difference(path + "/" + i, want.get(i), got.get(i));
                if (difference != null) {
                    return difference;
                }
            }
            return want.size() == got.size() ? null : path + ": want " + want.size() + " entries, got " + got.size();
        }
        return want.toString().equals(got.toString()) ? null : path + ": want " + want + ", got " + got;
    }
}
