// Tables as `waybill copy` moves them: values of any column, one encoding of them, and a reader
// that goes through a table page by page. Used by copy.cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "store/connection.h"
#include "store/copy.h"

namespace waybill::store {

using CopiedValue = std::variant<std::monostate, std::int64_t, std::string, Bytes>;
using CopiedValues = std::vector<CopiedValue>;

// Valid as long as the value.
Param param_of(const CopiedValue& value);

// Appends the value to `out`, so that different values, one after the other, are different texts.
void encode(const CopiedValue& value, std::string& out);
// What encode() wrote. Nothing: it is damaged.
std::optional<CopiedValues> decode(std::string_view text);

struct CopiedPage {
  CopiedValues values;  // Row after row.
  std::int64_t rows = 0;
};

// "id, name"
std::string column_names(const CopiedTable& table);
// "$first, …": `count` of them.
std::string parameters_from(std::size_t first, std::size_t count);
// The values of the primary key, of the row that begins at `begin`.
CopiedValues key_of(const CopiedTable& table, const CopiedPage& page, std::size_t begin);

// Reads a table in the order that its primary key has in this database.
class CopyReader {
 public:
  // What comes after this key; all, if it is empty.
  CopyReader(Connection& connection, const CopiedTable& table, CopiedValues after = {});

  // At most `rows_max`, and no more than kCopyBytesMax hold but for one row. Without rows: there
  // are no more. Fails as Connection::query().
  Result<CopiedPage> read(std::int64_t rows_max);

  const CopiedValues& after() const { return after_; }  // The key of the last row that was read.

 private:
  Connection& connection_;
  const CopiedTable& table_;
  std::string first_;
  std::string next_;
  CopiedValues after_;
};

}  // namespace waybill::store
