-- Reads records after a sequence, at least one if there is any, and no more once so many events or bytes are reached.
-- KEYS: 1 the heads, by ledger; 2 the ledger's records.
-- ARGV: 1 how often it was sent before; 2 the ledger; 3 the sequence; 4 events; 5 bytes.
-- Returns the head; what the record up to the sequence is; 1 where more follows; then id, what it is and events of each.
local AT_ONCE = 16
local head = redis.call('HGET', KEYS[1], ARGV[2]) or ''
local before = redis.call('XREVRANGE', KEYS[2], ARGV[3] .. '-0', '-', 'COUNT', 1)[1]
local found = {head, before and before[2][2] or '', 0}
local after, events, bytes = '(' .. ARGV[3] .. '-0', tonumber(ARGV[4]), tonumber(ARGV[5])
repeat
  local some = redis.call('XRANGE', KEYS[2], after, '+', 'COUNT', AT_ONCE)
  for _, entry in ipairs(some) do
    if events <= 0 or bytes <= 0 then
      found[3] = 1
      return found
    end
    local what, payload = entry[2][2], entry[2][4]
    found[#found + 1] = entry[1]
    found[#found + 1] = what
    found[#found + 1] = payload
    events = events - tonumber(string.match(what, '^%d+ (%d+)') or 1)
    bytes = bytes - #payload
    after = '(' .. entry[1]
  end
until #some < AT_ONCE
return found
