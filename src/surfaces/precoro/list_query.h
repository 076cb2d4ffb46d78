// Reads the query of one of Precoro's lists (R-PR-20, and what typical use of its API shows).

#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "store/documents.h"

namespace waybill::surfaces::precoro {

struct ListQuery {
  static constexpr int kPageSizes[] = {10, 20, 50, 100, 200};
  static constexpr int kPageSizeDefault = 20;
  static constexpr std::int64_t kPagesMax = 1'000'000;
  static constexpr std::int64_t kLastPage = 0;

  store::documents::Filter filter;
  std::int64_t page = 1;  // kLastPage: whichever that is.
  int page_size = kPageSizeDefault;
};

// Parameters: modifiedSince, approvalDate[left_date], approvalDate[right_date], status[],
// supplier[], enable, page, per_page. Others are refused: a list that was not narrowed as asked for
// would show what nobody asked for.
//
// Fails with kInvalid (query_malformed, query_unknown, query_invalid), naming the parameter.
Result<ListQuery> read_list_query(std::string_view query);

}  // namespace waybill::surfaces::precoro
