-- Puts units of SKUs into a shop, once each: a delivery that is sent again changes nothing.
-- KEYS: the shop, as in reserve.lua; the set of all shops.
-- ARGV: a SKU and units for each row.
local shop = KEYS[1]
redis.call('SADD', KEYS[2], shop)
for row = 1, #ARGV, 2 do
  if redis.call('HSETNX', shop .. ':on_hand', ARGV[row], ARGV[row + 1]) == 1 then
    redis.call('HSET', shop .. ':available', ARGV[row], ARGV[row + 1])
  end
end
