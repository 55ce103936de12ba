-- ARGV: id, member
local v = call('HMGET', P .. ':session:' .. ARGV[1], 'closed', 'entry')
if v[1] ~= '0' then return 'session' end
call('ZREM', P .. ':open:' .. ARGV[2], v[2])
wake({ nobody .. ARGV[2] .. 'm' })
return 'ok'
