"""What an image of the docker sandbox was made of, as its labels tell it, and whether that is what is wanted now.

Images made FROM one of ours inherit its labels, so that they are told to be outdated, too.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from agentfix.errors import SandboxUnavailableError
from agentfix.sandbox.docker.sources import digest

DEFAULT_BASE = "python:3.12-slim"
OFFLINE_BASE = "agentfix-base"
"""The base that is made from Debian packages; its tag tells the version of its recipe."""
DEFAULT_PACKAGES = ("matplotlib", "numpy", "pytest", "sympy")

SOURCES_LABEL = "org.agentfix.sources"
_IMAGE_LABEL = "org.agentfix.image"
_BASE_LABEL = "org.agentfix.base"
_PACKAGES_LABEL = "org.agentfix.packages"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is made of."""

    image: str
    """The name that it was made under."""
    base: str
    packages: tuple[str, ...]
    """What programs can import besides the standard library: pip requirements, sorted."""
    sources: str
    """The digest of the files that went into it."""

    def labels(self) -> dict[str, str]:
        """These facts, to be put on the image."""
        return {_IMAGE_LABEL: self.image, _BASE_LABEL: self.base, _PACKAGES_LABEL: " ".join(self.packages),
                SOURCES_LABEL: self.sources}

    def command(self) -> str:
        """What a person types to make such an image."""
        options = "" if self.packages == DEFAULT_PACKAGES else f" --packages {shlex.quote(' '.join(self.packages))}"
        if self.base.partition(":")[0] == OFFLINE_BASE:
            options += " --offline"
        elif self.base != DEFAULT_BASE:
            options += f" --base {shlex.quote(self.base)}"
        return f"agentfix sandbox build{options}"


def read_recipe(labels: Mapping[str, str]) -> Recipe | None:
    """What the labels of an image tell; nothing when it was not made by agentfix."""
    try:
        return Recipe(labels[_IMAGE_LABEL], labels[_BASE_LABEL], tuple(labels[_PACKAGES_LABEL].split()),
                      labels[SOURCES_LABEL])
    except KeyError:
        return None


def require_current(image: str, labels: Mapping[str, str]) -> None:
    """Check that an image was made from the files that this agentfix has.

    Args:
        image: the name that it is used under.
        labels: those of the image.

    Raises:
        SandboxUnavailableError: it wasn't; the hint is the command that makes it anew.
    """
    recipe = read_recipe(labels)
    if recipe is None:
        raise SandboxUnavailableError(f"The image {image!r} was not made for the docker sandbox.",
                                      "Make one: agentfix sandbox build")
    if recipe.sources == digest():
        return
    message = f"The image {image!r} was made by another version of agentfix."
    if recipe.image == image:
        raise SandboxUnavailableError(message, f"Make it anew: {recipe.command()}")
    raise SandboxUnavailableError(
        message, f"It stands on {recipe.image}: AGENTFIX_SANDBOX_IMAGE={recipe.image} {recipe.command()}; "
        f"then make {image} from that, as you did before.")
