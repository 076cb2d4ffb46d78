// Where a PostgreSQL server is, and how it is reached: a connection URI as libpq reads it.
//
//   postgres://waybill@db1,db2:5433/waybill?sslmode=verify-full&sslrootcert=/etc/waybill/ca.pem
//
// Several hosts are tried in turn, and the one that takes writes is used.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace waybill::store {

class PostgresAddress {
 public:
  // Fails with kInvalid (database_url_invalid), saying why, without what may be a password.
  static Result<PostgresAddress> parse(std::string_view url);

  // True if there is a password: in the URI itself, until set_password() is called.
  bool has_password() const { return !password_.empty(); }
  // True if whoever reads the URI learns a password: the user's, or the one of a client's key.
  bool holds_secret() const;
  // False if what is said could be read or changed on its way: a host is neither a socket nor this
  // machine, and TLS is not demanded (sslmode is require, verify-ca or verify-full). What the URI
  // does not say, libpq's own variables do.
  bool is_private() const;
  // Used instead of what is in the URI, PGPASSWORD and ~/.pgpass.
  void set_password(Secret password) { password_ = std::move(password); }

  // For people and logs: "postgres://waybill@db1:5432,db2:5433/waybill". No password, no options.
  // A socket is "postgres://%2Frun%2Fpostgresql/waybill".
  std::string shown() const;

  // libpq's keywords and values, for PQconnectdbParams(); the password is apart.
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }
  const Secret& password() const { return password_; }

 private:
  std::string_view parameter(std::string_view keyword) const;  // Empty: not given.
  // Advice for a URI that was not read as it was meant; nothing: it was.
  std::optional<std::string_view> misread() const;
  std::string effective(std::string_view keyword) const;  // As libpq takes it to be.

  std::vector<std::pair<std::string, std::string>> parameters_;  // But for the password.
  Secret password_;
};

}  // namespace waybill::store
