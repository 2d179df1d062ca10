#!/bin/sh
# Fills the corpora with the golden bytes of tests/wire.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/zvt_frames corpus/zvt_apdus
grep -v '^#' ../tests/wire/public.txt | while IFS='|' read -r id _ kind hex; do
    case $kind in serial) dir=zvt_frames ;; *) dir=zvt_apdus ;; esac
    printf '%s' "$hex" | xxd -r -p > "corpus/$dir/$id"
done
grep -v '^#' ../tests/wire/frames.txt | cut -d'|' -f1 | tr -d ' ' | nl -w1 -s' ' | while read -r n hex; do
    printf '%s' "$hex" | xxd -r -p > "corpus/zvt_frames/frame-$n"
done
