// The door that shops of WooCommerce send their orders to, without a plug-in (R-PC-9, R-PC-19):
//
//   POST /integrations/v1/webhook/woocommerce
//
// It takes no bearer: the key is the one whose secret the body was signed with (A-PC-1). The
// unsigned ping by which a shop tries the address is answered 200 (A-PC-2, W-5).
//
// A shop that is answered anything but success a few times in a row sends no more (W-7). So
// whatever is properly signed is answered 200, also what the hub can make nothing of: the request
// log and the log say so. The exceptions: 401 for a signature that is nobody's, 403 from an address
// that the key may not be used from, 429 and 503 when there is too much to do, 500 and 503 when it
// is the hub that cannot take the order in: where no shop is connected nobody would ask for it.
//
// What a request says of itself, and which one is the ping, is told by dialects/woocommerce.toml,
// as it is where a source receives such webhooks.
//
// Used from the thread of the io_context only.

#pragma once

#include <cstdint>
#include <string_view>

#include "dialect/loader.h"
#include "dialect/receipt.h"
#include "net/router.h"
#include "surfaces/key_directory.h"
#include "surfaces/peptideclients/woocommerce_keys.h"
#include "surfaces/woocommerce_orders.h"

namespace waybill::surfaces::peptideclients {

class WooCommerceWebhook {
 public:
  static constexpr std::string_view kPath = "/integrations/v1/webhook/woocommerce";

  // Everything given outlives it.
  WooCommerceWebhook(const Clock& clock, Log& log, const dialect::DialectRegistry& dialects,
                     KeyDirectory& keys, WooCommerceOrders& orders);

  // The door outlives the router.
  void add_routes(net::Router& router);

  const WooCommerceKeys& keys() const { return keys_; }

 private:
  Task<net::Response> answer(net::Request& request);
  // Whose it is, which the request then says. Fails as KeyDirectory::woocommerce_keys() and
  // admit(), and WooCommerceKeys::find().
  Task<Result<WooCommerceKeys::Key>> authenticate(const net::Request& request);
  Task<Result<intake::TakenIn>> take_in(const net::Request& request, const model::ApiKey& key);
  net::Response refuse(const net::Request& request, const Error& error);
  // 200, though nothing came of it; `said` and `reason` are for the logs.
  net::Response note(const net::Request& request, const dialect::ReceivedMessage& said,
                     std::string_view reason, std::string_view what);

  const Clock& clock_;
  Log& log_;
  const dialect::ReceiptRules rules_;
  KeyDirectory& directory_;
  WooCommerceOrders& orders_;
  WooCommerceKeys keys_;
};

}  // namespace waybill::surfaces::peptideclients
