# The programs: ks, ks-bench, one per folder of apps/ with a main.c, ks-conformance. `programs` builds them all.
#
# An application's topology.c is compiled once, into `apps_topologies`: its main, its driver test and `ks describe` all run the
# same object code.

add_custom_target(programs)

# kstreams_program(NAME SOURCE... [LIBRARIES ...])
function(kstreams_program name)
  cmake_parse_arguments(arg "" "" "LIBRARIES;INCLUDES" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} kstreams_static kstreams_flags)
  target_include_directories(${name} PRIVATE ${arg_INCLUDES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${KSTREAMS_PROGRAM_DIR}")
  add_dependencies(programs ${name})
endfunction()

set(app_libraries "")
file(GLOB topology_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/apps/*/topology.c")
if(topology_sources)
  add_library(apps_topologies OBJECT ${topology_sources})
  target_include_directories(apps_topologies PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_link_libraries(apps_topologies PRIVATE kstreams_flags kstreams_static)
  list(APPEND app_libraries apps_topologies)
endif()

file(GLOB app_common_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/apps/common/*.c")
list(FILTER app_common_sources EXCLUDE REGEX "/test_[^/]*$")
if(app_common_sources)
  add_library(apps_common STATIC ${app_common_sources})
  target_include_directories(apps_common PRIVATE "${PROJECT_SOURCE_DIR}/apps")
  target_link_libraries(apps_common PRIVATE kstreams_flags kstreams_static)
  list(APPEND app_libraries apps_common)
endif()

file(GLOB app_mains CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/apps/*/main.c")
foreach(main IN LISTS app_mains)
  cmake_path(GET main PARENT_PATH folder)
  cmake_path(GET folder FILENAME app)
  file(GLOB app_sources CONFIGURE_DEPENDS "${folder}/*.c")
  list(FILTER app_sources EXCLUDE REGEX "/(test_[^/]*|topology)\\.c$")
  kstreams_program(${app} ${app_sources}
    LIBRARIES ${app_libraries} INCLUDES "${PROJECT_SOURCE_DIR}/apps")
endforeach()

file(GLOB ks_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/ks/*.c")
if(ks_sources)
  kstreams_program(ks ${ks_sources}
    LIBRARIES ${app_libraries} INCLUDES "${PROJECT_SOURCE_DIR}/apps" "${PROJECT_SOURCE_DIR}/src")
endif()

# With src for the hash map that the result of a run is read into.
file(GLOB ks_bench_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/ks-bench/*.c")
if(ks_bench_sources)
  kstreams_program(ks-bench ${ks_bench_sources}
    LIBRARIES ${app_libraries} INCLUDES "${PROJECT_SOURCE_DIR}/apps" "${PROJECT_SOURCE_DIR}/src")
endif()

# tools/docs/PAGE.c writes docs/reference/PAGE.md, for scripts/docs and the test that the page is not stale. Not for users, so not in bin.
set(docs_generators "")
file(GLOB generator_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/docs/*.c")
foreach(source IN LISTS generator_sources)
  cmake_path(GET source STEM page)
  add_executable(generate-${page} ${source})
  target_link_libraries(generate-${page} PRIVATE kstreams_static kstreams_flags)
  target_include_directories(generate-${page} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  set_target_properties(generate-${page} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/docs")
  add_dependencies(programs generate-${page})
  list(APPEND docs_generators ${page})
endforeach()

# The runner's files but its main, so that the fuzz target of the scenario parser can link them.
file(GLOB conformance_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/conformance/runner/*.c")
if(conformance_sources)
  pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
  set(conformance_main ${conformance_sources})
  list(FILTER conformance_main INCLUDE REGEX "/main\\.c$")
  list(FILTER conformance_sources EXCLUDE REGEX "/main\\.c$")
  set(conformance_library "")
  if(conformance_main AND conformance_sources)
    add_library(conformance_runner STATIC ${conformance_sources})
    target_include_directories(conformance_runner PUBLIC
      "${PROJECT_SOURCE_DIR}/tests/conformance/runner" "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(conformance_runner
      PUBLIC PkgConfig::JANSSON PRIVATE kstreams_flags kstreams_static)
    set(conformance_library conformance_runner)
    set(conformance_sources ${conformance_main})
  endif()
  kstreams_program(ks-conformance ${conformance_sources}
    LIBRARIES ${conformance_library} PkgConfig::JANSSON INCLUDES "${PROJECT_SOURCE_DIR}/src")
endif()
