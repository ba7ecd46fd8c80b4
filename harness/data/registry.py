"""The datasets known by name: what each holds, its licence, and where to get those that are not embedded.

Counts, sizes and digests of the public archives: TensorFlow Datasets, `url_checksums/cycle_gan.txt` and its
catalogue. The archives themselves carry no licence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import UserError, unknown

Direction = Literal["AtoB", "BtoA"]

_ARCHIVES = "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets"
_RESEARCH = "none stated; pictures from public collections: research use, do not redistribute"
_OWN = "drawn by this program: free to use, like the program itself"


@dataclass(frozen=True)
class Entry:
    """One dataset known by name."""

    name: str
    summary: str
    """one line: what A and B show"""
    counts: tuple[int, int, int, int]
    """pictures in trainA, trainB, testA, testB"""
    size: int
    """default side of the pictures a method sees, pixels"""
    direction: Direction
    """the default translation: from which domain to which"""
    licence: str
    get: str
    """how to get it; empty for the embedded ones"""
    paired: bool = False
    """whether every test picture has a true counterpart in the other domain"""
    drn_size: tuple[int, int] = (256, 128)
    """width and height at which translations are segmented by default, where they are street photos"""

    @property
    def embedded(self) -> bool:
        """Whether the program draws it itself, without a download."""
        return not self.get


def _archive(name: str, summary: str, counts: tuple[int, int, int, int], digest: str, paired: bool = False) -> Entry:
    get = f"download {_ARCHIVES}/{name}.zip (sha256 should be {digest}) and unpack it there"
    return Entry(name, summary, counts, 256, "AtoB", _RESEARCH, get, paired)


_ENTRIES = (
    Entry(
        "toy",
        "horses on a meadow -> zebras in the savanna, drawn",
        (256, 256, 64, 64),
        64,
        "AtoB",
        _OWN,
        "",
        True,
    ),
    Entry(
        "toy-cityscapes",
        "A street photos, B label maps in the Cityscapes palette, drawn; labels -> photos",
        (200, 200, 50, 50),
        64,
        "BtoA",
        _OWN,
        "",
        True,
        (192, 192),
    ),
    _archive(
        "horse2zebra",
        "horses -> zebras (ImageNet)",
        (1067, 1334, 120, 140),
        "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
    ),
    Entry(
        "cat2dog",
        "cats -> dogs (AFHQ version 1, 512x512)",
        (5153, 4739, 500, 500),
        256,
        "AtoB",
        "CC BY-NC 4.0 (NAVER)",
        "download AFHQ version 1 (not 2) with the download.sh of github.com/clovaai/stargan-v2, then name its"
        " folders train/cat trainA, train/dog trainB, val/cat testA, val/dog testB",
    ),
    Entry(
        "cityscapes",
        "A street photos, B label maps; labels -> photos",
        (2975, 2975, 500, 500),
        256,
        "BtoA",
        "Cityscapes terms: free registration, no redistribution",
        "register at https://www.cityscapes-dataset.com, download leftImg8bit_trainvaltest.zip and"
        " gtFine_trainvaltest.zip, then `harness data prepare cityscapes --images leftImg8bit_trainvaltest.zip"
        " --labels gtFine_trainvaltest.zip datasets/cityscapes`",
        True,
    ),
    _archive(
        "facades",
        "facades: photos and label maps (CMP)",
        (400, 400, 106, 106),
        "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0",
        True,
    ),
    _archive(
        "maps",
        "aerial photos -> maps",
        (1096, 1096, 1098, 1098),
        "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e",
        True,
    ),
    _archive(
        "apple2orange",
        "apples -> oranges (ImageNet)",
        (995, 1019, 266, 248),
        "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
    ),
    _archive(
        "summer2winter_yosemite",
        "Yosemite in summer -> in winter",
        (1231, 962, 309, 238),
        "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
    ),
    _archive(
        "monet2photo",
        "paintings of Monet -> landscape photos",
        (1072, 6287, 121, 751),
        "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
    ),
    _archive(
        "cezanne2photo",
        "paintings of Cezanne -> landscape photos",
        (525, 6287, 58, 751),
        "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
    ),
    _archive(
        "ukiyoe2photo",
        "ukiyo-e prints -> landscape photos",
        (562, 6287, 263, 751),
        "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
    ),
    _archive(
        "vangogh2photo",
        "paintings of van Gogh -> landscape photos",
        (400, 6287, 400, 751),
        "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
    ),
    _archive(
        "iphone2dslr_flower",
        "flowers by a telephone -> by a reflex camera",
        (1812, 3325, 569, 480),
        "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113",
    ),
)

REGISTRY: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""every dataset known by name, the embedded ones first"""


def unknown_dataset(name: str) -> UserError:
    """The error for a name that is no dataset: the nearest names first, then all of them."""
    return unknown("dataset", name, REGISTRY, "or the path of a folder with trainA, trainB, testA, testB")
