// All of gmpsched: Go's scheduler for C++.
#pragma once

#include <gmp/chan.hpp>
#include <gmp/condition_variable.hpp>
#include <gmp/context.hpp>
#include <gmp/defer.hpp>
#include <gmp/endpoint.hpp>
#include <gmp/errors.hpp>
#include <gmp/g_local.hpp>
#include <gmp/go.hpp>
#include <gmp/io.hpp>
#include <gmp/mutex.hpp>
#include <gmp/net.hpp>
#include <gmp/once.hpp>
#include <gmp/pool.hpp>
#include <gmp/runtime.hpp>
#include <gmp/select.hpp>
#include <gmp/semaphore.hpp>
#include <gmp/shared_mutex.hpp>
#include <gmp/signals.hpp>
#include <gmp/stats.hpp>
#include <gmp/supervisor.hpp>
#include <gmp/task.hpp>
#include <gmp/task_group.hpp>
#include <gmp/this_g.hpp>
#include <gmp/timer.hpp>
#include <gmp/wait_group.hpp>
