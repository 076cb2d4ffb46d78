// What a test or a benchmark tells the ledger over HTTP, on the port that also receives:
//
//   POST /control/load    begins to post: the members of a LoadPlan (README.md has the list)
//   POST /control/stop    {"load": NAME}: no new order is begun
//   POST /control/behave  {"endpoint": NAME, "behaviour": "never"}
//   GET /state            how far it is, cheaply
//   GET /report           all that is known; /report.txt says it in words

#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "bench/ledger/endpoints.h"
#include "bench/ledger/ledger.h"
#include "bench/ledger/poster.h"
#include "bench/ledger/receiver.h"

namespace waybill::bench {

class Control {
 public:
  // Given ones outlive it.
  Control(Ledger& ledger, Endpoints& endpoints, Poster& poster)
      : ledger_(ledger), endpoints_(endpoints), poster_(poster) {}

  ControlAnswer handle(std::string_view method, std::string_view path, std::string_view body);

  // True once no load runs and every endpoint that takes all has all.
  bool is_complete() const;

 private:
  Result<void> act(std::string_view path, std::string_view body);
  Result<LoadPlan> read_plan(const boost::json::object& members) const;
  boost::json::object state() const;

  Ledger& ledger_;
  Endpoints& endpoints_;
  Poster& poster_;
};

}  // namespace waybill::bench
