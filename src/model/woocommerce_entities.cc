// What WordPress writes &, <, > and quotes as.

#include <algorithm>
#include <string>
#include <string_view>

#include "model/woocommerce.h"

namespace waybill::model::woocommerce {
namespace {

struct Entity {
  std::string_view name;  // Of a number, what is left without its zeros.
  char character;
};
constexpr Entity kNamed[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}};
constexpr Entity kDecimal[] = {
    {"38;", '&'}, {"60;", '<'}, {"62;", '>'}, {"34;", '"'}, {"39;", '\''}};
// Without < and >, which WordPress has by their other names only.
constexpr Entity kHexadecimal[] = {{"26;", '&'}, {"22;", '"'}, {"27;", '\''}};

// Takes the entity that `text` begins with off it. 0: none.
template <std::size_t kCount>
char take(std::string_view& text, const Entity (&entities)[kCount]) {
  for (const Entity& entity : entities) {
    if (!text.starts_with(entity.name)) continue;
    text.remove_prefix(entity.name.size());
    return entity.character;
  }
  return 0;
}

char take_entity(std::string_view& text) {
  std::string_view rest = text.substr(1);  // After the &.
  char found = 0;
  if (!rest.starts_with('#')) {
    found = take(rest, kNamed);
  } else {
    rest.remove_prefix(1);
    const bool is_hexadecimal = rest.starts_with('x') || rest.starts_with('X');
    if (is_hexadecimal) rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of('0'), rest.size()));
    found = is_hexadecimal ? take(rest, kHexadecimal) : take(rest, kDecimal);
  }
  if (found != 0) text = rest;
  return found;
}

}  // namespace

std::string decode_entities(std::string_view secret) {
  std::string out;
  while (!secret.empty()) {
    const char decoded = secret.front() == '&' ? take_entity(secret) : '\0';
    if (decoded != 0) {
      out += decoded;
    } else {
      out += secret.front();
      secret.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace waybill::model::woocommerce
