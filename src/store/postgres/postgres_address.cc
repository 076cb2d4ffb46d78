#include "store/postgres/postgres_address.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace waybill::store {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
struct FreeMemory {
  void operator()(char* text) const { PQfreemem(text); }
};

// What a URI that says nothing else gets: the node that writes is found among several, and a server
// that is gone is noticed although it never said so.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"target_session_attrs", "read-write"},
    {"application_name", "waybill"},
    {"client_encoding", "UTF8"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "3"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "15000"},
};

std::unexpected<Error> refuse(std::string_view why) {
  return fail(Code::kInvalid, "database_url_invalid",
              fmt::format("it is like postgres://USER@HOST:PORT/DATABASE{}{}",
                          why.empty() ? "" : ": ", why));
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = list.find(',');
    parts.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<PostgresAddress> PostgresAddress::parse(std::string_view url) {
  if (!url.starts_with("postgres://") && !url.starts_with("postgresql://")) return refuse("");
  char* raw_message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(std::string(url).c_str(), &raw_message));
  const std::unique_ptr<char, FreeMemory> message(raw_message);
  if (!options) {
    // libpq quotes the part that it does not understand. With an @ that may be a password.
    std::string why = message && !url.contains('@') ? message.get() : "";
    while (why.ends_with('\n')) why.pop_back();
    return refuse(why);
  }
  PostgresAddress address;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option) {
    if (!option->val) continue;
    if (std::string_view(option->keyword) == "password") {
      address.password_ = Secret(option->val);
    } else {
      address.parameters_.emplace_back(option->keyword, option->val);
    }
  }
  for (const auto& [keyword, value] : kDefaults) {
    if (address.parameter(keyword).empty()) address.parameters_.emplace_back(keyword, value);
  }
  return address;
}

std::string_view PostgresAddress::parameter(std::string_view keyword) const {
  const auto found =
      std::ranges::find(parameters_, keyword, &std::pair<std::string, std::string>::first);
  return found == parameters_.end() ? std::string_view() : found->second;
}

std::string PostgresAddress::shown() const {
  const auto hosts = split(parameter("host"));
  const auto ports = split(parameter("port"));
  std::string text = "postgres://";
  if (const auto user = parameter("user"); !user.empty()) text += fmt::format("{}@", user);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i > 0) text += ',';
    text += hosts[i];
    // One port is that of every host.
    const std::string_view port = ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "";
    if (!port.empty()) text += fmt::format(":{}", port);
  }
  return text + fmt::format("/{}", parameter("dbname"));
}

}  // namespace waybill::store
