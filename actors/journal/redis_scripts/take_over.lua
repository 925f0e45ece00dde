-- Raises a ledger's epoch. Sent twice it raises it twice, which costs nothing.
-- KEYS: 1 the heads, by ledger; 2 the ledger's records; 3 the journal's stamp; 4 the names of all actors.
-- ARGV: 1 how often it was sent before; 2 the ledger; 3 the stamp's id; 4 the actor.
-- Returns the head, and of the last record its id and what it is, or two empty strings; or only what the stamp says.
local id = redis.call('HGET', KEYS[3], 'id') or ''
if id ~= ARGV[3] then
  return {id}
end
local head = redis.call('HGET', KEYS[1], ARGV[2]) or '0 0 0'
local epoch, rest = string.match(head, '^(%d+) (%d+ %d+)$')
if epoch then
  head = string.format('%d %s', tonumber(epoch) + 1, rest)
  redis.call('HSET', KEYS[1], ARGV[2], head)
  redis.call('SADD', KEYS[4], ARGV[4])
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
return {head, last and last[1] or '', last and last[2][2] or ''}
