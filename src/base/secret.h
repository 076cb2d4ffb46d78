// Text that must never be seen: it prints as ***, in logs and in failed tests alike.

#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace waybill {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  // The text itself. Whoever calls this answers for where it goes.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const Secret&, const Secret&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

 private:
  std::string text_;
};

}  // namespace waybill
