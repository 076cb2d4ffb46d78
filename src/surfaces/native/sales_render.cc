#include "surfaces/native/render.h"
#include "surfaces/platform_records.h"

namespace waybill::surfaces::native {
namespace {

// Whoever is not known has null members; a client that nobody named is null.
void write_client(ObjectText& object, const model::SalesOrder& order) {
  if (!order.client_id && order.client.is_empty()) {
    object.add_json("client", "null");
    return;
  }
  ObjectText(object.member("client"))
      .add("id", order.client_id)
      .add("external_id", order.client.external_id)
      .add("email", order.client.email)
      .add("name", order.client.name)
      .add("phone", order.client.phone)
      .end();
}

void write_items(ObjectText& object, const model::SalesOrder& order) {
  const int digits = model::currency_digits(order.currency);
  append_array(object.member("items"), order.items,
               [digits](std::string& text, const model::SalesItem& item) {
                 ObjectText(text)
                     .add("sku", item.sku)
                     .add("name", item.name)
                     .add("quantity", item.quantity.text())
                     .add("unit_price", price_text(item.unit_price, digits))
                     .end();
               });
}

}  // namespace

void write(ObjectText& object, const model::Store& store) {
  object.add("id", store.id)
      .add("uuid", store.id.uuid().text())
      .add("name", store.name)
      .add("currency", store.currency)
      .add("number_prefix", store.number_prefix)
      .add("created_at", store.created_at);
}

void write(ObjectText& object, const model::Product& product) {
  object.add("id", product.id)
      .add("uuid", product.id.uuid().text())
      .add("sku", product.sku)
      .add("name", product.name)
      .add("description", product.description)
      .add("price", model::amount_text(product.price, model::currency_digits(product.currency)))
      .add("currency", product.currency)
      .add("published", product.is_published)
      .add("supplier_id", product.supplier_id)
      .add("created_at", product.created_at)
      .add("updated_at", product.updated_at);
}

void write(ObjectText& object, const model::SalesOrder& order) {
  const auto amount = [digits = model::currency_digits(order.currency)](model::Minor minor) {
    return model::amount_text(minor, digits);
  };
  object.add("id", order.id)
      .add("uuid", order.id.uuid().text())
      .add("store_id", order.store_id)
      .add("source", order.source)
      .add("external_id", order.external_id)
      .add("number", order.number)
      .add("status", model::sales_status_name(order.state.status))
      .add("payment_status", model::payment_status_name(order.state.payment_status()))
      .add("currency", order.currency)
      .add("total", amount(order.state.total))
      .add("paid_total", amount(order.state.paid))
      .add("refunded_total", amount(order.state.refunded))
      .add("shipping_total", amount(order.shipping_total))
      .add("tax_total", amount(order.tax_total))
      .add("discount_total", amount(order.discount_total));
  write_client(object, order);
  write_items(object, order);
  object.add("note", order.note)
      .add_json("metadata", order.metadata.empty() ? "{}" : order.metadata)
      .add("placed_at", order.placed_at)
      .add("created_at", order.created_at)
      .add("updated_at", order.updated_at);
}

void write(ObjectText& object, const model::Payment& payment) {
  object.add("id", payment.id)
      .add("external_id", payment.external_id)
      .add("method", payment.method)
      .add("amount", model::amount_text(payment.amount, model::currency_digits(payment.currency)))
      .add("currency", payment.currency)
      .add("reference", payment.reference)
      .add("state", model::payment_state_name(payment.state))
      .add("paid_at", payment.paid_at)
      .add("created_at", payment.created_at)
      .add("refunded_at", payment.refunded_at);
}

void write(ObjectText& object, const model::Shipment& shipment) {
  object.add("id", shipment.id)
      .add("uuid", shipment.id.uuid().text())
      .add("order_id", shipment.order_id)
      .add("carrier", shipment.carrier)
      .add("tracking_number", shipment.tracking_number)
      .add("tracking_url", shipment.tracking_url)
      .add("shipped_at", shipment.shipped_at)
      .add("delivered_at", shipment.delivered_at)
      .add("created_at", shipment.created_at);
}

}  // namespace waybill::surfaces::native
