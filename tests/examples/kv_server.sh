#!/bin/sh
# kv_server, driven by redis-cli, redis-benchmark and by a client that does not keep to the rules.
# usage: kv_server.sh PROGRAM POLLER
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/servers.sh"
need redis-cli redis-benchmark python3
program=$1
poller=$2

# says EXPECTED COMMAND...: what redis-cli prints, lines joined by "|".
says() {
  expected=$1
  shift
  said=$(timeout 10 redis-cli -p "$port" "$@" 2>&1 | tr '\n' '|')
  [ "$said" = "$expected|" ] || fail "redis-cli $*: \"$said\", expected \"$expected|\""
}

# soon SECONDS KEY: that is about when it expires; the machine may be slow.
soon() {
  left=$(timeout 10 redis-cli -p "$port" ttl "$2")
  [ "$left" -le "$1" ] && [ "$left" -ge "$(($1 - 30))" ] || fail "$2 expires in \"$left\" s, expected $1"
}

# eventually COMMAND...: it succeeds, if not now, then soon.
eventually() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { fail "never: $*"; break; }
    sleep 0.05
  done
}
answers() {
  answer=$1
  shift
  [ "$(timeout 10 redis-cli -p "$port" "$@")" = "$answer" ]
}

connection_commands() {
  says PONG ping
  says "hi there" ping "hi there"
  says hello echo hello
  says OK select 0
  says "ERR DB index is out of range|" select 1
  says "ERR value is not an integer or out of range|" select one
  says "NOPROTO unsupported protocol version|" hello 3
  says "ERR Protocol version is not an integer or out of range|" hello x
  says "server|gmpsched|version|7.0.0|proto|2|id|$(timeout 10 redis-cli -p "$port" client id | awk '{print $1 + 1}')|mode|standalone|role|master|modules|" hello 2
  says OK client setname me
  says "save|" config get save
  says "appendonly|no" config get appendonly
  says "" config get no_such_setting
  says "" command docs
  says OK quit
  says "ERR unknown command 'nonsense', with args beginning with: 'a' 'b' |" nonsense a b
  says "ERR wrong number of arguments for 'get' command|" GET
  says "ERR wrong number of arguments for 'get' command|" GeT a b
  says "ERR wrong number of arguments for 'mset' command|" mset a 1 b
  timeout 10 redis-cli -p "$port" info >"$scratch/out"
  for line in redis_version: "tcp_port:$port" connected_clients:1 total_commands_processed: uptime_in_seconds:; do said out "$line"; done
}

string_commands() {
  says OK flushall
  says "" get s
  says OK set s "a value"
  says "a value" get s
  says 7 strlen s
  says "" set s other nx
  says OK set t new nx
  says "" set none other xx
  says OK set s other XX
  says "other|new|" mget s t none
  says OK mset m1 1 m2 2 m1 3
  says "3|2" mget m1 m2
  says 3 exists s t none s
  says 2 del s t none
  says 0 exists s t
  says 1 incr n
  says 11 incrby n 10
  says 10 decr n
  says -10 decrby n 20
  says OK set n 9223372036854775807
  says "ERR increment or decrement would overflow|" incr n
  says "ERR value is not an integer or out of range|" incrby n 1x
  says OK set n " 1"
  says "ERR value is not an integer or out of range|" incr n
  says "ERR syntax error|" set a 1 nx xx
  says "ERR syntax error|" set a 1 ex
  says "ERR invalid expire time in 'set' command|" set a 1 ex 0
  says "ERR invalid expire time in 'set' command|" set a 1 ex 9223372036854775807
  says "ERR value is not an integer or out of range|" set a 1 px soon
  says 3 dbsize
  says OK flushall
  says 0 dbsize
}

expiry_commands() {
  says OK set e v ex 100
  soon 100 e
  says OK set e v
  says -1 ttl e
  says -2 ttl none
  says -2 pttl none
  says 1 expire e 50
  soon 50 e
  says 0 expire none 50
  says 1 persist e
  says -1 pttl e
  says 1 expire e -1
  says 0 exists e
  says OK set e v px 30
  says OK set untouched v px 30
  # Both go: the one when it is asked for, the other by itself.
  eventually answers 0 dbsize
  says "" get e
}

collection_commands() {
  says 3 rpush l a b c
  says 5 lpush l y x
  says "x|y|a|b|c" lrange l 0 -1
  says "b|c" lrange l -2 100
  says "" lrange l 3 2
  says "" lrange none 0 -1
  says 5 llen l
  says x lpop l
  says c rpop l
  says "y|a" lpop l 2
  says b lpop l 100
  says 0 exists l
  says "" lpop l
  says "" lpop l 2
  says "ERR value is out of range, must be positive|" lpop l -1
  says 2 hset h f 1 g 2
  says 0 hset h f 3
  says 3 hget h f
  says "" hget h none
  says "" hget none f
  says 2 hlen h
  says 1 hdel h g none
  says "f|3" hgetall h
  says hash type h
  wrong="WRONGTYPE Operation against a key holding the wrong kind of value|"
  for attempt in "get h" "incr h" "lpush h a" "lpop h" "lrange h 0 1" "llen h"; do says "$wrong" $attempt; done
  says OK set text 1
  for attempt in "hset text f v" "hget text f" "hdel text f" "hgetall text" "rpush text a"; do says "$wrong" $attempt; done
  says "" mget h
  says 1 hdel h f
  says 0 exists h
}

pubsub_commands() {
  : >"$scratch/heard"
  says 0 publish news nobody
  timeout 20 redis-cli -p "$port" subscribe news weather >"$scratch/heard" 2>&1 &
  listener=$!
  eventually grep -q "^2$" "$scratch/heard"
  says 1 publish news "first"
  says 1 publish weather "rain"
  says 0 publish sports "nobody"
  eventually grep -q "^rain$" "$scratch/heard"
  kill "$listener"
  wait "$listener" 2>/dev/null
  [ "$(tail -n 6 "$scratch/heard" | tr '\n' ' ')" = "message news first message weather rain " ] ||
    { fail "the subscriber heard something else"; cat "$scratch/heard" >&2; }
  eventually answers 0 publish news gone
}

for procs in 1 4; do
  start server "$program" --port 0 --procs "$procs" --poller "$poller"
  connection_commands
  string_commands
  expiry_commands
  collection_commands
  pubsub_commands
  probe kv_probe.py "$port" rules
  probe kv_probe.py "$port" pubsub
  timeout 60 redis-benchmark -p "$port" -t ping,set,get,incr,lpush,rpush,lpop,rpop,hset,mset,lrange_100 -n 2000 -P 4 -q \
    >"$scratch/bench" 2>&1 || fail "redis-benchmark: $(tail -n 1 "$scratch/bench")"
  grep -qi "error" "$scratch/bench" && fail "redis-benchmark: $(grep -i error "$scratch/bench" | head -n 1)"
  probe kv_probe.py "$port" drain "$pid"
  ended server "$pid"
done

start slow "$program" --port 0 --poller "$poller" --write-timeout 1
probe kv_probe.py "$port" slow
stop slow "$pid"
start impatient "$program" --port 0 --poller "$poller" --timeout 1
probe kv_probe.py "$port" silent
stop impatient "$pid"

start few sh -c "ulimit -n 40; exec '$program' --port 0 --poller '$poller'"
probe kv_probe.py "$port" flood 100 "$scratch/few.err"
says PONG ping
stop few "$pid"

run 2 "$program" --poller carrier_pigeon
run 2 "$program" --port 70000
run 1 "$program" --host 203.0.113.1 --port 0
run 0 "$program" --help
finish
