#include <csignal>
#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/session.h"
#include "app/version.h"
#include "base/bytes.h"
#include "base/json_text.h"
#include "base/task.h"
#include "crypto/random.h"
#include "model/delivery.h"
#include "net/http_client.h"
#include "net/url.h"

namespace waybill::app::cli {
namespace asio = boost::asio;
namespace {

using std::chrono::milliseconds;

// How long the hub is to wait for something to be due; below HubClient::kPatience.
constexpr std::string_view kWait = "20s";
constexpr std::string_view kRowsMax = "20";
// Between two tries to reach a hub that is gone.
constexpr milliseconds kPauseMin{250};
constexpr milliseconds kPauseMax{5000};

std::string text_member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  const json::value* member = object ? object->if_contains(name) : nullptr;
  const json::string* text = member ? member->if_string() : nullptr;
  return text ? std::string(text->data(), text->size()) : "";
}

const json::array& array_member(const json::value& value, std::string_view name) {
  static const json::array none;
  const json::object* object = value.if_object();
  const json::value* member = object ? object->if_contains(name) : nullptr;
  const json::array* array = member ? member->if_array() : nullptr;
  return array ? *array : none;
}

// Where the two ends are.
struct Ends {
  std::string workspace;  // "/hub/v1/workspaces/demo"
  std::string endpoint;   // Its id.
  net::Url forward;

  std::string endpoint_path() const { return workspace + "/endpoints/" + segment(endpoint); }
};

// What `row` of listEndpointRequests asks for, at another address.
net::ClientRequest request_of(const json::value& row, const net::Url& forward) {
  net::ClientRequest request;
  request.url = forward;
  request.body = text_member(row, "body");
  for (const json::value& header : array_member(row, "headers")) {
    const json::array* pair = header.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string())
      continue;
    const json::string& name = (*pair)[0].get_string();
    const json::string& value = (*pair)[1].get_string();
    request.headers.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  }
  if (const auto timeout = parse_duration(text_member(row, "timeout"))) {
    request.deadlines.total = request.deadlines.first_byte = *timeout;
  }
  return request;
}

// What recordAttempt is told of it.
json::object told_of(const json::value& row, const Result<net::ClientResponse>& answer,
                     milliseconds latency) {
  json::object told{{"number", row.as_object().at("number")}, {"latency_ms", latency.count()}};
  if (!answer) {
    told["error"] = answer.error().message;
    told["outcome"] = answer.error().code == Code::kTimeout       ? "timeout"
                      : answer.error().code == Code::kUnavailable ? "connection_error"
                                                                  : "unsendable";
    return told;
  }
  told["status_code"] = answer->status;
  told["response_body"] =
      replace_invalid_utf8(answer->body.substr(0, model::Attempt::kBodyBytesMax));
  if (const std::string* wish = net::find_header(answer->headers, "Retry-After")) {
    told["retry_after"] = wish->substr(0, 100);
  }
  return told;
}

// Fetches what is due to the endpoint and makes it, one after the other, until a signal.
class Listener {
 public:
  Listener(const Session& session, HubAddress hub, Ends ends)
      : session_(session),
        ends_(std::move(ends)),
        hub_(std::move(hub), context_),
        program_(context_, net::EgressGuard(/*allow_private_networks=*/true),
                 {.user_agent = fmt::format("Waybill/{}", version())}),
        timer_(context_) {}

  // Fails if the hub refuses to go on: the endpoint is gone, or active.
  Result<void> run() {
    asio::signal_set signals(context_, SIGINT, SIGTERM);
    signals.async_wait([&](boost::system::error_code error, int) {
      if (!error) context_.stop();
    });
    Result<void> ended;
    std::exception_ptr failure;
    asio::co_spawn(context_, forward_all(), [&](std::exception_ptr thrown, Result<void> result) {
      failure = thrown;
      ended = std::move(result);
      context_.stop();
    });
    context_.run();
    if (failure) std::rethrow_exception(failure);
    return ended;
  }

