#include "app/redaction.h"

#include <algorithm>
#include <array>
#include <vector>

namespace waybill::app {
namespace {

using std::string_view;

// Names without case and separators. Sorted.
constexpr auto kNames = std::to_array<string_view>(
    {"accountnumber", "bic",     "billing",       "body",      "buyer",     "card",     "city",
     "client",        "company", "contact",       "contacts",  "customer",  "cvc",      "cvv",
     "fax",           "headers", "iban",          "ip",        "mail",      "metadata", "mobile",
     "pan",           "pin",     "postalcode",    "postcode",  "recipient", "shipping", "ssn",
     "street",        "surname", "transactionid", "vatnumber", "zip",       "zipcode"});
static_assert(std::ranges::is_sorted(kNames));
// What a name has in it, and what it ends with.
constexpr auto kParts =
    std::to_array<string_view>({"address", "authoriz", "cardnumber", "email", "passwd", "password",
                                "phone", "secret", "signature", "token", "useragent"});
constexpr auto kEnds = std::to_array<string_view>({"key", "name", "note", "notes", "reference"});

// What keys and secrets begin with.
constexpr auto kSecretBeginnings = std::to_array<string_view>(
    {"wbk_", "plk_", "piq_live_", "pk_live_", "pck_int_", "pck_live_", "whsec_", "whsk_"});
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kDepthMax = 128;

constexpr string_view kMask = "\"***\"";

// What a string of JSON stands for, as far as it is ASCII: other characters are one '?' each.
std::string ascii_of(string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      decoded += text[i];
      continue;
    }
    ++i;
    if (text[i] != 'u') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    std::size_t digits = 0;
    for (; digits < 4 && i + 1 < text.size(); ++digits) {
      const char c = text[i + 1];
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        value = value * 16 + static_cast<unsigned>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + static_cast<unsigned>(lower - 'a' + 10);
      } else {
        break;
      }
      ++i;
    }
    decoded += digits == 4 && value < 0x80 ? static_cast<char>(value) : '?';
  }
  return decoded;
}

bool looks_secret(string_view text) {
  if (text.find('@') != string_view::npos) return true;
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (text.starts_with('{') || text.starts_with('[')) return true;
  // Every string of a body comes here, so it is looked through once for what they all have.
  for (std::size_t i = text.find('_'); i != string_view::npos; i = text.find('_', i + 1)) {
    const string_view until = text.substr(0, i + 1);
    if (std::ranges::any_of(kSecretBeginnings,
                            [&](string_view beginning) { return until.ends_with(beginning); })) {
      return true;
    }
  }
  if (text.find(' ') == string_view::npos) return false;
  return text.find("Bearer ") != string_view::npos || text.find("Basic ") != string_view::npos;
}

// `text` is as it stands between its quotes.
bool is_secret_text(string_view text) {
  return text.find('\\') == string_view::npos ? looks_secret(text) : looks_secret(ascii_of(text));
}

class Redactor {
 public:
  Redactor(string_view body, std::size_t bytes_max) : left_(body), bytes_max_(bytes_max) {}

  std::optional<std::string> run() {
    skip_blanks();
    if (!left_.starts_with('{') && !left_.starts_with('[')) return std::nullopt;
    out_.reserve(std::min(left_.size(), bytes_max_));
    while (!left_.empty() && out_.size() < bytes_max_ && step()) {
    }
    if (out_.size() > bytes_max_) out_.resize(bytes_max_);
    return std::move(out_);
  }

 private:
  enum class Expect { kValue, kFirstValue, kFirstName, kName, kColon, kNext };
  struct Level {
    bool is_object;
    bool is_masked;
  };

  // False: this is the end of what is JSON.
  bool step() {
    skip_blanks();
    if (left_.empty()) return false;
    const char c = left_.front();
    switch (expect_) {
      case Expect::kFirstValue:
        if (c == ']') return close();
        return value();
      case Expect::kValue: return value();
      case Expect::kFirstName:
        if (c == '}') return close();
        return name();
      case Expect::kName: return name();
      case Expect::kColon: expect_ = Expect::kValue; return c == ':' && take(1);
      case Expect::kNext: return next();
    }
    return false;
  }

