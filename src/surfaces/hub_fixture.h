// A hub without sockets, for the tests of the surfaces: a real database in a temporary folder, a
// real dispatcher, a clock that the test moves, and a receiver that the test programs.
//
//   TEST_F(HubFixture, …) {
//     const net::Response answer = call("POST", "/hub/v1/workspaces", R"({"slug": "acme"})");
//     clock.run_for(1min);
//     EXPECT_EQ(sent.size(), 1u);
//   }
//
// Everything runs on the test's thread, but for the database's own; settle() waits for those. So a
// test runs the same each time, and none sleeps.

#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "base/manual_clock.h"
#include "base/temporary_folder.h"
#include "crypto/secret_box.h"
#include "delivery/dispatcher.h"
#include "delivery/webhook_channel.h"
#include "net/http_client.h"
#include "net/router.h"
#include "store/backup.h"
#include "store/database.h"
#include "surfaces/key_directory.h"
#include "surfaces/native/native_api.h"
#include "surfaces/source_directory.h"
#include "surfaces/woocommerce_orders.h"
#include "surfaces/woocommerce_reconciler.h"

namespace waybill::surfaces {

class HubFixture : public testing::Test {
 public:
  static constexpr std::string_view kAdminTokenText = "the-admin-token";
  using Headers = std::vector<net::Header>;

  // `rate_limit`: as KeyDirectory's.
  explicit HubFixture(int rate_limit = 0);
  ~HubFixture() override;

  // Sends a request to `target` (path and query) and does all that follows from it.
  //
  // Where `headers` does not name them: a body comes with Content-Type: application/json, and a
  // call of /hub with the admin token. A header with an empty value is left out.
  net::Response call(std::string_view method, std::string_view target, std::string_view body = {},
                     Headers headers = {});

  // Only begins a call: several can be under way. The answer is there once all is settled.
  std::shared_ptr<std::optional<net::Response>> begin_call(std::string_view method,
                                                           std::string_view target,
                                                           std::string_view body = {},
                                                           Headers headers = {});

  // Runs a task to its end.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    settle();
    WAYBILL_CHECK(result.has_value(), "a task of a test ends");
    return *std::move(result);
  }

  // Runs until there is nothing left to do at this time of the clock.
  void settle();

  // While the receiver is held, it has what it was sent, but does not answer.
  void hold_receiver() { holding_ = true; }
  void release_receiver();

  boost::asio::io_context context;
  ManualClock clock{context};
  Log log{Log::Level::kOff};
  IdGenerator ids{clock, /*seed=*/1};
  const TemporaryFolder folder;
  const dialect::DialectRegistry& dialects;
  crypto::SecretBox secret_box;
  std::unique_ptr<store::Database> database;
  intake::Acceptance acceptance{dialects, ids};
  intake::Recovery recovery{dialects, ids};
  const delivery::Alerts alerts{acceptance, ids};
  delivery::EndpointDirectory endpoints;

  // What the receiver was sent, and what it answers. The default is 200 without a body.
  std::vector<net::ClientRequest> sent;
  std::function<Result<net::ClientResponse>(const net::ClientRequest&)> receiver;

  delivery::WebhookChannel channel;
  delivery::Channels channels;
  delivery::Dispatcher dispatcher;
  KeyDirectory keys;
  SourceDirectory sources{*database, dialects, secret_box, log};
  net::EgressGuard guard{/*allow_private_networks=*/false};
  store::Backup backup;
  WooCommerceOrders woocommerce_orders;
  WooCommerceReconciler woocommerce_reconciler;  // Asks the receiver, when it is told to.
  native::NativeApi native_api;
  net::Router router;

 private:
  Task<Result<net::ClientResponse>> receive(net::ClientRequest request);
  Task<net::Response> answer(std::shared_ptr<net::Request> request);
  bool holding_ = false;
  std::vector<boost::asio::steady_timer*> held_;
};

// The body of an answer. Fails the test if it is no JSON.
json::value json_of(const net::Response& response);

}  // namespace waybill::surfaces
