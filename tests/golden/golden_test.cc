// The requests of each dialect as a receiver reads them from its socket, compared with NAME.txt.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "delivery/webhook_channel.h"
#include "integration/peer.h"
#include "net/http_client.h"

namespace waybill::delivery {
namespace {

using namespace std::chrono_literals;

// One order, with all that any of the dialects tells of it.
constexpr std::string_view kOrder =
    R"({"order_id":"01941f29-7c00-7aaa-8000-000000000001","document_id":123456,"idn":5,)"
    R"("external_id":"shop-7","store_id":"eu-shop","number":"PO-2026-0042",)"
    R"("order_date":"2026-06-12","currency":"EUR",)"
    R"("supplier_id":"01941f29-7c00-7bbb-8000-000000000002",)"
    R"("supplier_name":"Nordic Lab Supply OÜ","user_id":"usr_7","total_amount":742.5,)"
    R"("status":"needs_review","line_count":2,"lines":[)"
    R"({"item_code":"A4/80","description":"Crème \"brûlée\" 🍮 </b>\t\\","quantity":10,)"
    R"("unit":"box","unit_price":24.9},)"
    R"({"description":"日本語","quantity":1e21,"unit_price":5e-7}]})";
// As POST …/endpoints/{endpoint}/test makes it.
constexpr std::string_view kTest =
    R"({"message":"This is a test event from Waybill.","endpoint_id":"ep_01JGFJJZ00FEE8000000000005"})";

constexpr std::string_view kSecret = "your-webhook-secret";
constexpr std::string_view kStandardSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

const dialect::DialectRegistry& built_in_dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  WAYBILL_CHECK(registry.has_value(), registry.error().message);
  return *registry;
}

std::filesystem::path file_of(const std::string& dialect) {
  return std::filesystem::path(WAYBILL_GOLDEN_FOLDER) / (dialect + ".txt");
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  GoldenTest() {
    const dialect::Dialect& dialect = *built_in_dialects().find(GetParam());
    endpoint_.id = *model::EndpointId::parse("01941f29-7c00-7eee-8000-000000000005");
    endpoint_.url =
        "http://receiver.example:" + std::to_string(listener_.port()) + "/webhooks/" + GetParam();
    endpoint_.dialect = GetParam();
    if (dialect.signature) {
      Secret secret{std::string(kSecret)};
      if (!dialect.check_secret(secret)) secret = Secret{std::string(kStandardSecret)};
      endpoint_.secrets.current = secret_box_.seal(secret.reveal(), endpoint_.id.bytes());
    }
    client_ = std::make_unique<net::HttpClient>(
        loop_.context(), net::EgressGuard(/*allow_private_networks=*/true), options());
  }

  static net::ClientOptions options() {
    net::ClientOptions made;
    made.user_agent = "Waybill/VERSION";
    made.resolve = [](std::string) -> Task<Result<std::vector<boost::asio::ip::address>>> {
      std::vector<boost::asio::ip::address> here = {boost::asio::ip::address_v4::loopback()};
      co_return here;
    };
    return made;
  }

  static model::Event event(std::string_view id, std::string_view type, std::string_view data) {
    model::Event made;
    made.id = *model::EventId::parse(id);
    made.type = type;
    made.occurred_at = ManualClock::kNoon + 123ms;
    made.data = data;
    return made;
  }

  // The request of one try, as the receiver reads it.
  std::string request(const model::Event& event, std::string_view delivery_id, int attempts_made) {
    auto target = make_target(endpoint_, built_in_dialects(), secret_box_);
    WAYBILL_CHECK(target.has_value(), target.error().message);
    target->workspace_slug = "acme";
    target->environment = "production";
    model::Delivery delivery;
    delivery.id = *model::DeliveryId::parse(delivery_id);
    delivery.attempts_made = attempts_made;
    OutgoingEvent outgoing(std::make_shared<const model::Event>(event));

    std::optional<Tried> tried;
    loop_.start(channel_.attempt(delivery, std::make_shared<const Target>(*target), outgoing),
                tried);
    net::Peer peer = listener_.accept();
    const net::Message read = peer.read();
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    loop_.run_until([&] { return tried.has_value(); });
    EXPECT_EQ(tried->attempt.outcome, model::Outcome::kSucceeded);
    return text_of(read);
  }

  std::string text_of(const net::Message& read) const {
    std::string head = read.head;
    std::erase(head, '\r');
    const std::string port = ":" + std::to_string(listener_.port());
    head.erase(head.find(port), port.size());  // Throws if it is not in Host.
    return head + "\n\n" + read.body + "\n";
  }

  std::string all_requests() {
    const model::Event order =
        event("01941f29-7c00-7ccc-8000-000000000003", model::kOrderCreated, kOrder);
    const model::Event test =
        event("01941f29-7c00-7ccc-8000-000000000006", model::kTestEvent, kTest);
    constexpr std::string_view kOfOrder = "01941f29-7c00-7ddd-8000-000000000004";
    clock_.step(1s);
    std::string text = "### A delivery\n\n" + request(order, kOfOrder, 0);
    clock_.step(60s);
    text += "\n### Its retry\n\n" + request(order, kOfOrder, 1);
    text += "\n### A test of the endpoint\n\n" +
            request(test, "01941f29-7c00-7ddd-8000-000000000007", 0);
    return text;
  }

 private:
  net::Loop loop_;
  net::Listener listener_{loop_};
  std::unique_ptr<net::HttpClient> client_;
  ManualClock clock_{loop_.context()};
  crypto::SecretBox secret_box_ =
      crypto::SecretBox::create(Bytes(crypto::SecretBox::kKeyBytes, 7)).value();
  model::Endpoint endpoint_;
  WebhookChannel channel_{
      clock_, [this](net::ClientRequest request) { return client_->send(std::move(request)); }};
};

TEST_P(GoldenTest, RequestsAreWhatTheyWere) {
  const std::string sent = all_requests();
  if (std::getenv("WAYBILL_GOLDEN_WRITE")) {
    std::ofstream(file_of(GetParam()), std::ios::binary) << sent;
    GTEST_SKIP() << "wrote " << file_of(GetParam());
  }
  EXPECT_EQ(sent, read_file(file_of(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Dialects, GoldenTest,
                         testing::Values("peptideclients", "precoro", "proculink", "procureiq",
                                         "proign", "standard-webhooks"),
                         [](const auto& named) {
                           std::string name = named.param;
                           std::erase(name, '-');
                           return name;
                         });

// A dialect that is built in and has no file here would go unwatched.
TEST(Golden, EveryBuiltInDialectThatSendsHasAFile) {
  for (const std::string& name : built_in_dialects().names()) {
    if (name == "waybill") continue;  // It tells of no order: alerts alone.
    if (built_in_dialects().find(name)->receives_only) continue;
    EXPECT_TRUE(std::filesystem::exists(file_of(name))) << name;
  }
}

}  // namespace
}  // namespace waybill::delivery
