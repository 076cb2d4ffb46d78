// What is stored in the end depends on the set of WooCommerce's messages, not on their sequence nor
// on how often each came. On a real database, with the corpus of tests/e2e/woocommerce.

#include "intake/woocommerce.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/manual_clock.h"
#include "base/rng.h"
#include "base/temporary_folder.h"
#include "dialect/loader.h"
#include "store/migrations.h"
#include "store/payments.h"
#include "store/sales_orders.h"
#include "store/sqlite/sqlite_driver.h"
#include "store/stores.h"
#include "store/woocommerce.h"

namespace waybill::intake {
namespace {

// By Fisher and Yates.
template <class T>
void shuffle(std::vector<T>& items, Rng& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.next() % i]);
  }
}

using model::woocommerce::Message;
using store::Connection;

json::value read_file(std::string_view name) {
  std::ifstream file(std::string(WAYBILL_SOURCE_DIR "/tests/e2e/woocommerce/") + std::string(name));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto value = parse_json(text);
  WAYBILL_CHECK(value.has_value(), "the corpus is JSON");
  return *std::move(value);
}

// As tests/e2e/woocommerce/corpus.js makes them.
json::object order_of(const json::object& changes) {
  static const json::object base = read_file("base.json").as_object();
  json::object order = base;
  for (const auto& change : changes) {
    if (!change.key().starts_with('$')) order[change.key()] = change.value();
  }
  if (const json::value* count = changes.if_contains("$line_items")) {
    json::array lines;
    for (std::int64_t i = 0; i < count->as_int64(); ++i) {
      json::object line = base.at("line_items").at(0).as_object();
      line["id"] = 10'000 + i;
      line["sku"] = fmt::format("VIAL-{}", i);
      lines.emplace_back(std::move(line));
    }
    order["line_items"] = std::move(lines);
  }
  if (const json::value* bytes = changes.if_contains("$meta_bytes")) {
    const std::string filler(static_cast<std::size_t>(bytes->as_int64()), 'x');
    order["meta_data"] = json::array{json::object{{"id", 1}, {"key", "blob"}, {"value", filler}}};
  }
  return order;
}

const std::vector<Message>& corpus() {
  static const std::vector<Message> messages = [] {
    std::vector<Message> read;
    for (const json::value& row : read_file("corpus.json").as_array()) {
      auto message = model::woocommerce::read_order(order_of(row.at("changes").as_object()), "EUR");
      WAYBILL_CHECK(message.has_value(), row.at("name").as_string().c_str());
      read.push_back(*std::move(message));
    }
    return read;
  }();
  return messages;
}

// A database with a store.
class Shop {
 public:
  Shop() : driver_(folder_ / "waybill.db"), connection_(open()) {
    store_.id = ids_.next_id<model::StoreId>();
    store_.workspace_id = ids_.next_id<model::WorkspaceId>();
    store_.name = "Main";
    store_.currency = "EUR";
    in_transaction(
        [&](Connection& connection) { return store::stores::insert(connection, store_); });
  }

  TakenIn take(const Message& message) {
    clock_.step(std::chrono::milliseconds(7));
    TakenIn taken;
    in_transaction([&](Connection& connection) -> Result<void> {
      SalesUnit sales(connection, acceptance_, ids_, terms_, store_.workspace_id, clock_.now());
      WAYBILL_TRY(sales.begin());
      auto done = take_in(sales, connection, store_, "woocommerce", message);
      if (!done) return fail(done.error());
      taken = *done;
      return {};
    });
    return taken;
  }

  // Within another one it is a part of that.
  template <class Unit>
  void in_transaction(Unit unit) {
    const bool is_outer = !is_open_;
    if (is_outer) {
      is_open_ = true;
      WAYBILL_CHECK(connection_->begin(Connection::Access::kWrite).has_value(), "it begins");
    }
    const Result<void> done = unit(*connection_);
    ASSERT_TRUE(done.has_value()) << done.error().reason << ": " << done.error().message;
    if (!is_outer) return;
    WAYBILL_CHECK(connection_->commit().has_value(), "it is committed");
    is_open_ = false;
  }

  std::int64_t count(const std::string& sql) {
    std::int64_t count = 0;
    in_transaction([&](Connection& connection) -> Result<void> {
      WAYBILL_TRY(
          connection.query(sql, {}, [&](const store::Row& row) { count = row.integer(0); }));
      return {};
    });
    return count;
  }

  // Everything that is visible, but for ids and the times at which the hub did something.
  std::string shown();
  // "open paid 53.43" of an order; "" if there is none.
  std::string brief(const std::string& external_id);

