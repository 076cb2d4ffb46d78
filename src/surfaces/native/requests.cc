// The request log: what was asked of the hub with the keys of a workspace, or about it.

#include <charconv>
#include <utility>

#include "store/request_log.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/render.h"

namespace waybill::surfaces::native {
namespace {

std::optional<int> parse_status(std::string_view text) {
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return status >= 100 && status <= 599 ? std::optional(status) : std::nullopt;
}

// As text that can be sent: a body that was cut may end within a character.
std::optional<std::string> body_text(const std::optional<std::string>& body) {
  return body.transform([](const std::string& text) { return replace_invalid_utf8(text); });
}

}  // namespace

Task<Result<Reply>> list_requests(Call& call) {
  const auto page = call.query.page();
  store::request_log::Filter filter;
  filter.key = call.query.id<model::ApiKeyId>("key");
  filter.status = call.query.parsed("status", parse_status, "a status from 100 to 599");
  filter.min_status = call.query.parsed("min_status", parse_status, "a status from 100 to 599");
  filter.method = call.query.text("method");
  filter.path = call.query.text("path");
  filter.error_code = call.query.text("error_code");
  filter.request_id = call.query.text("request_id");
  filter.since = call.query.time("since");
  filter.until = call.query.time("until");
  WAYBILL_CO_TRY(call.query.done());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::request_log::list(connection, call.workspace_id, filter, page);
  });
  if (!found) co_return fail(found.error());
  co_return Reply{200, text_of_page(*found)};
}

Task<Result<Reply>> get_request(Call& call) {
  const auto id = path_id<model::LoggedRequestId>(call.request, "request");
  if (!id) co_return fail(id.error());
  const auto found = co_await call.services.database.read([&](store::Connection& connection) {
    return store::request_log::find(connection, call.workspace_id, *id);
  });
  if (!found) co_return fail(found.error());
  std::string body;
  ObjectText object(body);
  write(object, *found);
  object.add("request_body", body_text(found->request_body))
      .add("response_body", body_text(found->response_body))
      .end();
  co_return Reply{200, std::move(body)};
}

}  // namespace waybill::surfaces::native
