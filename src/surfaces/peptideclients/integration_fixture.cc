#include "surfaces/peptideclients/integration_fixture.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/stores.h"
#include "surfaces/peptideclients/errors.h"

namespace waybill::surfaces::peptideclients {

IntegrationApiTest::IntegrationApiTest() {
  api.add_routes(router);
  for (const char* slug : {"acme", "other"}) {
    call("POST", "/hub/v1/workspaces", fmt::format(R"({{"slug":"{}"}})", slug));
  }
  new_store("acme", "Main");
  new_store("acme", "Second");
  new_store("other", "Main");
  key = new_key().key;
}

void IntegrationApiTest::new_store(std::string_view workspace, std::string_view name) {
  model::Store made;
  made.id = ids.next_id<model::StoreId>();
  made.workspace_id = workspace_id(workspace);
  made.name = name;
  made.currency = "EUR";
  made.number_prefix = "SO-";
  made.created_at = clock.now();
  const auto inserted = run(database->run(
      [made](store::Connection& connection) { return store::stores::insert(connection, made); }));
  WAYBILL_CHECK(inserted.has_value(), "a store is made");
}

NewKey IntegrationApiTest::new_key(std::string_view more, std::string_view store,
                                   std::string_view workspace) {
  const std::string body =
      fmt::format(R"({{"platform":"peptideclients","kind":"integration","store":"{}",)"
                  R"("source":"shopify"{}{}}})",
                  store, more.empty() ? "" : ",", more);
  const net::Response answer =
      call("POST", fmt::format("/hub/v1/workspaces/{}/keys", workspace), body);
  EXPECT_EQ(answer.status, 201) << answer.body;
  const json::value made = json_of(answer);
  const auto text = [&](std::string_view name) { return std::string(made.at(name).as_string()); };
  return {text("id"), text("key"), text("signing_secret")};
}

net::Response IntegrationApiTest::ask(std::string_view method, std::string_view target,
                                      std::string_view body, Headers more) {
  more.push_back({"Authorization", "Bearer " + key});
  return call(method, target, body, std::move(more));
}

json::value IntegrationApiTest::ok(int status, const net::Response& answer) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.error_code, "");
  return json_of(answer);
}

void IntegrationApiTest::refused(std::string_view code, const net::Response& answer) {
  const auto row = std::ranges::find(error_codes(), code, &ErrorCode::code);
  ASSERT_NE(row, error_codes().end()) << code;
  EXPECT_EQ(answer.status, row->status) << answer.body;
  EXPECT_EQ(answer.error_code, code);
  const json::value body = json_of(answer);
  ASSERT_EQ(body.as_object().size(), 2u) << answer.body;
  EXPECT_EQ(body.at("error").as_string(), code);
  EXPECT_FALSE(body.at("detail").as_string().empty());
}

std::string IntegrationApiTest::order(std::string_view external_id, std::string_view more) {
  return fmt::format(R"({{"external_id":"{}","items":[{{"name":"Peptide","quantity":2,)"
                     R"("unit_price":"19.95"}}]{}{}}})",
                     external_id, more.empty() ? "" : ",", more);
}

std::string IntegrationApiTest::new_order(std::string_view external_id, std::string_view more) {
  return std::string(ok(201, post(kOrders, order(external_id, more))).at("id").as_string());
}

std::string IntegrationApiTest::payments_of(std::string_view order) {
  return fmt::format("{}/{}/payments", kOrders, order);
}
std::string IntegrationApiTest::cancel_of(std::string_view order) {
  return fmt::format("{}/{}/cancel", kOrders, order);
}
std::string IntegrationApiTest::refund_of(std::string_view payment) {
  return fmt::format("/integrations/v1/payments/{}/refund", payment);
}

json::value IntegrationApiTest::find(std::string_view external_id) {
  return ok(200, ask("GET", fmt::format("{}/by-external/{}", kOrders, external_id)));
}

std::vector<std::string> IntegrationApiTest::events() {
  std::vector<std::string> types;
  const json::value listed = json_of(call("GET", "/hub/v1/workspaces/acme/events?limit=200"));
  for (const json::value& row : listed.at("rows").as_array()) {
    types.emplace_back(row.at("type").as_string());
  }
  return types;
}

model::WorkspaceId IntegrationApiTest::workspace_id(std::string_view slug) {
  const json::value made = json_of(call("GET", fmt::format("/hub/v1/workspaces/{}", slug)));
  return model::WorkspaceId::parse(made.at("id").as_string()).value();
}

bool IntegrationApiTest::is_replay(const net::Response& answer) {
  const std::string* header = net::find_header(answer.headers, "Idempotent-Replay");
  return header && *header == "true";
}

HubFixture::Headers IntegrationApiTest::signed_with(std::string_view secret, std::string_view body,
                                                    Timestamp at) {
  const std::string time = std::to_string(unix_seconds(at));
  const auto digest = crypto::hmac_sha256(as_bytes(secret), {time, ".", body});
  return {{"PC-Signature", fmt::format("t={},v1={}", time, hex(digest))}};
}

}  // namespace waybill::surfaces::peptideclients
