#include "app/redaction_names.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace waybill::app {
namespace {

using std::string_view;

// Names without case and separators. Sorted.
constexpr auto kNames = std::to_array<string_view>(
    {"accountnumber", "bic",       "billing",       "body",      "buyer",
     "card",          "city",      "client",        "company",   "contact",
     "contacts",      "customer",  "cvc",           "cvv",       "dob",
     "fax",           "headers",   "iban",          "ip",        "mail",
     "metadata",      "mobile",    "pan",           "pin",       "postalcode",
     "postcode",      "recipient", "shipping",      "ssn",       "street",
     "surname",       "tel",       "transactionid", "vatnumber", "zip",
     "zipcode"});
static_assert(std::ranges::is_sorted(kNames));
// What a name has in it, and what it ends with.
constexpr auto kParts =
    std::to_array<string_view>({"address", "authoriz", "birth", "cardnumber", "credential", "email",
                                "passphrase", "passwd", "password", "paymenturl", "phone", "secret",
                                "signature", "taxid", "token", "useragent", "vatid"});
static_assert(std::ranges::is_sorted(kParts));
constexpr auto kEnds = std::to_array<string_view>({"key", "name", "note", "notes", "reference"});
// What the name of an object that tells of a person begins with.
constexpr auto kPeople = std::to_array<string_view>({"billing", "client", "customer", "shipping"});
constexpr auto kAddressEnds = std::to_array<string_view>({"url", "urls", "uri", "uris", "href"});

constexpr std::size_t kNameMax = 64;

bool begins_with_one_of(string_view text, std::span<const string_view> beginnings) {
  if (text.empty()) return false;
  return std::ranges::any_of(beginnings, [&](string_view one) {
    return one.front() == text.front() && text.starts_with(one);
  });
}

// Where in kParts those are that begin with a letter: from its own place to the next one's.
constexpr auto kPartsOfLetter = [] {
  std::array<std::uint8_t, 27> places{};
  for (const string_view part : kParts) {
    for (auto later = static_cast<std::size_t>(part.front() - 'a') + 1; later < places.size();
         ++later) {
      ++places[later];
    }
  }
  return places;
}();

bool has_part(string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] < 'a') continue;
    const std::size_t letter = static_cast<std::size_t>(name[i] - 'a');
    for (std::size_t part = kPartsOfLetter[letter]; part < kPartsOfLetter[letter + 1]; ++part) {
      if (name.substr(i).starts_with(kParts[part])) return true;
    }
  }
  return false;
}

Part part_of(string_view known) {
  if (known == "name" || known == "key") return Part::kName;
  return known == "value" ? Part::kValue : Part::kNone;
}

Treatment look_at(string_view name) {
  std::array<char, kNameMax> plain;
  std::size_t size = 0;
  for (const char c : name) {
    if (!is_letter_or_digit(c)) continue;
    // Nothing that we know of has so long a name.
    if (size == kNameMax) return {.kept = Kept::kNothing};
    plain[size++] = lower(c);
  }
  const string_view known(plain.data(), size);
  if (ends_with_one_of(known, kEnds) || has_part(known) ||
      std::ranges::binary_search(kNames, known)) {
    return {Kept::kNothing, begins_with_one_of(known, kPeople), part_of(known)};
  }
  return {ends_with_one_of(known, kAddressEnds) ? Kept::kHost : Kept::kAll,
          begins_with_one_of(known, kPeople), part_of(known)};
}

// What is made of a name depends on nothing else.
class KnownNames {
 public:
  Treatment treatment(string_view name) {
    if (name.size() > kSizeMax) return look_at(name);
    const std::size_t place = std::hash<string_view>()(name) % entries_.size();
    Entry& entry = entries_[place];
    if (entry.is_of(name)) return entry.treatment;
    // Two that are often there may have one place: the former moves to its neighbour.
    std::swap(entry, entries_[place ^ 1]);
    if (!entry.is_of(name)) {
      std::ranges::copy(name, entry.name.begin());
      entry.size = static_cast<std::uint8_t>(name.size());
      entry.treatment = look_at(name);
    }
    return entry.treatment;
  }

 private:
  static constexpr std::size_t kSizeMax = 27;
  struct Entry {
    std::array<char, kSizeMax> name{};
    std::uint8_t size = 0;
    Treatment treatment;

    bool is_of(string_view other) const {
      return size != 0 && string_view(name.data(), size) == other;
    }
  };
  std::array<Entry, 512> entries_;
};

}  // namespace

Treatment treatment_of(string_view name) {
  thread_local KnownNames known;
  return known.treatment(name);
}

}  // namespace waybill::app