  bool next() {
    const Level& level = levels_.back();
    if (left_.front() == (level.is_object ? '}' : ']')) return close();
    expect_ = level.is_object ? Expect::kName : Expect::kValue;
    return left_.front() == ',' && take(1);
  }

  bool value() {
    const bool is_masked = is_member_masked_ || (!levels_.empty() && levels_.back().is_masked);
    const char c = left_.front();
    if (c == '{' || c == '[') return open(c == '{', is_masked);
    is_member_masked_ = false;
    expect_ = Expect::kNext;
    if (c == '"') return string_value(is_masked);
    for (const string_view word : {"null", "true", "false"}) {
      if (left_.starts_with(word)) return take(word.size());
    }
    return number(is_masked);
  }

  bool string_value(bool is_masked) {
    const auto text = string();
    // Its rest may be what would have given it away.
    if (!text || is_masked || is_secret_text(*text)) {
      out_ += kMask;
      return text.has_value();
    }
    out_ += '"';
    out_ += *text;
    out_ += '"';
    return true;
  }

  bool number(bool is_masked) {
    const std::size_t size = std::min(left_.find_first_not_of("+-.0123456789eE"), left_.size());
    if (size == 0) return false;
    if (!is_masked) return take(size);
    left_.remove_prefix(size);
    out_ += kMask;
    return true;
  }

  bool name() {
    if (left_.front() != '"') return false;
    const auto text = string();
    if (!text) return false;
    is_member_masked_ = is_redacted_name(
        text->find('\\') == string_view::npos ? *text : string_view(ascii_of(*text)));
    // Somebody's e-mail address may be a name, too.
    if (is_secret_text(*text)) {
      out_ += kMask;
    } else {
      out_ += '"';
      out_ += *text;
      out_ += '"';
    }
    expect_ = Expect::kColon;
    return true;
  }

  // What is between the quotes that it begins with, taken from what is left. Nothing: it has no
  // end.
  std::optional<string_view> string() {
    for (std::size_t i = 1; i < left_.size(); ++i) {
      if (left_[i] == '\\') {
        ++i;
      } else if (left_[i] == '"') {
        const string_view text = left_.substr(1, i - 1);
        left_.remove_prefix(i + 1);
        return text;
      }
    }
    return std::nullopt;
  }

  bool open(bool is_object, bool is_masked) {
    if (levels_.size() == kDepthMax) return false;
    levels_.push_back({is_object, is_masked});
    is_member_masked_ = false;
    expect_ = is_object ? Expect::kFirstName : Expect::kFirstValue;
    return take(1);
  }
  bool close() {
    levels_.pop_back();
    expect_ = Expect::kNext;
    take(1);
    return !levels_.empty();
  }

  bool take(std::size_t size) {
    out_ += left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }
  // Blanks say nothing, and pretty bodies have many.
  void skip_blanks() {
    left_.remove_prefix(std::min(left_.find_first_not_of(" \t\r\n"), left_.size()));
  }

  string_view left_;
  const std::size_t bytes_max_;
  std::string out_;
  std::vector<Level> levels_;
  bool is_member_masked_ = false;  // Of the member whose value comes.
  Expect expect_ = Expect::kValue;
};

}  // namespace

bool is_redacted_name(string_view name) {
  std::array<char, kNameMax> plain;
  std::size_t size = 0;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_plain = is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!is_plain) continue;
    // Nothing that we know of has so long a name.
    if (size == kNameMax) return true;
    plain[size++] = is_upper ? static_cast<char>(c | 0x20) : c;
  }
  const string_view known(plain.data(), size);
  if (std::ranges::any_of(kEnds, [&](string_view end) { return known.ends_with(end); })) {
    return true;
  }
  for (std::size_t i = 0; i < size; ++i) {
    const string_view rest = known.substr(i);
    for (const string_view part : kParts) {
      if (part.front() == rest.front() && rest.starts_with(part)) return true;
    }
  }
  return std::ranges::binary_search(kNames, known);
}

std::optional<std::string> redact(string_view body, std::size_t bytes_max) {
  return Redactor(body, bytes_max).run();
}

}  // namespace waybill::app
