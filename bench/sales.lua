-- A shop's orders for wrk, each new, signed, with an Idempotency-Key and its payment.
--
--   wrk … -s bench/sales.lua http://127.0.0.1:PORT/PATH -- KEY FILE
--
-- FILE was made by sales.py: the body's template in the first line, the time that is signed in the
-- second, then a line for each order: nine digits, a space, and the signature of the body with these
-- digits for each "000000000". Signing here would measure Lua. One thread only (-t1); more requests
-- than the file has lines are an error, so that no order is ever sent twice.

local placeholder = "000000000"
local parts, lines, tail = {}, {}, ""
local count = 0

function init(arguments)
  local key, name = arguments[1], arguments[2]
  if not name then error("usage: wrk … -s bench/sales.lua URL -- KEY FILE") end
  local file = assert(io.open(name, "r"))
  local body, time = file:read("*l"), file:read("*l")
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  local headers = {
    ["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer " .. key,
    ["Idempotency-Key"] = "order-" .. placeholder,
    ["PC-Signature"] = "t=" .. time .. ",v1=SIGNATURE",
  }
  local text = wrk.format("POST", nil, headers, body)
  -- What stands between the digits and the signature, in the order of the text.
  local from = 1
  while true do
    local digits, digits_end = text:find(placeholder, from, true)
    local signature, signature_end = text:find("SIGNATURE", from, true)
    if not digits and not signature then break end
    if signature and (not digits or signature < digits) then
      parts[#parts + 1] = { text:sub(from, signature - 1), true }
      from = signature_end + 1
    else
      parts[#parts + 1] = { text:sub(from, digits - 1), false }
      from = digits_end + 1
    end
  end
  tail = text:sub(from)
end

function request()
  count = count + 1
  local line = lines[count]
  if not line then error("more orders were asked for than were signed") end
  local digits, signature = line:sub(1, 9), line:sub(11)
  local pieces = {}
  for index, part in ipairs(parts) do
    pieces[2 * index - 1] = part[1]
    pieces[2 * index] = part[2] and signature or digits
  end
  pieces[#pieces + 1] = tail
  return table.concat(pieces)
end
