#include "store/postgres/postgres_listener.h"

#include <array>
#include <memory>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <libpq-fe.h>
#include <sys/eventfd.h>

#include "store/postgres/postgres_session.h"

namespace waybill::store {
namespace {

constexpr std::chrono::milliseconds kReconnectPause{250};
// A server that has nothing to say is asked so often whether it is there, and answers in that time.
constexpr std::chrono::milliseconds kStillThere{1'000};

struct FreeNotification {
  void operator()(PGnotify* notification) const { PQfreemem(notification); }
};

// Each schema is a hub of its own.
constexpr std::string_view kListen =
    "DO $$ BEGIN EXECUTE format('LISTEN %I', left('waybill.' || current_schema(), 63)); "
    "END $$";

PostgresOptions patient_for(PostgresOptions options, std::chrono::milliseconds time) {
  options.statement_timeout = time;
  return options;
}

}  // namespace

PostgresListener::PostgresListener(PostgresAddress address, PostgresOptions options,
                                   Hearing hearing)
    : address_(std::move(address)),
      options_(patient_for(options, kStillThere)),
      hearing_(std::move(hearing)),
      stopping_(::eventfd(0, EFD_CLOEXEC)) {
  WAYBILL_CHECK(stopping_ >= 0, "there are descriptors left");
  thread_ = std::thread([this] { run(); });
}

PostgresListener::~PostgresListener() {
  ::eventfd_write(stopping_, 1);
  thread_.join();
  ::close(stopping_);
}

void PostgresListener::run() {
  while (!wait(-1, {})) {
    hear();
    (void)wait(-1, kReconnectPause);
  }
}

void PostgresListener::hear() {
  auto session = PostgresSession::open(address_, options_);
  if (!session || !(*session)->run_script(kListen)) return;
  PGconn* const raw = (*session)->raw();
  hearing_.on_change(true);
  for (;;) {
    if (wait(-1, {})) return;
    const bool came = wait(PQsocket(raw), kStillThere);
    if (!came) (*session)->send("SELECT 1");
    if (came ? PQconsumeInput(raw) != 1 : !(*session)->finish()) break;
    // Also those that came with the answer.
    while (const std::unique_ptr<PGnotify, FreeNotification> said{PQnotifies(raw)}) {
      hearing_.on_message(said->extra);
    }
  }
  hearing_.on_change(false);
}

bool PostgresListener::wait(int socket, std::chrono::milliseconds most) const {
  std::array<pollfd, 2> files{pollfd{stopping_, POLLIN, 0}, pollfd{socket, POLLIN, 0}};
  return ::poll(files.data(), files.size(), static_cast<int>(most.count())) > 0;
}

}  // namespace waybill::store
