// W-10 to W-16: what is read of WooCommerce's orders, and that nothing depends on the sequence in
// which they come.

#include "model/woocommerce.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace waybill::model::woocommerce {
namespace {

// By Fisher and Yates.
template <class T>
void shuffle(std::vector<T>& items, Rng& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.next() % i]);
  }
}

Minor power(int exponent) {
  Minor power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

json::object parsed(std::string_view text) { return parse_json(text).value().as_object(); }

// The order of WooCommerce's own documentation, shortened, with `changes` put over it.
json::object an_order(std::string_view changes = "{}") {
  json::object order = parsed(R"({
    "id": 727, "parent_id": 0, "number": "727", "order_key": "wc_order_58d2d042d1d",
    "created_via": "rest-api", "version": "3.0.0", "status": "processing", "currency": "USD",
    "date_created": "2017-03-22T16:28:02", "date_created_gmt": "2017-03-22T19:28:02",
    "date_modified": "2017-03-22T16:28:08", "date_modified_gmt": "2017-03-22T19:28:08",
    "discount_total": "0.00", "discount_tax": "0.00", "shipping_total": "10.00",
    "shipping_tax": "0.00", "cart_tax": "1.35", "total": "29.35", "total_tax": "1.35",
    "prices_include_tax": false, "customer_id": 0, "customer_ip_address": "192.0.2.7",
    "customer_note": "", "billing": {"first_name": "John", "last_name": "Doe", "company": "",
      "address_1": "969 Market", "address_2": "", "city": "San Francisco", "state": "CA",
      "postcode": "94103", "country": "US", "email": "John.Doe@Example.com",
      "phone": "(555) 555-5555"},
    "shipping": {"first_name": "John", "last_name": "Doe", "city": "San Francisco"},
    "payment_method": "bacs", "payment_method_title": "Direct Bank Transfer",
    "transaction_id": "", "date_paid": "2017-03-22T16:28:08",
    "date_paid_gmt": "2017-03-22T19:28:09", "date_completed": null, "cart_hash": "",
    "meta_data": [{"id": 13106, "key": "_download_permissions_granted", "value": "yes"}],
    "line_items": [
      {"id": 315, "name": "Woo Single #1", "product_id": 93, "variation_id": 0, "quantity": 2,
       "tax_class": "", "subtotal": "6.00", "subtotal_tax": "0.45", "total": "6.00",
       "total_tax": "0.45", "taxes": [{"id": 75, "total": "0.45", "subtotal": "0.45"}],
       "meta_data": [], "sku": "", "price": 3},
      {"id": 316, "name": "Ship Your Idea", "product_id": 22, "quantity": 1,
       "subtotal": "12.00", "total": "12.00", "total_tax": "0.90", "sku": "Bar3", "price": 12}],
    "tax_lines": [{"id": 318, "rate_code": "US-CA-STATE TAX", "tax_total": "1.35"}],
    "shipping_lines": [{"id": 317, "method_title": "Flat Rate", "total": "10.00"}],
    "fee_lines": [], "coupon_lines": [], "refunds": []})");
  for (const auto& member : parsed(changes)) order[member.key()] = member.value();
  return order;
}

Message read(std::string_view changes = "{}") {
  const auto message = read_order(an_order(changes), "EUR");
  EXPECT_TRUE(message.has_value()) << changes << ": " << message.error().message;
  return message.value_or(Message());
}

std::string reason_of(std::string_view changes) {
  const auto message = read_order(an_order(changes), "EUR");
  return message ? "" : message.error().reason + " " + message.error().path;
}

TEST(WooCommerceOrder, ReadsTheOrderOfTheDocumentation) {
  const Message message = read();
  EXPECT_EQ(message.order_id, "727");
  EXPECT_EQ(message.status, "processing");
  const SalesOrder& order = message.order;
  EXPECT_EQ(order.number, "727");
  EXPECT_EQ(iso_time(order.placed_at), "2017-03-22T19:28:02.000Z");
  EXPECT_EQ(iso_time(message.stamp.modified), "2017-03-22T19:28:08.000Z");
  EXPECT_EQ(order.currency, "USD");
  EXPECT_EQ(order.state.total, 2935);
  EXPECT_EQ(order.shipping_total, 1000);
  EXPECT_EQ(order.tax_total, 135);
  EXPECT_EQ(order.discount_total, 0);
  ASSERT_EQ(order.items.size(), 2u);
  EXPECT_EQ(order.items[0].sku, std::nullopt);
  EXPECT_EQ(order.items[0].name, "Woo Single #1");
  EXPECT_EQ(order.items[0].quantity.text(), "2");
  EXPECT_EQ(order.items[0].unit_price.text(), "3");
  EXPECT_EQ(order.items[1].sku, "Bar3");
  EXPECT_EQ(total_of(order).value(), 2935);
  ASSERT_TRUE(message.payment);
  EXPECT_EQ(message.payment->amount.text(), "29.35");
  EXPECT_EQ(message.payment->method, "bacs");
  EXPECT_EQ(message.payment->reference, std::nullopt);
  EXPECT_EQ(iso_time(message.payment->paid_at), "2017-03-22T19:28:09.000Z");
  EXPECT_FALSE(message.all_refunded);
}

