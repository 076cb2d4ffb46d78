// Stores, products, what changes suppliers, and what is done to sales orders by hand.

#include "intake/sales.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/list_clock.h"
#include "store/stores.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kAcme = "/hub/v1/workspaces/acme";
const std::string kStores = kAcme + "/stores";
const std::string kProducts = kAcme + "/products";
const std::string kSuppliers = kAcme + "/suppliers";
const std::string kSales = kAcme + "/sales-orders";

class SalesOperationsTest : public NativeApiTest {
 public:
  SalesOperationsTest() {
    ok(201, "POST", kStores, R"({"name": "Web shop"})");
    workspace = *model::WorkspaceId::parse(text(ok(200, "GET", kAcme), "id"));
  }

  // An open order of 25.00 with this external id, as a shop pushes it in: its id.
  std::string place(std::string_view external_id,
                    std::optional<intake::PaymentDraft> payment = {}) {
    intake::OrderDraft draft;
    draft.source = "api";
    draft.external_id = external_id;
    draft.currency = "EUR";
    draft.client.email = "lab@example.com";
    draft.items = {{.sku = "4711",
                    .name = "Copy paper",
                    .quantity = model::parse_decimal("2").value(),
                    .unit_price = model::parse_decimal("12.5").value()}};
    draft.total = 2500;
    draft.payment = std::move(payment);
    const intake::LeaseTerms terms = dispatcher.lease_terms();
    auto unit = [&](store::Connection& connection) -> Result<model::OrderId> {
      intake::SalesUnit sales(connection, acceptance, ids, terms, workspace, clock.now());
      WAYBILL_TRY(sales.begin());
      const auto store = store::stores::find(connection, workspace, "web shop");
      if (!store) return fail(store.error());
      const auto placed = sales.place(**store, draft);
      if (!placed) return fail(placed.error());
      return placed->order.id;
    };
    const auto placed =
        run(database->run(unit, store::Priority::kNew, store::list_clock::order_of(workspace)));
    EXPECT_TRUE(placed) << placed.error().message;
    return placed->text();
  }

  // The data of the events of this type, the last one first.
  std::vector<std::string> events(std::string_view type) {
    std::vector<std::string> found;
    const json::value list = ok(200, "GET", fmt::format("{}/events?type={}", kAcme, type));
    for (const json::value& row : at(list, "rows").as_array()) {
      found.push_back(text(row, "data"));
    }
    return found;
  }

  std::string new_supplier(std::string_view name) {
    return text(ok(201, "POST", kSuppliers, fmt::format(R"({{"name": "{}"}})", name)), "id");
  }

  model::WorkspaceId workspace;
};

TEST_F(SalesOperationsTest, AStoreIsCreatedListedAndReadByIdOrName) {
  const json::value made =
      ok(201, "POST", kStores, R"({"name": "Shop 2", "currency": "KWD", "number_prefix": ""})");
  EXPECT_EQ(text(made, "currency"), "KWD");
  EXPECT_EQ(text(made, "number_prefix"), "");
  const json::value list = ok(200, "GET", kStores);
  EXPECT_EQ(at(list, "rows", 0), made) << "newest first";
  EXPECT_EQ(text(list, "rows", 1, "currency"), "EUR") << "where none is given";
  EXPECT_EQ(text(list, "rows", 1, "number_prefix"), "SO-") << "where none is given";
  for (const std::string& name : {text(made, "id"), text(made, "uuid"), std::string("sHOP%202")}) {
    EXPECT_EQ(ok(200, "GET", kStores + "/" + name), made) << name;
  }
  refused(404, "store_not_found", "", "GET", kStores + "/nothing");
  for (const char* below : {"", "/woocommerce"}) {
    refused(404, "store_not_found", "", "GET", kStores + "/a%00b" + below);
  }
  refused(409, "store_exists", "", "POST", kStores, R"({"name": "WEB SHOP"})");
  EXPECT_THAT(audit_actions(), ElementsAre("store.create", "store.create", "workspace.create"));
}

