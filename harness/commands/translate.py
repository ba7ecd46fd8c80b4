"""``harness translate``: a folder of pictures through a trained run."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands import add_runs
from harness.errors import UserError
from harness.runs import find_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Example:\n  harness translate enco-toy-s0 my-pictures/ translated/"
    parser.add_argument("run", metavar="RUN", help="a trained run (harness status lists them)")
    parser.add_argument("input", type=Path, metavar="INPUT", help="a folder of pictures of the source domain")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="a folder for the translations (PNG, same names)")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of the translations (default: the run's)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    from PIL import Image

    from harness.data.folders import EXTENSIONS
    from harness.data.pipeline import test_pictures
    from harness.samples import translate_pictures
    from harness.training import trained
    from harness.work import device_of

    found = find_run(args.runs, args.run)
    if found.spec.is_reference:
        raise UserError(f"{found.name} is a reference row and translates nothing; name a trained run")
    if not args.input.is_dir():
        raise UserError(f"{args.input} is not a folder; expected a folder of pictures to translate")
    paths = sorted(p for p in args.input.rglob("*") if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))
    if not paths:
        raise UserError(f"{args.input} holds no picture; expected {', '.join(sorted(EXTENSIONS))}")
    device = device_of(args.device)
    method, step = trained(found, device, print)
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for number, (name, pixels) in enumerate(test_pictures(paths, args.size or found.spec.size), 1):
            Image.fromarray(translate_pictures(method, pixels[None], device)[0]).save(args.output / f"{name}.png")
            if number % 100 == 0:
                print(f"translated {number}/{len(paths)}", flush=True)
    except OSError as error:
        raise UserError(f"cannot write to {args.output}: {error.strerror}") from None
    at = "" if found.spec.imported else f" at step {step}"
    print(f"translated {len(paths)} pictures with {found.name}{at} into {args.output}")
    return 0
