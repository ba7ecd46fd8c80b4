"""``harness profile``: what methods cost on this machine: seconds of a step, memory, arithmetic, images a second."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from harness import __version__
from harness.catalogue import card
from harness.commands import add_runs
from harness.cost_columns import plural
from harness.costs import code_digest, stored
from harness.errors import UserError
from harness.expand import method_items
from harness.interrupts import sigterm_interrupts
from harness.planning import check_writable, options_of
from harness.profiles import FOLDER, Measurement, Plan, Session, read_profiles, session_for
from harness.progress import duration
from harness.spec import RunSpec, resolve_options

EPILOG = """Examples:
  harness profile --methods all                     as Table 1 has it, at 256x256; on a CPU that takes a while
  harness profile --methods 'cut,enco[num_patches=64|256]' --size 64 --precision bf16
  harness profile                                   what was measured so far
  harness profile --json

Each figure is measured in several fresh processes, the methods interleaved. Use a machine that does nothing else.
Ctrl-C keeps what was measured; the same command then measures what is missing. Figures are kept in DIR/profiles and
fill the columns Mem and sec/iter of `harness table`."""

CPU, GPU = (1, 3, 2), (50, 200, 3)
"""steps of warm-up, timed steps, processes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    add = parser.add_argument
    add("--methods", metavar="NAMES", help="methods, as in harness run; all (default: print what was measured)")
    add("--set", action="append", default=[], metavar="[METHOD.]OPTION=VALUE", help="an option (harness methods show)")
    add("--size", type=int, default=256, metavar="PIXELS", help="side of the pictures (default: 256)")
    add("--batch-size", type=int, metavar="N", help="pictures of each domain in a step (default: 1, or what it needs)")
    add("--precision", choices=("fp32", "tf32", "bf16"), default="fp32", help="tf32: GPUs only (default: fp32)")
    add("--warm-up", type=int, metavar="N", help=f"steps before the timed ones (default: {CPU[0]}; {GPU[0]} on a GPU)")
    add("--steps", type=int, metavar="N", help=f"timed steps in a process (default: {CPU[1]}; {GPU[1]} on a GPU)")
    add("--repeats", type=int, metavar="N", help=f"processes a method (default: {CPU[2]}; {GPU[2]} on a GPU)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    add("--json", action="store_true", help="print JSON")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    from harness.profile_text import as_json, as_text

    if args.methods is None:
        found, unreadable = read_profiles(args.runs)
        for name, why in unreadable.items():
            print(f"harness profile: left out {name}: {why}", file=sys.stderr)
        nothing = f"nothing measured in {args.runs} yet. Start with: harness profile --methods enco,cut --size 64"
        print(as_json(found) if args.json else as_text(found) or nothing)
        return 0
    plan = plan_of(args)
    check_writable(args.runs)
    from harness.lease import lease

    (args.runs / FOLDER).mkdir(exist_ok=True)
    with sigterm_interrupts(), lease(args.runs / FOLDER):
        session = session_for(args.runs, plan)
        failed = measure_all(session)
    profiles = list(session.profiles())
    if profiles or args.json:
        print(as_json(profiles) if args.json else as_text(profiles))
    return 1 if failed else 0


def plan_of(args: argparse.Namespace) -> Plan:
    """What was asked for; UserError for what cannot be measured, before anything is."""
    specs = specs_of(args)
    from harness.provenance import git_state
    from harness.work import device_of

    device = device_of(args.device)
    if args.precision == "tf32" and device.type != "cuda":
        raise UserError("--precision tf32: only GPUs have it; expected fp32 or bf16 on this device")
    numbers = numbers_of(args, GPU if device.type == "cuda" else CPU)
    specs = {label: spec for label, spec in specs.items() if can_be_built(spec, lenient=args.methods.strip() == "all")}
    if not specs:
        raise UserError("none of the methods can be measured so")
    return Plan(
        machine=machine_of(str(device)),
        device=str(device),
        arithmetic=args.precision,
        specs=specs,
        code={label: code_digest(spec.method) for label, spec in specs.items()},
        harness=__version__,
        git=git_state(Path(__file__).resolve().parents[2]),
        **numbers,
    )


def specs_of(args: argparse.Namespace) -> dict[str, RunSpec]:
    """The methods with their options, by label; brackets win over ``--set``, as in ``harness run``."""
    items = method_items(args.methods, "--methods")
    names = list(dict.fromkeys(item.name for item in items))
    found = {}
    for item in items:
        least = card(item.name).min_batch_size
        if args.batch_size is not None and args.batch_size < least:
            raise UserError(f"--batch-size {args.batch_size}: {item.name} needs at least {least}")
        for brackets in item.combinations():
            given = options_of(item.name, names, args.set) | brackets
            spec = RunSpec(
                method=item.name,
                options=resolve_options(item.name, given),
                dataset="-",
                size=args.size,
                load_size=args.size,
                batch_size=args.batch_size or least,
                precision="bf16" if args.precision == "bf16" else "fp32",
            )
            found[spec.label] = spec
    return found


def numbers_of(args: argparse.Namespace, defaults: tuple[int, int, int]) -> dict[str, int]:
    numbers = {}
    for name, default in zip(("warm_up", "steps", "repeats"), defaults, strict=True):
        value = getattr(args, name)
        numbers[name] = default if value is None else value
        if numbers[name] < 1:
            raise UserError(f"--{name.replace('_', '-')} {value}: expected at least 1")
    return numbers


def can_be_built(spec: RunSpec, lenient: bool) -> bool:
    """Whether the method accepts its options and the size; UserError where not, unless ``lenient``: then it is said."""
    import torch

    from harness.profiling import ready

    try:
        ready(spec, torch.device("cpu"))
    except (ValueError, FileNotFoundError) as error:
        reason = f"{spec.label} at {spec.size} pixels: {' '.join(str(error).split())}"
        if not lenient:
            raise UserError(reason) from None
        print(f"left out {reason}", file=sys.stderr)
        return False
    return True


def machine_of(device: str) -> dict[str, str]:
    """What bears on times, by name."""
    import torch

    from evaluation.gpu import gpu_facts
    from harness.provenance import hardware

    facts = hardware(device)
    found = {"device": facts["device"] if "cuda" in facts else facts["cpu"]}
    if "cuda" in facts:
        found |= gpu_facts(torch.device(device))
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]  # torch's
        found |= {"cuda": facts["cuda"], "cudnn": cudnn}
    else:
        found |= {"threads": facts["threads"]}
    return {name: str(value) for name, value in (found | {"torch": facts["torch"], "host": facts["host"]}).items()}


