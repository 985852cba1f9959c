#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs live-trace over recordings made from readable text and compares what it prints.
#
#   tests/golden/inputs/NAME.txt       becomes NAME.ltrace (tests/support/make_trace), NAME.bytes becomes NAME
#                                      (tests/support/make_bytes.py); other files there are inputs as they are;
#                                      shop.pb.gz and shop.speedscope.json are what we export of shop.ltrace
#   tests/golden/GROUP/CASE/args       the command line, an argument a line
#                          /expected   standard output
#                          /errors     standard error; absent: nothing
#                          /status     exit status; absent: 0
#   tests/golden/GROUP/reader         absent, or the name of a program in tests/support: what the cases of a
#                                      binary format write goes through it, and its output is compared
#
# $LIVE_TRACE and $MAKE_TRACE are the programs. Arguments choose cases (GROUP or GROUP/CASE);
# --update writes what came out as the new expectation, for a person to read and commit.
set -u

update=no
if [ "${1:-}" = --update ]; then
    update=yes
    shift
fi

here=$(cd "$(dirname "$0")" && pwd) || exit 1
: "${LIVE_TRACE:=live-trace}" "${MAKE_TRACE:=make_trace}"
# Relative names are meant from where the runner was called.
case $LIVE_TRACE in */*) LIVE_TRACE=$(realpath "$LIVE_TRACE") || exit 1 ;; esac
case $MAKE_TRACE in */*) MAKE_TRACE=$(realpath "$MAKE_TRACE") || exit 1 ;; esac

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

TZ=UTC LC_ALL=C.UTF-8
export TZ LC_ALL
unset LIVE_TRACE_DIR LIVE_TRACE_EXPORTERS NO_COLOR

make_inputs() {
    mkdir "$work/inputs" || return 1
    for input in "$here"/inputs/*; do
        name=$(basename "$input")
        case $name in
        README*) ;;
        *.txt) "$MAKE_TRACE" "$input" "$work/inputs/${name%.txt}.ltrace" || return 1 ;;
        *.bytes) "$here/../support/make_bytes.py" "$input" "$work/inputs/${name%.bytes}" || return 1 ;;
        *) cp "$input" "$work/inputs/" || return 1 ;;
        esac
    done
    for ending in pb.gz speedscope.json; do
        (cd "$work/inputs" && "$LIVE_TRACE" export --by line -o shop.$ending shop.ltrace) || return 1
    done
}

# A file that no rule reads is a mistake: it would look like an expectation.
check_names() {
    for file in "$1"/*; do
        case $(basename "$file") in
        args | expected | errors | status) ;;
        *)
            echo "$file: no such part of a case"
            return 1
            ;;
        esac
    done
    for part in args expected; do
        if [ ! -f "$1/$part" ] && { [ $part = args ] || [ $update = no ]; }; then
            echo "$1/$part is missing"
            return 1
        fi
    done
}

# The words of "args" become the arguments, whatever is in them.
run_case() {
    set --
    while IFS= read -r word || [ -n "$word" ]; do
        set -- "$@" "$word"
    done <"$dir/args"
    (cd "$work/inputs" && exec "$LIVE_TRACE" "$@" <"$work/empty") >"$work/expected" 2>"$work/errors"
    echo $? >"$work/status"
    reader=$(dirname "$dir")/reader
    if [ -f "$reader" ] && [ -s "$work/expected" ]; then
        "$here/../support/$(cat "$reader")" <"$work/expected" >"$work/read" 2>>"$work/errors" || return
        mv "$work/read" "$work/expected"
    fi
    # Outputs that name their writer.
    sed -i -e "s/live-trace@$version\"/live-trace@VERSION\"/" \
        -e "s/live-trace $version/live-trace VERSION/" \
        -e "s/\"version\":\"$version\"/\"version\":\"VERSION\"/" "$work/expected"
}

compare() {
    same=yes
    for part in expected errors status; do
        wanted=$dir/$part
        if [ ! -f "$wanted" ]; then
            wanted=$work/none
            if [ $part = status ]; then echo 0; fi >"$wanted"
        fi
        diff -u --label "$case/$part" --label "what came out" "$wanted" "$work/$part" || same=no
    done
    [ $same = yes ]
}

write_expectation() {
    cp "$work/expected" "$dir/expected" || return 1
    rm -f "$dir/errors" "$dir/status"
    [ ! -s "$work/errors" ] || cp "$work/errors" "$dir/errors" || return 1
    [ "$(cat "$work/status")" = 0 ] || cp "$work/status" "$dir/status"
}

selected() {
    [ $# -gt 1 ] || return 0
    wanted_case=$1
    shift
    for word; do
        case $wanted_case in "${word%/}" | "${word%/}"/*) return 0 ;; esac
    done
    return 1
}

: >"$work/empty"
version=$("$LIVE_TRACE" version | sed -n '1s/^live-trace //p') || exit 1
[ -n "$version" ] || { echo "$LIVE_TRACE has no version"; exit 1; }
make_inputs || { echo "the inputs cannot be made"; exit 1; }

ran=0 failed=0
for dir in "$here"/*/*/; do
    dir=${dir%/}
    case=${dir#"$here"/}
    selected "$case" "$@" || continue
    ran=$((ran + 1))
    if ! check_names "$dir"; then
        failed=$((failed + 1))
        continue
    fi
    run_case
    if [ $update = yes ]; then
        write_expectation || exit 1
    elif ! compare; then
        echo "FAIL $case"
        failed=$((failed + 1))
    fi
done

echo "$ran golden cases, $failed failed"
[ $ran -gt 0 ] && [ $failed -eq 0 ]
