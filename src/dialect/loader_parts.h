// What loader.cc and signature_loader.cc share.

#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "dialect/dialect.h"
#include "dialect/toml_table.h"

namespace waybill::dialect {

// RFC 9110 §5.1.
bool is_header_name(std::string_view name);

// Printable ASCII without spaces.
bool is_word(std::string_view text);

// The JSON or text template of `key`, which must be there. Empty if it has a fault.
enum class TemplateForm { kJson, kText };
Template read_template(TomlTable& table, std::string_view key, Vocabulary vocabulary,
                       TemplateForm form);

// [signature], which speaks of some of the `headers`. Nothing if there is none.
std::optional<SignatureRules> read_signature(TomlTable& top,
                                             std::span<const Dialect::HeaderRule> headers);

}  // namespace waybill::dialect
