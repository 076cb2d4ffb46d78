#include "delivery/channels/redis_settings.h"

#include <charconv>
#include <utility>

namespace waybill::delivery {
namespace {
constexpr std::uint16_t kPort = 6379;
constexpr int kDatabaseMax = 65535;

void check_url(RedisSettings& read, SettingsReader& reader) {
  if (read.url.tls) {
    reader.refuse("url",
                  "This hub's Redis client has no TLS: use redis://, through a tunnel where the "
                  "network is not to be trusted.");
  }
  const std::string& path = read.url.path;
  if (path.empty()) return;
  const char* const end = path.data() + path.size();
  const auto [rest, error] = std::from_chars(path.data(), end, read.database);
  if (error != std::errc() || rest != end || read.database < 0 || read.database > kDatabaseMax) {
    reader.refuse("url", "The path of a Redis URL is the number of a database: /0.");
  }
}

}  // namespace

Result<RedisSettings> read_redis_settings(const json::object& settings) {
  SettingsReader reader(settings);
  RedisSettings read;
  const std::string text = reader.text("url");
  read.stream = reader.text("stream");
  read.length_max = reader.optional_number("maxlen", 1).value_or(0);
  read.payload = reader.payload();
  auto url = read_broker_url(text, "redis", kPort);
  if (url) {
    read.url = *std::move(url);
    check_url(read, reader);
  } else {
    reader.refuse("url", url.error().message);
  }
  if (auto good = reader.end(); !good) return fail(good.error());
  return read;
}

}  // namespace waybill::delivery