  const model::Store& store() const { return store_; }
  ManualClock& clock() { return clock_; }
  SalesUnit unit(Connection& connection) {
    return {connection, acceptance_, ids_, terms_, store_.workspace_id, clock_.now()};
  }

 private:
  std::unique_ptr<Connection> open() {
    auto connection = driver_.connect(Connection::Access::kWrite);
    WAYBILL_CHECK(connection.has_value(), "a new database opens");
    WAYBILL_CHECK(store::migrate(**connection, clock_.now()).has_value(), "it is migrated");
    return *std::move(connection);
  }
  static const dialect::DialectRegistry& dialects() {
    static const auto registry = dialect::DialectRegistry::load({});
    return *registry;
  }

  boost::asio::io_context context_;
  ManualClock clock_{context_};
  IdGenerator ids_{clock_, /*seed=*/1};
  const TemporaryFolder folder_;
  store::SqliteDriver driver_;
  std::unique_ptr<Connection> connection_;
  const Acceptance acceptance_{dialects(), ids_};
  const LeaseTerms terms_;
  model::Store store_;
  bool is_open_ = false;
};

std::string Shop::shown() {
  std::ostringstream out;
  const auto dump = [&](Connection& connection, const char* sql, int columns) -> Result<void> {
    const auto rows = connection.query(sql, {}, [&](const store::Row& row) {
      for (int i = 0; i < columns; ++i) out << (row.is_null(i) ? "-" : row.text(i)) << '|';
      out << '\n';
    });
    if (!rows) return fail(rows.error());
    return {};
  };
  in_transaction([&](Connection& connection) -> Result<void> {
    WAYBILL_TRY(dump(connection,
                     "SELECT o.external_id, o.number, o.placed_at, o.currency, c.external_id, "
                     "o.status, o.total, o.paid, o.refunded, o.details, o.source "
                     "FROM sales_orders o LEFT JOIN clients c ON c.id = o.client_id "
                     "ORDER BY o.external_id",
                     11));
    WAYBILL_TRY(dump(connection,
                     "SELECT p.external_id, o.external_id, p.method, p.amount, p.currency, "
                     "p.reference, p.state, p.paid_at "
                     "FROM payments p JOIN sales_orders o ON o.id = p.order_id "
                     "ORDER BY p.external_id",
                     8));
    return dump(connection,
                "SELECT external_id, email, name, phone, source, said_at FROM clients "
                "ORDER BY external_id",
                6);
  });
  return out.str();
}

std::string Shop::brief(const std::string& external_id) {
  std::string text;
  in_transaction([&](Connection& connection) -> Result<void> {
    const auto order = store::sales_orders::find_by_external(connection, store_.workspace_id,
                                                             store_.id, external_id);
    if (!order) return fail(order.error());
    if (!*order) return {};
    const model::SalesState& state = (*order)->state;
    text = fmt::format("{} {} {}", model::sales_status_name(state.status),
                       model::payment_status_name(state.payment_status()),
                       model::amount_text(state.total, model::currency_digits((*order)->currency)));
    return {};
  });
  return text;
}

std::string shown_after(const std::vector<const Message*>& messages) {
  Shop shop;
  // In one transaction: a commit for each would be most of the test's time.
  shop.in_transaction([&](Connection&) -> Result<void> {
    for (const Message* message : messages) shop.take(*message);
    return {};
  });
  return shop.shown();
}

TEST(WooCommerceIntake, TheCorpusIsLargeEnough) {
  EXPECT_GE(corpus().size(), 40u);
  std::map<std::string, int> statuses;
  for (const Message& message : corpus()) ++statuses[message.status];
  for (const char* status : {"pending", "processing", "on-hold", "completed", "cancelled",
                             "refunded", "failed", "trash", "checkout-draft", "auto-draft"}) {
    EXPECT_GE(statuses[status], 1) << status;
  }
}

// Each message is dealt one to three times, the whole in another sequence for each seed.
TEST(WooCommerceIntake, TheEndDependsOnTheSetOfMessagesAlone) {
  std::vector<const Message*> in_order;
  for (const Message& message : corpus()) in_order.push_back(&message);
  const std::string wanted = shown_after(in_order);
  for (unsigned seed = 1; seed <= 25; ++seed) {
    Rng random(seed);
    std::vector<const Message*> dealt;
    for (const Message* message : in_order)
      dealt.insert(dealt.end(), 1 + random.next() % 3, message);
    shuffle(dealt, random);
    ASSERT_EQ(shown_after(dealt), wanted) << "seed " << seed;
  }
}

