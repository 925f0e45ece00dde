-- Adds up a shop's holds again: what is on hand less what is held must be what is available, and no less than nothing.
-- KEYS: the shop, as in reserve.lua.
-- Returns the number of holds, those that are over among them, units held, units held beyond what is on hand; then for each
-- SKU that does not agree its name, the units that should be available, and those that are.
local shop = KEYS[1]
local left, available = {}, {}  -- units by SKU: those that should be available, and those that are
local function read(name, units)
  local rows = redis.call('HGETALL', shop .. ':' .. name)
  for row = 1, #rows, 2 do
    units[rows[row]] = tonumber(rows[row + 1])
  end
end
read('on_hand', left)
read('available', available)
for sku in pairs(available) do
  left[sku] = left[sku] or 0
end

local found, units_held = tonumber(redis.call('GET', shop .. ':expired') or 0), 0
for _, number in ipairs(redis.call('ZRANGE', shop .. ':expiry', 0, -1)) do
  local lines = redis.call('HGET', shop .. ':hold:' .. number, 'lines')
  if lines then
    found = found + 1
    for sku, units in pairs(cmsgpack.unpack(lines)) do
      left[sku] = (left[sku] or 0) - units
      units_held = units_held + units
    end
  end
end

local broken, oversold = {}, 0
for sku, units in pairs(left) do
  oversold = oversold + math.max(0, -units)
  if available[sku] ~= units then
    broken[#broken + 1] = {sku, tostring(units), tostring(available[sku])}
  end
end
return {found, units_held, oversold, broken}
