// The CertificateWatch serves with what two files hold: it looks at them once a minute, and when it
// is told to, and hands over what is new. A pair that cannot be served with changes nothing; the
// log says why, once.
//
// Used from the thread of the io_context only.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/task.h"
#include "net/tls.h"

namespace waybill::app {

struct CertificateFiles {
  std::filesystem::path certificate;  // The chain, in PEM.
  std::filesystem::path key;
};

class CertificateWatch {
 public:
  static constexpr std::chrono::minutes kInterval{1};  // Of real time.
  using Certificate = std::shared_ptr<const net::ServerCertificate>;
  using Use = std::function<void(Certificate)>;

  CertificateWatch(boost::asio::io_context& context, Log& log, Clock& clock, CertificateFiles files,
                   Use use);

  // Hands over the first pair. Call it once, before the others.
  // Fails with kInvalid (tls_files_invalid), naming the file and what is wrong with it.
  Result<void> load();

  // Looks each minute until stop().
  void start();
  // Looks now.
  void look();
  Task<void> stop();

 private:
  // Both files, as they are.
  struct Texts {
    std::string certificate;
    std::string key;
    friend bool operator==(const Texts&, const Texts&) = default;
  };
  Result<Texts> read() const;
  Result<Certificate> create(const Texts& texts) const;
  Task<void> watch();

  Log& log_;
  Clock& clock_;
  const CertificateFiles files_;
  const Use use_;
  Texts seen_;        // When it last looked, whether it could be served with or not.
  std::string told_;  // The complaint that was logged last; empty since all is well.
  bool stopping_ = false;
  boost::asio::steady_timer timer_;
  TaskGroup tasks_;
};

}  // namespace waybill::app
