#include "bench/ledger/order_request.h"

#include <fmt/format.h>

#include "base/check.h"

namespace waybill::bench {
namespace {

std::string body_of(std::string_view number, std::string_view supplier, int lines) {
  std::string body = fmt::format(
      R"({{"orderNumber":"{}","orderDate":"2026-06-12","currency":"EUR","supplierId":"{}",)"
      R"("lines":[)",
      number, supplier);
  for (int line = 1; line <= lines; ++line) {
    body += fmt::format(
        R"({}{{"buyerItemCode":"A4-COPY-50{}","description":"Copy paper A4","quantity":{},)"
        R"("unit":"box","unitPrice":24.9}})",
        line > 1 ? "," : "", line, 10 * line);
  }
  return body + "]}";
}

}  // namespace

OrderRequest::OrderRequest(const OrderTarget& target, std::string_view sample) {
  for (int lines = 1; lines <= Ledger::kLinesMax; ++lines) {
    const std::string body = body_of(sample, target.supplier, lines);
    const std::string key = target.keyed ? fmt::format("Idempotency-Key: {}\r\n", sample) : "";
    Template& made = templates_[static_cast<std::size_t>(lines - 1)];
    made.text = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
        "X-ProcuLink-Key: {}\r\n{}Content-Length: {}\r\n\r\n{}",
        target.path, target.host, target.key, key, body.size(), body);
    for (auto at = made.text.find(sample); at != std::string::npos;
         at = made.text.find(sample, at + sample.size())) {
      made.numbers.push_back(at);
    }
    WAYBILL_CHECK(made.numbers.size() == (target.keyed ? 2U : 1U), "the number is there once each");
  }
}

std::string_view OrderRequest::render(std::string& buffer, std::string_view number,
                                      int lines) const {
  const Template& made = templates_.at(static_cast<std::size_t>(lines - 1));
  buffer = made.text;
  for (const std::size_t at : made.numbers) buffer.replace(at, number.size(), number);
  return buffer;
}

}  // namespace waybill::bench