 private:
  Task<Result<void>> forward_all() {
    for (;;) {
      const auto due =
          co_await ask("GET", ends_.endpoint_path() + "/requests",
                       {{"wait", std::string(kWait)}, {"limit", std::string(kRowsMax)}}, nullptr);
      if (!due) co_return fail(due.error());
      for (const json::value& row : array_member(*due, "rows")) co_await forward(row);
    }
  }

  Task<void> forward(const json::value& row) {
    const std::string error = text_member(row, "error");
    Result<net::ClientResponse> answer = fail(Code::kInvalid, error);
    const Stopwatch stopwatch;
    if (error.empty()) {
      net::ClientRequest request = request_of(row, ends_.forward);
      answer = co_await program_.send(std::move(request));
    }
    const auto latency = std::chrono::duration_cast<milliseconds>(stopwatch.elapsed());
    json::object told = told_of(row, answer, latency);
    // Known before the hub is told, which may be gone for long.
    const Timestamp at = clock_.wall_now();
    const auto delivery = co_await ask(
        "POST",
        ends_.workspace + "/deliveries/" + segment(text_member(row, "delivery_id")) + "/attempts",
        {}, told);
    print(row, told, at, delivery);
  }

  // What the hub answers, however long it is gone meanwhile.
  Task<Result<json::value>> ask(std::string method, std::string path, Query query,
                                json::value body) {
    const std::string key = base64url(crypto::random_bytes(18));
    for (milliseconds pause = kPauseMin;; pause = std::min(pause * 2, kPauseMax)) {
      // One that was gone is not asked to wait: its answer is to tell at once that it is back.
      const Query asked = is_gone_ ? Query() : query;
      auto answer = co_await hub_.ask_on_context(method, path, asked, body, key);
      const bool is_gone = !answer && (answer.error().code == Code::kUnavailable ||
                                       answer.error().code == Code::kTimeout);
      if (!is_gone) {
        if (std::exchange(is_gone_, false)) session_.note("The hub is back.");
        if (!answer) co_return fail(answer.error());
        co_return std::move(answer->body);
      }
      if (!std::exchange(is_gone_, true)) {
        session_.note(fmt::format("{} Trying again until it does; nothing is lost.",
                                  printable(answer.error().message)));
      }
      timer_.expires_after(pause);
      co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  void print(const json::value& row, const json::object& told, Timestamp at,
             const Result<json::value>& delivery) const {
    const std::string state = delivery ? text_member(*delivery, "state") : delivery.error().reason;
    if (session_.wants_json()) {
      json::object line{{"at", iso_time(at)}};
      for (const std::string_view name : {"event_type", "event_id", "delivery_id"}) {
        line[name] = text_member(row, name);
      }
      for (const std::string_view name : {"number", "status_code", "error", "latency_ms"}) {
        const json::value* value = told.if_contains(name);
        line[name] = value ? *value : json::value();
      }
      line["state"] = state;
      session_.print_line(write_json(line));
      return;
    }
    const json::value* status = told.if_contains("status_code");
    const json::value* error = told.if_contains("error");
    std::string line =
        fmt::format("{}  {}  {}  {}  {} ms", iso_time(at),
                    printable(text_member(row, "event_type")), text_member(row, "delivery_id"),
                    status ? write_json(*status) : "-", write_json(told.at("latency_ms")));
    if (error != nullptr) line += "  " + printable(std::string_view(error->get_string()));
    if (state != "succeeded") line += "  → " + printable(state);
    if (const std::string due = delivery ? text_member(*delivery, "due_at") : ""; !due.empty()) {
      line += ", again at " + due;
    }
    session_.print_line(line);
  }

  const Session& session_;
  const Ends ends_;
  const SystemClock clock_;
  asio::io_context context_;
  HubClient hub_;
  net::HttpClient program_;
  asio::steady_timer timer_;
  bool is_gone_ = false;
};

// Paused from its first moment, and at an address that no name server will ever know: should
// somebody resume it, nothing is sent anywhere.
Result<json::value> make_endpoint(Session& session, const std::string& workspace) {
  json::object body{{"dialect", session.value("--dialect").value_or("standard-webhooks")},
                    {"url", "https://listen.invalid/" + base64url(crypto::random_bytes(9))},
                    {"description", "waybill listen"},
                    {"state", "paused"}};
  add_text(body, session, "--secret");
  const auto events = session.list("--events");
  if (!events.empty()) body["event_types"] = json::array(events.begin(), events.end());
  return session.post(workspace + "/endpoints", body);
}

void introduce(const Session& session, const json::value& endpoint) {
  if (session.wants_json()) return session.print_line(write_json(endpoint));
  session.print_line(fmt::format("Endpoint:    {} ({})", text_member(endpoint, "id"),
                                 text_member(endpoint, "dialect")));
  const std::string secret = text_member(endpoint, "secret");
  const std::string key = text_member(endpoint, "verification_key");
  if (!secret.empty()) session.print_line("Secret:      " + secret);
  if (!key.empty()) session.print_line("Verify with: " + key);
  session.print_line("Forwards to: " + session.text("--forward") + " until Ctrl-C");
}

Result<void> listen(Session& session) {
  auto forward = net::parse_url(session.text("--forward"));
  if (!forward) return usage_error("--forward takes an http:// or https:// address.");
  auto given = session.value("--endpoint");
  if (given && (session.has("--dialect") || session.has("--events") || session.has("--secret"))) {
    return usage_error("An --endpoint that is there has its --dialect, --events and --secret.");
  }
  const auto workspace = session.in_workspace("");
  if (!workspace) return fail(workspace.error());
  const auto endpoint = given ? session.get(*workspace + "/endpoints/" + segment(*given))
                              : make_endpoint(session, *workspace);
  if (!endpoint) return fail(endpoint.error());
  introduce(session, *endpoint);

  const Ends ends{*workspace, text_member(*endpoint, "id"), *std::move(forward)};
  const auto client = session.hub();
  if (!client) return fail(client.error());
  auto ended = Listener(session, (*client)->hub(), ends).run();
  if (given) return ended;
  const auto removed = session.remove(ends.endpoint_path());
  if (!removed) {
    session.note(
        fmt::format("The endpoint is still there: waybill endpoint delete {}", ends.endpoint));
  }
  if (!ended) return ended;
  return removed ? Result<void>() : fail(removed.error());
}

}  // namespace

CommandGroup listen_group() {
  return {
      .name = "listen",
      .summary = "Makes deliveries to a program on this machine, through the hub",
      .commands = {{
          .name = "listen",
          .summary = "Makes deliveries to a program on this machine, through the hub",
          .details =
              "Makes an endpoint that is paused, fetches what it is owed and sends that on, signed "
              "as the hub would; what comes of it is in the delivery log, and what fails is tried "
              "again by the schedule. No address that the hub can reach is needed. Ctrl-C deletes "
              "the endpoint. Have one listener for an endpoint: two would both send everything.",
          .example = "listen --workspace acme --forward http://localhost:3000/hook",
          .arguments = {{.name = "--forward",
                         .placeholder = "URL",
                         .help = "Where the program takes webhooks",
                         .required = true},
                        {.name = "--dialect",
                         .placeholder = "NAME",
                         .help = "A name from `waybill dialect list`; default: standard-webhooks"},
                        {.name = "--events",
                         .placeholder = "A,B",
                         .help = "Event types, as the dialect calls them; default: all",
                         .repeated = true},
                        {.name = "--secret",
                         .placeholder = "TEXT",
                         .help = "A signing secret of your own; default: the hub makes one"},
                        {.name = "--endpoint",
                         .placeholder = "ENDPOINT",
                         .help = "One that is there, and paused: it is kept"}},
          .in_workspace = true,
          .run = listen,
      }}};
}

}  // namespace waybill::app::cli
