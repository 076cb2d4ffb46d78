// Who and what orders are about: the Store they come in at, the Client who buys, the Product that
// is for sale. (The Supplier, who is called vendor elsewhere: model/order.h.)

#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "model/ids.h"
#include "model/money.h"

namespace waybill::model {

// Has its own order numbers and currency. A key of the integration API is pinned to one.
struct Store {
  StoreId id;
  WorkspaceId workspace_id;
  std::string name;           // One store's in its workspace, whatever its case.
  std::string currency;       // Where an order names none.
  std::string number_prefix;  // Before its order numbers: "SO-".
  Timestamp created_at{};
};

struct Client {
  ClientId id;
  WorkspaceId workspace_id;
  StoreId store_id;
  std::optional<std::string> external_id;  // One client's in its store.
  std::optional<std::string> email;
  std::optional<std::string> name;
  std::optional<std::string> phone;
  std::string source;  // As SalesOrder::source.
  // When the shop changed what it says here, where the shop tells: an older word does not replace a
  // newer one.
  std::optional<Timestamp> said_at;
  Timestamp created_at{};
  Timestamp updated_at{};
};

struct Product {
  ProductId id;
  WorkspaceId workspace_id;
  std::string sku;  // One product's in its workspace.
  std::string name;
  std::optional<std::string> description;
  std::string currency;
  Minor price = 0;
  bool is_published = true;  // Else it is in no list.
  std::optional<SupplierId> supplier_id;
  Timestamp created_at{};
  Timestamp updated_at{};
};

// The canonical data of client.created and client.updated, as write_json() would write it.
std::string client_data(const Client& client);

}  // namespace waybill::model
