#include "intake/publication.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/document.h"
#include "model/event.h"
#include "model/order.h"

namespace waybill::intake {
namespace {

const dialect::DialectRegistry& registry() {
  static const auto loaded = dialect::DialectRegistry::load({}).value();
  return loaded;
}

// "" if endpoints of these dialects may be sent it, else "PATH message".
std::string fault(const std::vector<std::string>& dialects, std::string_view type,
                  std::string_view text) {
  std::vector<store::endpoints::Subscription> subscriptions;
  for (const std::string& name : dialects) subscriptions.emplace_back().dialect = name;
  std::vector<const store::endpoints::Subscription*> matched;
  for (const auto& subscription : subscriptions) matched.push_back(&subscription);
  model::Event event;
  event.type = type;
  const json::value data = parse_json(text).value();
  const auto verdict = check_data(registry(), matched, event, data);
  if (verdict) return "";
  EXPECT_EQ(verdict.error().reason, "event_data_invalid");
  return fmt::format("{} {}", verdict.error().path, verdict.error().message);
}

TEST(Publication, OnlyTheDialectsThatAnEndpointSpeaksAreAsked) {
  EXPECT_EQ(fault({}, "order.created", "{}"), "");
  EXPECT_EQ(fault({"proculink"}, "order.created", "{}"), "") << "it promises nothing of an order";
  EXPECT_EQ(fault({"proculink", "peptideclients"}, "order.created", "{}").substr(0, 30),
            "$.data.order_id PeptideClients");
  EXPECT_EQ(fault({"standard-webhooks"}, "stock.low", R"({"any": "thing"})"), "");
}

TEST(Publication, TheFirstDialectThatIsPromisedOtherDataTellsSo) {
  const std::string told = fault({"standard-webhooks", "peptideclients", "proign"},
                                 "payment.recorded", R"({"payment_id": 5, "order_id": "1"})");
  EXPECT_EQ(told,
            "$.data.payment_id PeptideClients (dialect peptideclients) is promised other data for "
            "its event payment.recorded: this has to be a text, and is a number.");
}

TEST(Publication, AnEndpointWhoseDialectIsGoneAsksForNothing) {
  EXPECT_EQ(fault({"gone"}, "order.created", "{}"), "");
}

// What the hub writes of an order is not looked at when it comes in. So it has to be what every
// catalogue promises, whatever a caller may leave out of an order.
TEST(Publication, OrdersOfTheHubAreWhatEveryCataloguePromises) {
  model::Order least;
  least.supplier_name = "S";
  least.lines.emplace_back();
  model::Order most = least;
  most.number = "PO-1";
  most.order_date = "2026-02-28";
  most.currency = "EUR";
  most.lines = {{"A", "Paper", 0.001, "box", -24.9}, {{}, {}, 1e15, {}, 0}, {}};
  for (const model::Order& order : {least, most}) {
    const std::string data = model::order_event_data(order);
    for (const std::string& name : registry().names()) {
      // Precoro sends the number of a document, which an order from an ingress does not have
      // (docs/platforms/precoro.md).
      if (name == "precoro") continue;
      EXPECT_EQ(fault({name}, model::kOrderCreated, data), "") << data;
    }
  }
}

// The same of a document that another system keeps: its events are thin.
TEST(Publication, DocumentsAreWhatEveryCataloguePromises) {
  model::Document document;
  document.id = 123456;
  document.idn = 5;
  document.status = 2;
  for (const model::DocumentKind& kind : model::document_kinds()) {
    document.kind = kind.name;
    const std::string data = model::document_event_data(document, kind);
    for (const std::string_view action : {"created", "updated"}) {
      for (const std::string& name : registry().names()) {
        const std::string told = fault({name}, fmt::format("{}.{}", kind.subject, action), data);
        EXPECT_EQ(told, "") << kind.name << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace waybill::intake
