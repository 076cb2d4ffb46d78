// A Workspace is the tenant: all data belongs to exactly one.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace waybill::model {

enum class Environment { kProduction, kSandbox };
std::string_view environment_name(Environment environment);
std::optional<Environment> parse_environment(std::string_view name);

struct Workspace {
  WorkspaceId id;
  std::string slug;  // In URLs; unique, and never changed.
  std::string name;  // For people.
  Environment environment = Environment::kProduction;
  Timestamp created_at{};
};

// Fails with kInvalid (slug_invalid, slug_reserved) unless `slug` is 2 to 63 characters of a-z, 0-9
// and "-", begins and ends with a letter or digit, and is none of the first path segments that
// Waybill's surfaces use, nor `v1` (docs/architecture.md: Routes).
Result<void> check_slug(std::string_view slug);

}  // namespace waybill::model