def measure_all(session: Session) -> list[str]:
    """Measure what is missing, each in a process of its own. Returns the labels of the methods that failed."""
    tell, missing = print_to_stderr, session.missing()
    total = session.plan.repeats * len(session.plan.specs)
    done = total - len(missing)
    tell(f"{plural(total, 'measurement')} in {session.path}" + (f", {done} made before" if done else ""))
    failed: list[str] = []
    try:
        for number, (label, repeat) in enumerate(missing):
            if label in failed:
                continue
            left = seconds_left(session, [other for other, _ in missing[number:] if other not in failed])
            about = f", about {duration(left)} left" if left else ""
            tell(f"[{done + number + 1}/{total}] {label}{about}")
            found = measured(session.plan, label, repeat)
            if isinstance(found, str):
                failed.append(label)
                tell(f"  failed: {found}")
            else:
                session.add(found)
    except KeyboardInterrupt:
        tell(f"{len(session.measurements)} of {total} measurements are kept; the same command makes the others")
        raise
    return failed


def print_to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def seconds_left(session: Session, labels: list[str]) -> float:
    """How long the measurements of ``labels`` will take, by those made so far; 0 before the first.

    A method that was not measured yet is assumed to take time as its arithmetic, where that is known.
    """
    known = {one.label: one.seconds for one in session.measurements.values()}
    if not known:
        return 0.0
    weight = {label: work_of(session.plan.specs[label]) for label in session.plan.specs}
    rate = sum(known.values()) / sum(weight[label] for label in known)
    return sum(known.get(label, rate * weight[label]) for label in labels)


def work_of(spec: RunSpec) -> float:
    """Arithmetic of a step by default, as far as it is known; only ratios are used."""
    cost = stored().get(spec.method)
    return cost.step_flop / cost.batch_size * spec.batch_size if cost else 1e12


def measured(plan: Plan, label: str, repeat: int) -> Measurement | str:
    """The measurement that a fresh process makes, or why it failed."""
    request = {
        "label": label,
        "spec": plan.specs[label].to_json(),
        "repeat": repeat,
        "device": plan.device,
        "arithmetic": plan.arithmetic,
        "warm_up": plan.warm_up,
        "steps": plan.steps,
    }
    command = [sys.executable, "-m", "harness.profiling", json.dumps(request)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return said[-1] if said else f"its process ended with code {done.returncode} (no memory left?)"
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))
