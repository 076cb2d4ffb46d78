#include "store/postgres/postgres_address.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace waybill::store {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;
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

bool is_number(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// As it stands in a URI.
std::string encode(std::string_view text) {
  constexpr std::string_view plain = "-._~*";
  std::string encoded;
  for (const char c : text) {
    const bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      plain.contains(c);
    if (kept) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string shown_host(std::string_view host) {
  // An IPv6 address, perhaps with its interface.
  if (host.contains(':')) return fmt::format("[{}]", host);
  return encode(host);
}

// A path of a socket, an abstract one, libpq's own default, or this machine.
bool is_here(std::string_view host) {
  const bool loopback =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host == "::1" || loopback;
}

}  // namespace

Result<PostgresAddress> PostgresAddress::parse(std::string_view url) {
  if (!url.starts_with("postgres://") && !url.starts_with("postgresql://")) return refuse("");
  char* raw_message = nullptr;
  const Options options(PQconninfoParse(std::string(url).c_str(), &raw_message));
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
  if (const auto misread = address.misread()) return refuse(*misread);
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

// libpq ends a password at the first @ and / in it, and takes what follows for the host or the
// database: it would be shown.
std::optional<std::string_view> PostgresAddress::misread() const {
  constexpr std::string_view advice =
      "in a user or password @ is written %40, / %2F, : %3A and % %25";
  for (const std::string_view port : split(parameter("port"))) {
    if (!is_number(port)) return advice;
  }
  for (const std::string_view host : split(parameter("host"))) {
    if (host.contains('@') && !host.starts_with('@')) return advice;
  }
  if (parameter("dbname").contains('@')) return advice;
  return std::nullopt;
}

bool PostgresAddress::holds_secret() const {
  return has_password() || !parameter("sslpassword").empty();
}

std::string PostgresAddress::effective(std::string_view keyword) const {
  if (const auto given = parameter(keyword); !given.empty()) return std::string(given);
  const Options defaults(PQconndefaults());
  for (const PQconninfoOption* option = defaults.get(); option && option->keyword; ++option) {
    if (option->keyword == keyword) return option->val ? option->val : "";
  }
  return "";
}

bool PostgresAddress::is_private() const {
  const std::string mode = effective("sslmode");
  if (mode == "require" || mode == "verify-ca" || mode == "verify-full") return true;
  const std::string addresses = effective("hostaddr");
  const std::string hosts = addresses.empty() ? effective("host") : addresses;
  return std::ranges::all_of(split(hosts), is_here);
}

std::string PostgresAddress::shown() const {
  const auto hosts = split(parameter(parameter("host").empty() ? "hostaddr" : "host"));
  const auto ports = split(parameter("port"));
  std::string text = "postgres://";
  if (const auto user = parameter("user"); !user.empty()) text += encode(user) + "@";
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i > 0) text += ',';
    text += shown_host(hosts[i]);
    // One port is that of every host.
    const std::string_view port = ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "";
    if (!port.empty()) text += fmt::format(":{}", port);
  }
  return text + "/" + encode(parameter("dbname"));
}

}  // namespace waybill::store
