-- ARGV: hash
local owner = call('GETDEL', P .. ':token:' .. ARGV[1])
if owner then
  call('ZREM', P .. ':tokens:' .. owner, ARGV[1])
  call('ZREM', P .. ':tokens', ARGV[1])
  unplace(ARGV[1])
end
return 'ok'
