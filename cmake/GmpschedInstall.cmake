# Headers, library, CMake package and gmpsched.pc; everything is relocatable.

set(gmpsched_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/gmpsched")

install(DIRECTORY include/gmp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
# Every program has it inside; this copy is for those that were stripped of it.
install(FILES src/debug/gmpsched-gdb.py DESTINATION "${CMAKE_INSTALL_DATADIR}/gmpsched")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(TARGETS ${GMPSCHED_TARGETS} EXPORT gmpsched
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
if(GMPSCHED_WRAP_FILE)
  install(FILES "${GMPSCHED_WRAP_FILE}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/gmpsched" RENAME wraps.rsp)
endif()
install(EXPORT gmpsched NAMESPACE gmpsched:: FILE gmpsched-targets.cmake
        DESTINATION "${gmpsched_package_dir}")

set(GMPSCHED_NEEDS_URING OFF)
if(gmpsched_uring_sources AND GMPSCHED_LIBURING_FOUND)
  set(GMPSCHED_NEEDS_URING ON)
endif()
configure_package_config_file(cmake/gmpsched-config.cmake.in gmpsched-config.cmake
  INSTALL_DESTINATION "${gmpsched_package_dir}")
write_basic_package_version_file(gmpsched-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/gmpsched-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/gmpsched-config-version.cmake"
        DESTINATION "${gmpsched_package_dir}")

# pkg-config: the prefix follows the place of the file (pcfiledir).
file(RELATIVE_PATH gmpsched_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" gmpsched_pc_prefix "${gmpsched_pc_prefix}")
set(gmpsched_pc_cflags "-I\${includedir}" -DGMPSCHED_SPLIT_STACKS=${GMPSCHED_SPLIT_STACKS})
set(gmpsched_pc_libs "-L\${libdir}")
if(GMPSCHED_SPLIT_STACKS)
  list(APPEND gmpsched_pc_cflags ${GMPSCHED_SPLIT_COMPILE_OPTIONS})
  list(APPEND gmpsched_pc_libs ${GMPSCHED_SPLIT_LINK_OPTIONS})
  if(GMPSCHED_WRAP_FILE)
    list(APPEND gmpsched_pc_libs "-Wl,@\${libdir}/gmpsched/wraps.rsp")
  endif()
endif()
if(TARGET gmpsched_nonshared)
  list(APPEND gmpsched_pc_libs -lgmpsched_nonshared)
endif()
list(APPEND gmpsched_pc_libs -lgmpsched)
if(NOT BUILD_SHARED_LIBS)
  list(APPEND gmpsched_pc_libs -lboost_context)
  if(GMPSCHED_NEEDS_URING)
    list(APPEND gmpsched_pc_libs -luring)
  endif()
endif()
list(APPEND gmpsched_pc_libs -pthread)
list(JOIN gmpsched_pc_cflags " " gmpsched_pc_cflags)
list(JOIN gmpsched_pc_libs " " gmpsched_pc_libs)
configure_file(cmake/gmpsched.pc.in gmpsched.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/gmpsched.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# TLS has one of its own, for those who want it.
if(GMPSCHED_HAVE_TLS)
  configure_file(cmake/gmpsched-tls.pc.in gmpsched-tls.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/gmpsched-tls.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
