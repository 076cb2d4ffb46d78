// What loader.cc, receipt_loader.cc and signature_loader.cc share.

#pragma once

#include <optional>
#include <string_view>

#include "dialect/dialect.h"
#include "dialect/toml_table.h"

namespace waybill::dialect {

// RFC 9110 §5.1.
bool is_header_name(std::string_view name);

// Printable ASCII without spaces.
bool is_word(std::string_view text);

// As "application/json" is one.
bool is_media_type(std::string_view text);

// The JSON or text template of `key`, which must be there. Empty if it has a fault.
enum class TemplateForm { kJson, kText };
Template read_template(TomlTable& table, std::string_view key, Vocabulary vocabulary,
                       TemplateForm form);

// [signature], which speaks of some of the headers of `dialect`. Nothing if there is none.
std::optional<SignatureRules> read_signature(TomlTable& top, const Dialect& dialect);

// [receipt] of `dialect`, whose signature was read already. Nothing if there is none.
std::optional<ReceiptRules> read_receipt(TomlTable& top, const Dialect& dialect);

// What the HTTP client writes itself.
bool is_of_connection(std::string_view header_name);

// A template of what was received, of one of the stretches of kReceived.
// Fails with kInvalid (template_invalid).
Result<Template> parse_received(std::string_view source, Vocabulary vocabulary, TemplateForm form);

}  // namespace waybill::dialect
