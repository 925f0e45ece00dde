-- Holds all lines of a basket or none, and remembers the answer to its idempotency key.
-- KEYS: the shop, with which the names of all else begin.
-- ARGV: the idempotency key; how long to hold, in ms; the customer; then a SKU and units for each line.
-- Returns `held <number> <created ms> <expires ms>` or `short <asked> <available> <SKU>`.
local shop = KEYS[1]
local available = shop .. ':available'  -- units by SKU
local answer = shop .. ':answer:' .. ARGV[1]
local ANSWER_MS = 24 * 60 * 60 * 1000  -- for which it is remembered

local remembered = redis.call('GET', answer)
if remembered then
  return remembered
end
local function remember(said)
  redis.call('SET', answer, said, 'PX', ANSWER_MS)
  return said
end

local wanted = {}  -- by SKU, as two lines may name the same one
for line = 4, #ARGV, 2 do
  wanted[ARGV[line]] = (wanted[ARGV[line]] or 0) + tonumber(ARGV[line + 1])
end
for sku, units in pairs(wanted) do
  local left = tonumber(redis.call('HGET', available, sku) or 0)
  if left < units then
    return remember(string.format('short %d %d %s', units, left, sku))
  end
end

local time = redis.call('TIME')
local created_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local expires_ms = created_ms + ARGV[2]
local number = redis.call('INCR', shop .. ':sequence')
for sku, units in pairs(wanted) do
  redis.call('HINCRBY', available, sku, -units)
end
redis.call('HSET', shop .. ':hold:' .. number, 'customer', ARGV[3], 'lines', cmsgpack.pack(wanted), 'expires_ms', expires_ms)
redis.call('ZADD', shop .. ':expiry', expires_ms, number)
return remember(string.format('held %d %d %d', number, created_ms, expires_ms))