// Orders of few statuses, seconds, clients and currencies, so that much falls on one. What is an
// everyday total of one currency is below the smallest unit of another, or beyond the largest.
TEST(WooCommerceIntake, SoDoesThatOfMessagesMadeAtRandom) {
  const char* statuses[] = {"pending", "on-hold",   "processing", "completed",
                            "failed",  "cancelled", "refunded",   "odd"};
  const char* currencies[] = {"EUR", "EUR", "EUR", "JPY", "BTC", "KWD"};
  const char* extremes[] = {"0.00", "0.004", "0.3", "900000000000"};
  int refused = 0;
  for (unsigned seed = 1; seed <= 25; ++seed) {
    Rng random(seed);
    std::vector<Message> made;
    for (int i = 0; i < 24; ++i) {
      json::object changes{
          {"id", random.between(1, 3)},
          {"status", statuses[random.next() % 8]},
          {"date_modified_gmt", fmt::format("2026-05-19T12:00:0{}", random.next() % 4)},
          {"customer_id", random.between(0, 2)},
          {"currency", currencies[random.next() % 6]},
          {"total", random.next() % 6 ? fmt::format("{}.50", random.next() % 90)
                                      : extremes[random.next() % 4]},
          {"customer_note", fmt::format("note {}", random.next() % 3)}};
      json::object billing = read_file("base.json").at("billing").as_object();
      billing["first_name"] = fmt::format("Name {}", random.next() % 3);
      if (random.next() % 3 == 0) billing["phone"] = "";
      if (random.next() % 4 == 0) billing["email"] = random.next() % 2 ? "" : "other@example.com";
      changes["billing"] = std::move(billing);
      auto message = model::woocommerce::read_order(order_of(changes), "EUR");
      refused += message ? 0 : 1;
      if (message) made.push_back(*std::move(message));
    }
    std::vector<const Message*> dealt;
    for (const Message& message : made) dealt.push_back(&message);
    const std::string wanted = shown_after(dealt);
    for (int round = 0; round < 4; ++round) {
      shuffle(dealt, random);
      dealt.push_back(dealt.front());
      ASSERT_EQ(shown_after(dealt), wanted) << "seed " << seed << ", round " << round;
    }
  }
  EXPECT_LT(refused, 25 * 3) << "those of 900,000,000,000 BTC";
}

TEST(WooCommerceIntake, OrdersEndAsTheTableOfStatusesSays) {
  Shop shop;
  for (const Message& message : corpus()) shop.take(message);
  const std::vector<std::pair<const char*, const char*>> wanted = {
      {"1001", "delivered paid 53.43"},
      {"1002", "cancelled unpaid 53.43"},
      {"1003", ""},
      {"1004", "open paid 53.43"},
      {"1005", "open refunded 53.43"},
      {"1006", "delivered paid 53.43"},
      {"1007", "open paid 53.43"},
      {"1008", "open paid 0.00"},
      {"1009", "delivered paid 51.93"},
      {"1010", "open paid 5500"},
      {"1011", "open paid 12.345"},
      {"1012", "open paid 1500.00"},
      {"1013", "open paid 0.00123456"},
      {"1014", "open paid 20008.53"},
      {"1019", "open paid 53.43"},
      {"1020", "open unpaid 53.43"},
      {"1021", "open paid 53.43"},
      {"1022", "open paid 53.43"},
      {"1023", "delivered paid 53.43"},
      {"1032", "open partially_paid 70.00"},
      {"1034", "open paid 53.43"},
      {"1035", "open paid 53.43"},
      {"1036", ""},
      {"1037", "delivered refunded 53.43"},
      {"1038", "cancelled paid 53.43"},
      {"1047", "delivered refunded 53.43"},
      {"1050", "delivered paid 53.43"}};
  for (const auto& [order, brief] : wanted) EXPECT_EQ(shop.brief(order), brief) << order;
}

class WooCommerceMessages : public testing::Test {
 public:
  static Message message(std::string_view changes) {
    return model::woocommerce::read_order(order_of(parse_json(changes).value().as_object()), "EUR")
        .value();
  }
  std::string_view take(std::string_view changes) {
    return outcome_name(shop.take(message(changes)).outcome);
  }
  std::int64_t events(const std::string& type) {
    return shop.count("SELECT count(*) FROM events WHERE type = '" + type + "'");
  }

  Shop shop;
};

TEST_F(WooCommerceMessages, TellWhatCameOfThem) {
  EXPECT_EQ(take(R"({"status": "trash"})"), "ignored");
  EXPECT_EQ(take(R"({"status": "cancelled"})"), "noted");
  EXPECT_EQ(take(R"({"status": "pending"})"), "created");
  EXPECT_EQ(take(R"({"status": "pending"})"), "unchanged");
  EXPECT_EQ(take(R"({"status": "processing"})"), "updated");
  EXPECT_EQ(take(R"({"status": "on-hold"})"), "unchanged");
}

