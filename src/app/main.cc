#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "app/cli/program.h"
#include "app/settings.h"
#include "base/check.h"

int main(int argc, char** argv) {
  // Nothing of ours can go on without memory, and a hub that half does would be worse than none.
  std::set_new_handler([] { waybill::check_failed(__FILE__, __LINE__, "new", "out of memory"); });
  return waybill::app::cli::run_program(std::vector<std::string>(argv + 1, argv + argc),
                                        waybill::app::process_environment());
}
