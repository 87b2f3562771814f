"""XRoboToolkit's Python surface, as far as hlm uses it, without a headset."""


class FakeXRoboToolkit:
    """Says what a test puts into it."""

    def __init__(self):
        self.open = False
        self.stamp_ns = 0
        self.available = True
        # As SMPL's joints would be told: each at a place that names it.
        self.poses = [[0.01 * joint, 1.0 + 0.01 * joint, -0.1 * joint, 0.0, 0.0, 0.0, 1.0] for joint in range(24)]
        self.triggers = [0.0, 0.0]
        self.pressed = set()

    def init(self):
        self.open = True

    def close(self):
        self.open = False

    def is_body_data_available(self):
        return self.available

    def get_body_timestamp_ns(self):
        return self.stamp_ns

    def get_time_stamp_ns(self):
        return self.stamp_ns

    def get_body_joints_pose(self):
        return self.poses

    def get_left_trigger(self):
        return self.triggers[0]

    def get_right_trigger(self):
        return self.triggers[1]

    def get_X_button(self):  # noqa: N802
        return "X" in self.pressed

    def get_Y_button(self):  # noqa: N802
        return "Y" in self.pressed

    def get_A_button(self):  # noqa: N802
        return "A" in self.pressed

    def get_B_button(self):  # noqa: N802
        return "B" in self.pressed

    def get_left_axis_click(self):
        return "left stick" in self.pressed

    def get_right_axis_click(self):
        return "right stick" in self.pressed
