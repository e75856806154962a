# Compiler flags, as interface targets:
#   kstreams_sanitizers   what KSTREAMS_SANITIZE asks for; needed at compile and at link time
#   kstreams_flags        warnings, feature macros and debug checks of every source of the project

add_library(kstreams_sanitizers INTERFACE)
if(KSTREAMS_SANITIZE)
  target_compile_options(kstreams_sanitizers INTERFACE
    -fsanitize=${KSTREAMS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(kstreams_sanitizers INTERFACE -fsanitize=${KSTREAMS_SANITIZE})
endif()
if(KSTREAMS_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "KSTREAMS_FUZZ needs clang (libFuzzer); use: cmake --preset fuzz")
  endif()
  # Coverage for the library's code; the target's own link adds the fuzzing main.
  target_compile_options(kstreams_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(kstreams_flags INTERFACE)
target_compile_options(kstreams_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>
  $<$<BOOL:${KSTREAMS_WERROR}>:-Werror>)
# C17 without GNU extensions; POSIX 2008 and the BSD functions (endian.h) are asked for here, once.
target_compile_definitions(kstreams_flags INTERFACE
  _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE
  $<$<BOOL:${KSTREAMS_DEBUG_CHECKS}>:KSI_DEBUG=1>)
target_link_libraries(kstreams_flags INTERFACE kstreams_sanitizers)
