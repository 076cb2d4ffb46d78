// Precoro's fetch API: what a receiver of its webhooks asks for (R-PR-16, R-PR-20 to R-PR-22).
//
//   GET /purchaseorders?status[]=2&…     documents, each by its summary, page by page
//   GET /purchaseorders/{idn}            one of them, whole
//
// and the same for every other kind of document; docs/platforms/precoro.md has the addresses. The
// token names the workspace and the user, and shows what the user may see.
//
// Errors are {"error": a sentence, "code": a stable word}; one request too many is told as Precoro
// does, within the body.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "model/user.h"
#include "net/router.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/precoro/request_limiter.h"

namespace waybill::surfaces::precoro {

// What the API works with. Everything outlives it.
struct Services {
  const Clock& clock;
  Log& log;
  KeyDirectory& keys;
  store::Database& database;
  RequestLimits limits = {};
};

// One kind of document, and where it is fetched.
struct Collection {
  std::string_view path;  // "/purchaseorders"
  std::string_view kind;  // model::DocumentKind::name
  enum class By { kId, kIdn } by;
};
const std::vector<Collection>& collections();

class PrecoroApi {
 public:
  explicit PrecoroApi(Services services);

  // The API outlives the router.
  void add_routes(net::Router& router);

  // Whether what goes wrong at this path is told as this API tells it.
  static bool has_path(std::string_view path);
  static net::Response render_error(const Error& error);
  static net::Response render_miss(const net::Router::Miss& miss);

 private:
  // Whose request it is, if it is not one too many.
  struct Caller {
    std::shared_ptr<const model::ApiKey> key;
    std::string email;  // That the request names. Empty: none.
  };
  // Fails as KeyDirectory::find().
  Task<Result<Caller>> authenticate(const net::Request& request);
  // A refusal as an answer; nothing if the request is taken.
  std::optional<net::Response> check_limits(const Caller& caller, const net::Request& request);
  Task<net::Response> answer(const Collection& collection, const net::Request& request,
                             bool is_list);
  Task<Result<std::string>> list(const Collection& collection, Caller caller,
                                 const net::Request& request);
  Task<Result<std::string>> get(const Collection& collection, Caller caller,
                                const net::Request& request);

  const Services services_;
  RequestLimiter limiter_;
};

}  // namespace waybill::surfaces::precoro
