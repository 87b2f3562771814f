"""What must hold of the tree as a whole: the arrows of docs/architecture.md, cheap imports, no trace of one machine."""

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
LINKED = ("sim", "teleop", "policies", "datasets")
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCE_FOLDERS = ("hlm", *LINKED, "scripts", "tests")
TEXT_ENDINGS = {".py", ".toml", ".md", ".yaml", ".j2", ".css", ".html", ".txt", ".cfg", ""}


def allowed_imports():
    """What each part may import besides itself, as the page's table of rooms says."""
    rooms = re.findall(r"^\| `(?:hlm/)?(\w+)` \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {part: set() if allowed == "nothing of hlm" else set(allowed.split(", ")) for part, allowed in rooms}


ALLOWED = allowed_imports()
ALLOWED["cli"] = set(ALLOWED) - {"cli"}  # everything


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


def named_modules(path):
    """Modules of hlm that stand in a file as text, such as a catalog's, and the lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if found := re.fullmatch(r"(hlm(?:\.\w+)+)(?::\w+)?", text):
            yield found[1], node.lineno


def modules():
    """Every file of hlm by the name that it is imported by."""
    found = {}
    for part in ALLOWED:
        for path in sources(part):
            names = path.relative_to(ROOT if part in LINKED else ROOT / "hlm").with_suffix("").parts
            found[".".join(["hlm", *(name for name in names if name != "__init__")])] = path
    return found


def import_graph():
    """The modules of hlm that each of them imports."""
    known = modules()
    graph = {}
    for module, path in known.items():
        graph[module] = set()
        for name, _ in imports(path):
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name and name != module:
                graph[module].add(name)
    return graph


def circles(graph):
    """Groups of nodes that reach each other (Tarjan's strongly connected components of more than one node)."""
    numbers, lowest, stack, found = {}, {}, [], []

    def visit(node):
        numbers[node] = lowest[node] = len(numbers)
        stack.append(node)
        for other in graph[node]:
            if other not in numbers:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], numbers[other])
        if lowest[node] == numbers[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in numbers:
            visit(node)
    return found


@pytest.mark.parametrize("part", ALLOWED)
def test_nobody_imports_what_the_page_does_not_allow(part):
    wrong = []
    for path in sources(part):
        for name, line in [*imports(path), *named_modules(path)]:
            head, other, *_ = [*name.split("."), ""]
            if head == "hlm" and other in ALLOWED and other != part and other not in ALLOWED[part]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports hlm.{other}")
    assert not wrong


def test_the_page_names_every_part_and_no_other():
    folders = {path.name for path in (ROOT / "hlm").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ALLOWED)
    assert all(sources(part) for part in ALLOWED)


def test_the_pages_arrows_form_no_circle():
    assert circles(ALLOWED) == []


def test_every_path_on_the_page_exists():
    paths = {path for path in re.findall(r"`([\w/.]+/[\w/.]*)`", PAGE) if not re.search("NAME|VERB", path)}
    assert len(paths) > 30
    inside = [folder for part in ALLOWED for folder in (ROOT / part, ROOT / "hlm" / part)]
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT, *inside))]
    assert not missing


def test_no_two_files_import_each_other_in_a_circle():
    graph = import_graph()
    assert len(graph) > 200
    assert circles(graph) == []


def test_no_two_folders_import_each_other_in_a_circle():
    folder_of = {module: path.parent for module, path in modules().items()}
    folders = {folder: set() for folder in folder_of.values()}
    for module, others in import_graph().items():
        folders[folder_of[module]] |= {folder_of[other] for other in others} - {folder_of[module]}
    assert circles(folders) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == [["a", "b", "c"]]


def test_every_package_that_is_imported_is_declared():
    declared = declared_distributions()
    # pin puts its modules where the metadata does not list them.
    installed = packages_distributions() | {"pinocchio": ["pin"]}
    for path in [path for part in ALLOWED for path in sources(part)]:
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
