// Reads lines of a dialect's name, a canonical event's type and its data, parted by tabs, and
// answers each with one line: the body as that dialect sends it, or "!reason path". The data is
// read and the body rendered as the hub does it. dialect_bodies_test.py judges the answers.

#include <iostream>
#include <string>
#include <string_view>

#include "base/json.h"
#include "dialect/dialect.h"
#include "dialect/loader.h"

namespace waybill {
namespace {

Result<std::string> body_of(const dialect::Dialect& dialect, std::string_view type,
                            std::string_view data) {
  const Result<json::value> read = parse_json(data);
  if (!read) return fail(read.error());
  // What is stored is what write_json makes of it.
  const Result<json::value> stored = parse_json(write_json(*read));
  if (!stored) return fail(stored.error());
  dialect::Message message;
  message.event_id = "01941f29-7c00-7ccc-8000-000000000003";
  message.event_type = type;
  message.occurred_at = Timestamp(std::chrono::milliseconds(1795235400123));
  message.subject = "01941f29-7c00-7aaa-8000-000000000001";
  message.workspace_slug = "acme";
  message.environment = "production";
  message.data = &*stored;
  return dialect::render_body(dialect, message);
}

int run() {
  std::ios::sync_with_stdio(false);
  const auto dialects = dialect::DialectRegistry::load({});
  if (!dialects) {
    std::cerr << dialects.error().message << '\n';
    return 1;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    const dialect::Dialect* dialect = dialects->find(line.substr(0, first));
    if (second == std::string::npos || dialect == nullptr) return 1;
    const std::string_view text = line;
    const Result<std::string> body =
        body_of(*dialect, text.substr(first + 1, second - first - 1), text.substr(second + 1));
    if (body) {
      std::cout << *body << '\n';
    } else {
      std::cout << '!' << body.error().reason << ' ' << body.error().path << '\n';
    }
  }
  return 0;
}

}  // namespace
}  // namespace waybill

int main() { return waybill::run(); }
