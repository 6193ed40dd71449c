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
    *("ctypes", "cffi", "_ctypes", "imp", "pkgutil", "pty", "zipimport", "copyreg", "xmlrpc", "builtins", "yaml"),
    *("subprocess", "multiprocessing", "_posixsubprocess", "_winapi", "webbrowser", "zipfile", "tarfile"),
}
CALLS = {"eval", "exec", "compile", "__import__", "execfile", "input", "breakpoint"}
# Of any object: torch.jit.load, pd.read_pickle, ctypes' libraries, DuckDB's and SQLite's extensions.
METHODS = {
    *("load_module", "exec_module", "import_module", "read_pickle", "to_pickle", "load_library", "find_class", "loads"),
    *("LoadLibrary", "CDLL", "allow_pickle", "enable_load_extension", "load_extension", "install_extension"),
    *("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "__subclasses__", "__globals__"),
    *(f"{kind}{how}" for kind in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
}
# Of what a module calls so, under whatever name it imports it.
LOADERS = {"torch", "numpy", "pandas", "scipy"}
TEXT = {"json.loads", "tomllib.loads"}
WORDS = {"allow_pickle", "shell"}
# They import by names out of a table in the same module, which no file and no user can add to.
BY_TABLE = {"__init__.py": "_HOME_OF", "data/sources/_database.py": "_DIALECTS"}


def faults(source: str) -> Iterator[str]:
    """What in a module could run what it reads, in words."""
    tree = ast.parse(source)
    modules = _modules(tree)
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}: "
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                package = node.module or ""
                yield from (f"{where}imports {package}.{name}" for name in names if _is_loader(f"{package}.{name}"))
                names.append(package)
            for name in names:
                forbidden = CALLS | METHODS - {"loads"} | {"literal_eval"}
                if name.split(".")[0] in MODULES or name in forbidden:
                    yield f"{where}imports {name}"
        elif isinstance(node, ast.Name) and node.id in CALLS:
            yield f"{where}{node.id}"
        elif isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            name = f"{modules.get(root, root)}.{rest}"
            if (node.attr in METHODS or _is_loader(name)) and name not in TEXT:
                yield f"{where}{name}"
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("globals()", "locals()", "vars()"):
            yield f"{where}{ast.unparse(node)}"
        elif isinstance(node, ast.keyword) and node.arg in WORDS:
            yield f"{where}{node.arg} ="
        elif isinstance(node, ast.Constant) and node.value in WORDS:
            yield f"{where}{node.value!r}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            of, asked = node.args[:2]
            if isinstance(asked, ast.Constant):
                is_fault = asked.value in METHODS | CALLS | {"load"} or "__" in str(asked.value)
            else:  # of a module that might be any name
                is_fault = isinstance(of, ast.Name) and of.id in modules
            if is_fault:
                yield f"{where}{ast.unparse(node)}"


def _modules(tree: ast.AST) -> dict[str, str]:
    """The name that each imported module has in this one -> its own."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
    return found


def _is_loader(name: str) -> bool:
    first, *_, last = name.split(".")
    return first in LOADERS and last in ("load", "load_state_dict_from_url", "fromregex", "memmap")


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
        "from torch import load",
        "import torch as t\nt.load(path)",
        "import torch\ntorch.jit.load(path)",
        "import numpy as n\nn.load(path)",
        "from numpy import load as read",
        "import torch\ngetattr(torch, 'load')(path)",
        "import torch\ngetattr(torch, name)(path)",
        "import subprocess",
        "from subprocess import run",
        "check_output(text, **{'shell': True})",
        "os.execv(path, arguments)",
        "from os import system",
        "import multiprocessing.pool",
        "import yaml",
        "connection.enable_load_extension(True)",
        "import builtins\nbuiltins.exec(text)",
        "globals()[name](text)",
        "from runpy import run_path",
    ],
)
def test_the_walk_sees(source: str) -> None:
    assert list(faults(source))
