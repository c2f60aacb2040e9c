// Many Gs that wait for a database in blocking calls of its own client library, at two Ps.
//
// PQexec() blocks its thread. Nothing here tells the scheduler: it sees that the thread stands
// still and gives its P to another one. With --announce the Gs say so, which saves the wait until
// it is seen.
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "../arguments.hpp"
#include "ticker.hpp"

namespace {

struct closes {
  void operator()(PGconn* one) const { PQfinish(one); }
  void operator()(PGresult* one) const { PQclear(one); }
};

void query(PGconn& server, const char* text) {
  const std::unique_ptr<PGresult, closes> answer(PQexec(&server, text));
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(&server));
}

void connect_and_query(const std::string& where, bool announce) {
  const std::unique_ptr<PGconn, closes> server(PQconnectdb(where.c_str()));
  if (PQstatus(server.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(server.get()));
  if (announce) {
    gmp::blocking([&] { query(*server, "select pg_sleep(0.05)"); });
  } else {
    query(*server, "select pg_sleep(0.05)");
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string where;
  unsigned gs = 200;
  unsigned procs = 2;
  bool announce = false;
  examples::command_line options("Runs \"select pg_sleep(0.05)\" on many Gs at once");
  options.text("conninfo", where, "libpq's connection string; else PGHOST and the like count");
  options.number("--gs", gs, "number of Gs, each with a connection of its own");
  options.number("--procs", procs, "number of Ps");
  options.flag("--announce", announce, "wrap the query in gmp::blocking");
  if (auto code = options.parse(argc, argv)) return *code;

  return examples::guarded("postgres", [&] {
    gmp::run(
        [&] {
          examples::lateness_ticker ticker;
          const auto begun = std::chrono::steady_clock::now();
          gmp::task_group all;
          for (unsigned i = 0; i < gs; ++i) all.go([&] { connect_and_query(where, announce); });
          all.wait();
          const std::chrono::duration<double, std::milli> took =
              std::chrono::steady_clock::now() - begun;
          fmt::print("{} queries of 50 ms: {:.0f} ms, {} hand-offs, {} threads\n", gs, took.count(),
                     gmp::stats().handoffs, gmp::stats().threads);
          ticker.report();
        },
        {.procs = procs});
    return examples::success;
  });
}
