#include "delivery/handled_message.h"

#include "base/bytes.h"
#include "base/json_text.h"
#include "model/ids.h"

namespace waybill::delivery {
namespace {

std::string message_json(const model::MessageContent& content) {
  std::string text;
  ObjectText(text)
      .add("id", content.id)
      .add("source", content.source)
      .add("dialect", content.dialect)
      .add("type", content.type)
      .add("external_id", content.external_id)
      .add("received_at", content.received_at)
      .add("content_type", content.content_type)
      .end();
  return text;
}

std::string delivery_json(const model::Delivery& delivery, int attempt) {
  std::string text;
  ObjectText(text)
      .add("id", delivery.id)
      .add("handler", delivery.endpoint_id)
      .add("attempt", attempt)
      .add("replay", delivery.kind == model::DeliveryKind::kReplay)
      .end();
  return text;
}

}  // namespace

Result<model::MessageContent> content_of(OutgoingEvent& event) {
  return model::read_message_data(event.data());
}

std::string handled_json(const model::MessageContent& content, const model::Delivery& delivery,
                         int attempt) {
  std::string text;
  text.reserve(2 * content.body.size() + 1024);
  ObjectText object(text);
  object.add_json("message", message_json(content));
  object.add_json("delivery", delivery_json(delivery, attempt));
  append_array(object.member("headers"), content.headers,
               [](std::string& out, const net::Header& header) {
                 out += '[';
                 append_value(out, header.name);
                 out += ',';
                 append_value(out, header.value);
                 out += ']';
               });
  if (is_utf8(content.body)) {
    object.add("body", content.body);
  } else {
    object.add("body_base64", base64(as_bytes(content.body)));
  }
  if (const auto data = parse_json(content.body)) object.add_json("data", write_json(*data));
  if (content.document) object.add_json("document", *content.document);
  object.end();
  return text;
}

}  // namespace waybill::delivery
