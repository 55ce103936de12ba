-- ARGV: owner
return call('ZRANGEBYSCORE', P .. ':open:' .. ARGV[1], '(' .. now, '+inf')
