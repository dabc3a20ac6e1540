"""Write a policy as it travels with balcap, weights in float16: `pack.py POLICY FOLDER`."""

import sys

import torch

from balcap.config import ModelSettings
from balcap.policies import load

policy, folder = sys.argv[1:]
packed = load(ModelSettings(policy=policy, dtype="float32"))
packed.model.to(torch.float16).save_pretrained(folder)
packed.processor.save_pretrained(folder)