// Cancelled, and only then created: it is there, as what it is.
TEST_F(WooCommerceMessages, CancelledBeforeItWasMadeIsACancelledOrder) {
  take(R"({"status": "cancelled", "date_modified_gmt": "2026-05-19T12:05:00"})");
  EXPECT_EQ(shop.brief("1000"), "");
  take(R"({"status": "pending"})");
  EXPECT_EQ(shop.brief("1000"), "cancelled unpaid 53.43");
  EXPECT_EQ(events("order.created"), 1);
  EXPECT_EQ(events("order.cancelled"), 1);
}

TEST_F(WooCommerceMessages, WhatIsRepeatedOrOlderTellsNobody) {
  take(R"({"status": "completed", "date_modified_gmt": "2026-05-19T12:05:00"})");
  const std::int64_t before = shop.count("SELECT count(*) FROM events");
  for (int i = 0; i < 3; ++i) {
    take(R"({"status": "completed", "date_modified_gmt": "2026-05-19T12:05:00"})");
    take(R"({"status": "processing", "date_modified_gmt": "2026-05-19T12:04:00"})");
  }
  EXPECT_EQ(shop.count("SELECT count(*) FROM events"), before);
  EXPECT_EQ(events("order.created"), 1);
  EXPECT_EQ(events("client.created"), 1);
  EXPECT_EQ(events("payment.recorded"), 1);
  EXPECT_EQ(events("order.delivered"), 1);
}

TEST_F(WooCommerceMessages, ARefundIsToldOnce) {
  take(R"({"status": "processing"})");
  take(R"({"status": "refunded", "date_modified_gmt": "2026-05-19T12:05:00"})");
  take(R"({"status": "refunded", "date_modified_gmt": "2026-05-19T12:06:00"})");
  EXPECT_EQ(events("payment.refunded"), 1);
  EXPECT_EQ(shop.brief("1000"), "open refunded 53.43");
}

// A total of the largest yen was applied to an order that was one of a bitcoin by then, and failed
// the message for good; one of a few cents stayed as it was in the order's former currency.
TEST_F(WooCommerceMessages, APaymentIsOfItsOwnCurrencyAlone) {
  const std::string in_yen = R"({"status": "processing", "currency": "JPY", "total": "5500",
                                 "date_modified_gmt": "2026-05-19T12:01:00"})";
  const std::string in_euro = R"({"status": "pending", "currency": "EUR", "total": "40.00",
                                  "date_modified_gmt": "2026-05-19T12:02:00"})";
  const std::string paid_in_euro = R"({"status": "processing", "currency": "EUR",
                                       "total": "40.00",
                                       "date_modified_gmt": "2026-05-19T12:03:00"})";
  take(in_yen);
  EXPECT_EQ(shop.brief("1000"), "open paid 5500");
  EXPECT_EQ(take(in_euro), "updated");
  EXPECT_EQ(shop.brief("1000"), "open unpaid 40.00");
  EXPECT_EQ(shop.count("SELECT count(*) FROM payments"), 0);
  EXPECT_EQ(take(in_yen), "unchanged");
  EXPECT_EQ(take(paid_in_euro), "updated");
  EXPECT_EQ(shop.brief("1000"), "open paid 40.00");
  EXPECT_EQ(shop.count("SELECT count(*) FROM payments WHERE currency = 'EUR'"), 1);
}

TEST_F(WooCommerceMessages, APaymentBeyondAnotherCurrencyFailsNoMessage) {
  const std::string in_yen = R"({"status": "processing", "currency": "JPY",
                                 "total": "900000000000000",
                                 "date_modified_gmt": "2026-05-19T12:01:00"})";
  const std::string in_bitcoin = R"({"status": "pending", "currency": "BTC", "total": "0.5",
                                     "date_modified_gmt": "2026-05-19T12:02:00"})";
  EXPECT_EQ(take(in_yen), "created");
  EXPECT_EQ(take(in_bitcoin), "updated");
  EXPECT_EQ(shop.brief("1000"), "open unpaid 0.50");
  Shop other;
  other.take(message(in_bitcoin));
  other.take(message(in_yen));
  EXPECT_EQ(other.shown(), shop.shown());
}

