// Streams of this library as Asio's: not part of gmp.hpp, needs Boost's headers.
//
//   gmp::asio_stream stream(tcp);                 // or the stream itself, moved in
//   boost::beast::http::read(stream, buffer, request);
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <gmp/net.hpp>

namespace gmp {

namespace detail {

inline boost::system::error_code boost_error(const std::error_code& error) noexcept {
  if (!error) return {};
  if (error.category() == std::generic_category() || error.category() == std::system_category())
    return {error.value(), boost::system::system_category()};
  return boost::asio::error::fault;  // not of the system, and Boost knows none of it
}

}  // namespace detail

// Adapts a stream (read_some and write_some as in net.hpp) to Asio's SyncReadStream and
// SyncWriteStream: the calls park the G. End of file is boost::asio::error::eof. S may be a
// reference. Same rules for who may call as for S.
template <class S>
class asio_stream {
 public:
  using next_layer_type = std::remove_reference_t<S>;

  explicit asio_stream(S stream) : stream_(std::forward<S>(stream)) {}

  next_layer_type& next_layer() noexcept { return stream_; }
  const next_layer_type& next_layer() const noexcept { return stream_; }

  // Into the first buffer that is not empty.
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& to, boost::system::error_code& error) {
    error.clear();
    const auto end = boost::asio::buffer_sequence_end(to);
    for (auto it = boost::asio::buffer_sequence_begin(to); it != end; ++it) {
      const boost::asio::mutable_buffer piece(*it);
      if (piece.size() == 0) continue;
      std::error_code plain;
      const std::size_t n =
          stream_.read_some(std::span(static_cast<std::byte*>(piece.data()), piece.size()), plain);
      error = plain    ? detail::boost_error(plain)
              : n == 0 ? boost::system::error_code(boost::asio::error::eof)
                       : boost::system::error_code();
      return n;
    }
    return 0;
  }
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& to) {
    boost::system::error_code error;
    const std::size_t n = read_some(to, error);
    if (error) throw boost::system::system_error(error, "read_some");
    return n;
  }

  // Up to 16 buffers in one system call where the stream can do that.
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& from, boost::system::error_code& error) {
    std::array<net::const_buffer, 16> pieces;
    std::size_t count = 0;
    const auto end = boost::asio::buffer_sequence_end(from);
    for (auto it = boost::asio::buffer_sequence_begin(from); it != end && count < pieces.size();
         ++it) {
      const boost::asio::const_buffer piece(*it);
      if (piece.size() != 0) pieces[count++] = {piece.data(), piece.size()};
    }
    error.clear();
    if (count == 0) return 0;
    std::error_code plain;
    const std::size_t n = send(std::span(pieces.data(), count), plain);
    error = detail::boost_error(plain);
    return n;
  }
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& from) {
    boost::system::error_code error;
    const std::size_t n = write_some(from, error);
    if (error) throw boost::system::system_error(error, "write_some");
    return n;
  }

 private:
  std::size_t send(std::span<const net::const_buffer> pieces, std::error_code& error) {
    if constexpr (requires { stream_.writev(pieces, error); }) {
      return stream_.writev(pieces, error);
    } else {
      const net::const_buffer& first = pieces.front();
      return stream_.write_some(std::span(static_cast<const std::byte*>(first.data), first.size),
                                error);
    }
  }

  S stream_;
};

template <class S>
asio_stream(S&) -> asio_stream<S&>;
template <class S>
requires(!std::is_lvalue_reference_v<S>) asio_stream(S&&)
->asio_stream<S>;

}  // namespace gmp
