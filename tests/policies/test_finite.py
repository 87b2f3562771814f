import pytest
import torch

from hlm.policies.finite import is_finite


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_one_value_that_is_not_finite_is_found(dtype, value):
    weight = torch.ones(3, 4, dtype=dtype)
    assert is_finite(weight)
    weight[1, 2] = value
    assert not is_finite(weight)


@pytest.mark.parametrize(
    "weight",
    [
        torch.full((4,), 3e38),
        torch.full((2,), 1e300, dtype=torch.float64),
        torch.ones(()),
        torch.zeros(0),
        torch.arange(3),
    ],
)
def test_large_values_are_finite_even_where_their_sum_is_not(weight):
    assert is_finite(weight)
