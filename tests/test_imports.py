"""The one-way import order, read from the syntax tree; what `import sonicdiff` costs; the guard against a broken torchaudio."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sonicdiff"
LEAVES = {"audio", "models", "diffusion"}
SHARED = {*LEAVES, "synthetic", "hub", "pipelines", "data"}
ALLOWED = {
    "audio": set(),
    "models": set(),
    "diffusion": set(),
    "synthetic": {"audio"},
    "hub": LEAVES,
    "pipelines": {*LEAVES, "hub"},
    "data": {*LEAVES, "synthetic", "hub", "pipelines"},
    "training": SHARED,
    "evaluation": SHARED,
    "ui": {*LEAVES, "hub", "pipelines"},
}
MODULES = [path for name in ALLOWED for path in sorted((PACKAGE / name).rglob("*.py")) if path.name != "__main__.py"]  # those are commands


def own_imports(path: Path) -> set[str]:
    """The subpackages of ours that a module imports, anywhere in it; "" for the package itself."""
    here = ("sonicdiff", *path.relative_to(PACKAGE).with_suffix("").parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: -node.level] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            names = [(*module, alias.name) for alias in node.names]
        found |= {name[1] if len(name) > 1 else "" for name in names if name and name[0] == "sonicdiff"}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_arrow_points_down(path: Path) -> None:
    folder = path.relative_to(PACKAGE).parts[0]
    assert own_imports(path) - {folder, "__version__"} <= ALLOWED[folder]


def run(code: str, *path: Path) -> str:
    """What a fresh interpreter prints, with `path` before all else that it imports from."""
    code = f"import sys; sys.path[:0] = {[str(folder) for folder in (*path, PACKAGE.parent)]}\n{textwrap.dedent(code)}"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_import_is_light() -> None:
    code = """
        import sonicdiff
        print(len(sys.modules), *[name for name in ("torch", "diffusers", "numpy") if name in sys.modules])
    """
    modules, *heavy = run(code).split()
    assert heavy == [] and int(modules) < 250


CHECK = """
    import sonicdiff, importlib.util
    import transformers
    print("found" if importlib.util.find_spec("torchaudio") else "hidden", transformers.utils.is_torchaudio_available())
"""


@pytest.mark.parametrize(
    ("contents", "expected", "warnings"),
    [("raise OSError('undefined symbol')", "hidden False", 1), ("version = 1", "found", 0), (None, "hidden False", 0)],
)
def test_broken_torchaudio_is_hidden_with_one_warning(tmp_path: Path, contents: str | None, expected: str, warnings: int) -> None:
    if contents is not None:
        (tmp_path / "torchaudio").mkdir()
        (tmp_path / "torchaudio" / "__init__.py").write_text(contents)
    printed = run(CHECK, tmp_path)
    assert expected in printed
    assert printed.count("does not fit the installed torch") == warnings
