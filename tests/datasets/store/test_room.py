"""The store knows bytes, arrays and names; what an episode means is for the rooms above it."""

import ast
from pathlib import Path

STORE = Path(__file__).resolve().parents[3] / "datasets" / "store"


def test_the_store_imports_nothing_of_the_datasets_above_it():
    for file in STORE.glob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text()))
        modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
        above = [name for name in modules if name.startswith("hlm.datasets") and "datasets.store" not in name]
        assert not above, file.name
