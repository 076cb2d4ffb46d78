// What a `fetch` handler is told of itself:
//
//   {"base_url": "https://api.precoro.com", "token": "…", "email": "…"}
//
// base_url is where the platform's API is; the others are those that the dialect's [receipt.fetch]
// names, texts each of printable ASCII, since they are sent in headers.

#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "net/url.h"

namespace waybill::delivery {

inline constexpr std::string_view kFetchBaseUrl = "base_url";
inline constexpr std::size_t kFetchSettingsMax = 20;
inline constexpr std::size_t kFetchSettingBytesMax = 2'000;

// Fails with kInvalid (handler_settings_invalid) and the path of the fault: no base_url, one that
// is no plain http(s) URL, a member that is no text of 1 to kFetchSettingBytesMax printable
// characters, one but base_url with others than ASCII, or too many of them.
Result<void> check_fetch_settings(const json::object& settings);

// As they are shown: everything but base_url and email may be a secret.
std::string shown_fetch_settings(const json::object& settings);

// Where `path` is found. Fails with kInvalid (url_invalid), also for a path that would leave
// base_url's: what a message says is written into it, and messages need not be signed.
Result<net::Url> fetch_url(const json::object& settings, std::string_view path);

}  // namespace waybill::delivery
