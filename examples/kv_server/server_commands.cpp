// Commands about the connection, the server and its channels.
#include <fmt/core.h>
#include <gmp/gmp.hpp>

#include <unistd.h>

#include <iterator>
#include <utility>
#include <vector>

#include "commands.hpp"

namespace kv {
namespace {

void ping(call& c) {
  if (c.args.size() > 2) return c.wrong_arity("ping");
  const std::string_view text = c.args.size() == 2 ? c.args[1] : std::string_view();
  if (c.who.listens()) {
    c.out.array(2);
    c.out.bulk("pong");
    c.out.bulk(text);
  } else if (c.args.size() == 2) {
    c.out.bulk(text);
  } else {
    c.out.simple("PONG");
  }
}

void echo(call& c) { c.out.bulk(c.args[1]); }

void quit(call& c) {
  c.who.quit = true;
  c.out.ok();
}

void select(call& c) {
  const auto number = to_integer(c.args[1]);
  if (!number) return c.not_an_integer();
  if (*number != 0) return c.out.error("ERR DB index is out of range");
  c.out.ok();
}

// Protocol 2 is spoken, and no other.
void hello(call& c) {
  if (c.args.size() > 1) {
    const auto version = to_integer(c.args[1]);
    if (!version) return c.out.error("ERR Protocol version is not an integer or out of range");
    if (*version != 2) return c.out.error("NOPROTO unsupported protocol version");
    if (c.args.size() > 2) return c.syntax_error();
  }
  c.out.array(14);
  for (const auto& [name, text] : {std::pair("server", "gmpsched"), {"version", "7.0.0"}}) {
    c.out.bulk(std::string_view(name));
    c.out.bulk(std::string_view(text));
  }
  c.out.bulk("proto");
  c.out.integer(2);
  c.out.bulk("id");
  c.out.integer(static_cast<std::int64_t>(c.who.id));
  c.out.bulk("mode");
  c.out.bulk("standalone");
  c.out.bulk("role");
  c.out.bulk("master");
  c.out.bulk("modules");
  c.out.array(0);
}

void client(call& c) {
  const std::string_view what = c.args[1];
  if (is_word(what, "id") && c.args.size() == 2) {
    c.out.integer(static_cast<std::int64_t>(c.who.id));
  } else if (is_word(what, "getname") && c.args.size() == 2) {
    c.out.bulk(c.who.name);
  } else if (is_word(what, "setname") && c.args.size() == 3) {
    c.who.name = c.args[2];
    c.out.ok();
  } else if (is_word(what, "setinfo") && c.args.size() == 4) {
    c.out.ok();
  } else {
    c.out.error("ERR unknown subcommand or wrong number of arguments for 'client' command");
  }
}

// What clients ask for before they begin.
void config(call& c) {
  static constexpr std::pair<std::string_view, std::string_view> settings[] = {
      {"appendonly", "no"}, {"databases", "1"}, {"maxmemory", "0"}, {"save", ""}, {"timeout", "0"},
  };
  if (is_word(c.args[1], "resetstat") && c.args.size() == 2) return c.out.ok();
  if (!is_word(c.args[1], "get") || c.args.size() < 3)
    return c.out.error("ERR unknown subcommand or wrong number of arguments for 'config' command");
  std::vector<std::string_view> found;
  for (const auto& [name, text] : settings) {
    for (const std::string_view wanted : c.args.subspan(2)) {
      if (wanted != "*" && !is_word(wanted, name)) continue;
      found.insert(found.end(), {name, text});
      break;
    }
  }
  c.out.array(found.size());
  for (const std::string_view each : found) c.out.bulk(each);
}

// No descriptions: clients do without.
void command_list(call& c) {
  if (c.args.size() == 2 && is_word(c.args[1], "count"))
    return c.out.integer(static_cast<std::int64_t>(command_count()));
  c.out.array(0);
}

void info(call& c) {
  const auto uptime = std::chrono::steady_clock::now() - c.all.started;
  const auto [keys, mortal] = c.all.db.size();
  const auto count = [](const std::atomic<std::uint64_t>& of) {
    return of.load(std::memory_order_relaxed);
  };
  std::string text = fmt::format(
      "# "
      "Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\nserver_name:gmpsched_kv_server\r\n"
      "process_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\nprocs:{}\r\n\r\n"
      "# Clients\r\nconnected_clients:{}\r\n\r\n"
      "# Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\n"
      "expired_keys:{}\r\npubsub_channels:{}\r\n\r\n"
      "# Keyspace\r\n",
      ::getpid(), c.all.port, std::chrono::duration_cast<std::chrono::seconds>(uptime).count(),
      gmp::procs(), count(c.all.connections), count(c.all.accepted), count(c.all.commands),
      c.all.db.expired(), c.all.channels.channels());
  if (keys != 0)
    fmt::format_to(std::back_inserter(text), "db0:keys={},expires={},avg_ttl=0\r\n", keys, mortal);
  c.out.bulk(text);
}

void confirm(call& c, std::string_view what, const std::string_view* channel) {
  c.out.array(3);
  c.out.bulk(what);
  if (channel != nullptr)
    c.out.bulk(*channel);
  else
    c.out.null();
  c.out.integer(static_cast<std::int64_t>(c.who.subscriptions.size()));
}

void subscribe(call& c) {
  for (const std::string_view each : c.args.subspan(1)) {
    c.who.subscribe(each);
    confirm(c, "subscribe", &each);
  }
}

void unsubscribe(call& c) {
  std::vector<std::string> all_of_them;
  std::vector<std::string_view> channels(c.args.begin() + 1, c.args.end());
  if (channels.empty()) {
    all_of_them.assign(c.who.subscriptions.begin(), c.who.subscriptions.end());
    channels.assign(all_of_them.begin(), all_of_them.end());
  }
  for (const std::string_view each : channels) {
    c.who.unsubscribe(each);
    confirm(c, "unsubscribe", &each);
  }
  if (channels.empty()) confirm(c, "unsubscribe", nullptr);
}

void publish(call& c) {
  c.out.integer(static_cast<std::int64_t>(c.all.channels.publish(c.args[1], c.args[2])));
}

constexpr command of_channels[] = {
    {"subscribe", subscribe, -2, true},
    {"unsubscribe", unsubscribe, -1, true},
    {"publish", publish, 3},
};

constexpr command of_server[] = {
    {"ping", ping, -1, true}, {"echo", echo, 2},    {"quit", quit, -1, true},
    {"select", select, 2},    {"hello", hello, -1}, {"client", client, -2},
    {"config", config, -2},   {"info", info, -1},   {"command", command_list, -1},
};

}  // namespace

std::span<const command> channel_commands() { return of_channels; }
std::span<const command> server_commands() { return of_server; }

}  // namespace kv
