-- Puts an entry of contacts, as a store has it that is copied.
-- KEYS: 1 the entries, by place; 2 the places of its owner; then sets of places by an index.
-- ARGV: 1 how often the same was sent before; 2 its place; 3 the sealed entry.
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
for at = 2, #KEYS do
  redis.call('SADD', KEYS[at], ARGV[2])
end
return 1
