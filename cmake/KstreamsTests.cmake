# Tests, by label:
#   unit         tests/unit/ROOM/test_FILE.c; other .c files of the same folder are linked into each of its tests;
#                unit.docs.PAGE: a generated page is what its generator would write
#   api          tests/api/test_*.c
#   apps         apps/APP/test_*.c, and the test of docs/guide/examples
#   conformance  one test per folder of tests/conformance/scenarios, one that runs all of them with restarts, and one as applications on a log
#   scripts      tests/scripts/test_*.py: the checks are checked
#   crash        tests/crash/test_*.c: child processes killed at named points; the other .c files there are linked into each
#                tests/crash/application/test_*.c: whole applications on a log in a directory, likewise
#   kafka        tests/kafka/test_*.c and test_*.py, on a broker that the test kafka.up starts for all of them and kafka.down stops; the other
#                .c files there are linked into each of the C ones, but *_app.c, which are programs of their own for the Python ones
#   python       those of them that are Python: they run the programs of this build, whose own memory no sanitizer of theirs can look at
#   sim          tests/sim/test_*.c: several instances stepped by hand among faults; likewise
# and the fuzz targets tests/fuzz/fuzz_*.c, built only with KSTREAMS_FUZZ and run by scripts/fuzz.

if(KSTREAMS_FUZZ)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c")
  file(GLOB fuzz_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.c")
  list(FILTER fuzz_helpers EXCLUDE REGEX "/fuzz_[^/]*$")
  add_custom_target(fuzz_targets)
  foreach(source IN LISTS fuzz_sources)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source} ${fuzz_helpers})
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${name} PRIVATE
      $<$<TARGET_EXISTS:conformance_runner>:conformance_runner> kstreams_static kstreams_flags)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
    add_dependencies(fuzz_targets ${name})
  endforeach()
  return()
endif()

if(KSTREAMS_TESTS STREQUAL "AUTO")
  pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
  if(NOT CMOCKA_FOUND)
    message(STATUS "cmocka is not installed: tests are not built (scripts/install-deps test installs it)")
    return()
  endif()
