#!/bin/sh
# Approves a message, on standard input, with exactly one line "Amount: N EUR"
# where N is less than the first argument.
set -eu
message=$(cat)
amount=$(printf '%s\n' "$message" | sed -n 's/^Amount: \([1-9][0-9]\{0,5\}\) EUR$/\1/p')
lines=$(printf '%s\n' "$message" | grep -c '^Amount:') || true
if [ "$lines" != 1 ] || [ -z "$amount" ]; then
	echo "not one amount in whole EUR" >&2
	exit 1
fi
if [ "$amount" -ge "$1" ]; then
	echo "$amount EUR is not less than $1 EUR" >&2
	exit 1
fi
