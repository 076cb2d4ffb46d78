// Reads [signature], and refuses one that could not be verified.

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dialect/loader_parts.h"
#include "dialect/vocabulary.h"

namespace waybill::dialect {
namespace {

constexpr int kKeyBytesMaxLeast = 16;

bool names(const Template& source, std::string_view variable) {
  return std::ranges::count(source.variables(), variable) > 0;
}

std::string read_header_name(TomlTable& table, std::string_view key) {
  const std::optional<TomlText> name = table.text(key);
  if (!name) return {};
  if (!is_header_name(name->text)) {
    table.fault(key, fmt::format("\"{}\" is no header name", name->text));
  }
  return name->text;
}

SignatureScheme read_scheme(TomlTable& table) {
  SignatureScheme scheme;
  if (table.word("algorithm", {"hmac-sha256", "ed25519"}) == 1) {
    scheme.algorithm = SignatureScheme::Algorithm::kEd25519;
  }
  using KeyEncoding = SignatureScheme::KeyEncoding;
  if (const auto key = table.word("key", {"text", "base64", "html-text"})) {
    scheme.key_encoding =
        std::array{KeyEncoding::kText, KeyEncoding::kBase64, KeyEncoding::kEntities}[*key];
  }
  const auto bytes = [&](std::string_view key, int low, std::size_t otherwise) {
    const std::optional<int> read = table.integer(key, low, 1024);
    return read ? static_cast<std::size_t>(*read) : otherwise;
  };
  scheme.key_bytes_min = bytes("key_bytes_min", 1, scheme.key_bytes_min);
  // The hub makes keys within these bounds: a smaller one could be guessed.
  scheme.key_bytes_max = bytes("key_bytes_max", kKeyBytesMaxLeast, scheme.key_bytes_max);
  if (scheme.key_bytes_min > scheme.key_bytes_max) {
    table.fault("key_bytes_min", "is above key_bytes_max");
  }
  const auto prefix = [&](std::string_view key) {
    const std::string text = table.text(key).value_or(TomlText()).text;
    if (!is_word(text)) table.fault(key, "must be printable ASCII without spaces");
    return text;
  };
  scheme.secret_prefix = prefix("secret_prefix");
  scheme.public_prefix = prefix("public_prefix");
  scheme.text = read_template(table, "text", kSchemeVariables, TemplateForm::kText);
  if (!scheme.text.empty() && scheme.text.variables().size() != 1) {
    table.fault("text", "must name {hex} or {base64}, once");
  }
  if (names(scheme.text, "base64")) scheme.encoding = SignatureScheme::Encoding::kBase64;

  const bool asymmetric = scheme.algorithm == SignatureScheme::Algorithm::kEd25519;
  if (asymmetric && scheme.key_encoding != SignatureScheme::KeyEncoding::kBase64) {
    table.fault("key", "an Ed25519 key is written in base64");
  }
  if (asymmetric == scheme.public_prefix.empty()) {
    table.fault("public_prefix", asymmetric ? "is missing: what an Ed25519 public key begins with"
                                            : "a shared secret has no public half");
  }
  if (asymmetric && (table.has("key_bytes_min") || table.has("key_bytes_max"))) {
    table.fault("key_bytes_min", "an Ed25519 key has a length of its own");
  }
  table.finish();
  return scheme;
}

class SignatureLoader {
 public:
  SignatureLoader(TomlTable& table, const Dialect& dialect)
      : table_(table), headers_(dialect.headers), receives_only_(dialect.receives_only) {}

  SignatureRules load() {
    read_keys();
    read_value();
    // Without it nothing can be said about what goes with it.
    if (!rules_.signed_text.empty()) check_signed_text();
    check_headers();
    for (TomlTable& scheme : table_.tables("schemes"))
      rules_.schemes.push_back(read_scheme(scheme));
    check_prefixes();
    table_.finish();
    return std::move(rules_);
  }

 private:
  void read_keys() {
    using TimeFormat = SignatureRules::TimeFormat;
    if (!table_.has("header")) table_.fault("header", "is missing");
    rules_.header = read_header_name(table_, "header");
    rules_.rotation_header = read_header_name(table_, "rotation_header");
    rules_.timestamp_header = read_header_name(table_, "timestamp_header");
    rules_.id_header = read_header_name(table_, "id_header");
    rules_.signed_text = read_template(table_, "signed", kSignedVariables, TemplateForm::kText);
    if (const auto separator = table_.text("separator")) rules_.separator = separator->text;
    // Who only receives leaves to the platform where a second signature goes.
    const bool neither = rules_.separator.empty() && rules_.rotation_header.empty();
    if (rules_.separator.empty() == rules_.rotation_header.empty() &&
        !(neither && receives_only_)) {
      table_.fault("separator",
                   "either the header holds several signatures, parted by separator, or a "
                   "rotation_header holds the second one while a secret is being changed");
    }
    rules_.tolerance = table_.duration("tolerance");
    if (const auto format = table_.word("time_format", {"unix", "unix_ms", "iso"})) {
      rules_.time_format =
          std::array{TimeFormat::kUnix, TimeFormat::kUnixMillis, TimeFormat::kIso}[*format];
    }
  }

