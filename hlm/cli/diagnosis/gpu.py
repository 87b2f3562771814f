"""What policies compute on."""

from __future__ import annotations

from hlm.cli.diagnosis.finding import Finding, Verdict


def gpu_finding() -> Finding:
    """The GPU that torch finds; the policy's latency says whether a machine without one is fast enough."""
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken driver may raise anything
        return Finding(
            "gpu", Verdict.BAD, f"torch cannot be loaded: {type(error).__name__}: {error}", "Run `make setup` again"
        )
    if not torch.cuda.is_available():
        return Finding("gpu", Verdict.OK, f"none; torch {torch.__version__} computes on the CPU")
    free, total = torch.cuda.mem_get_info()
    name = torch.cuda.get_device_name()
    return Finding(
        "gpu", Verdict.OK, f"{name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free, torch {torch.__version__}"
    )
