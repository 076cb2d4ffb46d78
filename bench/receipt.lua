-- A platform's signed webhooks for wrk, each new.
--
--   wrk … -s bench/receipt.lua http://127.0.0.1:PORT/PATH -- FILE
--
-- FILE was made by receipt.py: the body in the first line, then a line for each message: nine digits,
-- a space, and the signature of the body with these digits for each "000000000". Signing here would
-- measure Lua. One thread only (-t1); more requests than the file has lines are an error, so that no
-- message is ever sent twice.

local placeholder = "000000000"
local pieces, lines = {}, {}
local count = 0

function init(arguments)
  local name = arguments[1]
  if not name then error("usage: wrk … -s bench/receipt.lua URL -- FILE") end
  local file = assert(io.open(name, "r"))
  local body = file:read("*l")
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  local text = wrk.format("POST", nil, {
    ["Content-Type"] = "application/json",
    ["x-procureiq-signature"] = "sha256=SIGNATURE",
  }, body)
  -- What stands before, between and behind the signature and the digits: every other piece.
  local signature, signature_end = text:find("SIGNATURE", 1, true)
  pieces = { text:sub(1, signature - 1), false }
  local from = signature_end + 1
  while true do
    local digits, digits_end = text:find(placeholder, from, true)
    if not digits then break end
    pieces[#pieces + 1] = text:sub(from, digits - 1)
    pieces[#pieces + 1] = false
    from = digits_end + 1
  end
  pieces[#pieces + 1] = text:sub(from)
end

function request()
  count = count + 1
  local line = lines[count]
  if not line then error("more messages were asked for than were signed") end
  local digits = line:sub(1, 9)
  pieces[2] = line:sub(11)
  for index = 4, #pieces - 1, 2 do pieces[index] = digits end
  return table.concat(pieces)
end
