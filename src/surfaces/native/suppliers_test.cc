// Suppliers, and who is told of them.

#include "store/suppliers.h"

#include <fmt/format.h>

#include "store/list_clock.h"
#include "store/workspaces.h"
#include "surfaces/native/native_fixture.h"

namespace waybill::surfaces::native {
namespace {

constexpr std::string_view kAcme = "/hub/v1/workspaces/acme";

class SuppliersTest : public NativeApiTest {
 public:
  json::value create(std::string_view name) {
    return ok(201, "POST", fmt::format("{}/suppliers", kAcme),
              fmt::format(R"({{"name": "{}"}})", name));
  }
  json::value events() {
    return ok(200, "GET", fmt::format("{}/events?type=supplier.created", kAcme));
  }
  store::list_clock::Page<model::Supplier> changed() {
    const auto unit = [](store::Connection& c) -> Result<store::list_clock::Page<model::Supplier>> {
      const auto acme = store::workspaces::find_by_slug(c, "acme");
      if (!acme) return fail(acme.error());
      return store::suppliers::list_changed(c, acme->id, {});
    };
    return run(database->read(unit)).value();
  }
};

TEST_F(SuppliersTest, ANewOneIsToldOfByItsEvent) {
  new_endpoint("peptideclients");
  const json::value supplier = create("Acme Paper");

  const json::value all = events();
  ASSERT_EQ(at(all, "rows").as_array().size(), 1u);
  EXPECT_EQ(text(all, "rows", 0, "subject"), text(supplier, "id"));
  const json::value event =
      ok(200, "GET", fmt::format("{}/events/{}", kAcme, text(all, "rows", 0, "id")));
  EXPECT_EQ(write_json(at(event, "data")),
            fmt::format(R"({{"supplier_id":"{}","name":"Acme Paper"}})", text(supplier, "uuid")));
  ASSERT_EQ(sent.size(), 1u) << "as vendor.created, at once";
  const json::value body = parse_json(sent[0].body).value();
  EXPECT_EQ(text(body, "type"), "vendor.created");
}

TEST_F(SuppliersTest, ARefusedOneIsToldToNobody) {
  create("Acme Paper");
  refused(409, "supplier_exists", "", "POST", fmt::format("{}/suppliers", kAcme),
          R"({"name": "ACME paper"})");
  EXPECT_EQ(at(events(), "rows").as_array().size(), 1u);
}

TEST_F(SuppliersTest, EachHasItsPlaceInTheListOfChanges) {
  for (const std::string_view name : {"c", "a", "b"}) create(name);
  std::string names;
  for (const model::Supplier& supplier : changed().rows) {
    names += supplier.name;
    EXPECT_GE(supplier.updated_at, supplier.created_at);
  }
  EXPECT_EQ(names, "cab") << "though all were made within a millisecond";
}

}  // namespace
}  // namespace waybill::surfaces::native
