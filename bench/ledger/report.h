// What a ledger says, as JSON and in words.

#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "bench/ledger/ledger.h"

namespace waybill::bench {

// `takes_all` tells for each group whether what it lacks is lost, or not to be expected.
boost::json::object report(const Ledger& ledger, const std::vector<bool>& takes_all);

// The same for a person, some lines of text.
std::string in_words(const boost::json::object& report);

// True if nothing is lost, corrupted, invented, contradicted or unresolved. Refused and duplicated
// ones are for the reader to judge.
bool is_clean(const boost::json::object& report);

}  // namespace waybill::bench