elseif(KSTREAMS_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
else()
  return()
endif()

enable_testing()

set(sanitizer_environment
  "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan-suppressions.txt")
if(KSTREAMS_SANITIZE STREQUAL "thread")
  # Without it the sanitizer knows nothing of librdkafka's threads, and crashes. Not built with the sanitizer itself, as it is loaded first.
  add_library(c11_threads MODULE "${PROJECT_SOURCE_DIR}/tests/support/tsan/c11_threads.c")
  target_compile_definitions(c11_threads PRIVATE _POSIX_C_SOURCE=200809L)
  set_target_properties(c11_threads PROPERTIES C_VISIBILITY_PRESET default)
  list(APPEND sanitizer_environment "LD_PRELOAD=$<TARGET_FILE:c11_threads>")
endif()

# kstreams_test_properties(NAME LABEL): what every test has. A test that cannot run answers 77 and says why. One that takes longer hangs: a
# slow machine with other work needs ten times as long as a quick one.
function(kstreams_test_properties name label)
  set_tests_properties(${name} PROPERTIES
    LABELS "${label}" TIMEOUT 900 SKIP_RETURN_CODE 77 ENVIRONMENT "${sanitizer_environment}")
endfunction()

# kstreams_test(LABEL GROUP SOURCE...): one cmocka executable, LABEL.GROUP.FILE, from its first source.
function(kstreams_test label group source)
  cmake_parse_arguments(arg "" "" "LIBRARIES;INCLUDES" ${ARGN})
  cmake_path(GET source STEM file)
  string(REGEX REPLACE "^test_" "" file "${file}")
  string(REPLACE "/" "." name "${label}/${group}/${file}")
  string(REPLACE ".." "." name "${name}")
  add_executable(${name} ${source} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE
    ${arg_LIBRARIES} kstreams_static PkgConfig::CMOCKA kstreams_flags)
  target_include_directories(${name} PRIVATE ${arg_INCLUDES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  kstreams_test_properties(${name} ${label})
endfunction()

set(support_library "")
file(GLOB support_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.c")
if(support_sources)
  add_library(test_support STATIC ${support_sources})
  target_include_directories(test_support PUBLIC
    "${PROJECT_SOURCE_DIR}/tests/support" PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(test_support PRIVATE kstreams_static PkgConfig::CMOCKA kstreams_flags)
  set(support_library test_support)
endif()

file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS
  RELATIVE "${PROJECT_SOURCE_DIR}/tests/unit" "${PROJECT_SOURCE_DIR}/tests/unit/test_*.c")
foreach(source IN LISTS unit_sources)
  cmake_path(GET source PARENT_PATH room)
  file(GLOB room_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/unit/${room}/*.c")
  list(FILTER room_helpers EXCLUDE REGEX "/test_[^/]*$")
  kstreams_test(unit "${room}" "${PROJECT_SOURCE_DIR}/tests/unit/${source}" ${room_helpers}
    LIBRARIES ${support_library} INCLUDES "${PROJECT_SOURCE_DIR}/src")
endforeach()

foreach(page IN LISTS docs_generators)
  add_test(NAME unit.docs.${page}
    COMMAND generate-${page} --check "docs/reference/${page}.md" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  kstreams_test_properties(unit.docs.${page} unit)
endforeach()

file(GLOB api_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/api/test_*.c")
foreach(source IN LISTS api_sources)
  kstreams_test(api "" "${source}" LIBRARIES ${support_library})
endforeach()
target_sources(api.relational PRIVATE "${PROJECT_SOURCE_DIR}/tests/kafka/smoke/relational_topology.c")
target_include_directories(api.relational PRIVATE "${PROJECT_SOURCE_DIR}/tests/kafka")

file(GLOB crash_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/crash/test_*.c")
file(GLOB crash_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/crash/crash_*.c")
foreach(source IN LISTS crash_sources)
  kstreams_test(crash "" "${source}" ${crash_helpers} INCLUDES "${PROJECT_SOURCE_DIR}/src")
endforeach()

# Whole applications: with the data and the missing syncs of the tests above, and helpers of their own.
file(GLOB kill_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/crash/application/test_*.c")
file(GLOB kill_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/crash/application/kill_*.c")
foreach(source IN LISTS kill_sources)
  kstreams_test(crash "application" "${source}" ${kill_helpers}
    "${PROJECT_SOURCE_DIR}/tests/crash/crash_log.c" "${PROJECT_SOURCE_DIR}/tests/crash/crash_sync.c"
    LIBRARIES ${support_library} INCLUDES "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests/crash")
endforeach()

file(GLOB sim_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/sim/test_*.c")
file(GLOB sim_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/sim/*.c")
list(FILTER sim_helpers EXCLUDE REGEX "/test_[^/]*$")
foreach(source IN LISTS sim_sources)
  kstreams_test(sim "" "${source}" ${sim_helpers}
    LIBRARIES ${support_library} INCLUDES "${PROJECT_SOURCE_DIR}/src")
endforeach()

file(GLOB app_tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/apps/*/test_*.c")
foreach(source IN LISTS app_tests)
  cmake_path(GET source PARENT_PATH folder)
  cmake_path(GET folder FILENAME app)
  kstreams_test(apps "${app}" "${source}"
    LIBRARIES ${support_library} ${app_libraries} INCLUDES "${PROJECT_SOURCE_DIR}/apps")
endforeach()

# The guide's examples: programs, and a test for each test_NAME.c, with NAME.c where there is one. tests/scripts/test_guide.py runs the
# programs.
set(guide "${PROJECT_SOURCE_DIR}/docs/guide/examples")
add_executable(guide_readme "${guide}/readme.c")
add_executable(guide_thermometers "${guide}/run_thermometers.c" "${guide}/thermometers.c")
add_executable(guide_service "${guide}/service.c" "${guide}/thermometers.c")
foreach(program IN ITEMS readme thermometers service)
  target_link_libraries(guide_${program} PRIVATE kstreams_static kstreams_flags)
  set_target_properties(guide_${program} PROPERTIES OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/guide")
endforeach()
file(GLOB guide_tests CONFIGURE_DEPENDS "${guide}/test_*.c")
foreach(source IN LISTS guide_tests)
  cmake_path(GET source STEM name)
  string(REGEX REPLACE "^test_" "" name "${name}")
  file(GLOB example CONFIGURE_DEPENDS "${guide}/${name}.c")
  kstreams_test(apps "guide" "${source}" ${example} "${guide}/rig.c" LIBRARIES ${support_library})
endforeach()

if(TARGET ks-conformance)
  file(GLOB scenario_folders CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/conformance/scenarios/*")
  foreach(folder IN LISTS scenario_folders)
    if(IS_DIRECTORY "${folder}")
      cmake_path(GET folder FILENAME name)
      add_test(NAME conformance.${name} COMMAND ks-conformance "${folder}")
      kstreams_test_properties(conformance.${name} conformance)
    endif()
  endforeach()
  add_test(NAME conformance.restarts
    COMMAND ks-conformance --restart "${PROJECT_SOURCE_DIR}/tests/conformance/scenarios")
  kstreams_test_properties(conformance.restarts conformance)
  add_test(NAME conformance.log
    COMMAND ks-conformance --log embedded: "${PROJECT_SOURCE_DIR}/tests/conformance/scenarios")
  kstreams_test_properties(conformance.log conformance)
endif()

find_package(Python3 COMPONENTS Interpreter)

# kstreams_kafka_properties(NAME LABELS): a test that runs from the build folder, where kafka.up leaves the broker's address in kafka/address.
function(kstreams_kafka_properties name labels)
  kstreams_test_properties(${name} "${labels}")
  set_tests_properties(${name} PROPERTIES
    WORKING_DIRECTORY "${CMAKE_BINARY_DIR}" FIXTURES_REQUIRED kafka_broker)
endfunction()

# kstreams_python_tests(FOLDER TESTS): a test for each test_*.py of a folder of tests, and the list of their names.
function(kstreams_python_tests folder tests)
  file(GLOB scripts CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/test_*.py")
  set(names "")
  foreach(script IN LISTS scripts)
    cmake_path(GET script STEM file)
    string(REGEX REPLACE "^test_" "${folder}." name "${file}")
    add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} -B "${script}")
    list(APPEND names ${name})
  endforeach()
  set(${tests} "${names}" PARENT_SCOPE)
endfunction()

if(Python3_FOUND)
  set(kafka "${PROJECT_SOURCE_DIR}/tests/kafka")
  set(broker_folder "${CMAKE_BINARY_DIR}/kafka")
  add_test(NAME kafka.up COMMAND "${PROJECT_SOURCE_DIR}/scripts/kafka" up --anew --brief --port 0 --dir "${broker_folder}")
  add_test(NAME kafka.down COMMAND "${PROJECT_SOURCE_DIR}/scripts/kafka" down --dir "${broker_folder}")
  foreach(name IN ITEMS kafka.up kafka.down)
    kstreams_test_properties(${name} kafka)
  endforeach()
  # The first start fetches Kafka's jars.
  set_tests_properties(kafka.up PROPERTIES TIMEOUT 900 FIXTURES_SETUP kafka_broker)
  set_tests_properties(kafka.down PROPERTIES FIXTURES_CLEANUP kafka_broker)

  file(GLOB kafka_sources CONFIGURE_DEPENDS "${kafka}/test_*.c")
  file(GLOB kafka_helpers CONFIGURE_DEPENDS "${kafka}/*.c")
  list(FILTER kafka_helpers EXCLUDE REGEX "/test_[^/]*$|_app\\.c$")
  foreach(source IN LISTS kafka_sources)
    kstreams_test(kafka "" "${source}" ${kafka_helpers}
      LIBRARIES ${support_library} INCLUDES "${PROJECT_SOURCE_DIR}/src")
    cmake_path(GET source STEM file)
    string(REGEX REPLACE "^test_" "kafka." name "${file}")
    kstreams_kafka_properties(${name} kafka)
  endforeach()

  # The contract of a transport, which the unit tests run over the others.
  set(contract "${PROJECT_SOURCE_DIR}/tests/unit/transport")
  file(GLOB contract_sources CONFIGURE_DEPENDS "${contract}/test_transport_*.c")
  foreach(source IN LISTS contract_sources)
    kstreams_test(kafka "" "${source}" "${contract}/contract.c" "${kafka}/contract/transport_implementations.c" ${kafka_helpers}
      LIBRARIES ${support_library} INCLUDES "${PROJECT_SOURCE_DIR}/src" "${contract}" "${kafka}")
    cmake_path(GET source STEM file)
    string(REGEX REPLACE "^test_" "kafka." name "${file}")
    kstreams_kafka_properties(${name} kafka)
  endforeach()

  file(GLOB kafka_programs CONFIGURE_DEPENDS "${kafka}/*_app.c")
  foreach(source IN LISTS kafka_programs)
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE kstreams_static kstreams_flags)
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  endforeach()
  target_sources(interop_app PRIVATE "${kafka}/smoke/smoke_topology.c" "${kafka}/smoke/relational_topology.c")

  # One after the other: each runs several programs, and many start brokers of their own.
  kstreams_python_tests(kafka kafka_tests)
  foreach(name IN LISTS kafka_tests)
    kstreams_kafka_properties(${name} "kafka;python")
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK kafka_python)
  endforeach()

  kstreams_python_tests(scripts script_tests)
  foreach(name IN LISTS script_tests)
    kstreams_test_properties(${name} scripts)
  endforeach()
endif()