TEST_F(SalesOperationsTest, WhatIsNoStoreOrProductIsRefused) {
  struct Case {
    std::string_view method;
    std::string target;
    std::string_view body;
    int status;
    std::string_view code;
    std::string_view at;
  };
  const std::string product = kProducts + "/4711";
  const Case cases[] = {
      {"POST", kStores, R"({})", 400, "member_missing", "$.name"},
      {"POST", kStores, R"({"name": " "})", 400, "member_invalid", "$.name"},
      {"POST", kStores, R"({"name": "x", "currency": "eur"})", 400, "member_invalid", "$.currency"},
      {"POST", kStores, R"({"name": "x", "number_prefix": 1})", 400, "member_type",
       "$.number_prefix"},
      {"POST", kStores, R"({"name": "x", "vat": 1})", 400, "member_unknown", "$.vat"},
      {"PUT", product, R"({"price": 1, "currency": "EUR"})", 400, "member_missing", "$.name"},
      {"PUT", product, R"({"name": "x", "currency": "EUR"})", 400, "member_missing", "$.price"},
      {"PUT", product, R"({"name": "x", "price": 1})", 400, "member_invalid", "$.currency"},
      {"PUT", product, R"({"name": "x", "price": "-1", "currency": "EUR"})", 400, "member_invalid",
       "$.price"},
      {"PUT", product, R"({"name": "x", "price": "1.005", "currency": "EUR"})", 400,
       "amount_too_precise", "$.price"},
      {"PUT", product, R"({"name": "x", "price": "1e3", "currency": "EUR"})", 400, "amount_invalid",
       "$.price"},
      {"PUT", product, R"({"name": "x", "price": true, "currency": "EUR"})", 400, "amount_invalid",
       "$.price"},
      {"PUT", product, R"({"name": "x", "price": 1, "currency": "EUR", "published": "no"})", 400,
       "member_type", "$.published"},
      {"PUT", product, R"({"name": "x", "price": 1, "currency": "EUR", "supplier": "nobody"})", 404,
       "supplier_not_found", "$.supplier"},
      {"PUT", kProducts + "/a%0Ab", R"({"name": "x", "price": 1, "currency": "EUR"})", 400,
       "sku_invalid", ""},
      {"PUT", kProducts + "/" + std::string(201, 'x'),
       R"({"name": "x", "price": 1, "currency": "EUR"})", 400, "sku_invalid", ""},
      {"GET", kProducts + "/a%00b", "", 404, "product_not_found", ""},
      {"GET", product, "", 404, "product_not_found", ""},
  };
  for (const Case& c : cases) refused(c.status, c.code, c.at, c.method, c.target, c.body);
  EXPECT_TRUE(at(ok(200, "GET", kProducts), "rows").as_array().empty());
  EXPECT_EQ(at(ok(200, "GET", kStores), "rows").as_array().size(), 1u);
}

TEST_F(SalesOperationsTest, AProductIsWhatWasPutLast) {
  const std::string supplier = new_supplier("Paper & Co");
  const std::string path = kProducts + "/PAP%2FA4";
  const json::value made = ok(201, "PUT", path,
                              R"({"name": "Paper", "price": 24.9, "currency": "EUR",)"
                              R"( "description": "80 g", "supplier": "PAPER & CO"})");
  EXPECT_EQ(text(made, "sku"), "PAP/A4");
  EXPECT_EQ(text(made, "price"), "24.90");
  EXPECT_EQ(text(made, "supplier_id"), supplier);
  EXPECT_EQ(at(made, "published"), json::value(true));
  clock.run_for(std::chrono::seconds(1));
  const json::value again = ok(200, "PUT", path,
                               R"({"name": "Paper", "price": "24.9000", "currency": "EUR",)"
                               R"( "description": "80 g", "supplier": "Paper & Co"})");
  EXPECT_EQ(again, made) << "the same price: nothing has changed, and its place in lists neither";

  const json::value changed =
      ok(200, "PUT", path, R"({"name": "Paper", "price": "5", "currency": "JPY"})");
  EXPECT_EQ(at(changed, "id"), at(made, "id"));
  EXPECT_EQ(at(changed, "created_at"), at(made, "created_at"));
  EXPECT_NE(at(changed, "updated_at"), at(made, "updated_at"));
  EXPECT_EQ(text(changed, "price"), "5");
  EXPECT_TRUE(at(changed, "description").is_null()) << "what is absent is not known";
  EXPECT_TRUE(at(changed, "supplier_id").is_null());
  EXPECT_EQ(ok(200, "GET", path), changed);
  ok(201, "PUT", kProducts + "/2",
     R"({"name": "Ink", "price": 1, "currency": "EUR", "published": false})");
  EXPECT_EQ(text(ok(200, "GET", kProducts), "rows", 0, "sku"), "2") << "unpublished ones, too";
  EXPECT_THAT(audit_actions(), ElementsAre("product.put", "product.put", "product.put",
                                           "supplier.create", "store.create", "workspace.create"));
}

