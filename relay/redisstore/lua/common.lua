-- What the scripts share. Times are Redis's own, in milliseconds; ids and keys
-- of members are raw bytes.
--
--   P:secret            32 bytes
--   P:challenge:C..O    a used challenge
--   P:token:H           owner; expires with the token
--   P:tokens:O          zset: the owner's tokens by expiry
--   P:tokens            zset: all tokens by expiry
--   P:session:ID        hash: see create.lua; a mailbox BOX ("m" or "c", owner) has
--                       fields "a".. acknowledged, "h".. handed over, "n".. last, "b".. bytes,
--                       "o".. the call that was handed over to last
--   P:queue:ID          hash: BOX..cursor -> message number; number -> record;
--                       "h"..number -> mailboxes that hold it, if it was sent to several, and
--                       "r"..number -> to how many; "f"..number -> the sender's networks
--   P:repeats:ID..O     zset: ids of the sender's last messages
--   P:open:O            zset: sessions on the owner's list by expiry: number in hex, id, creator
--   P:created:O         zset: open sessions that the owner created, likewise
--   P:due               zset: all sessions by expiry
--   P:costs, P:counts   hash: bytes and messages of each session
--   P:used, P:messages  their sums
--   P:stored            hash: bytes of each key ("k", key) and network ("n", its text), without tokens
--   P:charges:ID        hash: likewise what of it is in one session
--   P:place:H           networks that the login of a token came from
--   P:from:N            zset: tokens of logins from a network by expiry
--   P:number            of the last session
local call = redis.call
local P = KEYS[1]
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function number(text) return tonumber(text or 0) end

-- charge adds to what a session takes.
local function charge(id, bytes, messages)
  call('INCRBY', P .. ':used', bytes)
  call('HINCRBY', P .. ':costs', id, bytes)
  if messages ~= 0 then
    call('INCRBY', P .. ':messages', messages)
    call('HINCRBY', P .. ':counts', id, messages)
  end
end

-- parties returns by whom something stored is counted.
local function parties(key, from)
  local out = { 'k' .. key }
  for network in string.gmatch(from, '%S+') do out[#out + 1] = 'n' .. network end
  return out
end

-- attribute counts so many bytes more of a session for its parties.
local function attribute(id, who, bytes)
  for _, party in ipairs(who) do
    call('HINCRBY', P .. ':charges:' .. id, party, bytes)
    if call('HINCRBY', P .. ':stored', party, bytes) == 0 then call('HDEL', P .. ':stored', party) end
  end
end

-- quota tells what of its quotas a party has used up, with so many bytes more.
local function quota(who, bytes, tokenCost, ofKey, ofAddress)
  for i, party in ipairs(who) do
    local tokens, most = P .. ':tokens:' .. string.sub(party, 2), tonumber(ofKey)
    if i > 1 then tokens, most = P .. ':from:' .. string.sub(party, 2), tonumber(ofAddress) end
    if i > 2 then most = 2 * most end -- a network of 48 bits
    call('ZREMRANGEBYSCORE', tokens, '-inf', now)
    local stored = number(call('HGET', P .. ':stored', party)) + tokenCost * call('ZCARD', tokens)
    if stored + bytes > most then return i == 1 and 'key-full' or 'address-full' end
  end
end

-- unplace counts a token that is gone for no network.
local function unplace(token)
  local from = call('GETDEL', P .. ':place:' .. token) or ''
  for network in string.gmatch(from, '%S+') do call('ZREM', P .. ':from:' .. network, token) end
end

-- forget strikes a session that is gone, or is to go, out of the sums.
local function forget(id)
  local charges = call('HGETALL', P .. ':charges:' .. id)
  for i = 1, #charges, 2 do attribute(id, { charges[i] }, 0 - charges[i + 1]) end
  call('DEL', P .. ':charges:' .. id)
  call('DECRBY', P .. ':used', number(call('HGET', P .. ':costs', id)))
  call('DECRBY', P .. ':messages', number(call('HGET', P .. ':counts', id)))
  call('HDEL', P .. ':costs', id)
  call('HDEL', P .. ':counts', id)
  call('ZREM', P .. ':due', id)
end

local function remove(id)
  call('DEL', P .. ':session:' .. id, P .. ':queue:' .. id)
  forget(id)
end

-- done reports whether nothing is queued in a session, and no sender may repeat
-- a call by the name that it gave it.
local function done(id)
  local v = call('HMGET', P .. ':session:' .. id, 'bytes', 'named')
  return v[1] == '0' and not v[2]
end

-- sweep strikes out sessions and tokens that Redis has let expire: some at a
-- time, more than one call can add.
local function sweep()
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. ':due', '-inf', now, 'LIMIT', 0, 16)) do remove(id) end
  call('ZREMRANGEBYSCORE', P .. ':tokens', '-inf', now)
end

local function total(tokenCost)
  return number(call('GET', P .. ':used')) + tokenCost * call('ZCARD', P .. ':tokens')
end

-- everybody returns the members, and the coordinator if it is none of them.
local function everybody(members, coordinator)
  local out, found = {}, false
  for i = 1, #members, 32 do
    local k = string.sub(members, i, i + 31)
    out[#out + 1] = k
    found = found or k == coordinator
  end
  if not found then out[#out + 1] = coordinator end
  return out
end

-- live sets a session's time of expiry.
local function live(id, expires)
  local s = P .. ':session:' .. id
  call('HSET', s, 'expires', expires)
  call('PEXPIREAT', s, expires)
  call('PEXPIREAT', P .. ':queue:' .. id, expires)
  call('ZADD', P .. ':due', expires, id)
end

-- life is how long an open session lives: a part longer than it must, so that
-- not every message has to renew it.
local function life(idle) return math.floor(idle + idle / 64) end

-- renew lets an open session live on, if it has grown older by that part.
local function renew(id, idle)
  local s = P .. ':session:' .. id
  local v = call('HMGET', s, 'closed', 'expires', 'entry', 'members', 'coordinator')
  local expires = now + life(idle)
  if v[1] ~= '0' or expires - tonumber(v[2]) <= idle / 64 then return end
  live(id, expires)
  for _, k in ipairs(everybody(v[4], v[5])) do
    call('ZADD', P .. ':open:' .. k, 'XX', expires, v[3])
    call('PEXPIREAT', P .. ':open:' .. k, expires)
  end
  call('ZADD', P .. ':created:' .. v[5], 'XX', expires, v[3])
  call('PEXPIREAT', P .. ':created:' .. v[5], expires)
end

-- wake tells all relays of changes of topics: of a mailbox its session, owner
-- and kind, of a list of sessions zeros, its owner and "m".
local function wake(topics) call('PUBLISH', P .. ':wake', table.concat(topics)) end

local nobody = string.rep('\0', 16)
