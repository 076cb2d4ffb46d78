#include "app/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <type_traits>

#include <fmt/format.h>

#include "app/database_settings.h"
#include "base/clock.h"

namespace waybill::app {
namespace {

constexpr int kClockSpeedMax = 100'000;
constexpr std::size_t kMetricsTokenMin = 16;
constexpr int kConnectionsMax = 1'000'000;
constexpr int kRateLimitMax = 100'000;
constexpr int kHandlerCommandsMax = 1'000;
constexpr int kQuotaMax = 10'000'000;
constexpr std::size_t kNodeNameMax = 64;

std::unexpected<Error> refuse(std::string message) {
  return fail(Code::kInvalid, "setting_invalid", std::move(message));
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<bool> parse_switch(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return refuse("it is true or false");
}

template <bool Settings::* member>
Result<void> read_switch(Settings& settings, std::string_view text) {
  const auto value = parse_switch(text);
  if (!value) return fail(value.error());
  settings.*member = *value;
  return {};
}

template <std::filesystem::path Settings::* member>
Result<void> read_folder(Settings& settings, std::string_view text) {
  if (text.empty()) return refuse("it is the path of a folder");
  settings.*member = std::filesystem::path(text);
  return {};
}

template <std::filesystem::path Settings::* member>
Result<void> read_path(Settings& settings, std::string_view text) {
  if (text.empty()) return refuse("it is the path of a file");
  settings.*member = std::filesystem::path(text);
  return {};
}

template <auto member, int max>
Result<void> read_count(Settings& settings, std::string_view text) {
  const auto count = parse_number<int>(text);
  if (!count || *count < 1 || *count > max) {
    return refuse(fmt::format("it is a number from 1 to {}", max));
  }
  using Count = std::remove_reference_t<decltype(settings.*member)>;
  settings.*member = static_cast<Count>(*count);
  return {};
}

Result<void> read_precoro_limits(Settings& settings, std::string_view text) {
  const auto limits = surfaces::precoro::RequestLimits::parse(text);
  if (!limits) return refuse(limits.error().message);
  settings.precoro_limits = *limits;
  return {};
}

template <int Settings::* member>
Result<void> read_quota(Settings& settings, std::string_view text) {
  const auto calls = text == "none" ? 0 : parse_number<int>(text);
  if (!calls || *calls < 0 || *calls > kQuotaMax || text == "0") {
    return refuse(fmt::format("it is a number from 1 to {}, or none", kQuotaMax));
  }
  settings.*member = *calls;
  return {};
}

template <std::vector<net::Network> Settings::* member>
Result<void> read_networks(Settings& settings, std::string_view text) {
  auto networks = net::parse_networks(text);
  if (!networks) {
    std::string why = networks.error().message;
    if (why.ends_with('.')) why.pop_back();
    return refuse(std::move(why));
  }
  settings.*member = std::move(*networks);
  return {};
}

Result<void> read_listen(Settings& settings, std::string_view text) {
  const auto refuse_address = [] {
    return refuse("it is HOST:PORT with an IP address, such as 127.0.0.1:8080 or [::]:8080");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refuse_address();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse_address();
  }
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port || host.empty()) return refuse_address();
  settings.listen_host = host;
  settings.listen_port = *port;
  return {};
}

Result<void> read_clock_speed(Settings& settings, std::string_view text) {
  const auto speed = parse_number<int>(text);
  if (!speed || *speed < 1 || *speed > kClockSpeedMax) {
    return refuse(fmt::format("it is a number from 1 to {}", kClockSpeedMax));
  }
  settings.clock_speed = *speed;
  return {};
}

Result<void> read_log_level(Settings& settings, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Log::Level>, 5> levels = {
      {{"debug", Log::Level::kDebug},
       {"info", Log::Level::kInfo},
       {"warn", Log::Level::kWarn},
       {"error", Log::Level::kError},
       {"off", Log::Level::kOff}}};
  for (const auto& [name, level] : levels) {
    if (name != text) continue;
    settings.log_level = level;
    return {};
  }
  return refuse("it is debug, info, warn, error or off");
}

Result<void> read_metrics_token(Settings& settings, std::string_view text) {
  if (text.size() < kMetricsTokenMin ||
      !std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) {
    return refuse(fmt::format("it is at least {} visible ASCII characters", kMetricsTokenMin));
  }
  settings.metrics_token = Secret(std::string(text));
  return {};
}

Result<void> read_stop_timeout(Settings& settings, std::string_view text) {
  const auto timeout = parse_duration(text);
  if (!timeout || *timeout < std::chrono::seconds(1) || *timeout > std::chrono::minutes(10)) {
    return refuse("it is a duration from 1s to 10m");
  }
  settings.stop_timeout = *timeout;
  return {};
}

Result<void> read_node_name(Settings& settings, std::string_view text) {
  const bool good = !text.empty() && text.size() <= kNodeNameMax &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  if (!good) return refuse(fmt::format("it is 1 to {} visible ASCII characters", kNodeNameMax));
  settings.node_name = text;
  return {};
}

Result<void> read_lease(Settings& settings, std::string_view text) {
  const auto lease = parse_duration(text);
  if (!lease || *lease < std::chrono::seconds(5) || *lease > std::chrono::hours(1)) {
    return refuse("it is a duration from 5s to 1h");
  }
  settings.lease = *lease;
  return {};
}

template <std::optional<std::chrono::milliseconds> Settings::* member>
Result<void> read_retention(Settings& settings, std::string_view text) {
  if (text == "forever" || text == "0") {
    settings.*member = std::nullopt;
    return {};
  }
  const auto kept = parse_duration(text);
  if (!kept || *kept < std::chrono::hours(1)) {
    return refuse("it is a duration of at least 1h, such as 30d, or forever");
  }
  settings.*member = *kept;
  return {};
}

Result<void> read_request_log_bytes_max(Settings& settings, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, int>, 2> units = {{{"MiB", 20}, {"GiB", 30}}};
  constexpr std::int64_t kMost = 1'000'000;
  for (const auto& [unit, bits] : units) {
    if (!text.ends_with(unit)) continue;
    const auto count = parse_number<std::int64_t>(text.substr(0, text.size() - unit.size()));
    if (!count || *count < 1 || *count > kMost) break;
    settings.request_log_bytes_max = *count << bits;
    return {};
  }
  return refuse("it is a size of at least 1MiB, such as 500MiB or 20GiB");
}

constexpr std::array kTable = {
    Setting{.name = "config",
            .placeholder = "FILE",
            .default_text = "none",
            .bounds = "without it, waybill.toml in the data directory is read if it is there",
            .description = "The settings file.",
            .in_file = false,
            .read = read_path<&Settings::config>},
    Setting{.name = "data",
            .placeholder = "DIR",
            .default_text = "~/.local/share/waybill",
            .description = "The folder of everything the hub keeps: database, keys, admin token.",
            .read = read_folder<&Settings::data>},
    Setting{.name = "listen",
            .placeholder = "HOST:PORT",
            .default_text = "127.0.0.1:8080",
            .bounds = "port 0 is any free one",
            .description = "The address to serve on.",
            .read = read_listen},
    Setting{.name = "tls_certificate",
            .placeholder = "FILE",
            .default_text = "none",
            .bounds = "with tls_key",
            .description = "Serves https:// with this certificate chain, in PEM; a new one is "
                           "taken within a minute, or on SIGHUP.",
            .read = read_path<&Settings::tls_certificate>},
    Setting{.name = "tls_key",
            .placeholder = "FILE",
            .default_text = "none",
            .bounds = "with tls_certificate",
            .description = "The private key of the certificate, in PEM and without a password.",
            .read = read_path<&Settings::tls_key>},
    Setting{.name = "connections_max",
            .placeholder = "N",
            .default_text = "20000",
            .bounds = "1 to 1000000",
            .description = "So many clients may be connected; more are told to come again later.",
            .read = read_count<&Settings::connections_max, kConnectionsMax>},
    Setting{
        .name = "rate_limit",
        .placeholder = "N",
        .example = "100",
        .default_text = "none",
        .bounds = "1 to 100000",
        .description =
            "So many requests a second are taken with each API key by each node, and as many at "
            "once; more are answered with 429. Signed messages of WooCommerce, which would never "
            "come "
            "again, are not counted.",
        .read = read_count<&Settings::rate_limit, kRateLimitMax>},
    Setting{.name = "precoro_limits",
            .placeholder = "LIMITS",
            .example = "1/s, 1500/h, 3000/day, repeat 1m",
            .default_text = "300/min, 1500/h, 3000/day",
            .bounds = "a list of N/s, N/min, N/h, N/day and repeat DURATION, or none",
            .description = "So many requests are taken with each token of Precoro's fetch API by "
                           "each node; the same one again only after the repeat duration.",
            .read = read_precoro_limits},
    Setting{.name = "procureiq_calls_per_hour",
            .placeholder = "N",
            .default_text = "100",
            .bounds = "1 to 10000000, or none",
            .description = "So many calls an hour are taken of ProcureIQ's API with each key by "
                           "each node; more are answered with 429.",
            .read = read_quota<&Settings::procureiq_calls_per_hour>},
    Setting{.name = "procureiq_calls_per_day",
            .placeholder = "N",
            .default_text = "1000",
            .bounds = "1 to 10000000, or none",
            .description = "The same for each day (UTC).",
            .read = read_quota<&Settings::procureiq_calls_per_day>},
    Setting{.name = "proign_reads_per_minute",
            .placeholder = "N",
            .default_text = "100",
            .bounds = "1 to 10000000, or none",
            .description = "So many reading calls a minute are taken of PROIGN's API for each "
                           "tenant by each node; more are answered with 429.",
            .read = read_quota<&Settings::proign_reads_per_minute>},
    Setting{.name = "proign_writes_per_minute",
            .placeholder = "N",
            .default_text = "30",
            .bounds = "1 to 10000000, or none",
            .description = "The same for calls that change something.",
            .read = read_quota<&Settings::proign_writes_per_minute>},
    Setting{.name = "database",
            .placeholder = "URL",
            .example = "postgres://waybill@db1,db2/waybill?sslmode=verify-full",
            .default_text = "sqlite",
            .bounds = "sqlite, or the URI of a PostgreSQL 15 or later, with what libpq reads in it",
            .description = "Where records are stored; sqlite is a file in the data directory.",
            .secret = true,
            .show = show_database,
            .holds_secret = database_holds_secret,
            .read = read_database},
    Setting{.name = "database_password_file",
            .placeholder = "FILE",
            .default_text = "none",
            .bounds = "with a PostgreSQL database",
            .description = "The password of the database is the first line of this file.",
            .read = read_path<&Settings::database_password_file>},
    Setting{.name = "node_name",
            .placeholder = "NAME",
            .example = "hub-1",
            .default_text = "none",
            .bounds = "1 to 64 visible ASCII characters; without it, the host's name",
            .description = "What this node is called, among several on one PostgreSQL database.",
            .read = read_node_name},
    Setting{.name = "lease",
            .placeholder = "DURATION",
            .default_text = "2m",
            .bounds = "5s to 1h",
            .description = "How long a node holds a delivery at least; what a dead node held is "
                           "made by another once that is over.",
            .read = read_lease},
    Setting{.name = "clock_speed",
            .placeholder = "N",
            .default_text = "1",
            .bounds = "1 to 100000",
            .description = "Runs schedules, leases and expiries N times as fast, for tests.",
            .read = read_clock_speed},
    Setting{.name = "allow_private_networks",
            .default_text = "false",
            .description = "Sends to loopback and private addresses too, which are refused else.",
            .warning = "Endpoints may reach loopback and private networks.",
            .read = read_switch<&Settings::allow_private_networks>},
    Setting{.name = "allow_networks",
            .placeholder = "CIDR,...",
            .example = "10.1.0.0/16,fd00::/8",
            .default_text = "none",
            .bounds = "such as 10.1.0.0/16,fd00::/8",
            .description = "Sends to these networks too, although they are not public.",
            .read = read_networks<&Settings::allow_networks>},
    Setting{.name = "trusted_proxies",
            .placeholder = "CIDR,...",
            .example = "10.0.0.5,fd00::/8",
            .default_text = "none",
            .bounds = "such as 10.0.0.5,fd00::/8",
            .description = "Believes these proxies whom they forward a request for: the right-most "
                           "address in X-Forwarded-For that is none of them.",
            .read = read_networks<&Settings::trusted_proxies>},
    Setting{.name = "ca_file",
            .placeholder = "FILE",
            .default_text = "none",
            .description = "Trusts receivers whose certificate comes from the authorities in this "
                           "file, in PEM, beside those that the system trusts.",
            .read = read_path<&Settings::ca_file>},
    Setting{.name = "allow_insecure_endpoints",
            .default_text = "false",
            .description = "Takes http:// endpoints where their dialect demands https://.",
            .warning = "Endpoints may be plain http:// where their dialect demands https://.",
            .read = read_switch<&Settings::allow_insecure_endpoints>},
    Setting{.name = "dialects",
            .placeholder = "DIR",
            .default_text = "none",
            .description = "A folder of dialects of your own; they may replace built-in ones.",
            .read = read_folder<&Settings::dialects>},
    Setting{.name = "handler_commands",
            .placeholder = "DIR",
            .default_text = "none",
            .bounds = "without it, no handler may run a program",
            .description = "The folder in which the programs are that handlers may run.",
            .read = read_folder<&Settings::handler_commands>},
    Setting{.name = "handler_commands_max",
            .placeholder = "N",
            .default_text = "16",
            .bounds = "1 to 1000",
            .description = "So many programs of handlers run at once; one handler has at most "
                           "half of the places that are left.",
            .read = read_count<&Settings::handler_commands_max, kHandlerCommandsMax>},
    Setting{.name = "handler_files",
            .placeholder = "DIR",
            .default_text = "none",
            .bounds = "without it, the folder handled in the data directory",
            .description = "The folder of the files to which handlers append.",
            .read = read_folder<&Settings::handler_files>},
    Setting{.name = "log_level",
            .placeholder = "LEVEL",
            .default_text = "info",
            .bounds = "debug, info, warn, error, off",
            .description = "The least important log lines that are written to standard error.",
            .read = read_log_level},
    Setting{.name = "access_log",
            .default_text = "false",
            .description = "Writes a log line for each request; the level debug does so too.",
            .read = read_switch<&Settings::access_log>},
    Setting{.name = "metrics_token",
            .placeholder = "TOKEN",
            .example = "a-long-random-text",
            .default_text = "none",
            .bounds = "at least 16 characters",
            .description = "What /metrics asks for as a bearer token; without it, it is open.",
            .secret = true,
            .read = read_metrics_token},
    Setting{.name = "stop_timeout",
            .placeholder = "DURATION",
            .default_text = "10s",
            .bounds = "1s to 10m",
            .description = "How long requests and attempts under way have to end at a stop.",
            .read = read_stop_timeout},
    Setting{.name = "retention_deliveries",
            .placeholder = "DURATION",
            .default_text = "30d",
            .bounds = "at least 1h, or forever",
            .description = "How long deliveries that are over are kept, with their attempts.",
            .read = read_retention<&Settings::retention_deliveries>},
    Setting{.name = "retention_events",
            .placeholder = "DURATION",
            .default_text = "90d",
            .bounds = "at least 1h, or forever",
            .description = "How long events without deliveries are kept.",
            .read = read_retention<&Settings::retention_events>},
    Setting{.name = "retention_requests",
            .placeholder = "DURATION",
            .default_text = "7d",
            .bounds = "at least 1h, or forever",
            .description = "How long rows of the request log are kept, to within an hour.",
            .read = read_retention<&Settings::retention_requests>},
    Setting{.name = "request_log_bytes_max",
            .placeholder = "SIZE",
            .default_text = "1GiB",
            .bounds = "at least 1MiB, in MiB or GiB",
            .description = "So large may the request log of all workspaces be; the oldest rows go "
                           "first, whatever their age.",
            .read = read_request_log_bytes_max},
    Setting{.name = "request_log",
            .placeholder = "true|false",
            .default_text = "true",
            .description = "Keeps a row of each request that belongs to a workspace. What keys are "
                           "used for is counted anyhow.",
            .read = read_switch<&Settings::request_log>},
    Setting{.name = "request_log_bodies",
            .placeholder = "true|false",
            .default_text = "true",
            .description = "Keeps the first 16 KiB of both bodies with each row of the request "
                           "log, without secrets and personal data.",
            .read = read_switch<&Settings::request_log_bodies>},
};

std::string with(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

}  // namespace

std::string Setting::flag() const { return "--" + with(std::string(name), '_', '-'); }

std::string Setting::variable() const {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return "WAYBILL_" + upper;
}

std::span<const Setting> settings_table() { return kTable; }

bool Setting::is_secret(std::string_view text) const {
  return secret && (holds_secret == nullptr || holds_secret(text));
}

bool Setting::is_dangerous(std::string_view text) const {
  return is_switch() && !warning.empty() && parse_switch(text).value_or(false);
}

std::string GivenSetting::shown() const {
  if (setting->show != nullptr) return setting->show(text);
  return setting->secret ? "set" : text;
}

}  // namespace waybill::app