// Within one millisecond of the clock: by updated_at they are listed, so no two have the same.
TEST_F(SalesOperationsTest, WhatChangesLaterHasALaterTime) {
  std::vector<std::string> times;
  for (int i = 0; i < 3; ++i) {
    const std::string body = fmt::format(R"({{"name": "Ink", "price": {}, "currency": "EUR"}})", i);
    times.push_back(text(json_of(call("PUT", kProducts + "/1", body)), "updated_at"));
    const std::string supplier = new_supplier(fmt::format("Supplier {}", i));
    times.push_back(text(ok(200, "GET", kSuppliers + "/" + supplier), "updated_at"));
    times.push_back(text(ok(200, "POST", kSuppliers + "/" + supplier + "/claim"), "updated_at"));
    const std::string order = place(fmt::format("A-{}", i));
    times.push_back(text(ok(200, "GET", kSales + "/" + order), "updated_at"));
    times.push_back(text(ok(200, "POST", kSales + "/" + order + "/cancel"), "updated_at"));
  }
  EXPECT_TRUE(std::ranges::is_sorted(times)) << testing::PrintToString(times);
  EXPECT_EQ(std::set<std::string>(times.begin(), times.end()).size(), times.size());
}

TEST_F(SalesOperationsTest, ASuppliersChangeIsToldOfOnce) {
  const std::string id = new_supplier("Paper & Co");
  const std::string path = kSuppliers + "/" + id;
  const json::value made = ok(200, "GET", path);
  clock.run_for(std::chrono::seconds(1));
  const std::string changes = R"({"email": "sales@paper.example", "phone": "+1 555 0100"})";
  const json::value changed = ok(200, "PATCH", path, changes);
  EXPECT_EQ(text(changed, "email"), "sales@paper.example");
  EXPECT_EQ(text(changed, "name"), "Paper & Co") << "what is not named stays";
  EXPECT_GT(text(changed, "updated_at"), text(made, "updated_at"));
  EXPECT_EQ(ok(200, "PATCH", path, changes), changed);
  EXPECT_EQ(ok(200, "PATCH", path, "{}"), changed);
  EXPECT_EQ(ok(200, "GET", path), changed);
  EXPECT_THAT(events("supplier.updated"), ElementsAre(HasSubstr("sales@paper.example")));

  EXPECT_TRUE(at(ok(200, "PATCH", path, R"({"phone": null})"), "phone").is_null());
  EXPECT_EQ(events("supplier.updated").size(), 2u);
  new_supplier("Ink Ltd");
  refused(409, "supplier_exists", "", "PATCH", path, R"({"name": "INK LTD"})");
  refused(400, "member_type", "$.name", "PATCH", path, R"({"name": null})");
  refused(400, "member_invalid", "$.email", "PATCH", path, R"({"email": ""})");
  refused(400, "member_unknown", "$.id", "PATCH", path, R"({"id": "x"})");
  refused(404, "supplier_not_found", "", "PATCH", kSuppliers + "/sup_x", "{}");
  // By id alone: a name is no address.
  refused(404, "supplier_not_found", "", "PATCH", kSuppliers + "/Ink%20Ltd", "{}");
  EXPECT_EQ(events("supplier.updated").size(), 2u);
}

