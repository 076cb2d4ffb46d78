// What the operations on stores, products and sales orders read alike.

#pragma once

#include <string>
#include <string_view>

#include "model/trade.h"
#include "store/connection.h"
#include "surfaces/native/object_reader.h"

namespace waybill::surfaces::native {

// A member that is a currency's code; `otherwise` where it is absent, and a fault if that is empty.
std::string read_currency(ObjectReader& body, std::string_view name,
                          std::string_view otherwise = {});

// By its id in either form, or by its name in whatever case.
// Fails with kNotFound (store_not_found).
Result<model::Store> find_named_store(store::Connection& connection,
                                      const model::WorkspaceId& workspace,
                                      std::string_view id_or_name);

}  // namespace waybill::surfaces::native
