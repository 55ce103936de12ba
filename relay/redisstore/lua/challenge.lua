-- ARGV: challenge..owner, life, call
local key = P .. ':challenge:' .. ARGV[1]
if call('SET', key, ARGV[3], 'NX', 'PX', ARGV[2]) then return 'ok' end
return call('GET', key) == ARGV[3] and 'ok' or 'unauthorized'
