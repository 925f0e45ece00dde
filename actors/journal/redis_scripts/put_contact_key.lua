-- Puts the key of a change of contacts, as a store has it that is copied.
-- KEYS: 1 the key. ARGV: 1 how often the same was sent before; 2 what is noted with it; 3 for how many seconds.
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
