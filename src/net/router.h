// Finds the handler of a request by method and path.

#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "net/http.h"

namespace waybill::net {

// The request lives until its handler has returned the response.
using Handler = std::function<Task<Response>(Request& request)>;

struct Route {
  std::string method;
  std::string pattern;  // "/hub/v1/workspaces/{workspace}/orders"; {name} is one whole segment.
  Handler handler;
};

// Immutable once routes are added. A literal segment is preferred to a {name}, and amid a path it
// binds: where there is a route /api/v1/keys, the v1 of /api/v1/x is no {tenant} of another's.
class Router {
 public:
  Router() = default;
  // Routes know of each other by address.
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void add(Route route);

  // What the router answers itself. `code` is kNotFound, or kInvalid for a path that is not
  // properly encoded; `allow` is not empty for a path that exists for other methods only (405).
  struct Miss {
    Code code = Code::kNotFound;
    std::vector<std::string> allow;
  };

  // Fills request.params and returns the handler; or null, with `miss` filled.
  const Handler* find(Request& request, Miss& miss) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  using Words = std::set<std::string, std::less<>>;
  struct Compiled {
    std::vector<std::string> segments;  // "{name}" or literal.
    // By segment: the literals that bind there. Null for the last one.
    std::vector<const Words*> taken;
    std::size_t route;

    bool fits(std::size_t segment, std::string_view given) const;
  };
  std::vector<Route> routes_;
  std::map<std::string, Words> words_;  // What binds, by the pattern before it.
  std::vector<Compiled> compiled_;      // Literal segments before {names}, leftmost first.
};

}  // namespace waybill::net
