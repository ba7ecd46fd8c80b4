"""What a method costs at 256x256: trainable weights, and arithmetic of a training step and of a translation.

The figures of the built-in methods are stored in ``costs.json``, so that a list answers at once. Each has the
version of torch and a digest of the code it was counted with; counting again is exact and needs no device:

    python -m harness.costs            whose code changed since; exit code 1 if there is one
    python -m harness.costs --write    counts those again
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import inspect
import json
import math
import os
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.catalogue import card, load, target_of, targets

if TYPE_CHECKING:
    import torch

    from methods.config import MethodConfig
    from methods.interface import Batch, ImageShape, Method

FILE = Path(__file__).with_name("costs.json")
SIZE = 256
"""side of the pictures that costs are counted for"""
PACKAGES = ("methods.", "baselines.")
"""where our methods and their parts are"""


@dataclass(frozen=True)
class Cost:
    """Exact counts of one method with its default options."""

    batch_size: int
    """pictures of each domain in the step: the fewest the method can be trained with"""
    parameters: int
    """weights that an optimiser trains"""
    step_flop: int
    """of a training step: convolutions and matrix products, 2 for a multiply-add; the mean where networks take
    turns"""
    translate_flop: int
    """of the translation of one picture"""
    saved_bytes: int
    """the most that a step keeps for its backward passes, float32"""
    torch: str
    code: str
    """digest of the source (`code_digest`)"""


@cache
def stored() -> dict[str, Cost]:
    """The stored costs by name of the method."""
    return {name: Cost(**fields) for name, fields in json.loads(FILE.read_text(encoding="utf-8")).items()}


def code_digest(name: str) -> str:
    """sha256 over the source of a method's module and of those of our packages that it imports, in order of name."""
    import hashlib

    todo, sources = [target_of(name).partition(":")[0]], dict[str, bytes]()
    while todo:
        module = todo.pop()
        spec = importlib.util.find_spec(module)
        if module in sources or spec is None or spec.origin is None:
            continue
        sources[module] = Path(spec.origin).read_bytes()
        nodes = ast.walk(ast.parse(sources[module]))
        found = (node.module or "" for node in nodes if isinstance(node, ast.ImportFrom))
        todo += [other for other in found if other.startswith(PACKAGES)]
    digest = hashlib.sha256()
    for module in sorted(sources):
        digest.update(f"{module} {len(sources[module])}\n".encode() + sources[module])
    return digest.hexdigest()


def measure(name: str) -> Cost:
    """Count the costs of a method; takes seconds. FileNotFoundError or ValueError where it cannot be built."""
    import torch

    from evaluation.counting import Meter
    from harness.tracing import trace
    from methods.interface import ImageShape

    cls = load(name)
    batch_size = cls.min_batch_size
    method = build(cls, cls.Config(), ImageShape(3, SIZE, SIZE), batch_size)
    traced = trace(method, batch_size)
    with torch.no_grad(), Meter() as meter:
        method.translate(torch.zeros(1, 3, SIZE, SIZE))
    return Cost(
        batch_size=batch_size,
        parameters=trained_parameters(method),
        step_flop=traced.flop,
        translate_flop=meter.flop,
        saved_bytes=traced.saved_bytes,
        torch=torch.__version__.partition("+")[0],
        code=code_digest(name),
    )


def build(
    cls: type[Method], config: MethodConfig, shape: ImageShape, batch_size: int, device: torch.device | str = "cpu"
) -> Method:
    """A method ready for its first step. Weights of VGG16 cost the same whatever they are, so noise will do."""
    import torch

    from methods.vgg import shapes

    extra = {}
    if "vgg_weights" in inspect.signature(cls).parameters:
        # of the size that keeps features as large as the picture: neither infinite nor denormal
        extra["vgg_weights"] = {
            key: torch.randn(shape) * (2 / math.prod((1, *shape[1:]))) ** 0.5 for key, shape in shapes().items()
        }
    with torch.device(device):
        method = cls(config, shape, **extra).to(memory_format=torch.channels_last)
    method.prepare(noise(batch_size, shape, device) for _ in range(3))
    method.start_epoch(1)
    return method


def noise(batch_size: int, shape: ImageShape, device: torch.device | str = "cpu") -> Batch:
    """Pictures of noise in [-1, 1], as a step gets them."""
    import torch

    from methods.interface import Batch

    size = (batch_size, shape.channels, shape.height, shape.width)
    return Batch(*((torch.rand(size, device=device) * 2 - 1).to(memory_format=torch.channels_last) for _ in "ab"))


def trained_parameters(method: Method) -> int:
    """Numbers that the optimisers of ``method`` train."""
    groups = (group for optimizer in method.optimizers.values() for group in optimizer.param_groups)
    return sum(parameter.numel() for group in groups for parameter in group["params"])


def summary(cost: Cost) -> str:
    """A cost in one line."""
    step = f"{cost.step_flop / 1e9:,.0f} GFLOP and {cost.saved_bytes / 1e9:.2f} GB of saved tensors a step"
    return (
        f"{cost.parameters / 1e6:.1f} M trainable parameters; {step} of batch {cost.batch_size}; "
        f"{cost.translate_flop / 1e9:,.0f} GFLOP a translation"
    )


def ours() -> list[str]:
    """The registered methods of this package."""
    return [name for name, target in targets().items() if target.startswith(PACKAGES)]


def changed() -> list[str]:
    """Those of our methods that have no stored cost, or one of other code."""
    known = stored()
    return [name for name in ours() if name not in known or known[name].code != code_digest(name)]


def write(names: list[str]) -> None:
    """Count the costs of ``names`` and store them beside those of our other methods."""
    costs = {name: cost for name, cost in stored().items() if name in ours()}
    for name in names:
        costs[name] = measure(name)
        print(f"{name}: {summary(costs[name])}")
    text = json.dumps({name: asdict(costs[name]) for name in sorted(costs)}, indent=1)
    beside = FILE.with_name(f".{FILE.name}.{os.getpid()}")
    beside.write_text(text + "\n", encoding="utf-8")
    os.replace(beside, FILE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.costs", description="Costs of the built-in methods.")
    parser.add_argument("--write", action="store_true", help="count again where the code changed, and store")
    args = parser.parse_args()
    found = changed()
    if args.write:
        write(found)
        return 0
    print("\n".join(f"{name}: {card(name).target} changed; python -m harness.costs --write" for name in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
