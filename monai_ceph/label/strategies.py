"""Strategies for MONAI Label: which film to annotate next."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from monai_ceph.active_learning.next_film import Choice, most_different, most_uncertain
from monai_ceph.active_learning.uncertainty import FilmRecord, read_records
from monai_ceph.label.scoring import records_folder
from monai_ceph.label.store import FilmStore

HELD_S = 300
"""How long a film that was handed out is reserved, s."""

Choose = Callable[[Sequence[str], Collection[str], Mapping[str, FilmRecord]], Choice | None]
"""Free films in order, all other films, records -> choice; None if no film is free."""


class NextFilm(Strategy):
    """Choose a film without a label by a rule.

    A film that any strategy handed out within the last :data:`HELD_S` seconds is not free. So a second annotator gets
    another film, and so does an annotator who asks again without saving in order to skip a film. When no film is free,
    the one that was handed out longest ago is returned.

    Args:
        description: shown to users.
        choose: the rule.
    """

    def __init__(self, description: str, choose: Choose) -> None:
        super().__init__(description)
        self.choose = choose

    def __call__(self, request: Mapping[str, Any], datastore: FilmStore) -> dict[str, Any] | None:
        """Return ``{"id": film}`` with the rule's value, or None if every film has a label."""
        films = sorted(datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels")))
        if not films:
            return None
        choice = self._choose(datastore, films, ())
        if choice is None:
            return {"id": min(films, key=lambda film: _handed_out(datastore.folder.info(film)))}
        return {"id": choice.film} | ({} if choice.value is None else {choice.measure: round(choice.value, 4)})

    def following(self, film: str, datastore: FilmStore, count: int) -> list[str]:
        """Return at most ``count`` films that the rule would choose after a film, as things are now."""
        films, chosen = sorted(datastore.get_unlabeled_images()), [film]
        while len(chosen) <= count and (choice := self._choose(datastore, films, chosen)) is not None:
            chosen.append(choice.film)
        return chosen[1:]

    def _choose(self, datastore: FilmStore, films: Sequence[str], taken: Collection[str]) -> Choice | None:
        """Return the rule's choice among films without a label that are neither reserved nor taken."""
        reserved_after = time.time() - HELD_S
        free = [f for f in films if f not in taken and _handed_out(datastore.folder.info(f)) <= reserved_after]
        others = set(datastore.list_images()).difference(free)
        return self.choose(free, others, read_records(records_folder(datastore.folder)))


def strategies() -> dict[str, Strategy]:
    """Return all strategies by name; ``random`` and ``first`` are as in MONAI Label, but skip reserved films."""
    return {
        "most_uncertain": NextFilm(
            "The film with the largest expected error, or with the lowest confidence where no expected errors are "
            "known: after fine-tuning, or where a pixel size is unknown",
            lambda free, _, records: most_uncertain(free, records),
        ),
        "most_different": NextFilm("The film that looks least like the annotated and reserved ones", most_different),
        "random": NextFilm("A random film", lambda free, *_: Choice(random.choice(free), None) if free else None),
        "first": NextFilm("The first film by name", lambda free, *_: Choice(free[0], None) if free else None),
    }


def _handed_out(info: Mapping[str, Any]) -> float:
    """Return when a film was last handed out, s since 1970, as the activelearning endpoint recorded it; 0 if never."""
    given = info.get("strategy")
    turns = given.values() if isinstance(given, Mapping) else ()
    times = [turn.get("ts") for turn in turns if isinstance(turn, Mapping)]
    return max((float(time) for time in times if isinstance(time, (int, float))), default=0.0)
