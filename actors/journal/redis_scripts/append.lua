-- Writes records of one or more ledgers, all or none, each where its ledger stands where the owner left it.
-- KEYS: 1 the heads, by ledger; then the records of each ledger.
-- ARGV: 1 how often the same was sent before without an answer; then for each record: the place of its ledger in KEYS,
-- the ledger, its head before, its head after, the record's sequence, what it is, its events.
-- Returns 1; or the first ledger that is not where it should be, and where that stands.
local WORDS = 7
local ends = {}
for at = 2, #ARGV, WORDS do
  ends[ARGV[at + 1]] = ARGV[at + 3]
end

-- Sent twice: it was written where all ledgers stand where it leaves them.
local is_written = ARGV[1] ~= '0' and #ARGV > 1
if is_written then
  for ledger, head in pairs(ends) do
    is_written = is_written and redis.call('HGET', KEYS[1], ledger) == head
  end
end
if is_written then
  for ledger, head in pairs(ends) do
    redis.call('HSET', KEYS[1], ledger, head)  -- so that WAIT on this connection has something to wait for
  end
  return 1
end

local stands = {}
for at = 2, #ARGV, WORDS do
  local ledger = ARGV[at + 1]
  local head = stands[ledger] or redis.call('HGET', KEYS[1], ledger)
  if head ~= ARGV[at + 2] then
    return {ledger, redis.call('HGET', KEYS[1], ledger) or ''}
  end
  stands[ledger] = ARGV[at + 3]
end
-- From here on it must succeed. Memory that is full refuses the first write of a script, and no later one.
for at = 2, #ARGV, WORDS do
  redis.call('XADD', KEYS[tonumber(ARGV[at])], ARGV[at + 4] .. '-0', 'h', ARGV[at + 5], 'p', ARGV[at + 6])
end
for ledger, head in pairs(ends) do
  redis.call('HSET', KEYS[1], ledger, head)
end
return 1
