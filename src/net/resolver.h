// The Resolver finds the addresses of a name by the system's resolver, which blocks for as long as
// a name server does not answer: on threads of its own.
//
// However many ask for a name at a time, it is looked up once for all of them. So a name whose
// server is silent holds one thread, and the others go on with other names. Nothing is kept: the
// system has its own cache.
//
// Used from the thread of its io_context only.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace waybill::net {

using Addresses = std::vector<boost::asio::ip::address>;

class Resolver {
 public:
  static constexpr std::size_t kThreads = 8;
  // Blocks, on any thread. Fails with kUnavailable (name_not_resolved).
  using Lookup = std::function<Result<Addresses>(const std::string& name)>;

  // No thread is started before the first name.
  explicit Resolver(boost::asio::io_context& context, Lookup lookup = system_lookup);
  // Waits for lookups under way, though nobody waits for their answers.
  ~Resolver();

  // Fails as the lookup does, and with kTimeout (connect_timeout) where that takes longer than
  // `by`.
  Task<Result<Addresses>> find(std::string name, Deadline by);

  static Result<Addresses> system_lookup(const std::string& name);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::net
