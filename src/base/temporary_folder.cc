#include "base/temporary_folder.h"

#include <stdlib.h>
#include <string>
#include <system_error>

#include "base/check.h"

namespace waybill {

TemporaryFolder::TemporaryFolder(const std::filesystem::path& parent) {
  std::string name = (parent / "waybill-test-XXXXXX").string();
  WAYBILL_CHECK(::mkdtemp(name.data()) != nullptr, "a test can make a temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace waybill
