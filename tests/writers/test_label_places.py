from __future__ import annotations

import itertools

import numpy as np

from monai_ceph.writers.label_places import overlap, place_labels


def test_labels_of_clustered_points_do_not_overlap() -> None:
    anchors = np.array([[5.0, 5.0], [8, 9], [12, 6], [300, 295], [298, 299], [150, 150]])
    sizes = [(40.0, 18.0)] * len(anchors)
    boxes = place_labels(anchors, sizes, [], (300, 300), gap=10)
    assert max(overlap(a, b) for a, b in itertools.combinations(boxes, 2)) == 0
    for left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= 300 and bottom <= 300


def test_label_avoids_taken_boxes() -> None:
    taken = (100.0, 0.0, 200.0, 200.0)
    (box,) = place_labels(np.array([[95.0, 100.0]]), [(30.0, 10.0)], [taken], (200, 200), gap=10)
    assert overlap(box, taken) == 0


def test_single_label_is_right_of_its_point() -> None:
    (box,) = place_labels(np.array([[100.0, 100.0]]), [(30.0, 10.0)], [], (200, 200), gap=10)
    assert box == (110, 95, 140, 105)
