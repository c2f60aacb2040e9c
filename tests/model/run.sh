#!/bin/sh
# Checks the protocol models: run.sh BUILD_DIR [MODEL...]
#
# Every run of a model must visit its whole state space without an error; every mutant (the
# protocol with one piece missing) must fail, or the model would prove nothing. Prints one
# line per model. Exit code 0: all held, 1: something did not, 77: skipped, spin is missing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ]; then
  echo "usage: $0 BUILD_DIR [MODEL...]" >&2
  exit 2
fi
mkdir -p "$1"
build=$(cd "$1" && pwd)
shift
# Most of the time goes into compiling: clang is twice as fast at it, and the optimiser costs more than it saves.
cc=${CC:-$(command -v clang-16 || echo cc)}

# One line per run: model, kind, macros. Kinds: safety (assertions, end states), liveness
# (no cycle without progress, weak fairness), mutant (must fail as a safety run).
plan() {
  cat <<'PLAN'
pin safety
pin liveness -DUSES=2
pin mutant -DNO_HEAVY_FENCE
pin mutant -DNO_LIGHT_FENCE
pin mutant -DNO_UNDO
pin mutant -DSTALE_OWNER
pin mutant -DRETRY
freeze safety -DTRIES=2
freeze safety -DTHIEVES=2 -DOPS=1 -DBUF=2
freeze mutant -DNO_HEAVY_FENCE
freeze mutant -DNO_LIGHT_FENCE
freeze mutant -DUNLOCKED -DTHIEVES=2
freeze mutant -DPIN_AFTER -DTRIES=2 -DOPS=2
freeze mutant -DSTALE_HOLDER
freeze mutant -DEARLY_PP
bias safety
bias mutant -DNO_HEAVY_FENCE
bias mutant -DNO_LIGHT_FENCE
bias mutant -DNO_SECOND_LOOK
bias mutant -DNO_WAIT
bias mutant -DWORD_TOO
bias mutant -DEARLY_SEAT -DOPS=3
alone safety
alone mutant -DNO_HEAVY_FENCE
alone mutant -DNO_WAIT
alone mutant -DLOOK_ONCE
alone mutant -DLOOK_BEFORE
alone mutant -DCLEAR_LATE
idle safety
idle safety -DNP=3 -DLOCAL=2
idle liveness -DLIVENESS
idle mutant -DNO_HEAVY_FENCE
idle mutant -DNO_HEAVY_FENCE -DNP=3 -DLOCAL=2
idle mutant -DNO_RECHECK
idle mutant -DLAST_SPINNER_SILENT -DNP=3 -DLOCAL=2
idle mutant -DUNDO_OUTSIDE
idle mutant -DGREEDY -DNP=3 -DLOCAL=2
handoff safety
handoff mutant -DNO_SEIZE_FENCE
handoff mutant -DNO_IDLE_FENCE
handoff mutant -DNO_LOOK
handoff mutant -DPOCKET
rest safety
rest mutant -DNO_OUTSIDE
rest mutant -DIDLE_ONLY
rest mutant -DTAKES_ANOTHER
rest mutant -DREGAIN
runq safety
runq safety -DTHIEVES=2 -DITEMS=5 -DTURNS=1 -DGETS=1 -DNEXTS=1
runq mutant -DCAS_FIRST
runq mutant -DTAIL_FIRST
runq mutant -DNO_CAS
runq mutant -DNO_HALF_CHECK
newborn safety
newborn safety -DASYMMETRIC -DPOPS=1
newborn mutant -DNO_FENCE
newborn mutant -DASYMMETRIC -DNO_FENCE
newborn mutant -DSTEAL_TWO
newborn mutant -DLAST_WITHOUT_CAS
claim safety
claim safety -DFACING
claim mutant -DNO_CAS
claim mutant -DNO_CAS -DFACING
claim mutant -DUNORDERED -DFACING
claim mutant -DNO_RELOCK
claim mutant -DNO_DEQUEUE
park safety
park mutant -DUNLOCK_EARLY
park mutant -DREQUEUE_EARLY
park mutant -DFREE_EARLY
park mutant -DHALF_SWITCH
park mutant -DCHECK_UNLOCKED
mutex safety
mutex mutant -DNO_HEAVY_FENCE
mutex mutant -DFENCE_FIRST
mutex mutant -DNO_RETRY
mutex mutant -DNO_STAND_BY
mutex mutant -DHELD_STAYS_DOWN
mutex mutant -DDROP_WAKE_UP
mutex mutant -DSTAY_WAKING
mutex mutant -DCALM_EARLY
mutex mutant -DLOOK_AFTER
mutex mutant -DCALM_AND_FREE
netpoll safety
netpoll safety -DREADERS=1 -DWANTED=3 -DSIZE=2
netpoll safety -DREADERS=1 -DWANTED=3 -DSIZE=1
netpoll safety -DCLOSE
netpoll safety -DCLOSE -DREADERS=1 -DWANTED=2
netpoll mutant -DNO_LOOK -DCLOSE
netpoll mutant -DTAKE_FIRST -DCLOSE
netpoll mutant -DCONSUME_LATE
netpoll mutant -DNO_RESTORE -DSIZE=1 -DREADERS=1 -DWANTED=2
netpoll mutant -DDROP_WAKE
netpoll mutant -DCLOSE_EARLY -DCLOSE
netpoll mutant -DTAKE_ONE
deadline safety
deadline safety -DROUNDS=3
deadline safety -DWAITERS=2
deadline mutant -DNO_MARK_LOOK
deadline mutant -DMARK_LATE -DROUNDS=3 -DWAITERS=2
deadline mutant -DTAKE_FIRST
sends safety
sends safety -DSENDS=4
sends mutant -DNOT_IN_SIGHT
sends mutant -DNO_LOOK
sends mutant -DWAKE_FIRST
sends mutant -DCOPY
PLAN
}

