// One HTTP header field.

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace waybill::net {

struct Header {
  std::string name;
  std::string value;
};

// Names are compared without regard to ASCII case (RFC 9110 §5.1).
bool same_header_name(std::string_view a, std::string_view b);

// The value of the first field called `name`, or null.
const std::string* find_header(std::span<const Header> headers, std::string_view name);

}  // namespace waybill::net
