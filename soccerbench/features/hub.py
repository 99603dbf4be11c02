"""The Hugging Face hub: its client, imported where it is needed, and its errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soccerbench.errors import InputError

REFUSED = (401, 403, 404)


def client() -> Any:
    """The hub's client; its import takes a second."""
    import huggingface_hub
    import huggingface_hub.constants
    import huggingface_hub.errors

    return huggingface_hub


def hub_error(place: Path | str, error: Exception, *, page: str, doing: str, again: str) -> InputError:
    """What went wrong, with a remedy.

    Args:
        error: whatever the client raised: refused access, no network, a lost connection, a full disk.
        doing: "download" or "upload".
    """
    response = getattr(error, "response", None)
    if response is not None and response.status_code in REFUSED:
        remedy = f"ask for access at {page}, log in with `hf auth login`, and try again"
        return InputError(place, "access was refused", remedy)
    cause = str(error).splitlines()[0] if str(error) else ""
    problem = f"the {doing} stopped ({type(error).__name__}: {cause})"
    check = "the folder's permissions" if isinstance(error, PermissionError) else "network and disk"
    return InputError(place, problem, f"check {check}, and {again}")