for tool in spin "$cc"; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "skipped: $tool is not installed (Debian packages: spin, gcc)"
    exit 77
  fi
done
[ $# -gt 0 ] || set -- $(plan | cut -d' ' -f1 | uniq)

# run MODEL KIND MACROS...: leaves pan's report in $out, prints nothing.
run() {
  model=$1 kind=$2
  shift 2
  dir=$build/$model/$kind$(printf '%s' "$*" | tr -d ' ')
  out=$dir/report
  mkdir -p "$dir"
  case $kind in
    safety | mutant) flags='-DSAFETY' args='' ;;
    liveness) flags='-DNP -DNFAIR=3' args='-l -f' ;;
  esac
  (
    cd "$dir"
    rm -f ./*.trail
    spin "$@" -a "$here/$model.pml"
    "$cc" -w -O0 $flags -DMEMLIM=900 -o pan pan.c
    ./pan -b -m20000 $args
  ) >"$out" 2>&1 || true
}

exhausted() {
  grep -q 'errors: 0$' "$out" &&
    ! grep -Eq 'Search not completed|max search depth|out of memory|MEMLIM|Error' "$out"
}

# The protocol must fail, not the checker.
caught() {
  grep -Eq '^pan:1: (assertion violated|invalid end state)' "$out" && grep -q 'errors: 1$' "$out"
}

failed=0
for wanted; do
  [ -f "$here/$wanted.pml" ] || { echo "$wanted: no such model" >&2; exit 2; }
  runs=0 states=0 mutants=0 trouble=''
  while read -r name kind macros; do
    [ "$name" = "$wanted" ] || continue
    run "$name" "$kind" $macros </dev/null
    if [ "$kind" = mutant ]; then
      mutants=$((mutants + 1))
      caught || trouble="$trouble; mutant $macros was not caught ($out)"
    else
      runs=$((runs + 1))
      stored=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$out")
      states=$((states + ${stored:-0}))
      exhausted || trouble="$trouble; $kind $macros failed ($out)"
    fi
  done <<PLAN
$(plan)
PLAN
  if [ -n "$trouble" ] || [ $runs -eq 0 ]; then
    echo "$wanted: FAILED$trouble"
    failed=1
  else
    echo "$wanted: $states states in $runs runs, all visited, no error; $mutants mutants caught"
  fi
done
exit $failed
