# gmpsched::tls: streams over TLS, a small static library beside the main one. The same rules of names decide how a
# file is compiled.

if(GMPSCHED_HAVE_TLS)
  file(GLOB gmpsched_tls_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src/tls/*.cpp")
  if(GMPSCHED_SPLIT_STACKS)
    set(gmpsched_tls_g_sources ${gmpsched_tls_sources})
    list(FILTER gmpsched_tls_g_sources EXCLUDE REGEX "${GMPSCHED_ORDINARY}")
    set_source_files_properties(${gmpsched_tls_g_sources} PROPERTIES COMPILE_OPTIONS "${GMPSCHED_SPLIT_COMPILE_OPTIONS}")
  endif()
  add_library(gmpsched_tls STATIC ${gmpsched_tls_sources})
  gmpsched_library(gmpsched_tls)
  set_target_properties(gmpsched_tls PROPERTIES OUTPUT_NAME gmpsched_tls EXPORT_NAME tls
    POSITION_INDEPENDENT_CODE ${BUILD_SHARED_LIBS}
    DISABLE_PRECOMPILE_HEADERS ON)  # two kinds of files
  # Before the main library, whose options and headers come with it, and beside OpenSSL, whose headers nobody sees.
  target_link_libraries(gmpsched_tls PRIVATE OpenSSL::SSL)
  target_link_libraries(gmpsched_tls INTERFACE gmpsched)
  add_library(gmpsched::tls ALIAS gmpsched_tls)
  list(APPEND GMPSCHED_TARGETS gmpsched_tls)
endif()
