-- ARGV: id, sender, flags, name of the call, body, costs of a message, of a
-- recipient, of a repeat and of a token, most bytes of a mailbox, of a session
-- and of all, life, repeats kept, networks, quotas of a key and of an address,
-- recipients...
local id, sender, body = ARGV[1], ARGV[2], ARGV[5]
local s, q, r = P .. ':session:' .. id, P .. ':queue:' .. id, P .. ':repeats:' .. id .. sender
local v = call('HMGET', s, 'closed', 'carries', 'bytes', 'coordinator', 'expires')
if not v[1] then return 'session' end
if call('ZSCORE', r, ARGV[4]) then return 'ok' end
if v[1] == '1' and v[2] == '0' then return 'session' end
sweep()

local boxes, topics = {}, {}
for i = 18, #ARGV do
  boxes[#boxes + 1] = 'm' .. ARGV[i]
  topics[#topics + 1] = id .. ARGV[i] .. 'm'
end
if #boxes == 0 then boxes, topics = { 'c' .. v[4] }, { id .. v[4] .. 'c' } end
local recipientCost = tonumber(ARGV[7])
local inBox = #body + tonumber(ARGV[6]) + recipientCost
local cost = inBox + recipientCost * (#boxes - 1)
if tonumber(v[3]) + cost > tonumber(ARGV[11]) then return 'session-full' end
for _, box in ipairs(boxes) do
  local taken = call('HGET', s, 'b' .. box)
  if taken and taken + inBox > tonumber(ARGV[10]) then return 'queue' end
end
if total(tonumber(ARGV[9])) + cost > tonumber(ARGV[12]) then return 'total' end
local who = parties(sender, ARGV[15])
local full = quota(who, cost, tonumber(ARGV[9]), ARGV[16], ARGV[17])
if full then return full end

local n = call('HINCRBY', s, 'number', 1)
call('HSET', q, n, ARGV[3] .. sender .. body)
if ARGV[15] ~= '' then call('HSET', q, 'f' .. n, ARGV[15]) end
attribute(id, who, cost)
if #boxes > 1 then call('HSET', q, 'h' .. n, #boxes, 'r' .. n, #boxes) end
for _, box in ipairs(boxes) do
  local cursor = call('HINCRBY', s, 'n' .. box, 1)
  call('HSET', q, box .. cursor, n)
  call('HINCRBY', s, 'b' .. box, inBox)
end
call('HINCRBY', s, 'bytes', cost)
call('PEXPIREAT', q, v[5])
call('ZADD', r, n, ARGV[4])
if string.sub(ARGV[4], 1, 1) == 's' then call('HSET', s, 'named', '1') end
if call('ZCARD', r) > tonumber(ARGV[14]) then
  call('ZPOPMIN', r)
else
  cost = cost + tonumber(ARGV[8])
  attribute(id, parties(sender, ''), tonumber(ARGV[8]))
end
call('PEXPIREAT', r, now + life(tonumber(ARGV[13])))
charge(id, cost, 1)
renew(id, tonumber(ARGV[13]))
wake(topics)
return 'ok'
