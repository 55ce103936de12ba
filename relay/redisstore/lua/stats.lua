-- ARGV: cost of a token
while #call('ZRANGEBYSCORE', P .. ':due', '-inf', now, 'LIMIT', 0, 1) > 0 do sweep() end
sweep()
return { call('ZCARD', P .. ':tokens'), call('ZCARD', P .. ':due'), number(call('GET', P .. ':messages')), total(tonumber(ARGV[1])) }
