from __future__ import annotations

import re
from pathlib import Path

from monai_ceph.data.duplicates import ISBI2015_DUPLICATES


def test_pairs_are_those_of_the_page_on_data(repository: Path) -> None:
    page = (repository / "docs" / "data.md").read_text(encoding="utf-8")
    section = page[page.index("**Duplicate films.**") : page.index("## Hamedan")]
    pairs = re.findall(r"(?<=[|] )(\d+) [|] (\d+)(?= [|])", section)
    assert sorted((first.zfill(3), again) for first, again in pairs) == sorted(ISBI2015_DUPLICATES)


def test_second_of_each_pair_is_a_film_of_test1_of_its_own() -> None:
    again = [second for _, second in ISBI2015_DUPLICATES]
    assert len(set(again)) == 23 and all("151" <= film <= "300" for film in again)
    assert not set(again) & {first for first, _ in ISBI2015_DUPLICATES}
    assert sum(first <= "150" for first, _ in ISBI2015_DUPLICATES) == 20
