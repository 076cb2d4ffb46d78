#include "net/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace waybill::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// A router of "METHOD pattern" routes, and what it makes of a request.
class Routes {
 public:
  explicit Routes(std::initializer_list<std::pair<const char*, const char*>> routes) {
    for (const auto& [method, pattern] : routes) {
      router_.add({method, pattern, [](Request&) -> Task<Response> { co_return Response(); }});
    }
  }

  // The pattern of the route that serves it; "" if there is none.
  std::string find(std::string method, std::string path) {
    request.method = std::move(method);
    request.path = std::move(path);
    miss = {};
    const Handler* handler = router_.find(request, miss);
    for (const Route& route : router_.routes()) {
      if (&route.handler == handler) return route.pattern;
    }
    EXPECT_EQ(handler, nullptr);
    return "";
  }

  Request request;
  Router::Miss miss;

 private:
  Router router_;
};

TEST(Router, FindsARouteByMethodAndPath) {
  Routes routes({{"GET", "/"}, {"GET", "/a"}, {"POST", "/a/b"}});
  EXPECT_EQ(routes.find("GET", "/"), "/");
  EXPECT_EQ(routes.find("GET", "/a"), "/a");
  EXPECT_EQ(routes.find("POST", "/a/b"), "/a/b");
}

TEST(Router, AnswersAnUnknownPathWithNotFound) {
  Routes routes({{"GET", "/a/b"}, {"GET", "/n/{name}"}});
  for (const char* path :
       {"", "/", "/a", "/a/", "/a/b/", "/a/b/c", "/A/b", "//a/b", "/a//b", "/a/b%2Fc", "/n", "/n/",
        "/n//", "/n/x/y", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}) {
    EXPECT_EQ(routes.find("GET", path), "") << path;
    EXPECT_EQ(routes.miss.code, Code::kNotFound) << path;
    EXPECT_THAT(routes.miss.allow, IsEmpty()) << path;
  }
}

TEST(Router, TellsWhichMethodsAPathHas) {
  Routes routes({{"GET", "/a/{x}"}, {"PATCH", "/a/{x}"}, {"GET", "/a/b"}, {"POST", "/c"}});
  EXPECT_EQ(routes.find("DELETE", "/a/1"), "");
  EXPECT_THAT(routes.miss.allow, ElementsAre("GET", "PATCH"));
  EXPECT_EQ(routes.find("DELETE", "/a/b"), "");
  EXPECT_THAT(routes.miss.allow, ElementsAre("GET", "PATCH")) << "each once";
  EXPECT_EQ(routes.find("get", "/c"), "") << "methods have a case";
  EXPECT_THAT(routes.miss.allow, ElementsAre("POST"));
}

TEST(Router, DecodesParameters) {
  Routes routes({{"GET", "/w/{workspace}/o/{order}"}});
  EXPECT_EQ(routes.find("GET", "/w/acme/o/a%2Fb%20c%C3%A9+"), "/w/{workspace}/o/{order}");
  EXPECT_THAT(routes.request.params,
              ElementsAre(Pair("workspace", "acme"), Pair("order", "a/b cé+")));
  EXPECT_EQ(routes.request.param("order"), "a/b cé+");

  EXPECT_EQ(routes.find("GET", "/w/1/o/2"), "/w/{workspace}/o/{order}");
  EXPECT_THAT(routes.request.params, ElementsAre(Pair("workspace", "1"), Pair("order", "2")))
      << "nothing is left of the request before";
}

// What is no UTF-8 could not be shown again in a JSON answer.
TEST(Router, RefusesAParameterThatIsNotPercentEncodedUtf8) {
  Routes routes({{"GET", "/o/{order}"}});
  // "/%zz" and "/o/%zz/x" were "nothing at this address", since no route has as many segments.
  for (const char* path : {"/o/%", "/o/%4", "/o/%zz", "/o/%ff", "/o/%C3", "/%zz", "/o/%zz/x"}) {
    EXPECT_EQ(routes.find("GET", path), "") << path;
    EXPECT_EQ(routes.miss.code, Code::kInvalid) << path;
    EXPECT_THAT(routes.miss.allow, IsEmpty()) << path;
  }
}

TEST(Router, PrefersALiteralInWhateverOrderRoutesAreAdded) {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"GET", "/{a}/{b}"}, {"GET", "/{a}/list"}, {"GET", "/x/{b}"}, {"GET", "/x/list"}};
  for (const bool backwards : {false, true}) {
    Routes routes = backwards ? Routes({all[3], all[2], all[1], all[0]})
                              : Routes({all[0], all[1], all[2], all[3]});
    EXPECT_EQ(routes.find("GET", "/x/list"), "/x/list");
    EXPECT_EQ(routes.find("GET", "/x/1"), "/x/{b}");
    EXPECT_EQ(routes.find("GET", "/y/list"), "/{a}/list");
    EXPECT_EQ(routes.find("GET", "/y/1"), "/{a}/{b}");
  }
}

TEST(Router, FallsBackToANameWhenTheLiteralHasOtherMethods) {
  Routes routes({{"GET", "/o/search"}, {"DELETE", "/o/{order}"}});
  EXPECT_EQ(routes.find("DELETE", "/o/search"), "/o/{order}");
  EXPECT_EQ(routes.request.param("order"), "search");
}

// PROIGN's tenants stand where ProcureIQ has its version: /api/v1/events is nobody's events.
TEST(Router, ALiteralAmidAPathIsNoNameOfAnotherRoute) {
  Routes routes({{"GET", "/api/{tenant}/events"},
                 {"GET", "/api/v1/webhooks"},
                 {"GET", "/{tenant}/events/api/events"},
                 {"GET", "/hub"}});
  EXPECT_EQ(routes.find("GET", "/api/acme/events"), "/api/{tenant}/events");
  EXPECT_EQ(routes.find("GET", "/api/v1/webhooks"), "/api/v1/webhooks");
  EXPECT_EQ(routes.find("GET", "/api/v1/events"), "");
  EXPECT_EQ(routes.miss.code, Code::kNotFound);
  EXPECT_EQ(routes.find("POST", "/api/v1/events"), "");
  EXPECT_THAT(routes.miss.allow, IsEmpty());
  EXPECT_EQ(routes.find("GET", "/acme/events/api/events"), "/{tenant}/events/api/events");
  EXPECT_EQ(routes.find("GET", "/api/events/api/events"), "");
  EXPECT_EQ(routes.find("GET", "/hub/events/api/events"), "/{tenant}/events/api/events")
      << "at the end of a path it leaves the others alone";
}

}  // namespace
}  // namespace waybill::net