// R-PC-43: vendor.claimed, with what its catalogue promises.
TEST_F(SalesOperationsTest, AClaimIsToldOfOnce) {
  new_endpoint("peptideclients", R"("event_types": ["vendor.claimed"])");
  const std::string id = new_supplier("Paper & Co");
  const std::string path = kSuppliers + "/" + id + "/claim";
  const json::value claimed = ok(200, "POST", path);
  EXPECT_EQ(text(claimed, "claimed_at"), "2026-01-01T12:00:00.000Z");
  clock.run_for(std::chrono::hours(1));
  EXPECT_EQ(ok(200, "POST", path), claimed);
  EXPECT_THAT(
      events("vendor.claimed"),
      ElementsAre(fmt::format(
          R"({{"vendor_id":{},"name":"Paper & Co","claimed_at":"2026-01-01T12:00:00.000Z"}})",
          write_json(at(claimed, "uuid")))));
  ASSERT_EQ(sent.size(), 1u) << "sent at once, in PeptideClients' words";
  EXPECT_THAT(sent[0].body, HasSubstr(R"("type":"vendor.claimed")"));
  refused(404, "supplier_not_found", "", "POST", kSuppliers + "/sup_x/claim");
  refused(400, "member_unknown", "$.by", "POST", path, R"({"by": "me"})");
}

TEST_F(SalesOperationsTest, SalesOrdersAreListedAndReadWithWhatBelongsToThem) {
  const std::string first = place("A-1", intake::PaymentDraft{.external_id = "p-1",
                                                              .method = "card",
                                                              .amount = 1000,
                                                              .reference = std::nullopt,
                                                              .paid_at = std::nullopt});
  const std::string second = place("A-2");
  ok(200, "POST", fmt::format("{}/{}/cancel", kSales, second));
  const json::value read = ok(200, "GET", kSales + "/" + first);
  EXPECT_EQ(text(read, "number"), "SO-1");
  EXPECT_EQ(text(read, "total"), "25.00");
  EXPECT_EQ(text(read, "paid_total"), "10.00");
  EXPECT_EQ(text(read, "payment_status"), "partially_paid");
  EXPECT_EQ(text(read, "items", 0, "unit_price"), "12.50");
  EXPECT_EQ(text(read, "items", 0, "quantity"), "2");
  EXPECT_EQ(text(read, "client", "email"), "lab@example.com");
  EXPECT_EQ(text(read, "payments", 0, "amount"), "10.00");
  EXPECT_EQ(text(read, "payments", 0, "state"), "recorded");
  EXPECT_TRUE(at(read, "shipments").as_array().empty());

  const auto listed = [&](std::string_view query) {
    std::vector<std::string> found;
    const json::value list = ok(200, "GET", fmt::format("{}?{}", kSales, query));
    for (const json::value& row : at(list, "rows").as_array()) found.push_back(text(row, "id"));
    return found;
  };
  EXPECT_THAT(listed(""), ElementsAre(second, first)) << "newest first";
  EXPECT_THAT(listed("limit=1"), ElementsAre(second));
  EXPECT_THAT(listed("external_id=A-1"), ElementsAre(first));
  EXPECT_THAT(listed("number=SO-2"), ElementsAre(second));
  EXPECT_THAT(listed("status=cancelled"), ElementsAre(second));
  EXPECT_THAT(listed("store=web%20SHOP"), ElementsAre(second, first));
  ok(201, "POST", kStores, R"({"name": "Empty"})");
  EXPECT_THAT(listed("store=Empty"), IsEmpty());
  refused(404, "store_not_found", "", "GET", kSales + "?store=none");
  refused(400, "query_invalid", "", "GET", kSales + "?status=lost");
  refused(404, "order_not_found", "", "GET", kSales + "/ord_x");
}

