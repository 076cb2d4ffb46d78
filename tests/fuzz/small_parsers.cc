// The short texts that a caller or a receiver chooses: addresses, queries, cursors, ids, times,
// durations, Retry-After, and the encodings. What one of them takes, it writes and takes again.

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "delivery/http_attempt.h"
#include "fuzz/target.h"
#include "model/ids.h"
#include "net/http.h"
#include "net/router.h"
#include "net/url.h"
#include "surfaces/native/object_reader.h"
#include "surfaces/native/request_reader.h"

namespace waybill::fuzz {
namespace {

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

void try_url(std::string_view input) {
  const auto url = net::parse_url(input);
  if (!url) {
    WAYBILL_CHECK(url.error().reason == "url_invalid", "a bad address is url_invalid");
    return;
  }
  WAYBILL_CHECK(!url->host.empty() && url->port != 0, "an address has a host and a port");
  WAYBILL_CHECK(url->target.starts_with('/'), "a target begins at the root");
  WAYBILL_CHECK(
      std::ranges::all_of(url->host + url->target, [](char c) { return c > ' ' && c <= '~'; }),
      "no address breaks out of a request's head");
  const auto again =
      net::parse_url((url->tls ? "https://" : "http://") + url->authority() + url->target);
  WAYBILL_CHECK(again.has_value() && again->origin() == url->origin() &&
                    again->target == url->target && again->host == url->host,
                "an address that was read names the same place again");
}

void try_query(std::string_view input) {
  const auto parameters = net::parse_query(input);
  if (!parameters) {
    WAYBILL_CHECK(parameters.error().reason == "query_malformed", "a bad query says so");
    return;
  }
  std::string written;
  for (const auto& [name, value] : *parameters) {
    WAYBILL_CHECK(is_utf8(name) && is_utf8(value), "what a query says can be shown");
    written += "&" + percent_encode(name) + "=" + percent_encode(value);
  }
  const auto again = net::parse_query(written);
  WAYBILL_CHECK(again.has_value() && *again == *parameters, "a query reads back");
}

void try_page(std::string_view input) {
  constexpr std::string_view kAllowed[] = {"limit", "cursor", "order", "since", "number"};
  auto query = surfaces::native::QueryReader::read(input, kAllowed, kNow);
  if (!query) return;
  const store::PageRequest page = query->page();
  const auto id = query->id<model::OrderId>("order");
  const auto since = query->time("since");
  const auto number = query->text("number");
  if (const auto done = query->done(); !done) {
    WAYBILL_CHECK(done.error().reason == "query_invalid" && is_utf8(done.error().message),
                  "a parameter that cannot be read is named");
    return;
  }
  WAYBILL_CHECK(page.limit >= 1 && page.limit <= 200, "a page has its limit");
  WAYBILL_CHECK(!page.after || Uuid::parse_crockford(page.after->crockford()) == page.after,
                "a cursor reads back");
  WAYBILL_CHECK(!id || model::OrderId::parse(id->text()) == id, "an id reads back");
  WAYBILL_CHECK(!since || *since >= Timestamp(), "no record is older than 1970");
  WAYBILL_CHECK(!number || !number->empty(), "a filter asks for something");
}

void try_ids(std::string_view input) {
  if (const auto uuid = Uuid::parse(input)) {
    WAYBILL_CHECK(Uuid::parse(uuid->text()) == uuid && uuid->text() == fold_case(input),
                  "a UUID reads back");
    WAYBILL_CHECK(Uuid::parse_crockford(uuid->crockford()) == uuid, "in both forms");
  }
  if (const auto uuid = Uuid::parse_crockford(input)) {
    WAYBILL_CHECK(Uuid::parse_crockford(uuid->crockford()) == uuid, "a Crockford id reads back");
  }
  if (const auto id = model::EndpointId::parse(input)) {
    WAYBILL_CHECK(model::EndpointId::parse(id->text()) == id, "an id reads back");
  }
}

void try_times(std::string_view input) {
  if (const auto duration = parse_duration(input)) {
    WAYBILL_CHECK(duration->count() >= 0, "a duration is not negative");
    WAYBILL_CHECK(parse_duration(format_duration(*duration)) == duration, "a duration reads back");
  }
  if (const auto time = parse_iso_time(input)) {
    WAYBILL_CHECK(parse_iso_time(iso_time(*time)) == time, "a time reads back");
  }
  if (is_iso_date(input)) {
    WAYBILL_CHECK(parse_iso_time(std::string(input) + "T00:00:00Z").has_value(), "a day has times");
  }
  if (const auto wait = delivery::parse_retry_after(input, kNow)) {
    WAYBILL_CHECK(wait->count() >= 0, "nobody is asked to have tried again already");
  }
  if (const auto moment = surfaces::native::parse_moment(input, kNow)) {
    WAYBILL_CHECK(*moment >= Timestamp(), "no record is older than 1970");
  }
}

void try_encodings(std::string_view input) {
  const ByteView bytes = as_bytes(input);
  const Bytes copy(bytes.begin(), bytes.end());
  WAYBILL_CHECK(parse_hex(hex(bytes)) == copy, "hex reads back");
  WAYBILL_CHECK(parse_base64(base64(bytes)) == copy, "base64 reads back");
  WAYBILL_CHECK(parse_base64url(base64url(bytes)) == copy, "base64url reads back");
  WAYBILL_CHECK(percent_decode(percent_encode(input)) == input, "percent-encoding reads back");
  // One text of each value, but for case and padding: what is compared as text stays comparable.
  if (const auto read = parse_hex(input)) {
    WAYBILL_CHECK(hex(*read) == fold_case(input), "hex has one spelling");
  }
  if (const auto read = parse_base64(input)) {
    std::string text = base64(*read), given(input);
    std::erase(text, '=');
    std::erase(given, '=');
    WAYBILL_CHECK(text == given, "base64 has one spelling");
  }
  if (is_utf8(input)) {
    const std::string folded = fold_case(input);
    WAYBILL_CHECK(is_utf8(folded), "a folded text is a text");
    WAYBILL_CHECK(fold_case(folded) == folded, "what is folded stays");
  }
}

void try_path(std::string_view input) {
  static net::Router router;
  static const bool made = [] {
    const auto never = [](net::Request&) -> Task<net::Response> { co_return net::Response(); };
    for (const char* pattern : {"/hub/v1/workspaces/{workspace}/orders/{order}", "/hub/v1/{x}",
                                "/api/ingress/{slug}/orders", "/{a}/{b}/{c}", "/health/live"}) {
      router.add({"GET", pattern, never});
    }
    return true;
  }();
  WAYBILL_CHECK(made, "the routes are there");
  net::Request request;
  request.method = "GET";
  request.path = input;
  net::Router::Miss miss;
  if (router.find(request, miss) == nullptr) {
    WAYBILL_CHECK(miss.allow.empty(), "there is one method here");
    return;
  }
  for (const auto& [name, value] : request.params) {
    WAYBILL_CHECK(!value.empty() && is_utf8(value), "a parameter can be shown");
  }
}

}  // namespace

void try_input(std::string_view input) {
  try_url(input);
  try_query(input);
  try_page(input);
  try_ids(input);
  try_times(input);
  try_encodings(input);
  try_path(input);
  const std::string type = net::media_type(input);
  WAYBILL_CHECK(type.size() <= input.size() && !type.contains(';'), "a media type is a part");
}

}  // namespace waybill::fuzz
