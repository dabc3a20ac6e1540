#!/usr/bin/env bash
# One node with 8 GPUs: two serve the judge, six train and write captions.
#   bash experiments/recipes/one-node.sh qwen2.5-vl-3b fsdp2-qwen2.5-vl
#   bash experiments/recipes/one-node.sh llava-1.5-7b zero3 --steps 100
# Run it from the folder that holds experiments/ (after `balcap init`: RECIPES=recipes).
set -euo pipefail
recipe=$1 parallel=$2
shift 2
RECIPES=${RECIPES:-experiments/recipes}
JUDGE=${JUDGE:-Qwen/Qwen2.5-VL-32B-Instruct}

CUDA_VISIBLE_DEVICES=6,7 vllm serve "$JUDGE" --tensor-parallel-size 2 --max-model-len 8192 \
    --gpu-memory-utilization 0.9 --port 8000 >judge.log 2>&1 &
judge=$!
trap 'kill "$judge"' EXIT
until curl -sf http://127.0.0.1:8000/health >/dev/null; do
    kill -0 "$judge" || { tail judge.log; exit 1; }
    sleep 5
done

CUDA_VISIBLE_DEVICES=0,1,2,3,4,5 accelerate launch \
    --config_file "$RECIPES/accelerate/$parallel.yaml" --num_processes 6 \
    -m balcap train --config "$RECIPES/$recipe.yaml" --judge.model "$JUDGE" "$@"
