"""What one training step costs on this machine, and how close it comes to what the machine can do.

    python benchmarks/step.py --methods enco,cut,cyclegan --size 256

Each method runs in a fresh process, methods interleaved over the repeats; times are minima over all repeats. The
share is of the convolution peak measured in the same process: 3x3, 256 channels, 64x64, batch 2, forward and
backward, the shape most of these networks spend their time in. One step is the whole update: discriminator,
generator, heads, optimisers. EnCo is measured in the first half of its schedule, with the identity term.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", default="enco,cut", help="separated by commas")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=3, help="timed steps in each process")
    parser.add_argument("--repeats", type=int, default=2, help="processes for each method")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.size, args.steps, args.precision)))
        return
    names = args.methods.split(",")
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(args.repeats):
        for name in names:
            command = [sys.executable, __file__, "--one", name, "--size", str(args.size), "--steps", str(args.steps)]
            done = subprocess.run([*command, "--precision", args.precision], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{name}: {done.stderr.strip().splitlines()[-1]}")
            results[name].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{args.size}x{args.size}, batch 1, {args.precision}, {int(results[names[0]][0]['threads'])} threads")
    print("method       s/step    GFLOP  GFLOP/s     peak  share  saved MiB  RSS MiB")
    for name, rows in results.items():
        seconds, peak = min(row["seconds"] for row in rows), max(row["peak"] for row in rows)
        first = rows[0]
        rate = first["gflop"] / seconds
        rss = max(row["rss_mib"] for row in rows)
        print(
            f"{name:10} {seconds:8.3f} {first['gflop']:8.1f} {rate:8.1f} {peak:8.1f} {rate / peak:6.2f} "
            f"{first['saved_mib']:10.0f} {rss:8.0f}"
        )


def measure(name: str, size: int, steps: int, precision: str) -> dict[str, float]:
    """The costs of one method in this process."""
    from harness.work import keep_memory

    keep_memory()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from harness.planning import resolve_options
    from harness.spec import RunSpec
    from harness.training import build, precision_of
    from methods.interface import Batch

    device = torch.device("cpu")
    spec = RunSpec(method=name, options=resolve_options(name, {}), dataset="-", size=size, precision=precision)  # type: ignore[arg-type]
    method, autocast = build(spec, device), precision_of(spec, device)
    batch = Batch(*(torch.rand(1, 3, size, size).mul(2).sub(1) for _ in "ab"))
    batch = Batch(*(x.contiguous(memory_format=torch.channels_last) for x in batch))
    method.prepare([batch] * 3)
    method.start_epoch(1)

    def step() -> None:
        with autocast():  # type: ignore[attr-defined]
            method.step(batch)

    saved: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    with FlopCounterMode(display=False) as counter:
        step()
    return {
        "seconds": best(step, steps),
        "peak": convolution_peak(precision == "bf16"),
        "gflop": counter.get_total_flops() / 1e9,
        "saved_mib": sum(saved.values()) / 2**20,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
        "threads": torch.get_num_threads(),
    }


def convolution_peak(bf16: bool) -> float:
    """GFLOP/s of the typical convolution, forward and backward, best of ten."""
    import torch
    import torch.nn.functional as F

    dtype = torch.bfloat16 if bf16 else torch.float32
    x = torch.randn(2, 256, 64, 64, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(256, 256, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    ones = torch.ones(2, 256, 64, 64, dtype=dtype).contiguous(memory_format=torch.channels_last)

    def both() -> None:
        F.conv2d(x, w, padding=1).backward(ones)

    flop = 3 * 2 * 2 * 256 * 256 * 9 * 64 * 64
    return flop / best(both, 10) / 1e9


def best(run: Callable[[], None], times: int) -> float:
    """The shortest of ``times`` runs, after one that is not counted."""
    run()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
