// The bytes of a post to ProcuLink's ingress, made once for each number of lines; only the order's
// number changes from one to the next.

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bench/ledger/ledger.h"

namespace waybill::bench {

struct OrderTarget {
  std::string host;  // As in the Host header.
  std::string path;  // "/api/ingress/acme/orders"
  std::string key;   // X-ProcuLink-Key.
  std::string supplier;
  bool keyed = true;  // With an Idempotency-Key, the order's number.
};

class OrderRequest {
 public:
  // Requires: every number given to render() is as long as `sample`.
  OrderRequest(const OrderTarget& target, std::string_view sample);

  // The whole request; valid until the next call for the same `buffer`.
  std::string_view render(std::string& buffer, std::string_view number, int lines) const;

 private:
  struct Template {
    std::string text;
    std::vector<std::size_t> numbers;  // Where the number goes.
  };
  std::array<Template, Ledger::kLinesMax> templates_;
};

}  // namespace waybill::bench
