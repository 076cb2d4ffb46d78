#include "surfaces/hash_budget.h"

#include <algorithm>
#include <chrono>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace waybill::surfaces {
namespace {
constexpr std::chrono::seconds kAtOnce{1};
}

std::string other_end_of(std::string_view peer) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const auto address = ip::make_address(peer, error);
  if (error || !address.is_v6()) return std::string(peer);
  const ip::address_v6 wide = address.to_v6();
  if (wide.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, wide).to_string();
  constexpr int kCustomerBits = 64;
  return ip::make_network_v6(wide, kCustomerBits).canonical().to_string();
}

std::chrono::microseconds HashBudget::time_for(std::int64_t bytes) {
  return std::chrono::microseconds(bytes * std::micro::den / kBytesPerSecond);
}

bool HashBudget::may_go_on(const std::string& other_end, std::int64_t own, Timestamp now) const {
  const auto found = paid_until_.find(other_end);
  return found == paid_until_.end() || found->second - time_for(own) <= now + kAtOnce;
}

void HashBudget::spend(const std::string& other_end, std::int64_t bytes, Timestamp now) {
  if (paid_until_.size() >= kOtherEndsMax && !paid_until_.contains(other_end)) {
    std::erase_if(paid_until_, [now](const auto& entry) { return entry.second <= now; });
    if (paid_until_.size() >= kOtherEndsMax) paid_until_.clear();
  }
  Micros& until = paid_until_[other_end];
  until = std::max<Micros>(until, now) + time_for(bytes);
}

}  // namespace waybill::surfaces
