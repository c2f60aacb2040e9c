// Which sanitizer the file is compiled with, whichever compiler it is: GMPSCHED_ASAN and
// GMPSCHED_TSAN are 1 or 0.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define GMPSCHED_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GMPSCHED_ASAN 1
#endif
#endif
#ifndef GMPSCHED_ASAN
#define GMPSCHED_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define GMPSCHED_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GMPSCHED_TSAN 1
#endif
#endif
#ifndef GMPSCHED_TSAN
#define GMPSCHED_TSAN 0
#endif
