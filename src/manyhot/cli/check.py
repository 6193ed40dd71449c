"""manyhot check EXPERIMENT.toml"""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from manyhot.profile import check as check_experiment
from manyhot.schema import load_experiment

from ._check_tables import show
from ._output import console, to_stderr

__all__ = ["check"]


def check(
    experiment: Path,
    *,
    set: Annotated[tuple[str, ...], Parameter(name="--set", negative="", show_default=False)] = (),
    cache: Path = Path(".manyhot_cache"),
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Read every row of an experiment before training, and say what is wrong with it.

    Exits 1 where training would refuse or would mean nothing. The encoded rows stay in the cache, and training starts
    from them.

    Parameters
    ----------
    experiment
        TOML file with [data], [vocabularies], [fields], [model] and [training].
    set
        Change one key of the file: --set training.epochs=3. May be repeated.
    cache
        Folder for encoded rows; the one that training is given.
    json
        Print everything that was measured as JSON instead of tables.
    """
    config = load_experiment(experiment, set)
    report = check_experiment(config, cache=cache, on_stage=to_stderr.print)
    if json:
        console.print(json_text.dumps(report.to_dict()))
    else:
        show(report)
    if report.has_errors:
        sys.exit(1)
