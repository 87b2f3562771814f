"""Whole-body humanoid vision-language-action policies: record, train, evaluate, deploy."""


def __getattr__(name: str) -> str:
    # Looked up when it is asked for: whoever interrupts `hlm` while it starts would see where in the look-up that was.
    if name != "__version__":
        raise AttributeError(f"module 'hlm' has no attribute '{name}'")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hlm")
    except PackageNotFoundError:  # a source tree that nobody installed
        return "0.0.0+source"