TEST_F(SalesOperationsTest, AnOrderIsShippedFollowedAndDelivered) {
  const std::string id = place("A-1");
  const std::string path = kSales + "/" + id;
  const json::value first = ok(201, "POST", path + "/shipments", R"({"carrier": "UPS"})",
                               {{"Idempotency-Key", "ship-once"}});
  EXPECT_EQ(text(first, "shipped_at"), "2026-01-01T12:00:00.000Z") << "now, where none is given";
  EXPECT_EQ(ok(201, "POST", path + "/shipments", R"({"carrier": "UPS"})",
               {{"Idempotency-Key", "ship-once"}}),
            first);
  EXPECT_EQ(events("order.shipped").size(), 1u);
  EXPECT_THAT(events("shipment.tracking_added"), IsEmpty()) << "there is no number yet";

  const std::string shipment = kAcme + "/shipments/" + text(first, "id");
  const json::value followed = ok(200, "PATCH", shipment, R"({"tracking_number": "1Z"})");
  EXPECT_EQ(text(followed, "carrier"), "UPS") << "what is not named stays";
  EXPECT_THAT(events("shipment.tracking_added"), ElementsAre(HasSubstr("1Z")));
  ok(200, "PATCH", shipment, R"({"tracking_number": "1Z"})");
  EXPECT_EQ(events("shipment.tracking_added").size(), 1u) << "it had this number before";
  ok(201, "POST", path + "/shipments", R"({"tracking_number": "2Z"})");
  EXPECT_EQ(events("shipment.tracking_added").size(), 2u);
  refused(409, "order_not_cancellable", "", "POST", path + "/cancel");

  EXPECT_EQ(text(ok(200, "POST", path + "/deliver"), "status"), "delivered");
  EXPECT_EQ(text(ok(200, "POST", path + "/deliver"), "status"), "delivered");
  EXPECT_EQ(events("order.delivered").size(), 1u);
  EXPECT_EQ(at(ok(200, "GET", path), "shipments").as_array().size(), 2u);
  EXPECT_THAT(audit_actions(), ElementsAre("sales_order.deliver", "sales_order.ship",
                                           "shipment.update", "shipment.update", "sales_order.ship",
                                           "store.create", "workspace.create"));
}

TEST_F(SalesOperationsTest, ACancelledOrderGoesNoFurther) {
  const std::string path = kSales + "/" + place("A-1");
  EXPECT_EQ(text(ok(200, "POST", path + "/cancel"), "status"), "cancelled");
  EXPECT_EQ(text(ok(200, "POST", path + "/cancel"), "status"), "cancelled");
  EXPECT_EQ(events("order.cancelled").size(), 1u);
  refused(409, "order_cancelled", "", "POST", path + "/shipments");
  refused(409, "order_cancelled", "", "POST", path + "/deliver");
  EXPECT_THAT(events("order.shipped"), IsEmpty());
  for (const char* action : {"/cancel", "/deliver", "/shipments"}) {
    refused(404, "order_not_found", "", "POST", kSales + "/ord_x" + action);
    refused(400, "member_unknown", "$.x", "POST", path + action, R"({"x": 1})");
  }
  const std::string shipment = kAcme + "/shipments/shp_x";
  refused(404, "shipment_not_found", "", "PATCH", shipment, R"({"tracking_number": "1"})");
  refused(404, "shipment_not_found", "", "PATCH",
          kAcme + "/shipments/01941f29-7c00-7aaa-8000-000000000001", R"({"tracking_number": "1"})");
  EXPECT_THAT(audit_actions(),
              ElementsAre("sales_order.cancel", "store.create", "workspace.create"));
}

TEST_F(SalesOperationsTest, EachAreaHasScopesOfItsOwn) {
  const std::string order = kSales + "/" + place("A-1");
  const Headers reader = key_with({"stores:read", "products:read", "sales:read"});
  for (const std::string& path : {kStores, kProducts, kSales, order}) {
    ok(200, "GET", path, {}, reader);
  }
  refused(403, "scope_missing", "", "POST", kStores, R"({"name": "x"})", reader);
  refused(403, "scope_missing", "", "PUT", kProducts + "/1", "{}", reader);
  refused(403, "scope_missing", "", "POST", order + "/cancel", {}, reader);
  const Headers other = key_with({"orders:read"});
  refused(403, "scope_missing", "", "GET", kSales, {}, other);
  ok(200, "POST", order + "/cancel", {}, key_with({"sales:write"}));
}

}  // namespace
}  // namespace waybill::surfaces::native
