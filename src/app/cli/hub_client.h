// Asks a hub's management API, one request after the other. This is all that the commands know of a
// hub: they use nothing that another program could not use.

#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "app/settings.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/task.h"

namespace waybill::app::cli {

// Which hub, and how it is known.
struct HubAddress {
  std::string url;           // Without a slash at its end.
  Secret token;              // Empty: none was found.
  std::string token_source;  // "--token", "WAYBILL_TOKEN" or the path of a file.
  std::filesystem::path data;
  // PEM: whom to trust beside the system's authorities. Empty: nobody.
  std::string ca_certificates;
  // PEM: what the hub of this machine says it serves with. Then it may show nothing else, and need
  // not be trusted by anybody else. Empty where the address was given.
  std::string pinned_certificate;
};

// What the user gave by name.
struct GivenHub {
  std::optional<std::string> url = {};
  std::optional<std::string> token = {};
  std::optional<std::string> ca_file = {};
};

// A given value counts before WAYBILL_URL, WAYBILL_TOKEN and WAYBILL_CA_FILE, and these before what
// the data directory of this machine's hub says. The admin token in that directory goes to hubs on
// this machine alone: another host gets only what it is given by name.
//
// A missing token is no failure here, since some paths need none.
// Fails with kInvalid for an address or a CA file that is none.
Result<HubAddress> find_hub(const GivenHub& given, const Environment& environment);

using Query = std::vector<std::pair<std::string, std::string>>;

class HubClient {
 public:
  // An event is at most 1 MiB, and a page has many.
  static constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;
  static constexpr std::chrono::seconds kPatience{30};

  explicit HubClient(HubAddress hub);
  // For ask_on_context() alone. `context` outlives it.
  HubClient(HubAddress hub, boost::asio::io_context& context);
  ~HubClient();

  struct Answer {
    int status = 0;
    json::value body;
  };

  // `body` null: none. A POST carries an Idempotency-Key, of its own unless one is given, so that a
  // connection lost half-way cannot do a thing twice. The answer may take `patience`.
  //
  // Fails with kUnavailable (hub_unreachable, hub_untrusted, hub_not_waybill), kTimeout, kTooLarge
  // (answer_too_large), and as the API's problem document says: its code as the reason, its detail
  // as the message, and what to do about it where that is known.
  Result<Answer> ask(std::string_view method, std::string_view path, const Query& query = {},
                     const json::value& body = nullptr, std::string idempotency_key = "",
                     std::chrono::seconds patience = kPatience);

  // The same as a task, for whoever does other things meanwhile.
  Task<Result<Answer>> ask_on_context(std::string method, std::string path, Query query = {},
                                      json::value body = nullptr, std::string idempotency_key = "",
                                      std::chrono::seconds patience = kPatience);

  const HubAddress& hub() const { return hub_; }

 private:
  class Impl;
  HubAddress hub_;
  std::unique_ptr<Impl> impl_;
};

// `path` with the query written behind it.
std::string with_query(std::string_view path, const Query& query);

}  // namespace waybill::app::cli
