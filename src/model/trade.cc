#include "model/trade.h"

#include "base/json_text.h"

namespace waybill::model {

std::string client_data(const Client& client) {
  std::string out;
  ObjectText(out)
      .add("client_id", client.id.uuid().text())
      .add_if("external_id", client.external_id)
      .add("store_id", client.store_id.uuid().text())
      .add_if("name", client.name)
      .add_if("email", client.email)
      .add_if("phone", client.phone)
      .add("source", client.source)
      .end();
  return out;
}

}  // namespace waybill::model
