# make install: headers, both libraries, the programs ks and ks-bench with their manual pages, pkg-config and CMake packages. Nothing installed holds an
# absolute path, so the tree may be moved and `cmake --install --prefix` may differ from the prefix of the configuration.
include(CMakePackageConfigHelpers)

install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kstreams)
install(TARGETS kstreams_shared kstreams_static EXPORT kstreamsTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(program IN ITEMS ks ks-bench)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES "${PROJECT_SOURCE_DIR}/docs/man/${program}.1" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  endif()
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kstreams)
install(EXPORT kstreamsTargets NAMESPACE kstreams:: DESTINATION ${package_dir})
configure_package_config_file(cmake/kstreamsConfig.cmake.in
  "${CMAKE_BINARY_DIR}/package/kstreamsConfig.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${CMAKE_BINARY_DIR}/package/kstreamsConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_BINARY_DIR}/package/kstreamsConfig.cmake"
  "${CMAKE_BINARY_DIR}/package/kstreamsConfigVersion.cmake"
  DESTINATION ${package_dir})

file(RELATIVE_PATH pc_prefix
  "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
configure_file(cmake/kstreams.pc.in "${CMAKE_BINARY_DIR}/package/kstreams.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/package/kstreams.pc"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES docs/man/kstreams.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
