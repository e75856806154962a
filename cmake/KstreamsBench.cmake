# The benchmarks: `bench` builds them into bench/ beside the programs' folder. Nobody else needs them, so they are in no other target.

cmake_path(GET KSTREAMS_PROGRAM_DIR PARENT_PATH bench_dir)
file(GLOB store_access_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/store_*.c")
add_executable(store_access EXCLUDE_FROM_ALL ${store_access_sources})
target_include_directories(store_access PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/bench")
target_compile_definitions(store_access PRIVATE _XOPEN_SOURCE=700)
target_link_libraries(store_access PRIVATE kstreams_static kstreams_flags)
set_target_properties(store_access PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${bench_dir}/bench")
add_custom_target(bench DEPENDS store_access)

# json_compare needs libraries that nobody else does, so it is there only where they are: bench/README.md names their packages.
# json-c is in a program of its own, because it has functions of the names that jansson uses.
pkg_check_modules(JSON_RIVALS QUIET IMPORTED_TARGET jansson libcjson yajl RapidJSON simdjson)
pkg_check_modules(JSON_C QUIET IMPORTED_TARGET json-c)
if(JSON_RIVALS_FOUND AND JSON_C_FOUND)
  set(json_bench "${PROJECT_SOURCE_DIR}/bench/json")
  add_executable(json_compare EXCLUDE_FROM_ALL
    "${json_bench}/compare.c" "${json_bench}/reader_table.c" "${json_bench}/readers.c" "${json_bench}/readers.cpp")
  target_link_libraries(json_compare PRIVATE kstreams_static kstreams_sanitizers PkgConfig::JSON_RIVALS)
  add_executable(json_compare_json_c EXCLUDE_FROM_ALL "${json_bench}/compare.c" "${json_bench}/reader_json_c.c")
  target_compile_definitions(json_compare_json_c PRIVATE KS_BENCH_JSON_C)
  target_link_libraries(json_compare_json_c PRIVATE kstreams_static kstreams_sanitizers PkgConfig::JSON_C m)
  foreach(program IN ITEMS json_compare json_compare_json_c)
    target_compile_definitions(${program} PRIVATE _XOPEN_SOURCE=700)
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${bench_dir}/bench")
  endforeach()
  add_custom_target(bench_json DEPENDS json_compare json_compare_json_c)
endif()

# The ceiling of `make bench-kafka`: the records of ks-bench, and nothing between librdkafka and them.
add_executable(raw_client EXCLUDE_FROM_ALL
  "${PROJECT_SOURCE_DIR}/bench/kafka/raw_client.c" "${PROJECT_SOURCE_DIR}/bench/kafka/cost.c")
target_compile_definitions(raw_client PRIVATE _XOPEN_SOURCE=700)
target_link_libraries(raw_client PRIVATE kstreams_static kstreams_flags PkgConfig::RDKAFKA)
set_target_properties(raw_client PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${bench_dir}/bench")
# The same loops through the transport.
add_executable(transport_client EXCLUDE_FROM_ALL
  "${PROJECT_SOURCE_DIR}/bench/kafka/transport_client.c" "${PROJECT_SOURCE_DIR}/bench/kafka/cost.c")
target_include_directories(transport_client PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(transport_client PRIVATE _XOPEN_SOURCE=700)
target_link_libraries(transport_client PRIVATE kstreams_static kstreams_flags PkgConfig::RDKAFKA)
set_target_properties(transport_client PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${bench_dir}/bench")
add_custom_target(bench_kafka DEPENDS raw_client transport_client ks-bench)
