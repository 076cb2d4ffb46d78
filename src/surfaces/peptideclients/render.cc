#include "surfaces/peptideclients/render.h"

#include "surfaces/platform_records.h"

namespace waybill::surfaces::peptideclients {
namespace {

void write_items(std::string& out, const std::vector<model::SalesItem>& items, int digits) {
  append_array(out, items, [digits](std::string& text, const model::SalesItem& item) {
    ObjectText(text)
        .add("sku", item.sku)
        .add("name", item.name)
        .add("quantity", item.quantity.text())
        .add("unit_price", price_text(item.unit_price, digits))
        .end();
  });
}

void write_client(ObjectText& order, const model::SalesOrder& of) {
  if (!of.client_id && of.client.is_empty()) {
    order.add_json("client", "null");
    return;
  }
  ObjectText(order.member("client"))
      .add("id", of.client_id.transform([](const auto& id) { return id.uuid().text(); }))
      .add("external_id", of.client.external_id)
      .add("email", of.client.email)
      .add("name", of.client.name)
      .add("phone", of.client.phone)
      .end();
}

}  // namespace

void write_head(ObjectText& object, const model::SalesOrder& order) {
  object.add("id", order.id.uuid().text())
      .add("external_id", order.external_id)
      .add("number", order.number)
      .add("status", model::sales_status_name(order.state.status))
      .add("payment_status", model::payment_status_name(order.state.payment_status()))
      .add("currency", order.currency)
      .add("total", model::amount_text(order.state.total, model::currency_digits(order.currency)));
}

void write(ObjectText& object, const model::SalesOrder& order,
           const std::vector<model::Payment>& payments) {
  const int digits = model::currency_digits(order.currency);
  write_head(object, order);
  object.add("paid_total", model::amount_text(order.state.paid, digits))
      .add("refunded_total", model::amount_text(order.state.refunded, digits))
      .add("shipping_total", model::amount_text(order.shipping_total, digits))
      .add("tax_total", model::amount_text(order.tax_total, digits))
      .add("discount_total", model::amount_text(order.discount_total, digits))
      .add("store_id", order.store_id.uuid().text())
      .add("source", order.source);
  write_client(object, order);
  write_items(object.member("items"), order.items, digits);
  append_array(object.member("payments"), payments,
               [](std::string& text, const model::Payment& payment) { text += text_of(payment); });
  object.add("note", order.note)
      .add_json("metadata", order.metadata.empty() ? "{}" : order.metadata)
      .add("placed_at", order.placed_at)
      .add("created_at", order.created_at)
      .add("updated_at", order.updated_at);
}

void write(ObjectText& object, const model::Payment& payment) {
  object.add("id", payment.id.uuid().text())
      .add("order_id", payment.order_id.uuid().text())
      .add("external_id", payment.external_id)
      .add("method", payment.method)
      .add("amount", model::amount_text(payment.amount, model::currency_digits(payment.currency)))
      .add("currency", payment.currency)
      .add("reference", payment.reference)
      .add("status", model::payment_state_name(payment.state))
      .add("paid_at", payment.paid_at)
      .add("refunded_at", payment.refunded_at)
      .add("created_at", payment.created_at);
}

void write(ObjectText& object, const model::Client& client) {
  object.add("id", client.id.uuid().text())
      .add("external_id", client.external_id)
      .add("email", client.email)
      .add("name", client.name)
      .add("phone", client.phone)
      .add("store_id", client.store_id.uuid().text())
      .add("source", client.source)
      .add("created_at", client.created_at)
      .add("updated_at", client.updated_at);
}

void write(ObjectText& object, const model::Product& product) {
  object.add("id", product.id.uuid().text())
      .add("sku", product.sku)
      .add("name", product.name)
      .add("description", product.description)
      .add("price", model::amount_text(product.price, model::currency_digits(product.currency)))
      .add("currency", product.currency)
      .add("vendor_id",
           product.supplier_id.transform([](const auto& id) { return id.uuid().text(); }))
      .add("created_at", product.created_at)
      .add("updated_at", product.updated_at);
}

void write(ObjectText& object, const model::Supplier& supplier) {
  object.add("id", supplier.id.uuid().text())
      .add("name", supplier.name)
      .add("email", supplier.email)
      .add("phone", supplier.phone)
      .add("claimed_at", supplier.claimed_at)
      .add("created_at", supplier.created_at)
      .add("updated_at", supplier.updated_at);
}

}  // namespace waybill::surfaces::peptideclients
