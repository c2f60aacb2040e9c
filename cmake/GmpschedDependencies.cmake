# Boost.Context (the switch), liburing (optional), threads.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# The static archive is preferred: a switch then is a direct call and not one through the PLT.
if(NOT TARGET Boost::context)
  set(gmpsched_saved_static "${Boost_USE_STATIC_LIBS}")
  set(Boost_USE_STATIC_LIBS ON)
  find_package(Boost 1.74 QUIET COMPONENTS context)
  if(NOT TARGET Boost::context)
    set(Boost_USE_STATIC_LIBS OFF)
    find_package(Boost 1.74 QUIET COMPONENTS context)
  endif()
  set(Boost_USE_STATIC_LIBS "${gmpsched_saved_static}")
endif()
if(NOT TARGET Boost::context)
  message(FATAL_ERROR "gmpsched needs Boost.Context 1.74 or newer: install libboost-context-dev "
                      "or point CMAKE_PREFIX_PATH at a Boost that has it.")
endif()

# io_uring is a poller beside epoll: linked only where a source file uses it.
set(GMPSCHED_POLLERS "epoll")
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(GMPSCHED_LIBURING QUIET IMPORTED_TARGET liburing)
endif()
if(GMPSCHED_LIBURING_FOUND)
  set(GMPSCHED_POLLERS "epoll, io_uring")
endif()
set(gmpsched_uring_sources "")
if(GMPSCHED_LIBURING_FOUND)
  set(gmpsched_uring_sources "${PROJECT_SOURCE_DIR}/src/netpoll/uring.cpp")
endif()

# TLS is a library of its own, built where OpenSSL is.
option(GMPSCHED_TLS "Build gmpsched::tls if OpenSSL is found" ON)
set(GMPSCHED_HAVE_TLS OFF)
if(GMPSCHED_TLS)
  find_package(OpenSSL 3.0 QUIET COMPONENTS SSL)
  if(TARGET OpenSSL::SSL)
    set(GMPSCHED_HAVE_TLS ON)
  endif()
endif()
