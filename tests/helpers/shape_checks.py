"""What checks the types of the mathematics while the tests run."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int will do for a float
"""For jaxtyping's import hook: checks what jaxtyping leaves to it."""
