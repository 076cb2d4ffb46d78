#include "model/user.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace waybill::model {
namespace {

constexpr std::string_view kSuperUser = "super_user";
constexpr std::string_view kCreator = "creator";
constexpr std::array<std::string_view, 4> kDuties = {kCreator, "approver", "payer", "viewer"};

std::string_view duty_of(std::string_view role) {
  const std::size_t colon = role.find(':');
  return colon == std::string_view::npos ? std::string_view() : role.substr(colon + 1);
}

bool is_kind(std::string_view kind) {
  return kind == "*" || (!kind.empty() && std::ranges::all_of(kind, [](char c) {
           return (c >= 'a' && c <= 'z') || c == '_';
         }));
}

bool is_role(std::string_view role) {
  if (role == kSuperUser) return true;
  return is_kind(role_kind(role)) && std::ranges::find(kDuties, duty_of(role)) != kDuties.end();
}

}  // namespace

std::string_view role_kind(std::string_view role) {
  const std::size_t colon = role.find(':');
  return colon == std::string_view::npos ? std::string_view() : role.substr(0, colon);
}

Result<void> check_roles(const std::vector<std::string>& roles) {
  for (const std::string& role : roles) {
    if (is_role(role)) continue;
    return fail(Code::kInvalid, "role_invalid",
                fmt::format("\"{}\" is no role. A role is super_user, or KIND:creator, "
                            "KIND:approver, KIND:payer or KIND:viewer, such as "
                            "purchase_order:creator; * is every kind.",
                            role));
  }
  return {};
}

bool may_see(const UserId& user, const std::vector<std::string>& roles, std::string_view kind,
             std::string_view created_by) {
  if (kind.empty()) return true;
  return std::ranges::any_of(roles, [&](std::string_view role) {
    if (role == kSuperUser) return true;
    if (role_kind(role) != kind && role_kind(role) != "*") return false;
    return duty_of(role) != kCreator || UserId::parse(created_by) == user;
  });
}

}  // namespace waybill::model
