-- ARGV: id, mailbox, cursor or -1 for what was handed over, call, most bytes of a
-- page, life, costs of a message and of a recipient
local id, box, after = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s, q = P .. ':session:' .. id, P .. ':queue:' .. id
local v = call('HMGET', s, 'closed', 'carries', 'a' .. box, 'h' .. box, 'n' .. box, 'o' .. box)
if not v[1] then return 'session' end
local acked, handed, last = number(v[3]), number(v[4]), number(v[5])
if after >= 0 then
  after = math.min(after, handed)
elseif v[6] == ARGV[4] then
  after = acked -- this call again, whose answer was lost on its way from Redis
else
  after = handed
end

local recipientCost = tonumber(ARGV[8])
local freed, messages, boxFreed = 0, 0, 0
for cursor = acked + 1, after do
  local n = call('HGET', q, box .. cursor)
  local inBox = call('HSTRLEN', q, n) - 33 + ARGV[7] + recipientCost
  boxFreed = boxFreed + inBox
  call('HDEL', q, box .. cursor)
  local holders = call('HGET', q, 'h' .. n)
  if holders and tonumber(holders) > 1 then
    call('HINCRBY', q, 'h' .. n, -1)
  else
    local cost = inBox + recipientCost * (number(call('HGET', q, 'r' .. n) or 1) - 1)
    freed = freed + cost
    messages = messages + 1
    local sender = string.sub(call('HGET', q, n), 2, 33)
    attribute(id, parties(sender, call('HGET', q, 'f' .. n) or ''), 0 - cost)
    call('HDEL', q, n, 'h' .. n, 'r' .. n, 'f' .. n)
  end
end
if after > acked then
  acked = after
  call('HSET', s, 'a' .. box, acked)
  call('HINCRBY', s, 'b' .. box, 0 - boxFreed) -- a minus alone makes 0 a "-0", which is no integer
  call('HINCRBY', s, 'bytes', 0 - freed)
  charge(id, 0 - freed, 0 - messages)
end

local out, bytes = { acked }, 0
for cursor = acked + 1, last do
  local record = call('HGET', q, call('HGET', q, box .. cursor))
  bytes = bytes + #record - 33
  if #out > 1 and bytes > tonumber(ARGV[5]) then break end
  out[#out + 1] = record
  out[1] = cursor
end
if #out > 1 then
  if out[1] > handed then call('HSET', s, 'h' .. box, out[1]) end
  if ARGV[3] == '-1' then call('HSET', s, 'o' .. box, ARGV[4]) end
  renew(id, tonumber(ARGV[6]))
elseif v[1] == '1' and v[2] == '0' then
  if done(id) then remove(id) end
  return 'session'
end
return out
