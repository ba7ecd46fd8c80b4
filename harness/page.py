"""One offline HTML page of a folder of runs: the tables, sample grids and training curves, all inside one file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.formats.text import as_text
from harness.runs import RunFolder, all_runs
from harness.table import Table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; color: #222 }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 13px }
figure { margin: 1.5em 0 } figcaption { color: #555; margin-bottom: .4em }
img.samples { width: 100%; image-rendering: pixelated } img.curve { max-width: 100% }
"""


def page_of(runs: Path, tables: Sequence[Table]) -> str:
    """The page as HTML text."""
    parts = [f"<h1>Results in {html.escape(runs.name)}</h1>"]
    parts += [f"<pre>{html.escape(as_text([table], f' --runs {runs}'))}</pre>" for table in tables]
    trained = [run for run in all_runs(runs) if not run.spec.is_reference]
    parts += ["<h2>Samples</h2>", "<p>Rows: source, translation, true counterpart where it is known.</p>"]
    parts += [figure(run, newest_samples(run)) for run in trained if newest_samples(run)]
    curves = [(run, run.losses()) for run in trained]
    parts += ["<h2>Training curves</h2>"]
    parts += [curve_figure(run, rows) for run, rows in curves if len(rows) > 1]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Results</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def newest_samples(run: RunFolder) -> Path | None:
    """The last sample grid of a run."""
    return max(run.samples.glob("step-*.png"), default=None)


def figure(run: RunFolder, picture: Path | None) -> str:
    if picture is None:
        return ""
    spec, step = run.spec, int(picture.stem.removeprefix("step-"))
    caption = html.escape(f"{spec.label}, {spec.dataset}, seed {spec.seed}, step {step}")
    data = base64.b64encode(picture.read_bytes()).decode()
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img class="samples" alt="samples of {caption}" src="data:image/png;base64,{data}"></figure>'
    )


def curve_figure(run: RunFolder, rows: Iterable[dict[str, float]]) -> str:
    """The losses of a run over its steps."""
    from matplotlib.figure import Figure

    rows = list(rows)
    names = [name for name in rows[-1] if name != "step"]
    drawing = Figure(figsize=(10, 2.6), layout="constrained")
    axes = drawing.subplots()
    for name in names:
        axes.plot([row["step"] for row in rows], [row.get(name, float("nan")) for row in rows], label=name, lw=1)
    axes.set_xlabel("step")
    axes.legend(loc="upper right", fontsize=8, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    stream = io.BytesIO()
    drawing.savefig(stream, format="png", dpi=110)
    caption = html.escape(f"{run.spec.label}, {run.spec.dataset}, seed {run.spec.seed}")
    data = base64.b64encode(stream.getvalue()).decode()
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img class="curve" alt="losses of {caption}" src="data:image/png;base64,{data}"></figure>'
    )
