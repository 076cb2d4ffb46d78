// What a function that can fail returns. Expected failures are values; exceptions are for bugs and
// for what the process cannot survive.
//
//   Result<Order> order = parse(body);
//   if (!order) return std::unexpected(order.error());

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace waybill {

// A closed list: one meaning, and one HTTP status each (net/status.h). Add a code only when some
// caller will act on it differently; what an API client tells failures apart by is Error::reason.
enum class Code {
  kInvalid,          // Cannot succeed as asked; the caller must change something.
  kUnauthenticated,  // Nobody we know.
  kForbidden,        // Known, but may not.
  kNotFound,
  kConflict,     // Contradicts what is stored; read again and decide again.
  kTooLarge,     // More bytes than we take.
  kUnsupported,  // A media type we do not read.
  kUnavailable,  // A dependency is down or a queue full; the same call may succeed later.
  kTimeout,      // Given up on; it may or may not have happened.
  kInternal,     // Corrupt data, or a bug worth a report.
};

// "invalid", "not_found" …: the reason of an error that names none of its own.
std::string_view code_name(Code code);

struct Error {
  Error(Code c, std::string m) : code(c), reason(code_name(c)), message(std::move(m)) {}
  Error(Code c, std::string_view r, std::string m) : code(c), reason(r), message(std::move(m)) {}
  Error(Code c, std::string_view r, std::string m, std::string p)
      : code(c), reason(r), message(std::move(m)), path(std::move(p)) {}

  Code code;
  std::string reason;   // Stable, snake_case: "supplier_not_found". Clients may rely on it.
  std::string message;  // A sentence for a person. May change.
  std::string path;     // Where in the caller's JSON, as "$.lines[0].quantity". Empty: nowhere.
};

// std::expected, with a warning when a caller ignores it.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using Base = std::expected<T, Error>;
  using Base::Base;
  Result(Base base) : Base(std::move(base)) {}
};

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
inline std::unexpected<Error> fail(Code code, std::string_view reason, std::string message) {
  return std::unexpected<Error>(Error(code, reason, std::move(message)));
}
inline std::unexpected<Error> fail(Code code, std::string_view reason, std::string message,
                                   std::string path) {
  return std::unexpected<Error>(Error(code, reason, std::move(message), std::move(path)));
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace waybill

// Leaves the enclosing function with the error of `expression`, a Result. `co_` for coroutines.
#define WAYBILL_TRY(expression)                                                 \
  do {                                                                          \
    if (auto waybill_try = (expression); !waybill_try) [[unlikely]]             \
      return std::unexpected<::waybill::Error>(std::move(waybill_try).error()); \
  } while (false)
#define WAYBILL_CO_TRY(expression)                                                 \
  do {                                                                             \
    if (auto waybill_try = (expression); !waybill_try) [[unlikely]]                \
      co_return std::unexpected<::waybill::Error>(std::move(waybill_try).error()); \
  } while (false)
