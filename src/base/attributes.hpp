// Attributes that decide which stack a function may run on.
//
// Code that runs on a G is compiled with -fsplit-stack and reaches everything else through
// call_on_home (stack/stack.hpp). The functions handed to it carry GMPSCHED_HOME: no stack check,
// never inlined into a checking caller, and, because they are defined in a split file, calling them
// makes no linker borrow a big segment.
#pragma once

#if GMPSCHED_SPLIT_STACKS
#define GMPSCHED_NO_SPLIT __attribute__((no_split_stack))
#else
#define GMPSCHED_NO_SPLIT
#endif

// A function that switches stacks: no check, and its call of a commit, whose address it has from
// this library, needs no thunk to look at the target. (clang has no such switch; its thunk costs
// time there, nothing else.)
#if GMPSCHED_SPLIT_STACKS && defined(__GNUC__) && !defined(__clang__)
#define GMPSCHED_SWITCH GMPSCHED_NO_SPLIT __attribute__((noinline, indirect_branch("keep")))
#else
#define GMPSCHED_SWITCH GMPSCHED_NO_SPLIT __attribute__((noinline))
#endif

#define GMPSCHED_HOME GMPSCHED_NO_SPLIT __attribute__((noinline, cold))

// gcc wants the attribute on a declaration before the definition:
// GMPSCHED_HOME_FUNCTION(name)(void* arg) { ... }
#define GMPSCHED_HOME_FUNCTION(name) \
  GMPSCHED_HOME void name(void*);    \
  void name

// A commit (sched/switch.hpp): runs on whichever stack comes next, just after the switch.
#define GMPSCHED_COMMIT_FUNCTION(name)                              \
  GMPSCHED_NO_SPLIT __attribute__((noinline)) void name(m*, void*); \
  void name
