-- Says where a ledger is, where it stands and was as its caller believes.
-- KEYS: 1 the heads, by ledger; 2 where ledgers are, by ledger; 3 the names of all actors.
-- ARGV: 1 how often it was sent before; 2 the ledger; 3 its head before and 4 after; 5 where it was and 6 is, as text;
-- 7 the actor.
-- Returns 1; or the head as it is.
local head = redis.call('HGET', KEYS[1], ARGV[2]) or ''
local was = redis.call('HGET', KEYS[2], ARGV[2]) or ''
local is_written = ARGV[1] ~= '0' and head == ARGV[4] and was == ARGV[6]
if not is_written and (head ~= ARGV[3] or was ~= ARGV[5]) then
  return {head}
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[6])
redis.call('SADD', KEYS[3], ARGV[7])
return 1
