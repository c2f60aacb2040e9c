// Gs that share an SQLite database: its mutexes and its file operations block threads, no more.
#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "../arguments.hpp"
#include "ticker.hpp"

namespace {

struct closes {
  void operator()(sqlite3* one) const { sqlite3_close(one); }
};
using database = std::unique_ptr<sqlite3, closes>;

database open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int status =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  database opened(raw);
  if (status != SQLITE_OK) throw std::runtime_error("cannot open " + path);
  sqlite3_busy_timeout(raw, 10'000);
  return opened;
}

void execute(sqlite3& at, const std::string& text) {
  if (sqlite3_exec(&at, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(&at));
}

long count_rows(sqlite3& at) {
  long rows = -1;
  sqlite3_exec(
      &at, "select count(*) from visits",
      [](void* out, int, char** columns, char**) {
        *static_cast<long*>(out) = std::stol(columns[0]);
        return 0;
      },
      &rows, nullptr);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path = ":memory:";
  unsigned gs = 50;
  unsigned rows = 20;
  unsigned procs = 2;
  examples::command_line options("Inserts rows from many Gs into one table");
  options.text("path", path, "the database");
  options.number("--gs", gs, "number of Gs");
  options.number("--rows", rows, "rows from each");
  options.number("--procs", procs, "number of Ps");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("sqlite", [&] {
    gmp::run(
        [&] {
          const database shared = open(path);
          execute(*shared, "create table visits (g integer, n integer)");
          examples::lateness_ticker ticker;
          gmp::task_group all;
          for (unsigned g = 0; g < gs; ++g) {
            all.go([&, g] {
              for (unsigned n = 0; n < rows; ++n)
                execute(*shared, fmt::format("insert into visits values ({}, {})", g, n));
            });
          }
          all.wait();
          fmt::print("{} rows\n", count_rows(*shared));
          ticker.report();
        },
        {.procs = procs});
    return examples::success;
  });
}
