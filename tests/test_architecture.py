"""What must hold of the tree as a whole: arrows between parts, cheap imports, no trace of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Parts by level: a part imports itself and lower levels, never its own level's neighbours.
LEVELS = (
    ("core",),
    ("control", "datasets"),
    ("sim", "teleop", "policies", "robots", "cameras", "runtime"),
    ("evaluation",),
    ("cli",),
)
LEVEL_OF = {part: level for level, parts in enumerate(LEVELS) for part in parts}
LINKED = ("sim", "teleop", "policies", "datasets")
SOURCE_FOLDERS = ("hlm", *LINKED, "scripts", "tests")
TEXT_ENDINGS = {".py", ".toml", ".md", ".yaml", ".j2", ".css", ".html", ".txt", ".cfg", ""}


def sources(part):
    folder = ROOT / part if part in LINKED else ROOT / "hlm" / part
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def declared_distributions():
    """Names of the distributions that hlm and its extras ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {_distribution(requirement) for group in groups for requirement in group}


def imports(path):
    """Modules that a file imports anywhere in it, function bodies and type checking included, and the lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def imported_parts(path):
    """Parts of hlm that a file imports, and the lines."""
    for name, line in imports(path):
        head, part, *_ = [*name.split("."), ""]
        if head == "hlm" and part in LEVEL_OF:
            yield part, line


@pytest.mark.parametrize("part", LEVEL_OF)
def test_arrows_point_down(part):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports hlm.{other}"
        for path in sources(part)
        for other, line in imported_parts(path)
        if other != part and LEVEL_OF[other] >= LEVEL_OF[part]
    ]
    assert not wrong


def test_every_part_is_checked():
    folders = {path.name for path in (ROOT / "hlm").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(LEVEL_OF)
    assert all(sources(part) for part in ("core", "datasets", "sim", "policies", "runtime", "cli"))


def test_every_package_that_is_imported_is_declared():
    declared = declared_distributions()
    # pin puts its modules where the metadata does not list them.
    installed = packages_distributions() | {"pinocchio": ["pin"]}
    for path in [path for part in LEVEL_OF for path in sources(part)]:
        for name in {name.partition(".")[0] for name, _ in imports(path)} - sys.stdlib_module_names - {"hlm"}:
            providers = {_distribution(provider) for provider in installed.get(name, [name])}
            assert providers & declared, f"{path.relative_to(ROOT)} imports {name}"


def test_every_dependency_is_pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==\S+", pin) for pin in pins)
    assert declared_distributions() <= {pin.partition("==")[0] for pin in pins}


def test_siblings_are_relative_links():
    for name in LINKED:
        link = ROOT / "hlm" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name


def test_command_line_imports_nothing_heavy():
    heavy = ["numpy", "torch", "mujoco", "cyclopts", "rich", "matplotlib", "zarr", "cv2"]
    code = f"import sys, hlm.cli.main; print([name for name in {heavy} if name in sys.modules])"
    assert _python(code).strip() == "[]"


def test_hugging_face_datasets_is_not_shadowed():
    code = "import datasets; print(datasets.Dataset.from_dict({'a': [1, 2]}).num_rows)"
    assert _python(code).strip() == "2"


def test_no_path_of_one_machine():
    home = re.compile("/" + r"(home|root|work|Users|opt)/\w")
    files = [path for folder in SOURCE_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    texts = [path for path in files if path.suffix in TEXT_ENDINGS and "__pycache__" not in path.parts]
    assert len(texts) > 50
    found = [str(path.relative_to(ROOT)) for path in texts if home.search(path.read_text(encoding="utf-8"))]
    assert not found


def _distribution(requirement):
    """Normalised name of a requirement such as `Some_Name[extra]>=1`."""
    return re.match(r"[\w-]+", requirement)[0].lower().replace("_", "-")


def _python(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