// Whoever reads the list of orders missed what a payment said anew, as the order stayed where it
// was in the list.
TEST_F(WooCommerceMessages, AnOtherReferenceOfAPaymentIsAChangeOfTheOrder) {
  const auto changed_at = [&] { return shop.count("SELECT max(updated_at) FROM sales_orders"); };
  const auto told = [&](std::string_view what, std::string_view second) {
    return std::string(take(
        fmt::format(R"({{"status": "processing", "date_modified_gmt": "2026-05-19T12:00:{}", {}}})",
                    second, what)));
  };
  told(R"("transaction_id": "first")", "01");
  std::int64_t before = changed_at();
  EXPECT_EQ(told(R"("transaction_id": "second")", "02"), "updated");
  EXPECT_GT(changed_at(), before);
  before = changed_at();
  EXPECT_EQ(told(R"("transaction_id": "second", "date_paid_gmt": "2026-05-18T12:00:00")", "03"),
            "updated");
  EXPECT_GT(changed_at(), before);
}

TEST_F(WooCommerceMessages, FollowTheTableAsItIsWhenTheyCome) {
  shop.in_transaction([&](Connection& connection) {
    return store::woocommerce::set_action(connection, shop.store().workspace_id, "processing",
                                          model::woocommerce::Action::kUnpaid);
  });
  take(R"({"status": "processing"})");
  EXPECT_EQ(shop.brief("1000"), "open unpaid 53.43");
  shop.in_transaction([&](Connection& connection) -> Result<void> {
    return store::woocommerce::set_action(connection, shop.store().workspace_id, "*",
                                          model::woocommerce::Action::kIgnore);
  });
  EXPECT_EQ(take(R"({"id": 2, "status": "odd"})"), "ignored");
  EXPECT_EQ(take(R"({"id": 3, "status": "completed"})"), "created") << "a status with a row";
}

// What an operator does stays until the shop says another thing about the same.
TEST_F(WooCommerceMessages, LeaveAloneWhatTheShopSaysNothingNewOf) {
  const auto id = shop.take(message(R"({"status": "processing"})")).order_id;
  ASSERT_TRUE(id.has_value());
  shop.in_transaction([&](Connection& connection) -> Result<void> {
    SalesUnit sales = shop.unit(connection);
    WAYBILL_TRY(sales.begin());
    const auto order = sales.find(*id);
    if (!order) return fail(order.error());
    const auto shipped = sales.ship(*order, {});
    if (!shipped) return fail(shipped.error());
    return {};
  });
  take(R"({"status": "processing", "customer_note": "x",
           "date_modified_gmt": "2026-05-19T12:05:00"})");
  EXPECT_EQ(shop.brief("1000"), "shipped paid 53.43");
  take(R"({"status": "on-hold", "date_modified_gmt": "2026-05-19T12:06:00"})");
  EXPECT_EQ(shop.brief("1000"), "shipped paid 53.43") << "open is what it was for the shop";
  take(R"({"status": "completed", "date_modified_gmt": "2026-05-19T12:07:00"})");
  EXPECT_EQ(shop.brief("1000"), "delivered paid 53.43");
  take(R"({"status": "cancelled", "date_modified_gmt": "2026-05-19T12:08:00"})");
  EXPECT_EQ(shop.brief("1000"), "cancelled paid 53.43");
}

TEST_F(WooCommerceMessages, TakeOverAnOrderThatTheIntegrationApiMade) {
  shop.in_transaction([&](Connection& connection) -> Result<void> {
    SalesUnit sales = shop.unit(connection);
    WAYBILL_TRY(sales.begin());
    OrderDraft draft;
    draft.source = "api";
    draft.external_id = "1000";
    draft.currency = "EUR";
    draft.total = 100;
    const auto placed = sales.place(shop.store(), draft);
    if (!placed) return fail(placed.error());
    return {};
  });
  EXPECT_EQ(take(R"({"status": "processing"})"), "created");
  EXPECT_EQ(shop.brief("1000"), "open paid 53.43");
}

TEST_F(WooCommerceMessages, AreForeseenWithoutBeingTakenIn) {
  const auto foreseen = [&](std::string_view changes) {
    std::string_view name;
    shop.in_transaction([&](Connection& connection) -> Result<void> {
      const auto outcome = foresee(connection, shop.store(), message(changes));
      if (!outcome) return fail(outcome.error());
      name = outcome_name(*outcome);
      return {};
    });
    return name;
  };
  EXPECT_EQ(foreseen(R"({"status": "pending"})"), "created");
  EXPECT_EQ(foreseen(R"({"status": "pending"})"), "created");
  take(R"({"status": "pending"})");
  EXPECT_EQ(foreseen(R"({"status": "pending"})"), "unchanged");
  EXPECT_EQ(foreseen(R"({"status": "processing"})"), "updated");
}

}  // namespace
}  // namespace waybill::intake
