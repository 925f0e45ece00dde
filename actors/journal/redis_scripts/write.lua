-- Executes commands while epochs are in force.
-- KEYS: 1 the heads, by ledger; then the keys of the commands.
-- ARGV: 1 how often it was sent before; 2 the number of ledgers, or -1 where none may have begun; then ledger and epoch
-- of each; then for each command the number of its words, and the words.
-- Returns 1; or the first ledger whose epoch is another, and where that stands; or 0 where one has begun.
local ledgers = tonumber(ARGV[2])
if ledgers < 0 and redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local at = 3
for _ = 1, ledgers do
  local head = redis.call('HGET', KEYS[1], ARGV[at]) or ''
  if string.match(head, '^%d+') ~= ARGV[at + 1] then
    return {ARGV[at], head}
  end
  at = at + 2
end
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
return 1
