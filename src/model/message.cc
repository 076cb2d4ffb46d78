#include "model/message.h"

#include <utility>

#include "base/bytes.h"
#include "base/json_text.h"

namespace waybill::model {
namespace {

Error unreadable() {
  return {Code::kInternal, "message_unreadable", "The data of this event is that of no message."};
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(std::string_view(value->get_string()))
                                     : std::string();
}

Result<std::string> read_body(const json::object& object) {
  if (const json::value* text = object.if_contains("body"); text && text->is_string()) {
    return std::string(std::string_view(text->get_string()));
  }
  const json::value* encoded = object.if_contains("body_base64");
  if (!encoded || !encoded->is_string()) return fail(unreadable());
  const auto bytes = parse_base64(std::string_view(encoded->get_string()));
  if (!bytes) return fail(unreadable());
  return std::string(as_text(*bytes));
}

Result<std::vector<net::Header>> read_headers(const json::object& object) {
  const json::value* all = object.if_contains("headers");
  if (!all || !all->is_array()) return fail(unreadable());
  std::vector<net::Header> headers;
  for (const json::value& one : all->get_array()) {
    if (!one.is_array() || one.get_array().size() != 2) return fail(unreadable());
    const json::value& name = one.get_array()[0];
    const json::value& value = one.get_array()[1];
    if (!name.is_string() || !value.is_string()) return fail(unreadable());
    headers.push_back({std::string(std::string_view(name.get_string())),
                       std::string(std::string_view(value.get_string()))});
  }
  return headers;
}

}  // namespace

std::string message_data(const MessageContent& content) {
  std::string data;
  data.reserve(content.body.size() + 512);
  ObjectText object(data);
  object.add("id", content.id)
      .add("source", content.source)
      .add("dialect", content.dialect)
      .add("type", replace_invalid_utf8(content.type))
      .add("external_id", replace_invalid_utf8(content.external_id))
      .add("received_at", content.received_at)
      .add("content_type", replace_invalid_utf8(content.content_type));
  append_array(object.member("headers"), content.headers,
               [](std::string& out, const net::Header& header) {
                 out += '[';
                 append_value(out, replace_invalid_utf8(header.name));
                 out += ',';
                 append_value(out, replace_invalid_utf8(header.value));
                 out += ']';
               });
  if (is_utf8(content.body)) {
    object.add("body", content.body);
  } else {
    object.add("body_base64", base64(as_bytes(content.body)));
  }
  if (content.document) object.add_json("document", *content.document);
  object.end();
  return data;
}

Result<MessageContent> read_message_data(const json::value& data) {
  const json::object* object = data.if_object();
  if (!object) return fail(unreadable());
  MessageContent content;
  const auto id = MessageId::parse(text_of(*object, "id"));
  if (!id) return fail(unreadable());
  content.id = *id;
  content.source = text_of(*object, "source");
  content.dialect = text_of(*object, "dialect");
  content.type = text_of(*object, "type");
  content.external_id = text_of(*object, "external_id");
  content.content_type = text_of(*object, "content_type");
  const auto received_at = parse_iso_time(text_of(*object, "received_at"));
  if (!received_at) return fail(unreadable());
  content.received_at = *received_at;
  auto headers = read_headers(*object);
  if (!headers) return fail(headers.error());
  content.headers = *std::move(headers);
  auto body = read_body(*object);
  if (!body) return fail(body.error());
  content.body = *std::move(body);
  if (const json::value* document = object->if_contains("document")) {
    content.document = write_json(*document);
  }
  return content;
}

}  // namespace waybill::model
