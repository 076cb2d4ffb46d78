-- Orders for wrk: each with a number of its own, so that each is a new order.
--
--   wrk … -s bench/orders.lua http://127.0.0.1:PORT/PATH -- KEY SUPPLIER [LAST]
--
-- They begin after the number LAST, or at 1. KEY goes into X-ProcuLink-Key, SUPPLIER into supplierId. One thread only (-t1): another would
-- count from 1 again. The request is made once; only the number in it changes, always nine digits.

local placeholder = "PO-000000000"
local before, after
local count = 0

function init(arguments)
  local key, supplier = arguments[1], arguments[2]
  if not supplier then error("usage: wrk … -s bench/orders.lua URL -- KEY SUPPLIER [LAST]") end
  count = tonumber(arguments[3] or 0)
  local body = '{"orderNumber":"' .. placeholder .. '","orderDate":"2026-06-12",'
    .. '"currency":"EUR","supplierId":"' .. supplier .. '","lines":['
    .. '{"buyerItemCode":"A4-COPY-500","description":"Copy paper A4","quantity":10,'
    .. '"unit":"box","unitPrice":24.9},'
    .. '{"buyerItemCode":"A4-COPY-501","description":"Copy paper A4","quantity":10,'
    .. '"unit":"box","unitPrice":24.9}]}'
  local headers = { ["Content-Type"] = "application/json", ["X-ProcuLink-Key"] = key }
  local text = wrk.format("POST", nil, headers, body)
  local first, last = text:find(placeholder, 1, true)
  before, after = text:sub(1, first + 2), text:sub(last + 1)
end

function request()
  count = count + 1
  return before .. string.format("%09d", count) .. after
end
