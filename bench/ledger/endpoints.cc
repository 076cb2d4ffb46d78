#include "bench/ledger/endpoints.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace waybill::bench {
namespace {

constexpr std::uint32_t kMembersMax = 100'000;
constexpr std::string_view kFolder = "/hook/";

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

Result<void> Endpoints::add(std::string_view text) {
  const auto refuse = [&] {
    return fail(Code::kInvalid, "endpoint_invalid",
                fmt::format("'{}' is no new endpoint; write NAME, NAME=BEHAVIOUR or "
                            "NAME*COUNT=BEHAVIOUR, with a name of a-z, 0-9, - and _.",
                            text));
  };
  const auto equals = text.find('=');
  auto behaviour =
      parse_behaviour(equals == std::string_view::npos ? "healthy" : text.substr(equals + 1));
  if (!behaviour) return fail(behaviour.error());

  std::string_view name = text.substr(0, equals);
  std::uint32_t members = 1;
  const auto star = name.find('*');
  if (star != std::string_view::npos) {
    const std::string_view count = name.substr(star + 1);
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), members);
    if (error != std::errc{} || end != count.data() + count.size()) return refuse();
    name = name.substr(0, star);
  }
  if (!is_name(name) || members < 1 || members > kMembersMax || find_group(name)) return refuse();

  const std::uint32_t group = ledger_.add_group(std::string(name), members);
  behaviours_.push_back(*std::move(behaviour));
  if (star == std::string_view::npos) {
    places_[fmt::format("{}{}", kFolder, name)] = {group, 0};
    return {};
  }
  for (std::uint32_t member = 0; member < members; ++member) {
    places_[fmt::format("{}{}.{}", kFolder, name, member)] = {group, member};
  }
  return {};
}

Result<void> Endpoints::behave(std::string_view name, std::string_view behaviour) {
  const auto group = find_group(name);
  if (!group) {
    return fail(Code::kNotFound, "endpoint_not_found", fmt::format("There is no '{}'.", name));
  }
  auto read = parse_behaviour(behaviour);
  if (!read) return fail(read.error());
  behaviours_[*group] = *std::move(read);
  return {};
}

std::optional<Endpoints::Place> Endpoints::find(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> Endpoints::find_group(std::string_view name) const {
  const auto found = std::ranges::find(ledger_.groups(), name, &Group::name);
  if (found == ledger_.groups().end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - ledger_.groups().begin());
}

std::vector<bool> Endpoints::takes_all() const {
  std::vector<bool> all;
  for (const Behaviour& behaviour : behaviours_) all.push_back(behaviour.takes_all());
  return all;
}

}  // namespace waybill::bench
