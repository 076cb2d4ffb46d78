#include "bench/ledger/behaviour.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/clock.h"

namespace waybill::bench {
namespace {

std::optional<int> number_in(std::string_view text, int least, int greatest) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number >= least && number <= greatest ? std::optional(number) : std::nullopt;
}

struct Words {
  std::string_view name, argument;
};

Words split(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool read_failures(std::string_view argument, Behaviour& behaviour) {
  const auto [tries, status] = split(argument);
  const auto count = number_in(tries, 1, 1000);
  const auto code = status.empty() ? std::optional(503) : number_in(status, 300, 599);
  if (!count || !code) return false;
  behaviour.tries = *count;
  behaviour.status = *code;
  return true;
}

// False if the argument is not one for this kind.
bool read_argument(std::string_view argument, Behaviour& behaviour) {
  using Kind = Behaviour::Kind;
  switch (behaviour.kind) {
    case Kind::kDelay: {
      const auto delay = parse_duration(argument);
      behaviour.delay = delay.value_or(behaviour.delay);
      return delay.has_value();
    }
    case Kind::kFail: return read_failures(argument, behaviour);
    case Kind::kStatus: {
      const auto status = number_in(argument, 200, 599);
      behaviour.status = status.value_or(0);
      return status.has_value();
    }
    case Kind::kRedirect: behaviour.location = argument; return argument.starts_with("http");
    default: return argument.empty();
  }
}

}  // namespace

Result<Behaviour> parse_behaviour(std::string_view text) {
  using Kind = Behaviour::Kind;
  struct Named {
    std::string_view name;
    Kind kind;
  };
  constexpr Named kinds[] = {
      {"healthy", Kind::kHealthy}, {"delay", Kind::kDelay}, {"fail", Kind::kFail},
      {"status", Kind::kStatus},   {"never", Kind::kNever}, {"drip", Kind::kDrip},
      {"endless", Kind::kEndless}, {"reset", Kind::kReset}, {"redirect", Kind::kRedirect}};
  const auto [name, argument] = split(text);
  for (const Named& each : kinds) {
    if (each.name != name) continue;
    Behaviour behaviour;
    behaviour.kind = each.kind;
    if (read_argument(argument, behaviour)) return behaviour;
  }
  return fail(Code::kInvalid, "behaviour_invalid",
              fmt::format("'{}' is no behaviour; there are healthy, delay:30s, fail:TRIES, "
                          "fail:TRIES:STATUS, status:410, never, drip, endless, reset and "
                          "redirect:URL.",
                          text));
}

}  // namespace waybill::bench
