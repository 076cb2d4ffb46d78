// An ObjectReader reads the members of one JSON object that a caller has sent, strictly: wrong
// types, values out of bounds, missing and unknown members are faults, each with its JSON path.
//
//   ObjectReader body(object);
//   const std::string name = body.text("name", {1, 200});
//   const auto timeout = body.optional_duration("timeout", 1s, 60s);
//   WAYBILL_TRY(body.done());
//
// The first fault is kept and told by done(); after it, and where a member is absent, every getter
// returns an empty value. So a handler reads all it needs, asks done() once, and only then uses it.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace waybill::surfaces::native {

// RFC 3339, or a duration: that long before `now`. Never before 1970: no record is older, and ids
// hold no such time. Nothing if it is neither.
std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now);

class ObjectReader {
 public:
  // What becomes of members that nobody asks for, and of those that are null.
  enum class Mode {
    kStrict,   // They are faults.
    kLenient,  // The former are passed over, the latter as good as absent.
  };

  // In characters for a text, in items for an array; both ends included.
  struct Length {
    std::size_t min = 0;
    std::size_t max = 0;
  };

  // `object` outlives the reader. `path` is where it stands in the body.
  explicit ObjectReader(const json::object& object, std::string path = "$",
                        Mode mode = Mode::kStrict);

  // Required members. Texts have no control characters, and are not blank unless `length.min` is 0.
  std::string text(std::string_view name, Length length);
  const json::object* object(std::string_view name);  // Null after a fault.
  const json::array* array(std::string_view name, Length length);
  Timestamp moment(std::string_view name, Timestamp now);  // As parse_moment().

  // Optional members.
  const json::object* optional_object(std::string_view name);
  std::optional<std::string> optional_text(std::string_view name, Length length);
  std::optional<std::vector<std::string>> optional_texts(std::string_view name, Length items,
                                                         Length each);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t min,
                                               std::int64_t max);
  std::optional<bool> optional_flag(std::string_view name);
  std::optional<std::chrono::milliseconds> optional_duration(std::string_view name,
                                                             std::chrono::milliseconds min,
                                                             std::chrono::milliseconds max);
  std::optional<std::vector<std::chrono::milliseconds>> optional_durations(
      std::string_view name, Length items, std::chrono::milliseconds min,
      std::chrono::milliseconds max);
  std::optional<Timestamp> optional_time(std::string_view name);
  // What is no id names nothing: a fault of kNotFound ("endpoint_not_found" for "endpoint").
  template <class SomeId>
  std::optional<SomeId> optional_id(std::string_view name) {
    const auto text = optional_text(name, {1, 100});
    if (!text) return std::nullopt;
    const auto id = SomeId::parse(*text);
    if (!id) {
      check(name, fail(Code::kNotFound, std::string(name) + "_not_found",
                       "There is no such " + std::string(name) + "."));
    }
    return id;
  }

  // True if the member is there, and, for is_null(), null.
  bool has(std::string_view name);
  bool is_null(std::string_view name);

  // The path of a member of this object: "$.events[2].type".
  std::string path(std::string_view name) const;

  // Adds to the faults what the hub's own rules say of a member that could be read. An error
  // without a path gets that of `name`.
  void check(std::string_view name, const Result<void>& verdict);
  // A fault of the caller's: kInvalid with this reason.
  void refuse(std::string_view name, std::string_view reason, std::string message);

  // Fails with kInvalid and the first fault: member_missing, member_type, member_invalid (a right
  // type, but not a value it may have), member_unknown, or what check() was given.
  Result<void> done();

  bool has_fault() const { return fault_.has_value(); }

 private:
  // The member, marked as known. Null if it is absent or a fault was found before.
  const json::value* find(std::string_view name);
  const json::value* require(std::string_view name);
  void fault(std::string path, std::string_view reason, std::string message);
  std::string read_text(const json::value& value, const std::string& path, Length length);
  std::optional<std::chrono::milliseconds> read_duration(const json::value& value,
                                                         const std::string& path,
                                                         std::chrono::milliseconds min,
                                                         std::chrono::milliseconds max);
  bool has_items(const json::array& items, const std::string& path, Length length);

  const json::object& object_;
  const std::string path_;
  const Mode mode_;
  std::vector<std::string_view> known_;
  std::optional<Error> fault_;
};

}  // namespace waybill::surfaces::native
