"""The classes that are scored, in the order of the official scorer: those of SoccerNet-v2, and of other labels.

Source: SoccerNet 0.2.0, Evaluation/utils.py; the ten other classes of ball labels are those of their later releases.

Conventions
    version 1  a label is of the first class whose name it contains ("y-card" is a card), a prediction has the class's
               own name; there is no visibility
    own        `classes.json` at the top of a root: a list of names
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree

CLASSES: tuple[str, ...] = (
    "Penalty",
    "Kick-off",
    "Goal",
    "Substitution",
    "Offside",
    "Shots on target",
    "Shots off target",
    "Clearance",
    "Ball out of play",
    "Throw-in",
    "Foul",
    "Indirect free-kick",
    "Direct free-kick",
    "Corner",
    "Yellow card",
    "Red card",
    "Yellow->red card",
)
CLASS_INDEX: dict[str, int] = {name: index for index, name in enumerate(CLASSES)}
CLASS_LIST = "classes.json"
_LATER_BALL = (
    "HEADER",
    "HIGH PASS",
    "OUT",
    "CROSS",
    "THROW IN",
    "SHOT",
    "BALL PLAYER BLOCK",
    "PLAYER SUCCESSFUL TACKLE",
    "FREE KICK",
    "GOAL",
)


@dataclass(frozen=True)
class ClassList:
    """The classes of one version of labels.

    Args:
        names: in order.
        version: 1 for SoccerNet-v1, else 2.
    """

    names: tuple[str, ...]
    version: int = 2

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Name of a prediction's class -> its number."""
        return {name: index for index, name in enumerate(self.names)}

    def within(self, label: Any) -> int:
        """The number of the first class whose name a label contains, -1 for none."""
        found = (index for index, name in enumerate(self.names) if isinstance(label, str) and name in label)
        return next(found, -1)

    @property
    def shown(self) -> str:
        """For messages."""
        return f"one of the {len(self.names)} events" if len(self.names) > 4 else " or ".join(self.names)


SOCCERNET_V2 = ClassList(CLASSES)
SOCCERNET_V1 = ClassList(("card", "subs", "soccer"), version=1)
BALL = ClassList(("PASS", "DRIVE"))
LATER_BALL = ClassList((*BALL.names, *_LATER_BALL))
LABEL_FILES: Mapping[str, ClassList] = {
    "Labels-v2.json": SOCCERNET_V2,
    "Labels.json": SOCCERNET_V1,
    "Labels-ball.json": BALL,
}


def own_classes(tree: Tree) -> ClassList | None:
    """The classes of a root's own list, if it has one.

    Raises:
        InputError: it is no list of different names.
    """
    if CLASS_LIST not in tree:
        return None
    names = tree.json(CLASS_LIST)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(tree.where(CLASS_LIST), "no list of names", 'write ["Pass", "Shot", …]')
    if len(set(names)) < len(names):
        raise InputError(tree.where(CLASS_LIST), "names a class twice", "name each class once")
    return ClassList(tuple(names))
