// Reads the head of an HTTP message within its limit. For the .cc files of this folder alone: Beast
// stays inside them.

#pragma once

#include <cstddef>

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace waybill::net {

// Reads on in a head with what has arrived of it: need_more if that is not all, header_limit if it
// is too much. Beast's own limit is one of the part that it has not read yet, so a head that comes
// in pieces could be endless; `head_bytes` counts from the beginning.
template <class Parser>
boost::beast::error_code parse_head(Parser& parser, boost::beast::flat_buffer& buffer,
                                    std::size_t& head_bytes, std::size_t head_bytes_max) {
  namespace http = boost::beast::http;
  boost::beast::error_code error;
  const std::size_t used = parser.put(buffer.data(), error);
  buffer.consume(used);
  head_bytes += used;
  const bool more = error == http::error::need_more;
  const std::size_t unread = more ? buffer.size() : 0;
  if ((more || !error) && head_bytes + unread > head_bytes_max) return http::error::header_limit;
  return error;
}

}  // namespace waybill::net