TEST(WooCommerceOrder, TellsGuestsByTheirEMailAndCustomersByTheirNumber) {
  const OrderClient guest = read().order.client;
  EXPECT_EQ(guest.external_id, "guest:john.doe@example.com");
  EXPECT_EQ(guest.email, "John.Doe@Example.com");
  EXPECT_EQ(guest.name, "John Doe");
  EXPECT_EQ(guest.phone, "(555) 555-5555");

  EXPECT_EQ(read(R"({"customer_id": 26})").order.client.external_id, "customer:26");
  EXPECT_EQ(read(R"({"billing": {"company": "Acme", "email": "a@b"}})").order.client.name, "Acme");
  for (const char* nobody : {R"({"billing": {"first_name": "Jo"}})", R"({"billing": null})",
                             R"({"billing": {"email": "no address"}})", R"({"billing": []})"}) {
    EXPECT_TRUE(read(nobody).order.client.is_empty()) << nobody;
  }
}

// W-16. Without any date a message is older than all that have one.
TEST(WooCommerceOrder, TakesTheFirstDateThereIs) {
  const auto modified = [](std::string_view changes) {
    return iso_time(read(changes).stamp.modified);
  };
  EXPECT_EQ(modified(R"({"date_modified_gmt": null})"), "2017-03-22T16:28:08.000Z");
  EXPECT_EQ(modified(R"({"date_modified_gmt": "", "date_modified": "soon"})"),
            "2017-03-22T19:28:02.000Z");
  EXPECT_EQ(modified(R"({"date_modified_gmt": null, "date_modified": null,
                         "date_created_gmt": null, "date_created": null})"),
            "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(modified(R"({"date_modified_gmt": "2026-11-21T10:00:00+02:00"})"),
            "2026-11-21T08:00:00.000Z");
  EXPECT_EQ(modified(R"({"date_modified_gmt": "1969-11-21T10:00:00"})"),
            "1970-01-01T00:00:00.000Z");
}

// W-12, and what plugins make of it.
TEST(WooCommerceOrder, ReadsAmountsInEveryForm) {
  const auto total = [](std::string_view value, std::string_view currency) {
    return read(fmt::format(R"({{"total": {}, "currency": "{}", "line_items": [],
                                 "shipping_total": "0", "total_tax": "0"}})",
                            value, currency))
        .order.state.total;
  };
  EXPECT_EQ(total(R"("29.35")", "USD"), 2935);
  EXPECT_EQ(total(R"(29.35)", "USD"), 2935);
  EXPECT_EQ(total(R"("29.355")", "USD"), 2936) << "more decimals than the currency";
  EXPECT_EQ(total(R"("29.344999999999999999999")", "USD"), 2934);
  EXPECT_EQ(total(R"(29.333333333333332)", "USD"), 2933);
  EXPECT_EQ(total(R"("2935")", "JPY"), 2935);
  EXPECT_EQ(total(R"("2935.00")", "JPY"), 2935);
  EXPECT_EQ(total(R"("1.2345")", "KWD"), 1235);
  EXPECT_EQ(total(R"("0.12345678")", "BTC"), 12345678);
  // Of which a double has no more than 15 digits; the rest of 17 was taken for the shop's.
  EXPECT_EQ(total("123456789.91", "USD"), 12345678991);
  EXPECT_EQ(total("1234567890.91", "USD"), 123456789091);
  EXPECT_EQ(total("1234567890123.25", "USD"), 123456789012325);
  EXPECT_EQ(total("999999999999.9999", "JPY"), 1000000000000);
  EXPECT_EQ(total(R"("123456789.910000001")", "USD"), 12345678991);
  EXPECT_EQ(total(R"("1234567890123.2512345")", "USD"), 123456789012325);
  EXPECT_EQ(total(R"("0000000000001234.5600000000000000")", "USD"), 123456);
  EXPECT_EQ(total("-0.0", "USD"), 0);
  EXPECT_EQ(total(R"("")", "USD"), 0);
  EXPECT_EQ(total("null", "USD"), 0);
  EXPECT_EQ(total(R"("0.00")", "USD"), 0);
  EXPECT_EQ(read(R"({"currency": "eur"})").order.currency, "EUR");
  EXPECT_EQ(read(R"({"currency": ""})").order.currency, "EUR") << "the store's";
}

