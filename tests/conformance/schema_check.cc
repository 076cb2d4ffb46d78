// Reads lines {"schema": …, "data": …} from standard input, and answers each with one line: "fits";
// the path of what does not fit, as an array; or "!" and why the schema is refused.
// schema_oracle_test.py holds the answers against another validator's.

#include <iostream>
#include <string>

#include "base/json.h"
#include "dialect/schema.h"

namespace {

std::string answer(const waybill::json::object& question) {
  const auto schema = waybill::dialect::Schema::compile(question.at("schema"));
  if (!schema) return "!" + schema.error().message;
  const auto fault = schema->check(question.at("data"));
  if (!fault) return "fits";
  waybill::json::array steps;
  for (const waybill::JsonStep& step : fault->at) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      steps.emplace_back(*name);
    } else {
      steps.emplace_back(std::get<std::size_t>(step));
    }
  }
  return waybill::write_json(steps);
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const waybill::Result<waybill::json::value> question = waybill::parse_json(line);
    std::cout << (question ? answer(question->get_object()) : "!not JSON") << '\n';
  }
}
