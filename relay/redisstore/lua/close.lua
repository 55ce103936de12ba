-- ARGV: id, carry, grace, call
local id = ARGV[1]
local s = P .. ':session:' .. id
local v = call('HMGET', s, 'closed', 'carries', 'entry', 'members', 'coordinator', 'closer')
if v[6] == ARGV[4] then return 'ok' end
if not v[1] or v[1] == '1' and v[2] == '0' then return 'session' end
local topics = {}
for _, k in ipairs(everybody(v[4], v[5])) do
  topics[#topics + 1] = id .. k .. 'm' .. id .. k .. 'c'
  if v[1] == '0' then
    call('ZREM', P .. ':open:' .. k, v[3])
    topics[#topics + 1] = nobody .. k .. 'm'
  end
end
call('ZREM', P .. ':created:' .. v[5], v[3])
call('HSET', s, 'closed', '1', 'carries', ARGV[2], 'closer', ARGV[4])
if ARGV[2] == '0' and done(id) then
  remove(id)
else
  live(id, now + tonumber(ARGV[3]))
end
wake(topics)
return 'ok'
