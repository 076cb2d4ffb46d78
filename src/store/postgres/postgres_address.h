// Where a PostgreSQL server is, and how it is reached: a connection URI as libpq reads it.
//
//   postgres://waybill@db1,db2:5433/waybill?sslmode=verify-full&sslrootcert=/etc/waybill/ca.pem
//
// Several hosts are tried in turn, and the one that takes writes is used.

#pragma once

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

  // True if a password is in the URI itself.
  bool has_password() const { return !password_.empty(); }
  // Used instead of what is in the URI, PGPASSWORD and ~/.pgpass.
  void set_password(Secret password) { password_ = std::move(password); }

  // For people and logs: "postgres://waybill@db1:5432,db2:5433/waybill". No password, no options.
  std::string shown() const;

  // libpq's keywords and values, for PQconnectdbParams(); the password is apart.
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }
  const Secret& password() const { return password_; }

 private:
  std::string_view parameter(std::string_view keyword) const;  // Empty: not given.

  std::vector<std::pair<std::string, std::string>> parameters_;  // But for the password.
  Secret password_;
};

}  // namespace waybill::store
