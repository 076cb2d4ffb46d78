#include "surfaces/native/native_api.h"

#include <algorithm>
#include <utility>

#include "surfaces/native/access.h"
#include "surfaces/native/operations.h"
#include "surfaces/native/problem.h"
#include "surfaces/refusals.h"

namespace waybill::surfaces::native {

class NativeApi::Impl {
 public:
  explicit Impl(Services services)
      : services_(std::move(services)),
        access_(services_.keys, services_.database, services_.admin_token_hash),
        started_at_(services_.clock.now()) {}

  // Every call goes through here: who, where, may they, then the operation's own function.
  Task<net::Response> answer(const Operation& operation, net::Request& request) {
    auto reply = co_await serve(operation, request);
    if (!reply) {
      const Error& error = reply.error();
      log_refusal(services_.log, request, operation.id, error);
      net::Response refusal = problem(error);
      set_retry_after(refusal, services_.keys.retry_after(request));
      co_return refusal;
    }
    net::Response response = net::Response::json(reply->status, std::move(reply->body));
    replays_ += reply->replayed ? 1 : 0;
    if (reply->replayed) response.headers.push_back({"Idempotent-Replay", "true"});
    // Answers may hold a secret.
    response.headers.push_back({"Cache-Control", "no-store"});
    co_return response;
  }

  const Services& services() const { return services_; }
  std::uint64_t replays() const { return replays_; }
  void begin_stop() { waits_.end_all(); }

 private:
  Task<Result<Reply>> serve(const Operation& operation, net::Request& request) {
    Call call{services_, request, {}, {}, {}, services_.clock.now(), started_at_};
    call.waits = &waits_;
    if (operation.scope != kNoToken) {
      auto caller = co_await access_.identify(request);
      if (!caller) co_return fail(caller.error());
      call.caller = *std::move(caller);
    }
    const auto workspace = std::find_if(request.params.begin(), request.params.end(),
                                        [](const auto& p) { return p.first == "workspace"; });
    if (workspace != request.params.end()) {
      const auto id = co_await access_.workspace(call.caller, workspace->second);
      if (!id) co_return fail(id.error());
      call.workspace_id = *id;
      request.workspace = id->uuid();
    }
    WAYBILL_CO_TRY(Access::check_scope(call.caller, operation.scope));
    auto query = QueryReader::read(request.query, operation.query, call.now);
    if (!query) co_return fail(query.error());
    call.query = *std::move(query);
    co_return co_await operation.operate(call);
  }

  const Services services_;
  Access access_;
  const Timestamp started_at_;
  Waits waits_;
  std::uint64_t replays_ = 0;
};

NativeApi::NativeApi(Services services) : impl_(std::make_unique<Impl>(std::move(services))) {}
NativeApi::~NativeApi() = default;

void NativeApi::add_routes(net::Router& router) {
  for (const Operation& operation : operations()) {
    router.add({std::string(operation.method), std::string(operation.path),
                [impl = impl_.get(), &operation](net::Request& request) {
                  return impl->answer(operation, request);
                }});
  }
}

void NativeApi::begin_stop() { impl_->begin_stop(); }

const Services& NativeApi::services() const { return impl_->services(); }

std::uint64_t NativeApi::replays() const { return impl_->replays(); }

net::Response NativeApi::render_error(const Error& error) { return problem(error); }

net::Response NativeApi::render_miss(const net::Router::Miss& miss) {
  return problem_of_miss(miss);
}

}  // namespace waybill::surfaces::native
