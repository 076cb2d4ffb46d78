#include "surfaces/precoro/precoro_api.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_text.h"
#include "model/document.h"
#include "store/documents.h"
#include "store/users.h"
#include "surfaces/precoro/list_query.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::precoro {
namespace {

namespace documents = store::documents;
using By = Collection::By;

net::Response render(int status, std::string_view code, std::string_view message) {
  std::string body;
  // A message may quote what the caller sent, which need not be UTF-8.
  ObjectText(body).add("error", replace_invalid_utf8(message)).add("code", code).end();
  net::Response response = net::Response::json(status, std::move(body));
  response.error_code = code;
  return response;
}

// "2025-12-16 09:00:49 UTC": the first whole second that is not before.
std::string retry_time(Timestamp time) {
  const std::string text = iso_time(std::chrono::ceil<std::chrono::seconds>(time));
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

// The user whose token it is, as of now.
// Fails with kUnauthenticated (email_mismatch).
Result<model::User> find_user(store::Connection& connection, const model::ApiKey& key,
                              const std::string& email) {
  WAYBILL_CHECK(key.user_id.has_value(), "a key of Precoro belongs to a user");
  const auto user = store::users::find(connection, key.workspace_id, key.user_id->text());
  if (!user) return fail(user.error());
  if (!*user) return fail(Code::kUnauthenticated, "key_unknown", "There is no such API key.");
  if (email.empty() || fold_case(email) == fold_case((*user)->email)) return **user;
  return fail(Code::kUnauthenticated, "email_mismatch",
              "This token does not belong to the user with this e-mail.");
}

enum class Sight { kNothing, kOwn, kEverything };

Sight sight_of(const model::User& user, std::string_view kind) {
  if (model::may_see(user.id, user.roles, kind, "")) return Sight::kEverything;
  return model::may_see(user.id, user.roles, kind, user.id.text()) ? Sight::kOwn : Sight::kNothing;
}

Error no_sight(std::string_view kind) {
  return {Code::kForbidden, "role_missing",
          fmt::format("None of this user's roles shows documents of the kind {}.", kind)};
}

std::int64_t parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

struct Page {
  documents::Listed listed;
  std::int64_t number = 1;
  std::int64_t count = 1;  // Of pages.
};

Result<Page> find_page(store::Connection& connection, const documents::Key& key,
                       const ListQuery& query) {
  const auto pages_of = [&](const documents::Listed& listed) {
    return std::max<std::int64_t>(1, (listed.total + query.page_size - 1) / query.page_size);
  };
  Page page{.listed = {}, .number = std::max<std::int64_t>(1, query.page)};
  for (;;) {
    const std::int64_t offset = (page.number - 1) * query.page_size;
    auto listed = documents::list(connection, key, query.filter, offset, query.page_size);
    if (!listed) return fail(listed.error());
    page.count = pages_of(*listed);
    page.listed = *std::move(listed);
    if (query.page != ListQuery::kLastPage || page.number == page.count) return page;
    // Within one transaction: there are as many the second time.
    page.number = page.count;
  }
}

std::string text_of(const Page& page, int page_size) {
  std::string body;
  ObjectText answer(body);
  append_array(answer.member("data"), page.listed.summaries,
               [](std::string& out, const std::string& summary) { out += summary; });
  ObjectText meta(answer.member("meta"));
  ObjectText(meta.member("pagination"))
      .add("total", page.listed.total)
      .add("count", page.listed.summaries.size())
      .add("per_page", page_size)
      .add("current_page", page.number)
      .add("total_pages", page.count)
      .add("has_next_page", page.number < page.count)
      .end();
  meta.end();
  answer.end();
  return body;
}

}  // namespace

const std::vector<Collection>& collections() {
  static const std::vector<Collection> all = {
      {"/purchaseorders", "purchase_order", By::kIdn},
      {"/invoices", "invoice", By::kId},
      {"/itemcustomfields", "item_custom_field", By::kId},
      {"/documentcustomfields", "document_custom_field", By::kId},
      {"/suppliers", "supplier", By::kId},
      // Not documented; written as those are.
      {"/warehouserequests", "warehouse_request", By::kIdn},
      {"/purchaserequisitions", "purchase_requisition", By::kIdn},
      {"/requestforproposals", "request_for_proposal", By::kIdn},
      {"/receipts", "receipt", By::kIdn},
      {"/expenses", "expense", By::kIdn},
      {"/stocktransfers", "stock_transfer", By::kIdn},
      {"/budgets", "budget", By::kId},
  };
  return all;
}

PrecoroApi::PrecoroApi(Services services) : services_(services), limiter_(services.limits) {}

void PrecoroApi::add_routes(net::Router& router) {
  for (const Collection& collection : collections()) {
    router.add({"GET", std::string(collection.path), [this, &collection](net::Request& request) {
                  return answer(collection, request, /*is_list=*/true);
                }});
    router.add({"GET", fmt::format("{}/{{number}}", collection.path),
                [this, &collection](net::Request& request) {
                  return answer(collection, request, /*is_list=*/false);
                }});
  }
}

bool PrecoroApi::has_path(std::string_view path) {
  return std::ranges::any_of(collections(), [&](const Collection& collection) {
    const std::size_t size = collection.path.size();
    return path.starts_with(collection.path) && (path.size() == size || path[size] == '/');
  });
}

net::Response PrecoroApi::render_error(const Error& error) {
  const int status = net::status_of(error);
  if (error.code == Code::kInternal) {
    return render(status, "internal", "Something is wrong inside the hub; its log says what.");
  }
  net::Response response = render(status, error.reason, told(error));
  if (error.code == Code::kUnavailable) response.headers.push_back({"Retry-After", "1"});
  return response;
}

net::Response PrecoroApi::render_miss(const net::Router::Miss& miss) {
  return refuse_miss(miss, render);
}

Task<Result<PrecoroApi::Caller>> PrecoroApi::authenticate(const net::Request& request) {
  std::string token(request.header("X-AUTH-TOKEN").value_or(""));
  auto key = co_await services_.keys.find(request, std::move(token), model::KeyPlatform::kPrecoro);
  if (!key) co_return fail(key.error());
  co_return Caller{*std::move(key), std::string(request.header("email").value_or(""))};
}

std::optional<net::Response> PrecoroApi::check_limits(const Caller& caller,
                                                      const net::Request& request) {
  const Timestamp now = services_.clock.now();
  const auto refusal =
      limiter_.count(caller.key->id.uuid(), fmt::format("{}?{}", request.path, request.query), now);
  if (!refusal) return std::nullopt;
  // The caller waits by the world's clock, which may be slower than the hub's.
  using std::chrono::milliseconds;
  const auto wait =
      (refusal->until - now) * 1'000 / services_.clock.hub_time(milliseconds(1'000)).count();
  std::string body;
  ObjectText(body)
      .add("error", "Too many requests: this one is one more than the limit allows.")
      .add("RateLimit-Type", refusal->limiter)
      .add("RateLimit-Retry-After", retry_time(services_.clock.wall_now() + wait))
      .add("RateLimit-Limit", refusal->limit)
      .end();
  net::Response response = net::Response::json(429, std::move(body));
  response.error_code = "rate_limited";
  response.headers.push_back(
      {"Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count())});
  return response;
}

Task<net::Response> PrecoroApi::answer(const Collection& collection, const net::Request& request,
                                       bool is_list) {
  auto caller = co_await authenticate(request);
  if (!caller) {
    net::Response refusal = render_error(caller.error());
    set_retry_after(refusal, services_.keys.retry_after(request));
    co_return refusal;
  }
  if (auto refusal = check_limits(*caller, request)) co_return *std::move(refusal);
  auto body = is_list ? co_await list(collection, *std::move(caller), request)
                      : co_await get(collection, *std::move(caller), request);
  if (body) {
    net::Response response = net::Response::json(200, *std::move(body));
    response.headers.push_back({"Cache-Control", "no-store"});
    co_return response;
  }
  if (body.error().code == Code::kInternal) {
    services_.log.error(
        "fetch_failed",
        {{"request", request.id}, {"reason", body.error().reason}, {"what", body.error().message}});
  }
  co_return render_error(body.error());
}

Task<Result<std::string>> PrecoroApi::list(const Collection& collection, Caller caller,
                                           const net::Request& request) {
  const auto query = read_list_query(request.query);
  if (!query) co_return fail(query.error());
  const model::ApiKey& key = *caller.key;
  const auto page =
      co_await services_.database.read([&](store::Connection& connection) -> Result<Page> {
        const auto user = find_user(connection, key, caller.email);
        if (!user) return fail(user.error());
        const Sight sight = sight_of(*user, collection.kind);
        if (sight == Sight::kNothing) return fail(no_sight(collection.kind));
        ListQuery seen = *query;
        if (sight == Sight::kOwn) seen.filter.created_by = user->id;
        return find_page(connection, {key.workspace_id, collection.kind}, seen);
      });
  if (!page) co_return fail(page.error());
  co_return text_of(*page, query->page_size);
}

Task<Result<std::string>> PrecoroApi::get(const Collection& collection, Caller caller,
                                          const net::Request& request) {
  const std::int64_t number = parse_number(request.param("number"));
  const model::ApiKey& key = *caller.key;
  co_return co_await services_.database.read(
      [&](store::Connection& connection) -> Result<std::string> {
        const auto user = find_user(connection, key, caller.email);
        if (!user) return fail(user.error());
        if (sight_of(*user, collection.kind) == Sight::kNothing) {
          return fail(no_sight(collection.kind));
        }
        const documents::Key place{key.workspace_id, collection.kind};
        auto document = collection.by == By::kIdn
                            ? documents::find_by_idn(connection, place, number)
                            : documents::find(connection, place, number);
        if (!document) return fail(document.error());
        const std::string creator = document->created_by ? document->created_by->text() : "";
        // As if it were not there: its number tells nothing either.
        if (!model::may_see(user->id, user->roles, collection.kind, creator)) {
          return fail(Code::kNotFound, "document_not_found", "There is no such document.");
        }
        return std::move(document->content);
      });
}

}  // namespace waybill::surfaces::precoro
