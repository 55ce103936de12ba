-- ARGV: id, members, coordinator, message count, life, most of one creator, most
-- naming one member, cost, cost of a token, most bytes, networks, quotas of a key and
-- of an address
local id, members, coordinator = ARGV[1], ARGV[2], ARGV[3]
local s = P .. ':session:' .. id
if call('EXISTS', s) == 1 then return 'ok' end
sweep()
local created = P .. ':created:' .. coordinator
call('ZREMRANGEBYSCORE', created, '-inf', now)
if call('ZCARD', created) >= tonumber(ARGV[6]) then return 'creator' end
local all = everybody(members, coordinator)
local mine = {}
if call('ZCARD', created) >= tonumber(ARGV[7]) then mine = call('ZRANGE', created, 0, -1) end
for _, k in ipairs(all) do
  local naming = 0
  call('ZREMRANGEBYSCORE', P .. ':open:' .. k, '-inf', now)
  for _, e in ipairs(mine) do
    if call('ZSCORE', P .. ':open:' .. k, e) then naming = naming + 1 end
  end
  if k ~= coordinator and naming >= tonumber(ARGV[7]) then return 'member' end
end
if total(tonumber(ARGV[9])) + tonumber(ARGV[8]) > tonumber(ARGV[10]) then return 'total' end
local who = parties(coordinator, ARGV[11])
local full = quota(who, tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[12], ARGV[13])
if full then return full end
-- What a session of this id that expired has left, if it was not yet swept up.
forget(id)
local expires = now + life(tonumber(ARGV[5]))
local entry = string.format('%016x', call('INCR', P .. ':number')) .. id .. coordinator
call('HSET', s, 'members', members, 'coordinator', coordinator, 'count', ARGV[4], 'closed', '0', 'carries', '0',
  'entry', entry, 'bytes', 0, 'number', 0)
live(id, expires)
charge(id, tonumber(ARGV[8]), 0)
attribute(id, who, tonumber(ARGV[8]))
local topics = {}
for _, k in ipairs(all) do
  call('ZADD', P .. ':open:' .. k, expires, entry)
  call('PEXPIREAT', P .. ':open:' .. k, expires)
  topics[#topics + 1] = nobody .. k .. 'm'
end
call('ZADD', created, expires, entry)
call('PEXPIREAT', created, expires)
wake(topics)
return 'ok'
