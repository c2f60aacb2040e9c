// Helpers for streams: anything with read_some and write_some as in net.hpp (sockets, files, pipes,
// TLS, asio adapters of other libraries are not meant).
//
// All may be called from Gs and from threads. Each has a form that throws what the stream throws
// and one that sets a std::error_code; both return how far they came.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

namespace gmp::io {

template <class S>
concept readable = requires(S& s, std::span<std::byte> to, std::error_code& error) {
  { s.read_some(to, error) } -> std::convertible_to<std::size_t>;
  { s.read_some(to) } -> std::convertible_to<std::size_t>;
};
template <class S>
concept writable = requires(S& s, std::span<const std::byte> from, std::error_code& error) {
  { s.write_some(from, error) } -> std::convertible_to<std::size_t>;
  { s.write_some(from) } -> std::convertible_to<std::size_t>;
};

// Fills `to`; less only at end of file or with an error. Go: io.ReadFull.
template <readable S>
std::size_t read_full(S& from, std::span<std::byte> to, std::error_code& error) {
  error.clear();
  std::size_t done = 0;
  while (done < to.size()) {
    const std::size_t n = from.read_some(to.subspan(done), error);
    if (error || n == 0) break;
    done += n;
  }
  return done;
}
template <readable S>
std::size_t read_full(S& from, std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const std::size_t n = from.read_some(to.subspan(done));
    if (n == 0) break;
    done += n;
  }
  return done;
}
template <readable S>
std::size_t read_full(S& from, void* to, std::size_t n) {
  return io::read_full(from, std::span(static_cast<std::byte*>(to), n));
}
template <readable S>
std::size_t read_full(S& from, void* to, std::size_t n, std::error_code& error) {
  return io::read_full(from, std::span(static_cast<std::byte*>(to), n), error);
}

// Writes all of `from`; less only with an error.
template <writable S>
std::size_t write_all(S& to, std::span<const std::byte> from, std::error_code& error) {
  error.clear();
  std::size_t done = 0;
  while (done < from.size()) {
    const std::size_t n = to.write_some(from.subspan(done), error);
    if (error) break;
    done += n;
  }
  return done;
}
template <writable S>
std::size_t write_all(S& to, std::span<const std::byte> from) {
  std::size_t done = 0;
  while (done < from.size()) done += to.write_some(from.subspan(done));
  return done;
}
template <writable S>
std::size_t write_all(S& to, const void* from, std::size_t n) {
  return io::write_all(to, std::span(static_cast<const std::byte*>(from), n));
}
template <writable S>
std::size_t write_all(S& to, const void* from, std::size_t n, std::error_code& error) {
  return io::write_all(to, std::span(static_cast<const std::byte*>(from), n), error);
}

inline constexpr std::size_t copy_buffer_bytes = 32 * 1024;

// Reads to the end of file, at most `most` bytes, and writes it all; returns how many were written.
// Needs a buffer of 32 KiB: std::bad_alloc. Go: io.Copy, io.CopyN.
template <writable To, readable From>
std::uint64_t copy(To& to, From& from, std::error_code& error, std::uint64_t most = UINT64_MAX) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(copy_buffer_bytes);
  error.clear();
  std::uint64_t done = 0;
  while (done < most) {
    const std::uint64_t left = most - done;
    const std::size_t room =
        left < copy_buffer_bytes ? static_cast<std::size_t>(left) : copy_buffer_bytes;
    const std::size_t n = from.read_some(std::span(buffer.get(), room), error);
    if (error || n == 0) break;
    done += io::write_all(to, std::span<const std::byte>(buffer.get(), n), error);
    if (error) break;
  }
  return done;
}
template <writable To, readable From>
std::uint64_t copy(To& to, From& from, std::uint64_t most = UINT64_MAX) {
  std::error_code error;
  const std::uint64_t done = io::copy(to, from, error, most);
  if (error) throw std::system_error(error, "gmp::io::copy");
  return done;
}

}  // namespace gmp::io