// Whatever an everyday double is, it is read, and as what it was written as.
TEST(WooCommerceOrder, ReadsEveryAmountThatADoubleKeeps) {
  Rng random(20'260'519);
  for (int i = 0; i < 3'000; ++i) {
    const auto cents = random.between(1, 10 * power(static_cast<int>(random.between(1, 12))));
    const Message message = read(fmt::format(R"({{"total": {}}})", amount_number(cents, 2)));
    ASSERT_EQ(message.order.state.total, cents);
  }
}

TEST(WooCommerceOrder, HasNoPaymentWhereThereIsNothingToPay) {
  EXPECT_FALSE(read(R"({"total": "0.00"})").payment);
  EXPECT_TRUE(read(R"({"total": "0.01"})").payment);
  EXPECT_EQ(read(R"({"payment_method": ""})").payment->method, "Direct Bank Transfer");
  EXPECT_EQ(read(R"({"payment_method": "", "payment_method_title": ""})").payment->method, "other");
  EXPECT_EQ(read(R"({"transaction_id": "ch_1"})").payment->reference, "ch_1");
  const Message undated = read(R"({"date_paid_gmt": null, "date_paid": null})");
  EXPECT_EQ(undated.payment->paid_at, undated.stamp.modified);
}

TEST(WooCommerceOrder, TellsWhatItCannotRead) {
  EXPECT_EQ(reason_of(R"({"id": null})"), "order_id_missing $.id");
  EXPECT_EQ(reason_of(R"({"id": 0})"), "order_id_missing $.id");
  EXPECT_EQ(reason_of(R"({"id": "x"})"), "order_id_missing $.id");
  EXPECT_EQ(reason_of(R"({"id": "727"})"), "");
  EXPECT_EQ(reason_of(R"({"status": ""})"), "order_status_missing $.status");
  EXPECT_EQ(reason_of(R"({"status": 7.5})"), "");
  EXPECT_EQ(reason_of(R"({"currency": "€"})"), "order_currency_invalid $.currency");
  EXPECT_EQ(reason_of(R"({"total": "a lot"})"), "order_amount_invalid $.total");
  EXPECT_EQ(reason_of(R"({"total": "-1.00"})"), "order_amount_invalid $.total");
  EXPECT_EQ(reason_of(R"({"total": true})"), "order_amount_invalid $.total");
  EXPECT_EQ(reason_of(R"({"total": "99999999999999999999"})"), "amount_out_of_range $.total");
  EXPECT_EQ(reason_of(R"({"total": "99999999", "currency": "BTC"})"),
            "amount_out_of_range $.total");
  EXPECT_EQ(reason_of(R"({"line_items": [{"quantity": "x", "subtotal": "1"}]})"),
            "order_amount_invalid $.line_items[0].quantity");
}

TEST(WooCommerceOrder, ItemsComeToTheirSubtotalsAgain) {
  const Message message = read(R"({"line_items": [
      {"name": "thirds", "quantity": 3, "subtotal": "10.00", "total": "9.00"},
      {"name": "sevenths", "quantity": 7, "subtotal": "100.01", "total": "100.01"},
      {"name": "many", "quantity": 9999, "subtotal": "0.01"},
      {"name": "by weight", "quantity": 0.333, "subtotal": "7.77"},
      {"name": "given back", "quantity": 0, "subtotal": "0.00"},
      {"name": "odd", "quantity": 0, "subtotal": "5.00"},
      {"name": "no subtotal", "quantity": 2, "total": "4.00"},
      null, "x"],
    "fee_lines": [{"name": "Gift wrap", "total": "2.50"}, {"total": "-1.00"}]})");
  std::vector<std::string> lines;
  for (const SalesItem& item : message.order.items) {
    lines.push_back(fmt::format("{} {} {}", item.name, item.quantity.text(),
                                multiply(item.quantity, item.unit_price, 2).value()));
  }
  const std::vector<std::string> wanted = {
      "thirds 3 1000", "sevenths 7 10001",  "many 9999 1",     "by weight 0.333 777",
      "odd 1 500",     "no subtotal 2 400", "Gift wrap 1 250", "Fee 1 -100"};
  EXPECT_EQ(lines, wanted);
}

