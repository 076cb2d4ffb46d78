#include "routing/routing.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace waybill::routing {
namespace {

const dialect::DialectRegistry& dialects() {
  static const auto registry = dialect::DialectRegistry::load({});
  EXPECT_TRUE(registry.has_value());
  return *registry;
}

Subscription subscription(std::string dialect, std::vector<std::string> types,
                          model::EndpointState state = model::EndpointState::kActive) {
  return {model::EndpointId(), std::move(dialect), std::move(types), state};
}

model::Event event(std::string type, std::string data = "{}") {
  model::Event made;
  made.type = std::move(type);
  made.data = std::move(data);
  return made;
}

Plan plan_of(const model::Event& event, std::span<const Subscription> subscriptions) {
  return plan(event, {.id = {}, .slug = "acme", .name = {}}, subscriptions, dialects());
}

// What becomes of an event at one endpoint: "matched", or the reason.
std::string outcome(const model::Event& event, const Subscription& one) {
  const Plan made = plan_of(event, {&one, 1});
  return made.matched.empty() ? std::string(reason_name(made.withheld.at(0).reason)) : "matched";
}

TEST(Routing, AnEndpointGetsTheEventsItNamesAndEveryEventForAStar) {
  const std::vector<Subscription> all = {
      subscription("proculink", {"order.created"}),
      subscription("proculink", {"order.failed"}),
      subscription("standard-webhooks", {"*"}),
  };
  const Plan made = plan_of(event("order.created"), all);
  ASSERT_EQ(made.matched.size(), 2u);
  EXPECT_EQ(made.matched[0].subscription, &all[0]);
  EXPECT_EQ(made.matched[1].subscription, &all[2]);
  ASSERT_EQ(made.withheld.size(), 1u);
  EXPECT_EQ(made.withheld[0].subscription, &all[1]);
  EXPECT_EQ(made.withheld[0].reason, Reason::kNotSubscribed);
}

TEST(Routing, PausedAndDeactivatedEndpointsCollect) {
  const std::vector<Subscription> all = {
      subscription("proculink", {"*"}, model::EndpointState::kPaused),
      subscription("proculink", {"*"}, model::EndpointState::kDeactivated),
  };
  EXPECT_EQ(plan_of(event("order.created"), all).matched.size(), 2u);
}

TEST(Routing, AnEventThatMatchesNothingSaysWhy) {
  const auto reason = [](std::string_view type, std::span<const Subscription> subscriptions) {
    return unmatched_reason(type, plan_of(event(std::string(type)), subscriptions).withheld);
  };
  const std::vector<Subscription> other_type = {subscription("proculink", {"order.failed"})};
  EXPECT_EQ(reason("order.created", {}), "The workspace has no endpoint.");
  EXPECT_EQ(reason("order.created", other_type), "No endpoint subscribes to order.created.");
  EXPECT_EQ(reason("stock.low", other_type), "No endpoint's dialect has an event for stock.low.");
}

// Subscribers see what their dialect writes, and filter that.
TEST(Routing, AFilterIsOverTheDataAsTheDialectWritesIt) {
  Subscription translated = subscription("procureiq", {"order.cancelled"});
  const auto order = *model::OrderId::parse("01941f29-7c00-7aaa-8000-000000000001");
  const auto other = *model::OrderId::parse("01941f29-7c00-7aaa-8000-000000000002");
  const auto cancelled = [](const model::OrderId& id) {
    return event("order.cancelled", R"({"order_id":")" + id.uuid().text() + R"("})");
  };
  translated.filter = R"({"orderId":")" + order.text() + R"("})";
  EXPECT_EQ(outcome(cancelled(order), translated), "matched");
  EXPECT_EQ(outcome(cancelled(other), translated), "filtered");
  translated.filter = R"({"order_id":")" + order.uuid().text() + R"("})";
  EXPECT_EQ(outcome(cancelled(order), translated), "filtered");

  // R-PG-4
  Subscription whole = subscription("standard-webhooks", {"*"});
  whole.filter = R"({"shipping_method":"express"})";
  EXPECT_EQ(outcome(event("order.shipped", R"({"shipping_method":"express"})"), whole), "matched");
  EXPECT_EQ(outcome(event("order.shipped", R"({"shipping_method":"post"})"), whole), "filtered");
}

TEST(Routing, DataThatADialectCannotWriteIsUnfit) {
  Subscription one = subscription("procureiq", {"*"});
  one.filter = "{}";
  EXPECT_EQ(outcome(event("order.cancelled", "{}"), one), "data_unfit");
  EXPECT_EQ(outcome(event("order.created", R"({"order_id":"x"})"), subscription("precoro", {"*"})),
            "data_unfit")
      << "Precoro's numbers are what is coalesced";
}

// Data that is as deep as can be published became deeper in a dialect's template, and its reading
// ended the hub.
TEST(Routing, DataThatADialectMakesTooDeepIsUnfit) {
  std::string deep = "1";
  for (int i = 0; i < 63; ++i) deep = R"({"a":)" + deep + "}";
  const TemporaryFolder folder;
  std::ofstream(folder / "deeper.toml") << R"(
title = "Deeper"
description = "d"
envelope = '"{data}"'
[delivery]
retry = []
[events."a"]
description = "a"
data = '{"inner": {"data": "{event.data}"}}'
schema = '{"type": "object"}'
example = '{}'
)";
  const auto registry = dialect::DialectRegistry::load(folder);
  ASSERT_TRUE(registry.has_value()) << registry.error().message;
  Subscription one = subscription("deeper", {"*"});
  one.filter = "{}";
  const Plan made = plan(event("a", deep), {}, {&one, 1}, *registry);
  EXPECT_EQ(reason_name(made.withheld.at(0).reason), "data_unfit");
}

