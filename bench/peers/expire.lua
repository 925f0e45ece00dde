-- Gives back what holds have that are over; their numbers stay counted.
-- KEYS: the shop, as in reserve.lua.
-- ARGV: how many holds at most.
local shop = KEYS[1]
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', shop .. ':expiry', '-inf', now_ms, 'LIMIT', 0, ARGV[1])
for _, number in ipairs(due) do
  local hold = shop .. ':hold:' .. number
  local lines = cmsgpack.unpack(redis.call('HGET', hold, 'lines'))
  for sku, units in pairs(lines) do
    redis.call('HINCRBY', shop .. ':available', sku, units)
  end
  redis.call('DEL', hold)
  redis.call('ZREM', shop .. ':expiry', number)
end
if #due > 0 then
  redis.call('INCRBY', shop .. ':expired', #due)
end
return #due
