import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ceph.transforms import RandFilmEdged, beyond_line


@given(st.floats(-5, 25), st.floats(-5, 25), st.floats(-4, 4))
def test_far_side_is_where_the_normal_points(x: float, y: float, angle: float) -> None:
    beyond = beyond_line((20, 15), (x, y), angle)
    for px in range(0, 20, 2):
        for py in range(0, 15, 2):
            along = (px - x) * math.cos(angle) + (py - y) * math.sin(angle)
            if abs(along) > 1e-3:
                assert bool(beyond[px, py]) == (along > 0)


def sample() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    heatmaps = torch.rand(4, 40, 50).softmax(dim=0)
    return {"image": torch.rand(1, 40, 50) + 10, "label": heatmaps}


def test_landmarks_beyond_the_edge_are_background() -> None:
    before = sample()
    after = RandFilmEdged("image", "label", prob=1.0, value=(-3.0, -3.0)).set_random_state(seed=1)(before)
    blank = after["image"][0] == -3
    assert 0 < int(blank.sum()) < blank.numel() / 2 + 100
    assert (after["label"][:-1, blank] == 0).all() and (after["label"][-1, blank] == 1).all()
    assert torch.equal(after["label"][:, ~blank], before["label"][:, ~blank])
    assert torch.equal(after["image"][:, ~blank], before["image"][:, ~blank])
    torch.testing.assert_close(after["label"].sum(0), torch.ones(40, 50))


def test_landmark_that_nobody_marked_stays_unknown() -> None:
    data = sample()
    data["label"][2] = torch.nan
    out = RandFilmEdged("image", "label", prob=1.0).set_random_state(seed=1)(data)
    assert out["label"][2].isnan().all() and not out["label"][[0, 1, 3]].isnan().any()


def test_every_side_is_blanked_at_times() -> None:
    transform = RandFilmEdged("image", prob=1.0, value=(5.0, 5.0), tilt_deg=0.0).set_random_state(seed=0)
    corners = set()
    for _ in range(60):
        blank = transform({"image": torch.zeros(1, 30, 30)})["image"][0] == 5
        corners.add((bool(blank[0, 15]), bool(blank[-1, 15]), bool(blank[15, 0]), bool(blank[15, -1])))
    assert {c.index(True) for c in corners if any(c)} == {0, 1, 2, 3}


def test_the_sample_itself_is_left_alone() -> None:
    data = sample()
    before = {name: value.clone() for name, value in data.items()}
    RandFilmEdged("image", "label", prob=1.0)(data)
    assert all(torch.equal(data[name], before[name]) for name in data)
