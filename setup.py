"""Which packages are in the wheel? The rest of the description is in pyproject.toml.

Setuptools cannot find packages below `balcap` by itself and add one that lies in a folder of
another name: `rewards/` is imported as `balcap_rewards`.
"""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["balcap", "balcap.*"]), "balcap_rewards"])
