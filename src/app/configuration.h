// The table of settings for people: as docs/configuration.md, and as a file to begin with.

#pragma once

#include <string>

namespace waybill::app {

// docs/configuration.md, which a test compares with this.
std::string configuration_markdown();

// A settings file with every setting, explained and commented out.
std::string configuration_file();

}  // namespace waybill::app
