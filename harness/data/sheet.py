"""A contact sheet: rows of pictures with titles, enlarged so that single pixels are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from harness.data.decode import Pixels, load
from harness.data.folders import Dataset

_GAP = 6
_TITLE = 18


def contact_sheet(rows: Mapping[str, Sequence[Pixels]], scale: int = 1) -> Image.Image:
    """Titled rows of uint8 [H, W, 3] pictures of one size, enlarged by repeating pixels."""
    height, width = next(iter(rows.values()))[0].shape[:2]
    columns = max(map(len, rows.values()))
    step_x, step_y = width * scale + _GAP, height * scale + _GAP + _TITLE
    sheet = Image.new("RGB", (columns * step_x + _GAP, len(rows) * step_y + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (title, pictures) in enumerate(rows.items()):
        pen.text((_GAP, row * step_y + _GAP), title, fill="black")
        for column, picture in enumerate(pictures):
            enlarged = np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)
            sheet.paste(Image.fromarray(enlarged), (column * step_x + _GAP, row * step_y + _TITLE + _GAP))
    return sheet


def dataset_sheet(dataset: Dataset, columns: int = 6, scale: int = 2) -> Image.Image:
    """The first pictures of each split; the test rows show counterparts one below the other where they are known."""
    (train_a, train_b), (test_a, test_b) = dataset.train_splits, dataset.test_splits
    pairs = dataset.pairs()
    rows = {
        f"{train_a}: what is translated": dataset.train_a,
        f"{train_b}: the target": dataset.train_b,
        f"{test_a}: what is translated": tuple(a for a, _ in pairs) or dataset.test_a,
        f"{test_b}: the {'true counterparts' if pairs else 'target'}": tuple(b for _, b in pairs) or dataset.test_b,
    }
    size = dataset.default_size
    return contact_sheet({title: [load(p, size) for p in paths[:columns]] for title, paths in rows.items()}, scale)
