import pytest
import torch

from hlm.policies.compact.flow import data_error, flow_times, flow_weights, integrate, interpolate

ACTIVE = torch.tensor([1.0, 1.0, 0.0])


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


def test_paths_run_from_noise_to_data(draw):
    data, noise = draw(2, 4, 3), draw(2, 4, 3)
    points = interpolate(data, noise, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(points[0], noise[0])
    torch.testing.assert_close(points[1], data[1])


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_perfect_prediction_is_reached_in_any_number_of_steps(steps, draw):
    data = draw(2, 4, 3) * ACTIVE
    torch.testing.assert_close(integrate(lambda point, time: data, draw(2, 4, 3), ACTIVE, steps), data)


def test_inactive_dimensions_stay_zero_along_the_whole_path(draw):
    def denoise(point, time):
        assert not point[..., 2].any()
        return draw(2, 4, 3)

    assert not integrate(denoise, draw(2, 4, 3), ACTIVE, 5)[..., 2].any()


@pytest.mark.parametrize("steps", [1, 4])
def test_integration_follows_the_velocity_at_the_times_of_its_points(steps, draw):
    data, noise, told = draw(2, 4, 3), draw(2, 4, 3), []

    def denoise(point, step):
        told.append((point, step))
        return data * (1.0 + step)

    end = integrate(denoise, noise, ACTIVE, steps)
    point = noise * ACTIVE
    for step in range(steps):
        torch.testing.assert_close(told[step][0], point)
        assert told[step][1] == step
        time = step / steps
        velocity = (data * (1.0 + step) * ACTIVE - point) / (1.0 - time)
        point = point + velocity / steps
    torch.testing.assert_close(end, point)


def test_times_follow_the_mirrored_beta_distribution():
    time = flow_times(torch.linspace(0.0, 1.0, 100_001))
    # Sampling starts at noise, which must be learnt; at the data there is nothing to learn.
    assert float(time.min()) == 0.0
    assert float(time.max()) == pytest.approx(0.999)
    # The mean of Beta(1, 1.5) is 1 / 2.5.
    assert float(time.mean()) == pytest.approx(0.4, abs=2e-3)


def test_errors_ignore_inactive_dimensions(draw):
    data = draw(2, 4, 3)
    wrong = data + torch.tensor([0.0, 0.0, 9.0])
    assert not data_error(wrong, data, ACTIVE).any()
    torch.testing.assert_close(data_error(data + 2.0, data, ACTIVE), torch.full((2,), 4.0))


def test_late_errors_weigh_more_but_at_most_ten_times_as_much():
    torch.testing.assert_close(flow_weights(torch.tensor([0.0, 0.5, 0.999])), torch.tensor([1.0, 2.0, 10.0]))
