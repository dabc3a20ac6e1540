"""Which packages and files are in the wheel? The rest of the description is in pyproject.toml.

Setuptools cannot find packages below `balcap` by itself and add one that lies in a folder of
another name: `rewards/` is imported as `balcap_rewards`. Nor can it put files of other folders into
a package: what `balcap init` copies lies below `balcap/starter/` there.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

STARTER = ("notebooks", "experiments/sweeps", "experiments/recipes", "experiments/starter")


class WithStarter(build_py):
    """The modules, and the files that a project begins with."""

    def run(self):
        """Copy both; an editable installation reads the checkout's own."""
        super().run()
        if self.editable_mode:
            return
        left_out = shutil.ignore_patterns("__pycache__", ".*")
        for place in STARTER:
            if Path(place).is_dir():
                target = Path(self.build_lib) / "balcap" / "starter" / place
                shutil.copytree(place, target, dirs_exist_ok=True, ignore=left_out)


setup(
    packages=[*find_packages(include=["balcap", "balcap.*"]), "balcap_rewards"],
    cmdclass={"build_py": WithStarter},
)
