#include "app/redaction.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "app/redaction_names.h"
#include "model/source.h"

namespace waybill::app {
namespace {

using std::string_view;

// What keys and secrets begin with.
constexpr auto kSecretBeginnings =
    std::to_array<string_view>({"wbk_", "plk_", "piq_", "pk_live_", "pck_", "whsec_", "whsk_"});
// The same, but too short to be looked for within a word: "stock_level".
constexpr auto kShortBeginnings = std::to_array<string_view>({"ck_", "cs_"});
constexpr std::size_t kDepthMax = 128;

constexpr string_view kMask = "\"***\"";

// `end` is in lower case.
bool ends_with_in_any_case(string_view text, string_view end) {
  return text.size() >= end.size() &&
         std::ranges::equal(text.substr(text.size() - end.size()), end, {}, lower);
}

// What a text has in it that may give it away, as bits: most have nothing.
using Marks = std::uint8_t;
enum Mark : Marks {
  kAt = 1,
  kBracket = 2,
  kUnderscore = 4,
  kBlank = 8,
  kQuery = 16,
  kEscape = 32,
  kSlash = 64
};
constexpr auto kMarks = [] {
  std::array<Marks, 256> marks{};
  marks['@'] = kAt;
  marks['{'] = marks['['] = kBracket;
  marks['_'] = kUnderscore;
  marks[' '] = kBlank;
  marks['?'] = marks['#'] = kQuery;
  marks['\\'] = kEscape;
  marks['/'] = kSlash;
  return marks;
}();
Marks mark_of(char c) { return kMarks[static_cast<unsigned char>(c)]; }

// Takes one character from the beginning of what stands between the quotes of a string, which is
// not empty. One that is not ASCII is '?' or several, a control character is a blank.
char take_character(string_view& text) {
  const char first = text.front();
  text.remove_prefix(1);
  if (first != '\\' || text.empty()) return first;
  const char escaped = text.front();
  text.remove_prefix(1);
  if (string_view("bfnrt").find(escaped) != string_view::npos) return ' ';
  if (escaped != 'u') return escaped;
  unsigned value = 0;
  std::size_t digits = 0;
  for (; digits < 4 && !text.empty(); ++digits) {
    const char c = lower(text.front());
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  if (digits != 4 || value >= 0x80) return '?';
  return value < ' ' ? ' ' : static_cast<char>(value);
}

std::string decoded(string_view text) {
  std::string characters;
  while (!text.empty()) characters += take_character(text);
  return characters;
}

// How many bytes of `text` stand for its first `characters`.
std::size_t bytes_of(string_view text, std::size_t characters) {
  string_view rest = text;
  for (; characters > 0 && !rest.empty(); --characters) take_character(rest);
  return text.size() - rest.size();
}

bool looks_secret(string_view text, Marks marks) {
  if (marks & kAt) return true;
  if (marks & kBracket) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin != string_view::npos && (text[begin] == '{' || text[begin] == '[')) return true;
  }
  for (std::size_t i = 0; marks & kUnderscore; ++i) {
    i = text.find('_', i);
    if (i == string_view::npos) break;
    const string_view until = text.substr(0, i + 1);
    if (ends_with_one_of(until, kSecretBeginnings)) return true;
    if (ends_with_one_of(until, kShortBeginnings) &&
        (i == 2 || !is_letter_or_digit(until[i - 3]))) {
      return true;
    }
  }
  for (std::size_t i = 0; marks & kBlank; ++i) {
    i = text.find(' ', i);
    if (i == string_view::npos) break;
    const string_view until = text.substr(0, i);
    if (ends_with_in_any_case(until, "bearer") || until.ends_with("Basic")) return true;
  }
  return false;
}

// Where the first "http://" or "https://" at or after `from` ends.
std::optional<std::size_t> end_of_scheme(string_view text, std::size_t from = 0) {
  constexpr string_view kBetween = "://";
  for (std::size_t i = text.find(kBetween, from); i != string_view::npos;
       i = text.find(kBetween, i + 1)) {
    const string_view until = text.substr(0, i);
    if (ends_with_in_any_case(until, "http") || ends_with_in_any_case(until, "https")) {
      return i + kBetween.size();
    }
  }
  return std::nullopt;
}

// Where the token of a source's address begins, be it a path or a whole address: whoever has it may
// send to the source.
std::optional<std::size_t> begin_of_token(string_view text) {
  for (std::size_t i = text.find(model::kSourcePath); i != string_view::npos;
       i = text.find(model::kSourcePath, i + 1)) {
    const string_view until = text.substr(0, i);
    const std::size_t host = until.rfind('/') + 1;  // From the beginning, if there is no slash.
    const bool is_of_host = host >= 3 && end_of_scheme(until, host - 3) == host;
    if (until.empty() || is_of_host) return i + model::kSourcePath.size();
  }
  return std::nullopt;
}

// As kept_size(), of a text in which no token is.
std::optional<std::size_t> kept_without_token(string_view text, Marks marks, Kept kept) {
  if (kept == Kept::kNothing || looks_secret(text, marks)) return std::nullopt;
  if (kept == Kept::kAll && !(marks & kQuery)) return text.size();
  const auto scheme = end_of_scheme(text);
  if (kept == Kept::kHost) {
    // Something else than an address.
    if (!scheme || *scheme > string_view("https://").size()) return std::nullopt;
    const std::size_t end = text.find_first_of("/?#\\ ", *scheme);
    return end == string_view::npos ? text.size() : end + 1;
  }
  if (!scheme) return text.size();
  const std::size_t query = text.find_first_of("?#", *scheme);
  return query == string_view::npos ? text.size() : query + 1;
}

// How many characters of a text are kept, "***" following if that is not all. Nothing: none, and
// it is "***" as a whole.
std::optional<std::size_t> kept_size(string_view text, Marks marks, Kept kept) {
  const auto token = marks & kSlash ? begin_of_token(text) : std::nullopt;
  return kept_without_token(text.substr(0, token.value_or(text.size())), marks, kept);
}

// What stands between the quotes of a string.
struct Text {
  string_view text;
  Marks marks = 0;
};

// As kept_size(), in bytes of the string.
std::optional<std::size_t> kept_bytes(const Text& text, Kept kept) {
  if (kept == Kept::kNothing) return std::nullopt;
  // Nearly every name, and most of the rest.
  if (kept == Kept::kAll && text.marks == 0) return text.text.size();
  if (!(text.marks & kEscape)) return kept_size(text.text, text.marks, kept);
  const std::string plain = decoded(text.text);
  Marks marks = 0;
  for (const char c : plain) marks |= mark_of(c);
  const auto size = kept_size(plain, marks, kept);
  return size ? std::optional(bytes_of(text.text, *size)) : std::nullopt;
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_of_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

class Redactor {
 public:
  Redactor(string_view body, std::size_t bytes_max)
      : left_(body), uncopied_(body.data()), bytes_max_(bytes_max) {}

  std::optional<std::string> run() {
    skip_blanks();
    if (!left_.starts_with('{') && !left_.starts_with('[')) return std::nullopt;
    out_.reserve(std::min(left_.size(), bytes_max_));
    levels_.reserve(8);
    while (!left_.empty() && size_kept() < bytes_max_ && step()) {
    }
    leave_out_from(left_.data());
    // The "name" that such a "value" has may be in what is not there.
    for (; !levels_.empty(); levels_.pop_back()) mask_value(levels_.back());
    if (out_.size() > bytes_max_) out_.resize(bytes_max_);
    return std::move(out_);
  }

 private:
  // What is kept stands together for the most part: it is copied once something is not. How much is
  // kept, copied or not:
  std::size_t size_kept() const {
    return out_.size() + static_cast<std::size_t>(left_.data() - uncopied_);
  }
  // Copies what was taken until `begin`; what was taken since then is not kept.
  void leave_out_from(const char* begin) {
    out_.append(uncopied_, static_cast<std::size_t>(begin - uncopied_));
    uncopied_ = left_.data();
  }

  enum class Expect { kValue, kFirstValue, kFirstName, kName, kColon, kNext };
  struct Level {
    bool is_object;
    Kept kept;
    Part part = Part::kNone;       // Of the member that has begun last.
    Kept value_kept = Kept::kAll;  // What its "name" says of its "value".
    // Where its "value" is in out_, as a "name" may follow it: of several, from the first to the
    // last.
    std::size_t value_begin = string_view::npos;
    std::size_t value_end = string_view::npos;
  };

  // False: this is the end of what is JSON.
  bool step() {
    if (is_blank(left_.front())) skip_blanks();
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
    Level& level = levels_.back();
    if (level.part == Part::kValue) level.value_end = size_kept();
    if (left_.front() == (level.is_object ? '}' : ']')) return close();
    expect_ = level.is_object ? Expect::kName : Expect::kValue;
    return left_.front() == ',' && take(1);
  }

  bool value() {
    const char c = left_.front();
    const bool is_compound = c == '{' || c == '[';
    const Kept kept = kept_of_next(is_compound);
    member_ = {};
    if (!levels_.empty() && levels_.back().part == Part::kValue) {
      Level& level = levels_.back();
      if (level.value_begin == string_view::npos) level.value_begin = size_kept();
      level.value_end = string_view::npos;
    }
    if (is_compound) return open(c == '{', kept);
    expect_ = Expect::kNext;
    if (c == '"') return string_value(kept);
    if (is_of_number(c)) return number(kept);
    for (const string_view word : {"null", "true", "false"}) {
      if (left_.starts_with(word)) return take(word.size());
    }
    return false;
  }

  // What is kept of the value that comes.
  Kept kept_of_next(bool is_compound) const {
    Kept kept = is_compound && member_.is_person ? Kept::kNothing : member_.kept;
    if (levels_.empty()) return kept;
    const Level& level = levels_.back();
    if (level.part == Part::kValue) kept = std::max(kept, level.value_kept);
    return std::max(kept, level.kept);
  }

  bool string_value(Kept kept) {
    const auto text = string();
    // Its rest may be what would have given it away.
    if (!text) {
      leave_out_from(left_.data());
      out_ += kMask;
      return false;
    }
    keep(*text, kept);
    if (!levels_.empty() && levels_.back().part == Part::kName) read_pair_name(*text);
    return true;
  }

  // The text of a "name" or "key", which stands for the name of the "value" beside it.
  void read_pair_name(const Text& text) {
    Level& level = levels_.back();
    const Treatment treatment = treatment_of_text(text);
    const Kept kept = treatment.is_person ? Kept::kNothing : treatment.kept;
    level.value_kept = std::max(level.value_kept, kept);
    if (kept != Kept::kAll) mask_value(level);
  }
  void mask_value(Level& level) {
    if (level.value_begin == string_view::npos) return;
    leave_out_from(left_.data());
    const std::size_t end = std::min(level.value_end, out_.size());
    out_.replace(level.value_begin, end - level.value_begin, kMask);
    level.value_begin = string_view::npos;
  }

  bool number(Kept kept) {
    std::size_t size = 1;
    while (size < left_.size() && is_of_number(left_[size])) ++size;
    if (kept == Kept::kAll) return take(size);
    const char* const begin = left_.data();
    take(size);
    leave_out_from(begin);
    out_ += kMask;
    return true;
  }

  bool name() {
    if (left_.front() != '"') return false;
    const auto text = string();
    if (!text) return false;
    member_ = treatment_of_text(*text);
    levels_.back().part = member_.part;
    // Somebody's e-mail address may be a name, too.
    keep(*text, Kept::kAll);
    expect_ = Expect::kColon;
    return true;
  }

  static Treatment treatment_of_text(const Text& text) {
    return text.marks & kEscape ? treatment_of(decoded(text.text)) : treatment_of(text.text);
  }

  // Keeps what may be kept of a string that was taken.
  void keep(const Text& text, Kept kept) {
    const auto size = kept_bytes(text, kept);
    if (size == text.text.size()) return;
    leave_out_from(size ? text.text.data() + *size : text.text.data() - 1);
    out_ += size ? kMask.substr(1) : kMask;  // Its first quote is kept with its beginning.
  }

  // What is between the quotes that it begins with, taken from what is left. Nothing: it has no
  // end.
  std::optional<Text> string() {
    Marks marks = 0;
    for (std::size_t i = 1; i < left_.size(); ++i) {
      marks |= mark_of(left_[i]);
      if (left_[i] == '\\') {
        ++i;
      } else if (left_[i] == '"') {
        const string_view text = left_.substr(1, i - 1);
        left_.remove_prefix(i + 1);
        return Text{text, marks};
      }
    }
    return std::nullopt;
  }

  bool open(bool is_object, Kept kept) {
    if (levels_.size() == kDepthMax) return false;
    levels_.push_back({is_object, kept});
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
    left_.remove_prefix(size);
    return true;
  }
  // Blanks say nothing, and pretty bodies have many.
  void skip_blanks() {
    const char* const begin = left_.data();
    while (!left_.empty() && is_blank(left_.front())) take(1);
    leave_out_from(begin);
  }

  string_view left_;
  const char* uncopied_;  // What is kept, from here to what is left, is not in out_ yet.
  const std::size_t bytes_max_;
  std::string out_;
  std::vector<Level> levels_;
  Treatment member_;  // Of the value that comes.
  Expect expect_ = Expect::kValue;
};

}  // namespace

bool is_redacted_name(string_view name) { return treatment_of(name).kept == Kept::kNothing; }

std::optional<std::string> redact(string_view body, std::size_t bytes_max) {
  return Redactor(body, bytes_max).run();
}

std::string redact_path(string_view path) {
  constexpr string_view kExternal = "by-external";
  std::string redacted;
  redacted.reserve(path.size());
  // Whoever has a source's token may send to it.
  if (path.starts_with(model::kSourcePath)) {
    redacted += model::kSourcePath;
    return redacted += kRedacted;
  }
  // Nearly every path: none of its segments can be one that is left out.
  if (!path.contains('@') && !path.contains('%') && !path.contains(kExternal)) {
    return redacted += path;
  }
  for (bool is_external = false;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const string_view segment = path.substr(0, end);
    const bool is_personal = (is_external && !segment.empty()) ||
                             segment.find('@') != string_view::npos ||
                             segment.find("%40") != string_view::npos;
    redacted += is_personal ? kRedacted : segment;
    if (end == path.size()) return redacted;
    redacted += '/';
    is_external = segment == kExternal;
    path.remove_prefix(end + 1);
  }
}

}  // namespace waybill::app
