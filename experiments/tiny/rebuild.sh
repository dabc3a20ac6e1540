#!/usr/bin/env bash
# Rebuild both embedded policies from nothing: rebuild.sh OUT
set -euo pipefail
here=$(dirname "$0")
out=$1
for family in qwen2.5-vl llava-1.5; do
  python "$here/fresh.py" "$family" "$out/$family/fresh"
  policy=$out/$family/fresh
  for lesson in cells keywords imperfect; do
    balcap sft --config "$here/$lesson.yaml" --policy "$policy" --run "$out/$family/$lesson"
    policy=$out/$family/$lesson
  done
  python "$here/pack.py" "$policy" "$out/tiny-$family"
done