TEST(WooCommerceOrder, SeesWhenEverythingWasGivenBack) {
  EXPECT_FALSE(read(R"({"refunds": [{"id": 1, "total": "-10.00"}]})").all_refunded);
  EXPECT_TRUE(read(R"({"refunds": [{"total": "-10.00"}, {"total": "-19.35"}]})").all_refunded);
  EXPECT_FALSE(read(R"({"total": "0.00", "refunds": [{"total": "0.00"}]})").all_refunded);
  EXPECT_FALSE(read(R"({"refunds": [7, {"total": "x"}, {"total": null}]})").all_refunded);
  EXPECT_FALSE(read(R"({"refunds": "none"})").all_refunded);
  const auto coins = [](std::string_view total, std::string_view refund) {
    return read(fmt::format(
                    R"({{"currency": "BTC", "total": "{}", "refunds": [{{"total": "{}"}}]}})",
                    total, refund))
        .all_refunded;
  };
  // Which were compared to four decimals.
  EXPECT_FALSE(coins("0.00123456", "-0.00123455"));
  EXPECT_TRUE(coins("0.00123456", "-0.00123456"));
  EXPECT_TRUE(coins("0.00001", "-0.00001"));
  EXPECT_FALSE(coins("9000000.00000001", "-9000000"));
  EXPECT_TRUE(coins("9000000", "-9000000.00000001"));
}

TEST(WooCommerceOrder, KeepsMetaDataOfAnyShapeUpToItsLimit) {
  for (const char* meta : {R"([{"id": 1, "key": "k", "value": {"deep": [1, [2]]}}])",
                           R"({"key": "value"})", R"("text")", "7"}) {
    const std::string metadata = read(fmt::format(R"({{"meta_data": {}}})", meta)).order.metadata;
    const json::value kept = parsed(metadata).at("meta_data");
    EXPECT_EQ(write_json(kept), write_json(parse_json(meta).value()));
  }
  for (const char* none : {"null", "[]"}) {
    const auto metadata = parsed(read(fmt::format(R"({{"meta_data": {}}})", none)).order.metadata);
    EXPECT_FALSE(metadata.contains("meta_data")) << none;
    EXPECT_FALSE(metadata.contains("meta_data_dropped")) << none;
  }
  const std::string large = fmt::format(R"({{"meta_data": [{{"key": "k", "value": "{}"}}]}})",
                                        std::string(kMetadataBytesMax, 'x'));
  const auto metadata = parsed(read(large).order.metadata);
  EXPECT_FALSE(metadata.contains("meta_data"));
  EXPECT_TRUE(metadata.at("meta_data_dropped").as_bool());
  EXPECT_EQ(metadata.at("woocommerce_status").as_string(), "processing");
  EXPECT_TRUE(metadata.contains("billing"));
}

// `levels` arrays inside each other.
std::string nested(int levels) {
  const auto count = static_cast<std::size_t>(levels);
  return std::string(count, '[') + "7" + std::string(count, ']');
}

// What was stored of a body as deep as bodies may be could not be read again: the next to ask for
// the order ended the hub.
TEST(WooCommerceOrder, KeepsMetaDataThatCanBeReadAgainWhereverItIsStored) {
  for (const int levels : {14, 15, 16, 17, 18, 55, 58, 59, 60, 61, 62, 63}) {
    const Message message = read(fmt::format(R"({{"meta_data": {}}})", nested(levels)));
    const auto metadata = parsed(message.order.metadata);
    EXPECT_EQ(metadata.contains("meta_data"), levels <= kMetadataDepthMax) << levels;
    EXPECT_EQ(metadata.contains("meta_data_dropped"), levels > kMetadataDepthMax) << levels;
    EXPECT_TRUE(parse_json(write_details(message.order))) << levels;
    const OrderState state = state_of(message, Action::kPaid).value();
    const auto again = read_state(write_state(state));
    ASSERT_TRUE(again) << levels;
    EXPECT_EQ(write_state(*again), write_state(state)) << levels;
  }
}

