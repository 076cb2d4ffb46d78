// The operations of PeptideClients' public API, in one table: what is routed, who may call it, and
// what answers. read_api_test.cc compares it with read_openapi.json.

#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "store/list_clock.h"
#include "surfaces/native/call.h"

namespace waybill::surfaces::peptideclients {

// read_openapi.json, as it is built into the binary: one file.
std::span<const EmbeddedFile> read_openapi_document();

namespace reads {

enum class Access {
  kAnyone,  // Without a key; the call has no caller.
  kRead,    // The scope read_only or read_write.
  kWrite,   // The scope read_write.
};

struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view id;  // operationId of the document.
  Access access;
  native::Operate operate;
};

const std::vector<Operation>& operations();

// The `limit`, `cursor_at` and `cursor_id` of a list; other parameters are ignored. More than 100
// rows are 100 (A-PC-16).
// Fails with kInvalid: query_malformed, invalid_limit, invalid_cursor.
Result<store::list_clock::Request> read_list_query(std::string_view query);

// read_api_records.cc
Task<Result<native::Reply>> get_health(native::Call& call);
Task<Result<native::Reply>> get_openapi(native::Call& call);
Task<Result<native::Reply>> list_orders(native::Call& call);
Task<Result<native::Reply>> get_order(native::Call& call);
Task<Result<native::Reply>> list_vendors(native::Call& call);
Task<Result<native::Reply>> get_vendor(native::Call& call);
Task<Result<native::Reply>> list_clients(native::Call& call);
Task<Result<native::Reply>> list_products(native::Call& call);
Task<Result<native::Reply>> get_product(native::Call& call);
// read_api_webhooks.cc
Task<Result<native::Reply>> test_webhook(native::Call& call);

}  // namespace reads
}  // namespace waybill::surfaces::peptideclients
