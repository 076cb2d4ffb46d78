// Whose request it is where it comes through proxies: each adds the address of whoever called it to
// the end of X-Forwarded-For.
//
// Anybody can send that header, so only what a trusted proxy has added counts: the right-most
// address that is no trusted proxy. What stands left of it is the caller's own word.

#pragma once

#include <string>
#include <vector>

#include "net/http.h"
#include "net/network.h"

namespace waybill::net {

// The caller's address: request.peer, unless that is a trusted proxy. Where all addresses are
// trusted it is the left-most; where one cannot be read, it is the one to the right of that. An
// IPv4 address is written as such, also where the header has it mapped into IPv6 or with a port.
std::string client_address(const Request& request, const std::vector<Network>& trusted);

}  // namespace waybill::net
