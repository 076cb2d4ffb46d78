// What the tests of the built-in dialects share: an event and a try of it at fixed ids and times,
// whose data each test brings, and the request of that try as lines.

#pragma once

#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill::dialect {

using Lines = std::vector<std::string>;

// "Content-Type: application/json", for each.
inline Lines lines_of(const std::vector<net::Header>& headers) {
  Lines lines;
  for (const net::Header& header : headers) lines.push_back(header.name + ": " + header.value);
  return lines;
}

class DialectFixture : public testing::Test {
 protected:
  static constexpr Timestamp kOccurred{std::chrono::milliseconds(1795235400123)};
  static constexpr Timestamp kSent{std::chrono::milliseconds(1795235461999)};
  static constexpr std::string_view kEventId = "01941f29-7c00-7ccc-8000-000000000003";
  static constexpr std::string_view kDeliveryId = "01941f29-7c00-7ddd-8000-000000000004";

  static const DialectRegistry& registry() {
    static const DialectRegistry loaded = DialectRegistry::load({}).value();
    return loaded;
  }
  static const Dialect& built_in(std::string_view name) { return *registry().find(name); }

  void data_is(std::string_view text) { data_ = parse_json(text).value(); }

  Message message(std::string_view type) const {
    Message made;
    made.event_id = kEventId;
    made.event_type = type;
    made.occurred_at = kOccurred;
    made.subject = "01941f29-7c00-7aaa-8000-000000000001";
    made.workspace_slug = "acme";
    made.environment = "production";
    made.data = &data_;
    return made;
  }

  // All headers of a try, signed with `secrets`.
  std::vector<net::Header> headers_of(const Dialect& dialect, std::string_view type, int number,
                                      Timestamp sent_at, const std::vector<Secret>& secrets) const {
    std::vector<net::Header> all =
        request_headers(dialect, message(type), {kDeliveryId, number, sent_at}).value();
    const std::string body = render_body(dialect, message(type)).value();
    std::vector<net::Header> signature = sign(dialect, all, body, sent_at, secrets).value();
    all.insert(all.end(), std::make_move_iterator(signature.begin()),
               std::make_move_iterator(signature.end()));
    return all;
  }

  // The request of one try, a line for each header and then the body.
  std::string request_of(const Dialect& dialect, std::string_view type, int number,
                         Timestamp sent_at, const Secret& secret) const {
    std::string text;
    for (const std::string& line : lines_of(headers_of(dialect, type, number, sent_at, {secret}))) {
      text += line + "\n";
    }
    return text + render_body(dialect, message(type)).value();
  }

  json::value data_ = json::object();
};

}  // namespace waybill::dialect
