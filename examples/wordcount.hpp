// Counting words with a pipeline of Gs.
//
//                 +--> worker --+
//   reader --> chunks --> worker --> partials --> reducer
//                 +--> worker --+
//
// The reader cuts the files into chunks of whole words, each worker counts the chunks it gets in a
// table of its own, and the reducer adds up the tables. The channels do all the waiting: a reader
// that is too quick waits for room in `chunks`, a worker that has nothing to do waits there for
// work, and closing a channel tells the next stage that this one is through.
//
// A word is a longest possible run of the bytes A-Z and a-z, in lower case; every other byte, 0 and
// those above 127 included, is a separator. The files are read as one stream, as `cat` does:
// without a newline at the end of a file its last word goes on in the next file. So, whatever the
// files hold, the counts are those of (in the locale C)
//
//   cat FILES | tr -cs A-Za-z '\n' | tr A-Z a-z | sed '/^$/d' | sort | uniq -c
//
// (sed removes the empty line that tr makes of separators at the very beginning).
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <gmp/gmp.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace examples {

struct wordcount_plan {
  std::vector<std::string> files;
  unsigned workers = 0;                              // 0: one per P
  std::size_t chunk_size = 64 * 1024;                // bytes per read
  std::atomic<std::uint64_t>* bytes_read = nullptr;  // somebody who watches, or null
};

struct wordcount_result {
  std::map<std::string, std::uint64_t> words;
  std::size_t unreadable = 0;  // files; reported on stderr, the others are counted
};

namespace wordcount_detail {

// Lets a table of strings be asked with a string_view, without making a string.
struct text_hash : std::hash<std::string_view> {
  using is_transparent = void;
};
using table = std::unordered_map<std::string, std::uint64_t, text_hash, std::equal_to<>>;

// An object and no function, so that the algorithms below can inline it.
inline constexpr auto is_letter = [](char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
};

inline bool complain(const std::string& path, int error) {
  fmt::print(stderr, "wordcount: {}: {}\n", path, std::strerror(error));
  return false;
}

// Stage 1. `pending` holds what was read and not yet sent: the letters at the end, which may be the
// first half of a word.
class reader {
 public:
  reader(const wordcount_plan& plan, gmp::send_chan<std::string> chunks)
      : plan_(plan), chunks_(std::move(chunks)) {}

  // Reads all files; how many of them failed.
  std::size_t operator()() {
    std::size_t failures = 0;
    for (const std::string& path : plan_.files) failures += read_file(path) ? 0 : 1;
    if (!pending_.empty()) chunks_.send(std::move(pending_));
    chunks_.close();
    return failures;
  }

 private:
  bool read_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return complain(path, errno);
    int error = 0;
    while (read_chunk(file, error)) continue;
    ::close(file);
    return error == 0 || complain(path, error);
  }

  // False: end of file, or an error.
  bool read_chunk(int file, int& error) {
    const std::size_t old_size = pending_.size();
    pending_.resize(old_size + plan_.chunk_size);
    // A read blocks the thread, and with it the P and all Gs that queue there. blocking() tells the
    // scheduler.
    const ssize_t n = gmp::blocking([&] {
      ssize_t got = ::read(file, pending_.data() + old_size, plan_.chunk_size);
      error = got < 0 ? errno : 0;
      return got;
    });
    pending_.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (error == EINTR) {
      error = 0;
      return true;
    }
    if (n <= 0) return false;
    if (plan_.bytes_read != nullptr) plan_.bytes_read->fetch_add(static_cast<std::uint64_t>(n));
    send_whole_words(old_size);
    return true;
  }

  // All up to the last separator; the bytes before `searched` are known to have none.
  void send_whole_words(std::size_t searched) {
    auto end = pending_.size();
    while (end > searched && is_letter(pending_[end - 1])) --end;
    if (end == searched) return;  // nothing but letters: a long word, which goes on growing
    std::string rest = pending_.substr(end);
    pending_.resize(end);
    chunks_.send(std::exchange(pending_, std::move(rest)));
  }

  const wordcount_plan& plan_;
  gmp::send_chan<std::string> chunks_;
  std::string pending_;
};

// Stage 2. The table is the worker's own, so there is nothing to lock.
inline table count_words(const gmp::recv_chan<std::string>& chunks) {
  table words;
  for (std::string chunk : chunks) {
    auto position = chunk.begin();
    for (;;) {
      const auto first = std::find_if(position, chunk.end(), is_letter);
      if (first == chunk.end()) break;
      position = std::find_if_not(first, chunk.end(), is_letter);
      std::transform(first, position, first, [](char c) { return static_cast<char>(c | 0x20); });
      const std::string_view word(first, position);
      if (auto known = words.find(word); known != words.end()) {
        ++known->second;
      } else {
        words.emplace(word, 1);
      }
    }
  }
  return words;
}

}  // namespace wordcount_detail

// The whole pipeline; the caller, a G, is stage 3.
inline wordcount_result count_words(const wordcount_plan& plan) {
  using namespace wordcount_detail;
  const unsigned workers = plan.workers > 0 ? plan.workers : gmp::procs();
  auto chunks = gmp::make_chan<std::string>(2 * std::size_t{workers});
  auto partials = gmp::make_chan<table>();

  auto reading = gmp::spawn(reader(plan, chunks));
  gmp::wait_group working;
  for (unsigned w = 0; w < workers; ++w)
    working.go([chunks, partials] { partials.send(count_words(chunks)); });
  gmp::go([&working, partials] {
    working.wait();
    partials.close();
  });

  wordcount_result result;
  for (const table& partial : partials)
    for (const auto& [word, count] : partial) result.words[word] += count;
  result.unreadable = reading.get();
  return result;
}

}  // namespace examples
