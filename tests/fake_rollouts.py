"""Results of rollouts that nobody ran, and functions that stand for running them."""

from hlm.evaluation.results import RolloutResult

STAGES = ("reach", "grasp", "place")
# An evaluation of five rollouts; three of them succeed.
WORDS = ["eval", "--source", "scripted", "--rollouts", "5", "--seed", "8", "--workers", "1"]


def rollout(seed, stage, **changes):
    """A rollout that reached a number of `STAGES`, and succeeded if it reached all."""
    values = {
        "seed": seed,
        "instruction": "take the red cup",
        "success": stage == len(STAGES),
        "stage": stage,
        "stages": STAGES,
        "progress": stage / len(STAGES),
        "wrong_object": False,
        "fell": False,
        "duration_s": 11.25,
        "steps": 300,
    }
    return RolloutResult(**values | changes)


def scored(seed, *, fault="", steps=31):
    """The rollout of a seed; those of even seeds succeed."""
    return RolloutResult(
        seed=seed,
        instruction="wave",
        success=seed % 2 == 0 and not fault,
        stage=1 - seed % 2,
        stages=("reach", "wave"),
        progress=0.25,
        wrong_object=False,
        fell=False,
        duration_s=seed / 3,
        steps=steps,
        fault=fault,
    )


def stopping(seed, error):
    """Runs seeds as `scored`, up to one that raises."""

    def run(now):
        if now == seed:
            raise error
        return scored(now)

    return run