  // `value`, cut at the separators, since verify() reads its parts in any order.
  void read_value() {
    const std::optional<TomlText> written = table_.text("value");
    std::string_view rest = written ? std::string_view(written->text) : "{signatures}";
    std::ptrdiff_t signatures = 0;
    for (bool more = true; more;) {
      const std::size_t end =
          rules_.separator.empty() ? std::string_view::npos : rest.find(rules_.separator);
      more = end != std::string_view::npos;
      const std::string_view part = rest.substr(0, end);
      if (more) rest.remove_prefix(end + rules_.separator.size());

      Result<Template> made = Template::parse_text(part, kSignatureVariables);
      if (!made) return table_.fault("value", made.error().message);
      if (!made->is_matchable()) return table_.fault("value", "two placeholders touch");
      const bool holds_signatures = names(*made, "signatures");
      if (!rules_.separator.empty() && made->variables().size() != 1) {
        return table_.fault("value",
                            "each part between the separators is one placeholder and its text");
      }
      if (!rules_.separator.empty() && holds_signatures && part != "{signatures}") {
        return table_.fault("value",
                            "{signatures} is a part of its own; what stands around each "
                            "signature belongs into its scheme");
      }
      signatures += std::ranges::count(made->variables(), "signatures");
      rules_.value.push_back(*std::move(made));
    }
    if (signatures != 1) table_.fault("value", "must name {signatures} once");
  }

  // What is signed must be sent, and what is sent along must be signed.
  void check_signed_text() {
    if (!names(rules_.signed_text, "body")) table_.fault("signed", "must name {body}");
    const bool id_signed = names(rules_.signed_text, "id");
    if (id_signed && !table_.has("id_header")) {
      table_.fault("id_header", "is missing: where the signed id stands");
    }
    if (!id_signed && table_.has("id_header")) table_.fault("id_header", "the id is not signed");

    const bool in_value = std::ranges::any_of(
        rules_.value, [](const Template& part) { return names(part, "timestamp"); });
    const bool in_header = !rules_.timestamp_header.empty();
    if (!names(rules_.signed_text, "timestamp")) {
      if (in_value || in_header || rules_.tolerance || table_.has("time_format")) {
        table_.fault("signed", "a timestamp is sent or limited, but not signed");
      }
      return;
    }
    if (!in_value && !in_header) {
      table_.fault("signed", "the timestamp must be sent too: in value or in timestamp_header");
    }
    if (in_value && in_header) {
      table_.fault("timestamp_header", "the timestamp stands in value already");
    }
    if (!table_.has("tolerance")) {
      table_.fault("tolerance", "is missing: how old may a signed time be?");
    }
  }

  void check_headers() {
    if (!receives_only_) {
      check_is_sent("id_header", rules_.id_header);
      check_is_sent("timestamp_header", rules_.timestamp_header);
    }
    for (const Dialect::HeaderRule& rule : headers_) {
      if (net::same_header_name(rule.name, rules_.header) ||
          net::same_header_name(rule.name, rules_.rotation_header)) {
        table_.fault("header", fmt::format("[headers] sets {} too", rule.name));
      }
    }
    if (!rules_.header.empty() && net::same_header_name(rules_.header, rules_.rotation_header)) {
      table_.fault("rotation_header", "is the same as header");
    }
  }

  void check_is_sent(std::string_view key, const std::string& name) {
    const bool sent = std::ranges::any_of(headers_, [&](const Dialect::HeaderRule& rule) {
      return net::same_header_name(rule.name, name) && !rule.retries_only;
    });
    if (!name.empty() && !sent) {
      table_.fault(key, fmt::format("[headers] does not send {} always", name));
    }
  }

  // A key's text is read by the first scheme one of whose prefixes it has, the public one first.
  void check_prefixes() {
    if (rules_.schemes.empty()) table_.fault("schemes", "there is no [[signature.schemes]]");
    std::vector<std::string> seen;
    for (const SignatureScheme& scheme : rules_.schemes) {
      std::vector<std::string> prefixes;
      if (!scheme.public_prefix.empty()) prefixes.push_back(scheme.public_prefix);
      prefixes.push_back(scheme.secret_prefix);
      for (const std::string& prefix : prefixes) {
        for (const std::string& earlier : seen) {
          if (!prefix.starts_with(earlier)) continue;
          table_.fault("schemes",
                       fmt::format("what begins with \"{}\" is taken for \"{}\"", prefix, earlier));
        }
        seen.push_back(prefix);
      }
    }
  }

  TomlTable& table_;
  std::span<const Dialect::HeaderRule> headers_;
  bool receives_only_;
  SignatureRules rules_;
};

}  // namespace

bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Template read_template(TomlTable& table, std::string_view key, Vocabulary vocabulary,
                       TemplateForm form) {
  const std::optional<TomlText> source = table.required_text(key);
  if (!source) return {};
  Result<Template> made = form == TemplateForm::kJson
                              ? Template::parse_json(source->text, vocabulary)
                              : Template::parse_text(source->text, vocabulary);
  if (made) return *std::move(made);
  table.fault(key, made.error().message);
  return {};
}

std::optional<SignatureRules> read_signature(TomlTable& top, const Dialect& dialect) {
  std::optional<TomlTable> table = top.table("signature");
  if (!table) return std::nullopt;
  return SignatureLoader(*table, dialect).load();
}

}  // namespace waybill::dialect