// R-PR-8, R-PR-9
TEST(Routing, AnOwnersRolesDecide) {
  const auto ann = *model::UserId::parse("01941f29-7c00-7aaa-8000-000000000001");
  const auto made_by = [](std::string_view user) {
    return event("order.created",
                 R"({"document_id":1,"created_by":")" + std::string(user) + R"("})");
  };
  Subscription one = subscription("precoro", {"*"});
  EXPECT_EQ(outcome(made_by("somebody"), one), "matched") << "without an owner: everything";
  one.owner_id = ann;
  EXPECT_EQ(outcome(made_by(ann.text()), one), "not_visible") << "without a role: nothing";
  one.owner_roles = {"purchase_order:creator"};
  EXPECT_EQ(outcome(made_by(ann.text()), one), "matched");
  EXPECT_EQ(outcome(made_by("somebody"), one), "not_visible");
  EXPECT_EQ(outcome(event("invoice.created", R"({"document_id":1})"), one), "not_visible");
  one.owner_roles = {"purchase_order:approver"};
  EXPECT_EQ(outcome(made_by("somebody"), one), "matched");
  one.owner_roles = {"super_user"};
  EXPECT_EQ(outcome(event("invoice.created", R"({"document_id":1})"), one), "matched");
  one.owner_roles.clear();
  one.dialect = "standard-webhooks";
  EXPECT_EQ(outcome(made_by("somebody"), one), "not_visible") << "in whatever dialect it is told";
  EXPECT_EQ(outcome(event("stock.low"), one), "matched") << "about no document";
}

// R-PR-17, A-PR-7
TEST(Routing, WhatIsTheSameHasTheSameKey) {
  const auto key = [](std::string type, std::string data) {
    const Subscription one = subscription("precoro", {"*"});
    return plan_of(event(std::move(type), std::move(data)), {&one, 1})
        .matched.at(0)
        .coalescing.value()
        .key;
  };
  const auto first = key("order.updated", R"({"document_id":7,"idn":1})");
  EXPECT_EQ(first, key("order.updated", R"({"document_id":7,"idn":2})"));
  EXPECT_NE(first, key("order.updated", R"({"document_id":8})"));
  EXPECT_NE(first, key("order.created", R"({"document_id":7})")) << "another action";
  EXPECT_NE(first, key("invoice.updated", R"({"document_id":7})")) << "another entity";
}

TEST(Routing, AnEndpointMayCoalesceOtherwiseThanItsDialect) {
  using Edge = dialect::CoalescingRules::Edge;
  Subscription one = subscription("precoro", {"*"});
  const model::Event updated = event("order.updated", R"({"document_id":7})");
  const auto coalescing = [&] { return plan_of(updated, {&one, 1}).matched.at(0).coalescing; };
  EXPECT_EQ(coalescing()->window, std::chrono::seconds(30));
  EXPECT_EQ(coalescing()->edge, Edge::kLeading);
  one.coalescing = {std::chrono::seconds(5), true};
  EXPECT_EQ(coalescing()->window, std::chrono::seconds(5));
  EXPECT_EQ(coalescing()->edge, Edge::kTrailing);
  one.coalescing = {std::chrono::seconds(0), false};
  EXPECT_FALSE(coalescing());
  one.dialect = "standard-webhooks";
  one.coalescing = {std::chrono::seconds(5), true};
  EXPECT_FALSE(coalescing()) << "what is the same only the dialect knows";
}

TEST(Routing, WhatIsWithheldIsToldByReasonAndDialect) {
  EXPECT_EQ(withheld_text({}), "");
  std::vector<Subscription> all = {subscription("proculink", {"order.failed"}),
                                   subscription("precoro", {"*"}), subscription("precoro", {"*"})};
  all[1].id = *model::EndpointId::parse("01941f29-7c00-7aaa-8000-000000000001");
  all[2].id = *model::EndpointId::parse("01941f29-7c00-7aaa-8000-000000000002");
  const std::string text = withheld_text(plan_of(event("stock.low"), all).withheld);
  EXPECT_EQ(
      text,
      R"([{"reason":"unknown_to_dialect","dialect":"precoro","endpoints":2,"endpoint_ids":[")" +
          all[1].id.text() + R"(",")" + all[2].id.text() +
          R"("]},{"reason":"unknown_to_dialect","dialect":"proculink","endpoints":1,)"
          R"("endpoint_ids":["ep_00000000000000000000000000"]}])");
  const std::string one = add_withheld("", {&all[1], Reason::kCoalesced});
  EXPECT_EQ(parse_json(one)->as_array().size(), 1u);
  EXPECT_EQ(parse_json(add_withheld(text, {&all[1], Reason::kCoalesced}))->as_array().size(), 3u);

  const std::vector<Subscription> many(100, all[1]);
  const auto shown = parse_json(withheld_text(plan_of(event("stock.low"), many).withheld)).value();
  EXPECT_EQ(shown.at(0).at("endpoints"), 100);
  EXPECT_EQ(shown.at(0).at("endpoint_ids").as_array().size(), kIdsShown);
}

}  // namespace
}  // namespace waybill::routing
