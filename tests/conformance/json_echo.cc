// Reads JSON texts from standard input, one a line, and answers each with one line: the text as
// write_json gives it back, or "!reason path" if parse_json refuses it. json_stringify_test.py
// holds the answers against JavaScript's own.

#include <iostream>
#include <string>

#include "base/json.h"

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const waybill::Result<waybill::json::value> value = waybill::parse_json(line);
    if (value) {
      std::cout << waybill::write_json(*value) << '\n';
    } else {
      std::cout << '!' << value.error().reason << ' ' << value.error().path << '\n';
    }
  }
}
