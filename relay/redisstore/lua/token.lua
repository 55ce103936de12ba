-- ARGV: hash, owner, life, most of one owner, cost of one, most bytes, networks,
-- quotas of a key and of an address
local owners = P .. ':tokens:' .. ARGV[2]
if call('EXISTS', P .. ':token:' .. ARGV[1]) == 1 then return 'ok' end
sweep()
if total(tonumber(ARGV[5])) + tonumber(ARGV[5]) > tonumber(ARGV[6]) then return 'total' end
local who = parties(ARGV[2], ARGV[7])
local full = quota(who, tonumber(ARGV[5]), tonumber(ARGV[5]), ARGV[8], ARGV[9])
if full then return full end
call('ZREMRANGEBYSCORE', owners, '-inf', now)
while call('ZCARD', owners) >= tonumber(ARGV[4]) do
  local oldest = call('ZPOPMIN', owners)[1]
  call('ZREM', P .. ':tokens', oldest)
  call('DEL', P .. ':token:' .. oldest)
  unplace(oldest)
end
local expires = now + tonumber(ARGV[3])
-- Tokens of one millisecond are in the order in which they came.
local last = call('ZREVRANGE', owners, 0, 0, 'WITHSCORES')[2]
local score = math.max(expires, number(last) + 0.001)
call('SET', P .. ':token:' .. ARGV[1], ARGV[2], 'PXAT', expires)
call('ZADD', owners, score, ARGV[1])
call('PEXPIREAT', owners, expires + 1000)
call('ZADD', P .. ':tokens', expires, ARGV[1])
for i = 2, #who do
  local from = P .. ':from:' .. string.sub(who[i], 2)
  call('ZADD', from, expires, ARGV[1])
  call('PEXPIREAT', from, expires + 1000)
end
if #who > 1 then call('SET', P .. ':place:' .. ARGV[1], ARGV[7], 'PXAT', expires) end
return 'ok'
