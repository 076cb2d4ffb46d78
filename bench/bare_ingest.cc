// The bare limit of taking orders: parse it, store it with its idempotency key, event and delivery,
// answer when it is on disk. Nothing is sent.
//
//   waybill_bench_bare_ingest --data DIR [--payments yes]
//
// With payments an order is stored with its payment and a second event, as a shop's is.

#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include "bench/bare_server.h"
#include "bench/bare_store.h"

namespace waybill::bench {
namespace {

Task<Answer> take_order(BareStore& store, std::string body) {
  const auto order = boost::json::parse(body);
  co_await store.insert_order(order.at("orderNumber").as_string(), body);
  co_return Answer{.status = 201,
                   .body = R"({"id":"01941f29-7c00-7aaa-8000-000000000001","duplicate":false})"};
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  using namespace waybill::bench;
  boost::asio::io_context context(1);
  const bool with_payments = count > 3 && std::string_view(words[3]) == "--payments";
  BareStore store(context, required_option(count, words, "--data"), with_payments);
  BareServer server(context, [&](std::string body) { return take_order(store, std::move(body)); });
  server.run();
}
