"""Whether a training goes on from a checkpoint, and where the next ones go."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from manyhot.errors import ConfigError, StorageError
from manyhot.schema import SettledTraining
from manyhot.storage import CheckpointFolder, RunLock, Stored, made_folder

from ._experiment import difference, keys_of, machine, with_new_keys
from ._keeper import Keeper

__all__ = ["Resuming", "delete_checkpoints", "resuming"]

Tell = Callable[[str], None]

FORMAT = 1  # of the header and of what the parts of a training remember; the files have their own


class Resuming:
    """The folder of a training's checkpoints. wanted: as `resume` of `train`; given: the experiment.

    Raises ConfigError where there must be a checkpoint and is none, or where there is one of another experiment;
    StorageError where all are damaged.
    """

    def __init__(self, folder: CheckpointFolder, wanted: bool | None, given: dict[str, Any], tell: Tell) -> None:
        self._folder, self._wanted, self._given, self._tell = folder, wanted, given, tell
        if wanted is not False:
            self._check(self._newest(tell), experiment=given)

    @contextlib.contextmanager
    def keeper(self, training: SettledTraining, rows: Callable[[], dict[str, Any]]) -> Iterator[Keeper]:
        """What writes the next checkpoints, and the one to go on from, if any. rows: says what the rows are; called
        late, since that takes time. Raises ConfigError where those of the checkpoint are others."""
        known: dict[str, Any] = {}

        def header() -> dict[str, Any]:
            if not known:
                known.update(rows())
            what = {"experiment": self._given, "settled": keys_of(training), "rows": known}
            return {"format": FORMAT, **what, "machine": machine()}

        start = None
        if self._wanted is False:
            self._folder.clear()
        else:
            start = self._newest(lambda text: None)
            if start is not None:
                now = header()
                self._check(start, rows=now["rows"], settled=now["settled"])
                self._tell_start(start, training)
        keeper = Keeper(self._folder, training.checkpoints, header, self._tell, start)
        try:
            yield keeper
        finally:
            keeper.close()

    def _newest(self, tell: Tell) -> Stored | None:
        damaged: list[str] = []
        stored = self._folder.newest(damaged.append)
        if stored is None and damaged:
            raise StorageError(
                f"{damaged[0]}, and there is no other that is whole; look at the disk, take another folder, or start "
                "anew by --no-resume (in Python resume=False), which deletes what is left"
            )
        for text in damaged:
            tell(f"{text}; the one before it is taken")
        return stored

    def _check(self, stored: Stored | None, **now: dict[str, Any]) -> None:
        if stored is None:
            if self._wanted:
                raise ConfigError(
                    f"{self._folder.folder}: there is no checkpoint to resume from; do not ask for it, or name the "
                    "folder that has one"
                )
            return
        if stored.header.get("format") != FORMAT:
            by, number = stored.header.get("machine"), stored.header.get("format")
            version = by.get("manyhot") if isinstance(by, dict) else None
            raise ConfigError(
                f"{stored.path}: was written by manyhot {version!s:.40} in format {number!s:.40}, this version "
                f"goes on from format {FORMAT}; go on with that version, take another folder, or say that it is not to "
                "be resumed, which deletes its checkpoints"
            )
        for key, value in now.items():
            then = stored.header.get(key)
            found = difference(with_new_keys(then), value) if isinstance(then, dict) else f"its {key} is missing"
            if found is not None:
                raise ConfigError(
                    f"{stored.path}: another experiment has come to step {stored.step:,} here ({found}); make it the "
                    "same again to go on, take another folder, or start anew by --no-resume (in Python resume=False), "
                    "which deletes its checkpoints"
                )

    def _tell_start(self, start: Stored, training: SettledTraining) -> None:
        match start.header.get("state"):
            case {"loop": {"epoch": int(epoch)}}:
                self._tell(f"goes on from step {start.step:,} (epoch {epoch} of {training.epochs}): {start.path}")
        then = start.header.get("machine")
        found = difference(then, machine()) if isinstance(then, dict) else None
        if found is not None:
            self._tell(f"the last digits may come out otherwise than without a stop: {found}")


@contextlib.contextmanager
def resuming(
    folder: Path | None, keep: int, wanted: bool | None, given: dict[str, Any], tell: Tell
) -> Iterator[Resuming | None]:
    """Around a training that alone uses the folder; None where no checkpoints are to be kept. Raises ConfigError,
    LockedError, StorageError."""
    if folder is None:
        if wanted:
            raise ConfigError("there is nothing to resume from without checkpoints; name their folder and enable them")
        yield None
        return
    with made_folder(folder), RunLock(folder) as lock:
        yield Resuming(CheckpointFolder(folder, keep=keep, lock=lock), wanted, given, tell)


def delete_checkpoints(folder: Path) -> None:
    """When they have done their duty; with the folder, if nothing else is in it. Raises StorageError, LockedError."""
    CheckpointFolder(folder).clear()
    with contextlib.suppress(OSError):
        folder.rmdir()