TEST(WooCommerceOrder, KeepsNoSecretsNorAddressesOfMachines) {
  const std::string metadata = read().order.metadata;
  EXPECT_EQ(metadata.find("wc_order_"), std::string::npos);
  EXPECT_EQ(metadata.find("192.0.2.7"), std::string::npos);
}

TEST(WooCommerceOrder, TextsAreCleanedAndCut) {
  const Message message = read(R"({"number": " A\u0000-1\n ", "customer_note": "one\r\ntwo\u0000",
                                   "line_items": [{"name": "\u0007", "quantity": 1}]})");
  EXPECT_EQ(message.order.number, "A-1");
  EXPECT_EQ(message.order.note, "one \ntwo");
  EXPECT_EQ(message.order.items.at(0).name, "");
  std::string longer;
  for (int i = 0; i < 300; ++i) longer += "ä";
  const std::string name =
      read(fmt::format(R"({{"line_items": [{{"name": "x{}", "quantity": 1}}]}})", longer))
          .order.items.at(0)
          .name;
  EXPECT_EQ(name.size(), 499u) << "cut between characters";
  EXPECT_TRUE(is_utf8(name));
}

// Webhook and REST API write the same resource, but for _links.
TEST(WooCommerceOrder, ItsDigestIsOfWhatWasRead) {
  EXPECT_EQ(read().stamp.digest, read(R"({"_links": {"self": []}, "cart_tax": "9"})").stamp.digest);
  for (const char* other : {R"({"total": "29.36"})", R"({"customer_note": "x"})",
                            R"({"status": "completed"})", R"({"transaction_id": "t"})",
                            R"({"meta_data": []})", R"({"refunds": [{"total": "-1.00"}]})"}) {
    EXPECT_NE(read().stamp.digest, read(other).stamp.digest) << other;
  }
}

// The table of section 4.4, and W-15.
TEST(WooCommerceStatus, MeansWhatTheTableSays) {
  const std::vector<std::pair<const char*, const char*>> wanted = {
      {"pending", "unpaid"},         {"on-hold", "unpaid"},
      {"processing", "paid"},        {"completed", "delivered"},
      {"cancelled", "cancelled"},    {"failed", "cancelled"},
      {"refunded", "refunded"},      {"trash", "ignore"},
      {"checkout-draft", "ignore"},  {"draft", "ignore"},
      {"auto-draft", "ignore"},      {"new", "ignore"},
      {"awaiting-pickup", "unpaid"}, {"*", "unpaid"}};
  for (const auto& [status, action] : wanted) {
    EXPECT_EQ(action_name(default_action(status)), action) << status;
  }
  for (const std::string_view name : action_names()) {
    EXPECT_EQ(action_name(parse_action(name).value()), name);
  }
  EXPECT_EQ(read(R"({"status": "wc-processing"})").status, "processing");
  for (const char* good : {"*", "on-hold", "wc_custom", "2nd"}) EXPECT_TRUE(is_status(good));
  for (const std::string& bad : {std::string(), std::string("A"), std::string("a b"),
                                 std::string("**"), std::string(65, 'a')}) {
    EXPECT_FALSE(is_status(bad)) << bad;
  }
}

TEST(WooCommerceStatus, OfOneSecondTheLaterInAnOrdersLifeIsNewer) {
  const std::vector<std::string> in_order = {"pending",    "failed",    "on-hold",   "packed",
                                             "processing", "completed", "cancelled", "refunded"};
  for (std::size_t i = 0; i + 1 < in_order.size(); ++i) {
    const auto stamp = [](const std::string& status) {
      return read(fmt::format(R"({{"status": "{}"}})", status)).stamp;
    };
    EXPECT_LT(stamp(in_order[i]), stamp(in_order[i + 1])) << in_order[i];
  }
  EXPECT_LT(read(R"({"status": "refunded"})").stamp,
            read(R"({"status": "pending", "date_modified_gmt": "2017-03-22T19:28:09"})").stamp);
}

OrderState said(std::string_view changes) {
  const Message message = read(changes);
  return state_of(message, default_action(message.status)).value_or(OrderState());
}

TEST(WooCommerceState, AnIgnoredStatusSaysNothing) {
  const Message message = read(R"({"status": "trash"})");
  EXPECT_FALSE(state_of(message, default_action(message.status)));
}

