# How the scripts talk: progress while something slow runs, one clear sentence when it fails.
# Sourced by ./test, tools/setup and tools/build.
# shellcheck shell=bash

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  red=$'\e[31m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m' erase=$'\r\e[K'
else
  red='' green='' dim='' plain='' erase=''
fi

say() { printf '%s\n' "$*"; }
die() {
  printf '%s%s: %s%s\n' "$red" "${console_name:-$(basename "$0")}" "$*" "$plain" >&2
  exit 1
}

# step WHAT LOG COMMAND… runs COMMAND with its output in the file LOG, and shows that it is alive:
# on a terminal a line that changes every second, elsewhere a line every half minute. Returns the
# status of COMMAND and prints nothing about a failure: the caller knows what to say.
#
# A function step_status, if there is one, prints how far LOG has come ("12 of 300").
#
# COMMAND runs beside a waiting shell, so that Ctrl-C and a plain kill both end it at once, with
# everything it started: it has a process group of its own. It reads nothing.
step() {
  local what=$1 log=$2 began=$SECONDS shown=$SECONDS status=0 every=30
  shift 2
  mkdir -p "$(dirname "$log")"
  : >"$log"
  [[ -n $erase ]] && every=1
  [[ -n $erase ]] || say "$what …"

  set -m
  "$@" >"$log" 2>&1 </dev/null &
  step_child=$!
  set +m
  while kill -0 "$step_child" 2>/dev/null; do
    # A pause without a process: reading from a pipe that stays empty.
    read -r -t 0.2 -u "$step_pause" || true
    ((SECONDS - shown >= every)) || continue
    shown=$SECONDS
    printf '%s%s … %s%s%s' "$erase" "$what" \
      "$dim" "$(step_progress "$log" $((SECONDS - began)))" "$plain"
    [[ -n $erase ]] || echo
  done
  wait "$step_child" || status=$?
  step_child=''
  printf '%s' "$erase"
  if [[ $status == 0 ]]; then
    say "$what: ${green}done${plain} in $(duration $((SECONDS - began)))"
  else
    say "$what: ${red}failed${plain} after $(duration $((SECONDS - began)))"
  fi
  return "$status"
}

step_progress() {
  local at=''
  if declare -F step_status >/dev/null; then at=$(step_status "$1" 2>/dev/null || true); fi
  printf '%s%s' "${at:+$at, }" "$(duration "$2")"
}

duration() {
  if (($1 < 60)); then
    printf '%d s' "$1"
  else
    printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
  fi
}

# relay SCRIPT… runs another of our scripts, so that a signal to this one alone ends it too. Not
# for what may ask for a password: it is not in the terminal's foreground.
relay() {
  local status=0
  step_patience=6
  set -m
  "$@" &
  step_child=$!
  set +m
  wait "$step_child" || status=$?
  step_child='' step_patience=3
  return "$status"
}

# Ends what `step` or `relay` runs: asks, and after some seconds insists.
step_child='' step_patience=3
exec {step_pause}<> <(:)
step_stop() {
  if [[ -n $step_child ]]; then
    kill -TERM -- "-$step_child" 2>/dev/null || true
    for ((tenth = 0; tenth < step_patience * 10; ++tenth)); do
      # Dead, though this shell has not read its status yet.
      [[ $(cat "/proc/$step_child/stat" 2>/dev/null || echo ') Z ') != *') Z '* ]] || break
      read -r -t 0.1 -u "$step_pause" || true
    done
    kill -KILL -- "-$step_child" 2>/dev/null || true
  fi
  printf '%s' "$erase"
}
trap 'step_stop; exit 130' INT
trap 'step_stop; exit 143' TERM
trap 'step_stop; exit 129' HUP
