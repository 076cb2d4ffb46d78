// What the tests of the integration API share: a hub with workspaces, stores and a key, and calls
// whose answers are held against the table of errors.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "surfaces/hub_fixture.h"
#include "surfaces/peptideclients/integration_api.h"

namespace waybill::surfaces::peptideclients {

inline constexpr std::string_view kOrders = "/integrations/v1/orders";
inline constexpr std::string_view kClients = "/integrations/v1/clients";

inline constexpr std::string_view kWholeOrder =
    R"({"external_id":"shop-1","number":"1001","placed_at":"2026-01-01T11:00:00Z",)"
    R"("currency":"USD","client":{"external_id":"c-1","email":"ada@example.com","name":"Ada"},)"
    R"("items":[{"sku":"P-1","name":"Peptide","quantity":2,"unit_price":"19.95"}],)"
    R"("shipping_total":"5.00","tax_total":1.1,"discount_total":"1","total":"45.00",)"
    R"("payment":{"external_id":"ch_1","method":"card","amount":"20.00","reference":"VISA",)"
    R"("paid_at":"2026-01-01T11:00:05Z"},"note":"two\nlines","metadata":{"a":[1]},"new":true})";

// What key creation answers with once.
struct NewKey {
  std::string id, key, signing_secret;
};

class IntegrationApiTest : public HubFixture {
 public:
  // With the stores "Main" and "Second" of "acme" and "Main" of "other", and a key of the first.
  IntegrationApiTest();

  // `more` are members to add: R"("require_signature": true)".
  NewKey new_key(std::string_view more = {}, std::string_view store = "Main",
                 std::string_view workspace = "acme");

  // With the Authorization of `key`.
  net::Response ask(std::string_view method, std::string_view target, std::string_view body = {},
                    Headers more = {});
  net::Response post(std::string_view target, std::string_view body = {}, Headers more = {}) {
    return ask("POST", target, body, std::move(more));
  }
  // The body of what has to succeed with `status`.
  json::value ok(int status, const net::Response& answer);
  // Fails the test unless it is this row of the table.
  void refused(std::string_view code, const net::Response& answer);

  // An order of 39.90 EUR.
  static std::string order(std::string_view external_id, std::string_view more = {});
  std::string new_order(std::string_view external_id, std::string_view more = {});
  static std::string payments_of(std::string_view order);
  static std::string cancel_of(std::string_view order);
  static std::string refund_of(std::string_view payment);
  json::value find(std::string_view external_id);
  // The types of all events of "acme", newest first.
  std::vector<std::string> events();
  model::WorkspaceId workspace_id(std::string_view slug = "acme");

  static bool is_replay(const net::Response& answer);
  static Headers signed_with(std::string_view secret, std::string_view body, Timestamp at);
  static Headers once(std::string_view word) { return {{"Idempotency-Key", std::string(word)}}; }

  IntegrationApi api{native_api.services()};
  std::string key;

 private:
  void new_store(std::string_view workspace, std::string_view name);
};

}  // namespace waybill::surfaces::peptideclients
