#include "delivery/channels/fetch_settings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace waybill::delivery {
namespace {

auto invalid(std::string message, std::string_view member) {
  return fail(Code::kInvalid, "handler_settings_invalid", std::move(message),
              fmt::format("$.{}", member));
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }) &&
         !text.contains('\x7f');
}

// What can stand in a header.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Without a slash at its end, so that a path follows.
std::string_view base_of(std::string_view base_url) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  return base_url;
}

bool is_unsafe(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("//")) return true;
  if (path.find_first_of(" \\#") != std::string_view::npos || !is_printable(path)) return true;
  // A dot-segment, plain or encoded.
  const std::string_view plain = path.substr(0, path.find('?'));
  return plain.contains("/..") || plain.contains("/./") || plain.ends_with("/.") ||
         plain.contains("%2e") || plain.contains("%2E");
}

}  // namespace

Result<void> check_fetch_settings(const json::object& settings) {
  if (settings.size() > kFetchSettingsMax) {
    return fail(Code::kInvalid, "handler_settings_invalid",
                fmt::format("A fetcher has at most {} settings.", kFetchSettingsMax), "$");
  }
  for (const auto& member : settings) {
    const std::string_view name = member.key();
    const json::value& value = member.value();
    const std::string_view text =
        value.is_string() ? std::string_view(value.get_string()) : std::string_view();
    if (text.empty() || text.size() > kFetchSettingBytesMax || !is_printable(text)) {
      return invalid(fmt::format("This must be a text of 1 to {} printable characters.",
                                 kFetchSettingBytesMax),
                     name);
    }
    // The dialect makes headers of them, and with another character each message would be unfit.
    if (name != kFetchBaseUrl && !is_plain(text)) {
      return invalid(fmt::format("The fetcher's {} has to be printable ASCII.", name), name);
    }
  }
  const json::value* base_url = settings.if_contains(kFetchBaseUrl);
  if (!base_url) return invalid("A fetcher has a base_url.", kFetchBaseUrl);
  const std::string_view url(base_url->get_string());
  if (auto parsed = net::parse_url(url); !parsed) {
    return invalid(parsed.error().message, kFetchBaseUrl);
  }
  if (url.find_first_of("?#") != std::string_view::npos) {
    return invalid("The base_url has neither a query nor a fragment.", kFetchBaseUrl);
  }
  return {};
}

std::string shown_fetch_settings(const json::object& settings) {
  json::object shown;
  for (const auto& member : settings) {
    const bool is_open = member.key() == kFetchBaseUrl || member.key() == "email";
    shown[member.key()] = is_open ? member.value() : json::value("…");
  }
  return write_json(shown);
}

Result<net::Url> fetch_url(const json::object& settings, std::string_view path) {
  if (is_unsafe(path)) {
    return fail(Code::kInvalid, "url_invalid",
                "What the message says makes no path below the base_url.");
  }
  const json::value* base_url = settings.if_contains(kFetchBaseUrl);
  if (!base_url || !base_url->is_string()) {
    return fail(Code::kInvalid, "url_invalid", "The fetcher has no base_url.");
  }
  return net::parse_url(fmt::format("{}{}", base_of(base_url->get_string()), path));
}

}  // namespace waybill::delivery
