"""balcap's heads and advantages in verl's trainer V1.

verl hands one number a caption to its advantage estimators, so two parts of balcap take part:

- `manager`: the reward manager; every head's score goes into verl's `reward_extra_info`.
- `trainer`: verl's synchronous trainer, which reads the scores of a whole step there and lets
  balcap's rule make the advantages: any normaliser, any gate, in float64.

`python -m balcap.integrations.verl FILE` prints the arguments for `python -m verl.trainer.main_ppo`
that belong to a file of settings, as of `balcap train --config`; `BALCAP_CONFIG` names that file in
verl's processes. verl finds `plugin` by the entry point group `verl.plugins`.
"""
