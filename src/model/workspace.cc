#include "model/workspace.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/names.h"

namespace waybill::model {
namespace {

constexpr Names<Environment, 2> kEnvironments{
    {{Environment::kProduction, "production"}, {Environment::kSandbox, "sandbox"}}};

// Every first segment in docs/architecture.md's table of routes, and the words they may grow by.
constexpr auto kReserved = std::to_array<std::string_view>({
    "api",
    "budgets",
    "console",
    "documentcustomfields",
    "events",
    "expenses",
    "health",
    "hub",
    "in",
    "ingress",
    "integrations",
    "invoices",
    "itemcustomfields",
    "metrics",
    "proculink",
    "purchaseorders",
    "purchaserequisitions",
    "receipts",
    "requestforproposals",
    "stocktransfers",
    "suppliers",
    "v1",
    "warehouserequests",
    "webhooks",
    "well-known",
    "www",
});

}  // namespace

std::string_view environment_name(Environment environment) {
  return kEnvironments.name(environment);
}
std::optional<Environment> parse_environment(std::string_view name) {
  return kEnvironments.parse(name);
}

Result<void> check_slug(std::string_view slug) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good =
      slug.size() >= 2 && slug.size() <= 63 && is_word(slug.front()) && is_word(slug.back()) &&
      std::all_of(slug.begin(), slug.end(), [&](char c) { return is_word(c) || c == '-'; });
  if (!good) {
    return fail(Code::kInvalid, "slug_invalid",
                fmt::format("\"{}\" is no slug: 2 to 63 of a-z, 0-9 and \"-\", beginning and "
                            "ending with a letter or digit.",
                            slug));
  }
  if (std::find(kReserved.begin(), kReserved.end(), slug) != kReserved.end()) {
    return fail(
        Code::kInvalid, "slug_reserved",
        fmt::format("\"{}\" is part of the hub's own addresses; choose another slug.", slug));
  }
  return {};
}

}  // namespace waybill::model
