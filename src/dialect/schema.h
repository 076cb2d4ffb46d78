// A Schema says what JSON must look like: JSON Schema (2020-12), as much of it as this hub checks.
//
// What it does not check it refuses to read, so that no schema promises what nobody keeps. Known:
//
//   any value    type (one, or several), const, enum
//   objects      properties, required, additionalProperties
//   arrays       items, minItems, maxItems
//   numbers      minimum, maximum, exclusiveMinimum, exclusiveMaximum
//   texts        minLength, maxLength, pattern (without look-around and back references),
//                format: date, date-time, email, uri, uuid
//   for people   $schema, $comment, title, description, examples, default
//
// A check takes time in proportion to the data and the schema, whoever wrote the data, and no more
// stack than the schema is deep. Immutable: any thread. Why it is ours: docs/decisions/0020.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/json_path.h"
#include "base/result.h"

namespace waybill::dialect {

class Schema {
 public:
  Schema();  // Everything fits it.

  // Fails with kInvalid (schema_invalid), saying what is wrong and where in the schema: a keyword
  // or a format that is not known; one that could never refuse anything, such as minLength beside
  // "type": "integer"; a value that the keyword does not take.
  static Result<Schema> compile(const json::value& schema);

  // What does not fit.
  struct Fault {
    std::vector<JsonStep> at;  // From the data's root. Of a missing member: where it should be.
    std::string problem;       // "has to be a whole number, and is a text"
  };
  // The first fault, in the order of the schema. Nothing: `data` fits.
  std::optional<Fault> check(const json::value& data) const;

  struct Rules;  // dialect/schema_rules.h

 private:
  std::shared_ptr<const Rules> rules_;
};

}  // namespace waybill::dialect
