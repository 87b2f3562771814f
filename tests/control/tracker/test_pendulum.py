import numpy as np

from hlm.control.tracker.pendulum import PendulumConfig, expected_zmp, fit_pendulum, pendulum_maps

FREQUENCY_RAD_S, DT_S, COUNT = 3.8, 0.02, 31


def true_motion(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    points = 0.02 * np.cumsum(random.normal(size=(COUNT - 1, 2)), axis=0)
    unknown = np.concatenate([0.01 * random.normal(size=(2, 2)), points])
    position, velocity = pendulum_maps(FREQUENCY_RAD_S, DT_S, COUNT)
    return position @ unknown, velocity @ unknown, points


def test_the_maps_integrate_the_pendulum() -> None:
    """Against ten thousand small steps of x'' = w^2 (x - p)."""
    position, velocity, points = true_motion(0)
    x, speed = position[0].copy(), velocity[0].copy()
    steps = 1000
    for slot in range(COUNT - 1):
        for _ in range(steps):
            middle = x + 0.5 * DT_S / steps * speed
            speed = speed + DT_S / steps * FREQUENCY_RAD_S**2 * (middle - points[slot])
            x = x + DT_S / steps * speed - 0.5 * (DT_S / steps) ** 2 * FREQUENCY_RAD_S**2 * (middle - points[slot])
    np.testing.assert_allclose(x, position[-1], atol=1e-6)
    np.testing.assert_allclose(speed, velocity[-1], atol=1e-5)


def test_a_feasible_motion_is_its_own_fit() -> None:
    position, velocity, points = true_motion(1)
    arrival = np.stack([position[0], velocity[0]])
    maps = pendulum_maps(FREQUENCY_RAD_S, DT_S, COUNT)
    fit = fit_pendulum(position, points, np.full(COUNT - 1, 0.08), arrival, maps, PendulumConfig())
    np.testing.assert_allclose(fit.com_position_m, position, atol=1e-9)
    np.testing.assert_allclose(fit.com_velocity_m_s, velocity, atol=1e-8)
    np.testing.assert_allclose(fit.zmp_m[:-1], points, atol=1e-7)


def test_the_fit_removes_noise_from_the_dcm() -> None:
    """Finite differences amplify the noise of x + x'/w; the fit does not."""
    position, velocity, points = true_motion(2)
    noisy = position + 0.005 * np.random.default_rng(3).normal(size=position.shape)
    maps = pendulum_maps(FREQUENCY_RAD_S, DT_S, COUNT)
    fit = fit_pendulum(noisy, points, np.full(COUNT - 1, 0.03), None, maps, PendulumConfig())
    true = position + velocity / FREQUENCY_RAD_S
    fitted = fit.com_position_m + fit.com_velocity_m_s / FREQUENCY_RAD_S
    raw = noisy + np.gradient(noisy, DT_S, axis=0) / FREQUENCY_RAD_S
    assert np.std(fitted - true) < 0.25 * np.std(raw - true)


def test_the_zmp_is_expected_under_the_stance_foot_and_on_the_way_between_two() -> None:
    config, dt_s = PendulumConfig(), 0.02
    soles = np.tile([[0.0, 0.1], [0.1, -0.1]], (60, 1, 1))
    contacts = np.ones((60, 2), dtype=bool)
    contacts[20:30, 0] = False
    contacts[40:50, 1] = False
    com = np.zeros((60, 2))
    points, sigma_m = expected_zmp(com, soles, contacts, dt_s, config)
    np.testing.assert_array_equal(points[20:30], soles[20:30, 1])
    np.testing.assert_array_equal(points[40:50], soles[40:50, 0])
    assert set(sigma_m[20:30]) == {config.zmp_single_support_sigma_m}
    shift = points[30:40]
    assert (np.diff(shift[:, 1]) > 0.0).all(), "monotonic from the right foot to the left one"
    np.testing.assert_allclose(shift.mean(axis=0), [0.05, 0.0], atol=1e-12)
    assert set(sigma_m[30:40]) == {config.zmp_double_support_sigma_m}
    # Before the first and after the last swing the body stands.
    np.testing.assert_array_equal(points[:20], com[:20])
    assert set(sigma_m[:20]) | set(sigma_m[50:]) == {config.zmp_standing_sigma_m}
