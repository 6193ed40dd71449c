"""Nothing in the package can run what a file says: no pickle, eval, exec, marshal, or import by a name that is not
written down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyhot

PACKAGE = Path(manyhot.__file__).parent
MODULES = {
    *("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "code", "codeop", "runpy"),
    *("ctypes", "cffi", "_ctypes", "imp", "pkgutil", "pty", "zipimport", "copyreg", "xmlrpc"),
}
CALLS = {"eval", "exec", "compile", "__import__", "execfile", "input", "breakpoint"}
# Of any object: torch.load, np.load, torch.jit.load, pd.read_pickle, torch.hub.load, ctypes' libraries.
METHODS = {
    *("load_module", "exec_module", "import_module", "read_pickle", "to_pickle", "load_library", "find_class"),
    *(
        "LoadLibrary",
        "CDLL",
        "loads",
        "allow_pickle",
        "system",
        "popen",
        "spawn",
        "torch.load",
        "np.load",
        "numpy.load",
    ),
}
TEXT = {"json.loads", "tomllib.loads"}
# They import by names out of a table in the same module, which no file and no user can add to.
BY_TABLE = {"__init__.py": "_HOME_OF", "data/sources/_database.py": "_DIALECTS"}


def faults(source: str) -> Iterator[str]:
    """What in a module could run what it reads, in words."""
    for node in ast.walk(ast.parse(source)):
        where = f"line {getattr(node, 'lineno', 0)}: "
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module or "")
            for name in names:
                if name.split(".")[0] in MODULES or name in CALLS or name in ("import_module", "literal_eval"):
                    yield f"{where}imports {name}"
        elif isinstance(node, ast.Name) and node.id in CALLS:
            yield f"{where}{node.id}"
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            short = ".".join(name.split(".")[-2:])
            if (node.attr in METHODS or short in METHODS) and short not in TEXT:
                yield f"{where}{name}"
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
            yield f"{where}{node.arg} ="
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and "__" in ast.unparse(node.args[1]):
            yield f"{where}{ast.unparse(node)}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_can_run_what_it_reads(path: Path) -> None:
    found = [fault for fault in faults(path.read_text()) if fault.partition(": ")[2] != "importlib.import_module"]
    assert found == []


def test_imports_by_name_go_by_a_table() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any("import_module" in fault for fault in faults(path.read_text()))
    }
    assert found == set(BY_TABLE)
    for name, table in BY_TABLE.items():
        assert f"\n{table}" in (PACKAGE / name).read_text()


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load(path)",
        "import numpy as np\nnp.load(path)",
        "np.lib.npyio.load(path, allow_pickle=True)",
        "eval(text)",
        "run = exec",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module",
        "__import__(name)",
        "import ctypes.util",
        "import marshal as m",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "getattr(module, '__import__')(name)",
        "dill.loads(data)",
    ],
)
def test_the_walk_sees(source: str) -> None:
    assert list(faults(source))
