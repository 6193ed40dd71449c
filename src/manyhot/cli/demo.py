"""manyhot demo"""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from manyhot.demo import run_demo, simulate
from manyhot.errors import ConfigError

from ._output import console, to_stderr

__all__ = ["demo"]


def demo(*, out: Path = Path("runs/demo"), impressions: int = 300_000, seed: int = 1) -> None:
    """Simulate an app-store log, train five models on it, compare them.

    Everything happens offline. The click probabilities are known, so the first line of the table is the best AUC that
    any model could reach.

    Parameters
    ----------
    out
        Folder for the full DeepFM's model file.
    impressions
        Rows to simulate: 80 % train, 10 % valid, 10 % test.
    seed
        Of simulation and training.
    """
    if impressions < 100 or seed < 0:
        raise ConfigError("demo: impressions must be at least 100, and seed at least 0")
    to_stderr.print(f"simulating {impressions:,} impressions")
    results, run = run_demo(simulate(impressions, seed), seed=seed, on_stage=to_stderr.print)
    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for heading in ("test AUC", "to ceiling", "log loss", "parameters", "examples/s"):
        table.add_column(heading, justify="right")
    ceiling = results[0].auc
    for result in results:
        gap = None if ceiling is None or result.auc is None else result.auc - ceiling
        cells = (
            (result.auc, ".4f"),
            (gap if result is not results[0] else None, "+.4f"),
            (result.log_loss, ".4f"),
            (result.num_parameters, ",d"),
            (result.examples_per_second, ",.0f"),
        )
        table.add_row(result.name, *("" if value is None else format(value, spec) for value, spec in cells))
    console.print()
    console.print(table)
    run.save(out / "model.manyhot")
    console.print(f"\nmodel: {out / 'model.manyhot'}   (try: manyhot inspect {out / 'model.manyhot'})")
