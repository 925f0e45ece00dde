-- Replaces sealed entries of contacts, all or none, each where it is what its writer has read, and notes the change's key.
-- KEYS: 1 the entries, by place; 2 the places of their owner; 3 the change's key; 4 how often the log was, and is, to be
-- written anew; then sets of places by an index.
-- ARGV: 1 how often the same was sent before; 2 what is noted with the key; 3 for how many seconds; then for each entry:
-- its place, what it was and what it is to be, empty for none, how many indexes it was found by and is to be found by,
-- and the places of these in KEYS.
-- Returns 1 where it is written, also before; 0 where something is not what it was.
local known = redis.call('GET', KEYS[3])
if known then
  if known ~= ARGV[2] then
    return 0
  end
  redis.call('SET', KEYS[3], known, 'KEEPTTL')  -- so that WAIT on this connection has something to wait for
  return 1
end
local at = 4
while at <= #ARGV do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then
    return 0
  end
  at = at + 5 + tonumber(ARGV[at + 3]) + tonumber(ARGV[at + 4])
end
-- From here on it must succeed.
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
at = 4
while at <= #ARGV do
  local place, now = ARGV[at], ARGV[at + 2]
  local before, after = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  for each = 1, before do
    redis.call('SREM', KEYS[tonumber(ARGV[at + 4 + each])], place)
  end
  if now == '' then
    redis.call('HDEL', KEYS[1], place)
    redis.call('SREM', KEYS[2], place)
    redis.call('HINCRBY', KEYS[4], 'due', 1)  -- whoever dies before it has asked for that, another one does it
  else
    redis.call('HSET', KEYS[1], place, now)
    redis.call('SADD', KEYS[2], place)
    for each = before + 1, before + after do
      redis.call('SADD', KEYS[tonumber(ARGV[at + 4 + each])], place)
    end
  end
  at = at + 5 + before + after
end
return 1
