#include "delivery/channels/amqp_settings.h"

#include <utility>

namespace waybill::delivery {
namespace {
constexpr std::uint16_t kPort = 5672;
constexpr std::uint16_t kTlsPort = 5671;
constexpr std::size_t kNameBytesMax = 255;  // AMQP's short strings.
}  // namespace

Result<AmqpSettings> read_amqp_settings(const json::object& settings) {
  SettingsReader reader(settings);
  AmqpSettings read;
  const std::string text = reader.text("url");
  read.exchange = reader.text_or_empty("exchange", kNameBytesMax);
  read.routing_key = reader.text_or_empty("routing_key", kNameBytesMax);
  read.payload = reader.payload();
  if (read.exchange.empty() && read.routing_key.empty()) {
    reader.refuse("exchange",
                  "The settings name neither an exchange nor, with \"routing_key\", a queue.");
  }
  auto url = read_broker_url(text, "amqp", text.starts_with("amqps:") ? kTlsPort : kPort);
  if (url) {
    read.url = *std::move(url);
    read.vhost = read.url.path.empty() ? "/" : read.url.path;
  } else {
    reader.refuse("url", url.error().message);
  }
  if (auto good = reader.end(); !good) return fail(good.error());
  return read;
}

}  // namespace waybill::delivery
