# The benchmarks: `bench` builds them into bench/ beside the programs' folder. Nobody else needs them, so they are in no other target.

cmake_path(GET KSTREAMS_PROGRAM_DIR PARENT_PATH bench_dir)
file(GLOB store_access_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/store_*.c")
add_executable(store_access EXCLUDE_FROM_ALL ${store_access_sources})
target_include_directories(store_access PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/bench")
target_compile_definitions(store_access PRIVATE _XOPEN_SOURCE=700)
target_link_libraries(store_access PRIVATE kstreams_static kstreams_flags)
set_target_properties(store_access PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${bench_dir}/bench")
add_custom_target(bench DEPENDS store_access)
