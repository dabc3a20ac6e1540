"""An exported folder, uploaded to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from balcap.errors import RunError, UserError


def check_token(repository: str) -> None:
    """Raise UserError if nobody is logged in, before anything is made."""
    from huggingface_hub import get_token

    if repository.count("/") != 1:
        raise UserError(f"push is {repository!r}; write NAME/MODEL, such as me/my-captioner")
    if get_token() is None:
        raise UserError("no token of the hub; log in first: hf auth login, or set HF_TOKEN")


def upload(folder: Path, repository: str, *, private: bool) -> str:
    """Upload a folder; returns the address of the model.

    Raises:
        RunError: if the hub refused; the folder stays, to be uploaded later.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(folder_path=str(folder), repo_id=repository)
    except Exception as error:  # the hub client has a dozen kinds, and all mean the same here
        raise RunError(
            f"the hub did not take {folder}: {error}; the folder is whole, upload it later: "
            f"hf upload {repository} {folder}"
        ) from error
    return f"https://huggingface.co/{repository}"
