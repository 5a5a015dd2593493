from __future__ import annotations

import pytest

from monai_ceph.training import mixing_weights


def test_each_set_gets_its_share_however_large_it_is() -> None:
    weights = mixing_weights([True, False, True, True, False], 0.4)
    assert sum(weights[k] for k in (0, 2, 3)) == pytest.approx(0.4)
    assert weights[1] == weights[4] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", [True, False])
def test_a_set_without_films_gives_its_share_away(kind: bool) -> None:
    assert mixing_weights([kind] * 4, 0.5) == [0.25] * 4


@pytest.mark.parametrize(("films", "share"), [([], 0.5), ([True], 1.5)])
def test_nothing_to_draw_from(films: list[bool], share: float) -> None:
    with pytest.raises(ValueError, match=rf"share from 0 to 1, got {len(films)} films and {share}"):
        mixing_weights(films, share)
