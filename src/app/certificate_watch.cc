#include "app/certificate_watch.h"

#include <utility>

#include <fmt/format.h>

#include "app/files.h"

namespace waybill::app {

CertificateWatch::CertificateWatch(boost::asio::io_context& context, Log& log, Clock& clock,
                                   CertificateFiles files, Use use)
    : log_(log),
      clock_(clock),
      files_(std::move(files)),
      use_(std::move(use)),
      timer_(context),
      tasks_(context, log) {}

Result<CertificateWatch::Texts> CertificateWatch::read() const {
  const auto invalid = [](const Error& error) {
    return fail(Code::kInvalid, "tls_files_invalid", error.message);
  };
  auto certificate = read_bytes(files_.certificate, net::kPemBytesMax);
  if (!certificate) return invalid(certificate.error());
  auto key = read_bytes(files_.key, net::kPemBytesMax);
  if (!key) return invalid(key.error());
  return Texts{std::move(*certificate), std::move(*key)};
}

Result<CertificateWatch::Certificate> CertificateWatch::create(const Texts& texts) const {
  auto created = net::ServerCertificate::create(texts.certificate, texts.key);
  if (created) return created;
  const Error& error = created.error();
  const bool is_key = error.reason == "key_invalid" || error.reason == "certificate_mismatch";
  return fail(Code::kInvalid, "tls_files_invalid",
              fmt::format("{} cannot be served with: {}",
                          (is_key ? files_.key : files_.certificate).string(), error.message));
}

Result<void> CertificateWatch::load() {
  auto texts = read();
  if (!texts) return fail(texts.error());
  auto certificate = create(*texts);
  if (!certificate) return fail(certificate.error());
  seen_ = std::move(*texts);
  use_(std::move(*certificate));
  return {};
}

void CertificateWatch::start() { tasks_.spawn("certificate_watch", watch()); }

void CertificateWatch::look() {
  auto texts = read();
  if (texts && *texts == seen_) return;
  auto certificate = texts ? create(*texts) : fail(texts.error());
  if (texts) seen_ = std::move(*texts);
  if (certificate) {
    told_.clear();
    use_(std::move(*certificate));
    log_.info("certificate_replaced", {{"file", files_.certificate.string()}});
    return;
  }
  // Every minute it is the same, until somebody mends it.
  if (told_ == certificate.error().message) return;
  told_ = certificate.error().message;
  log_.error("certificate_kept", {{"what", told_}});
}

Task<void> CertificateWatch::watch() {
  while (!stopping_) {
    const Timestamp next = clock_.now() + clock_.hub_time(kInterval);
    while (!stopping_ && clock_.now() < next) co_await clock_.wait_until(next, timer_);
    if (!stopping_) look();
  }
}

Task<void> CertificateWatch::stop() {
  stopping_ = true;
  timer_.cancel();
  co_await tasks_.join();
}

}  // namespace waybill::app
