// The bare limit of receiving a platform's signed webhooks: verify the bytes, store the message
// with the digest it is known again by, its event and its delivery, answer when it is on disk.
// Nothing is handled.
//
//   waybill_bench_bare_receipt --data DIR --secret SECRET

#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "bench/bare_server.h"
#include "bench/bare_store.h"

namespace waybill::bench {
namespace {

bool is_signed(std::string_view secret, std::string_view body, std::string_view signature) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  const std::string expected = "sha256=" + hex(ByteView(digest, size));
  return signature.size() == expected.size() &&
         CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) == 0;
}

Task<Answer> take_message(BareStore& store, std::string_view secret, std::string body,
                          std::string signature) {
  if (!is_signed(secret, body, signature)) {
    co_return Answer{.status = 401, .body = R"({"error":"unauthorized"})"};
  }
  const auto message = boost::json::parse(body);
  co_await store.insert_message(message.at("id").as_string(), message.at("type").as_string(), body);
  co_return Answer{.status = 200, .body = R"({"status":"ok"})"};
}

}  // namespace
}  // namespace waybill::bench

int main(int count, char** words) {
  using namespace waybill::bench;
  boost::asio::io_context context(1);
  BareStore store(context, required_option(count, words, "--data"));
  const std::string secret = required_option(count, words, "--secret");
  BareServer server(context, "x-procureiq-signature", [&](std::string body, std::string signature) {
    return take_message(store, secret, std::move(body), std::move(signature));
  });
  server.run();
}