TEST(WooCommerceState, OnlyAnOrderThatWasOpenOnceIsThere) {
  for (const char* status : {"cancelled", "failed", "refunded"}) {
    EXPECT_FALSE(said(fmt::format(R"({{"status": "{}"}})", status)).is_created) << status;
  }
  for (const char* status : {"pending", "on-hold", "processing", "completed", "x"}) {
    EXPECT_TRUE(said(fmt::format(R"({{"status": "{}"}})", status)).is_created) << status;
  }
}

TEST(WooCommerceState, WhatCameLaterCountsWhicheverComesFirst) {
  const OrderState early = said(R"({"status": "processing", "customer_note": "early"})");
  const OrderState late = said(R"({"status": "cancelled", "customer_note": "late",
                                   "date_modified_gmt": "2017-03-22T19:28:09"})");
  for (const OrderState& state : {join(early, late), join(late, early)}) {
    EXPECT_TRUE(state.is_created);
    EXPECT_EQ(state.status->value, SalesStatus::kCancelled);
    EXPECT_EQ(state.content->value.note, "late");
    EXPECT_EQ(state.payment->value.amount.text(), "29.35");
  }
}

TEST(WooCommerceState, APaymentIsThatOfTheNewestMessageThatTellsOfOne) {
  const OrderState paid = said(R"({"transaction_id": "first"})");
  const OrderState again = said(R"({"status": "completed", "transaction_id": "second",
                                    "date_modified_gmt": "2017-03-22T19:28:09"})");
  const OrderState unpaid = said(R"({"status": "pending", "transaction_id": "none",
                                     "date_modified_gmt": "2017-03-22T19:28:10"})");
  const OrderState state = join(join(unpaid, paid), again);
  EXPECT_EQ(state.payment->value.reference, "second");
  EXPECT_EQ(state.status->value, SalesStatus::kOpen);
}

TEST(WooCommerceState, ARefundLeavesTheStatusAndStaysForGood) {
  const OrderState completed = said(R"({"status": "completed"})");
  const OrderState refunded =
      said(R"({"status": "refunded", "date_modified_gmt": "2017-03-22T19:28:09"})");
  const OrderState later =
      said(R"({"status": "completed", "date_modified_gmt": "2017-03-22T19:28:10"})");
  EXPECT_EQ(join(completed, refunded).status->value, SalesStatus::kDelivered);
  EXPECT_TRUE(join(completed, refunded).is_refunded);
  EXPECT_TRUE(join(later, refunded).is_refunded);
}

std::vector<OrderState> some_states(Rng& random) {
  const char* statuses[] = {"pending",  "processing", "completed", "cancelled",
                            "refunded", "failed",     "odd"};
  std::vector<OrderState> states;
  for (int i = 0; i < 12; ++i) {
    // Few seconds and few contents, so that many fall on one.
    states.push_back(said(fmt::format(
        R"({{"status": "{}", "date_modified_gmt": "2017-03-22T19:28:0{}", "total": "{}.00",
             "customer_id": {}, "customer_note": "{}"}})",
        statuses[random.next() % 7], random.next() % 3, random.next() % 3, random.next() % 3,
        random.next() % 2)));
  }
  return states;
}

TEST(WooCommerceState, IsAJoinSemilattice) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng random(seed);
    std::vector<OrderState> states = some_states(random);
    for (const OrderState& a : states) {
      EXPECT_EQ(write_state(join(a, a)), write_state(a));
      for (const OrderState& b : states) {
        EXPECT_EQ(write_state(join(a, b)), write_state(join(b, a)));
      }
    }
    OrderState all = states.front();
    for (const OrderState& state : states) all = join(all, state);
    for (int round = 0; round < 5; ++round) {
      shuffle(states, random);
      OrderState other = states.front();
      for (const OrderState& state : states) other = join(state, join(other, state));
      EXPECT_EQ(write_state(other), write_state(all));
    }
  }
}

TEST(WooCommerceState, IsReadAsItWasWritten) {
  Rng random(7);
  for (const OrderState& state : some_states(random)) {
    const std::string text = write_state(state);
    const auto back = read_state(text);
    ASSERT_TRUE(back.has_value()) << text;
    EXPECT_EQ(write_state(*back), text);
  }
  EXPECT_EQ(write_state(read_state(write_state(OrderState())).value()), write_state(OrderState()));
  for (const char* other : {"", "{}", "[]", R"({"is_created": true, "is_refunded": 1})"}) {
    const auto state = read_state(other);
    ASSERT_FALSE(state.has_value()) << other;
    EXPECT_EQ(state.error().reason, "woocommerce_state_unreadable");
  }
}

}  // namespace
}  // namespace waybill::model::woocommerce
