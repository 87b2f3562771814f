"""The Unitree G1 with 29 joints, two parallel grippers and three cameras.

Kinematics, masses, inertias and limits are Unitree's published figures for the 29-joint G1 (revision 1.0); the right
side mirrors the left. Rotor inertias follow from the published rotors and gear stages of the motors. Gripper and
cameras are ours: a 90 mm parallel gripper replaces the rubber hand, so the wrists' figures are those of the bare wrist
(Unitree's files without separate hands publish wrist and rubber hand, 0.170 kg, as one body of 0.254576 kg).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from hlm.core.embodiment import CameraMount, Capsule, Embodiment, Gripper, Joint, Link, Motor, Pose, Vector3

_M5020 = Motor(armature_kg_m2=0.003609725, effort_nm=25.0, velocity_rad_s=37.0)
_M5020_PAIR = Motor(armature_kg_m2=2 * 0.003609725, effort_nm=50.0, velocity_rad_s=37.0)
_M7520_14 = Motor(armature_kg_m2=0.010177520, effort_nm=88.0, velocity_rad_s=32.0)
_M7520_22 = Motor(armature_kg_m2=0.025101925, effort_nm=139.0, velocity_rad_s=20.0)
_M4010 = Motor(armature_kg_m2=0.00425, effort_nm=5.0, velocity_rad_s=22.0)

_DARK = (0.22, 0.23, 0.25, 1.0)
_LIGHT = (0.80, 0.81, 0.83, 1.0)
_ACCENT = (0.35, 0.37, 0.40, 1.0)


class _Row(NamedTuple):
    """A joint and the link that it carries; see `hlm.core.embodiment.Link` for units."""

    joint: str
    parent: str
    axis: Literal["x", "y", "z"]
    position: Vector3
    roll_pitch: tuple[float, float]
    mass: float
    center: Vector3
    inertia: tuple[float, float, float, float, float, float]
    limits: tuple[float, float]
    default: float
    motor: Motor


# fmt: off
_LEFT_LEG = (
    _Row("left_hip_pitch", "pelvis", "y", (0, 0.064452, -0.1027), (0, 0), 1.35,
         (0.002741, 0.047791, -0.02606), (0.001811, 0.0014193, 0.0012812, 3.68e-05, -3.44e-05, 0.000171),
         (-2.5307, 2.8798), -0.312, _M7520_14),
    _Row("left_hip_roll", "left_hip_pitch", "x", (0, 0.052, -0.030465), (0, -0.1749), 1.52,
         (0.029812, -0.001045, -0.087934), (0.0023773, 0.0024123, 0.0016595, -3.8e-06, -0.0003908, 1.84e-05),
         (-0.5236, 2.9671), 0.0, _M7520_22),
    _Row("left_hip_yaw", "left_hip_roll", "z", (0.025001, 0, -0.12412), (0, 0), 1.702,
         (-0.057709, -0.010981, -0.15078), (0.0057774, 0.0076124, 0.003149, -0.0005411, -0.0023948, -0.0007072),
         (-2.7576, 2.7576), 0.0, _M7520_14),
    _Row("left_knee", "left_hip_yaw", "y", (-0.078273, 0.0021489, -0.17734), (0, 0.1749), 1.932,
         (0.005457, 0.003964, -0.12074), (0.011329, 0.011277, 0.0015168, 4.82e-05, -4.49e-05, -0.0007146),
         (-0.087267, 2.8798), 0.669, _M7520_22),
    _Row("left_ankle_pitch", "left_knee", "y", (0, -9.4445e-05, -0.30001), (0, 0), 0.074,
         (-0.007269, 0, 0.011137), (8.4e-06, 1.89e-05, 1.26e-05, 0, -2.9e-06, 0),
         (-0.87267, 0.5236), -0.363, _M5020_PAIR),
    _Row("left_ankle_roll", "left_ankle_pitch", "x", (0, 0, -0.017558), (0, 0), 0.608,
         (0.026505, 0, -0.016425), (0.0002231, 0.0016161, 0.0016667, 2e-07, 8.91e-05, -1e-07),
         (-0.2618, 0.2618), 0.0, _M5020_PAIR),
)
_WAIST = (
    _Row("waist_yaw", "pelvis", "z", (0, 0, 0), (0, 0), 0.214,
         (0.003494, 0.000233, 0.018034), (0.00010673, 0.00010422, 0.0001625, 2.7e-06, -7.63e-06, -2e-07),
         (-2.618, 2.618), 0.0, _M7520_14),
    _Row("waist_roll", "waist_yaw", "x", (-0.0039635, 0, 0.044), (0, 0), 0.086,
         (0, 2.3e-05, 0), (7.079e-06, 6.339e-06, 8.245e-06, 0, 0, 0),
         (-0.52, 0.52), 0.0, _M5020_PAIR),
    _Row("waist_pitch", "waist_roll", "y", (0, 0, 0), (0, 0), 7.818,
         (0.00203158, 0.000339683, 0.184568), (0.1216984, 0.1098251, 0.027522, 3.11e-05, -0.0037423, -1.55e-05),
         (-0.52, 0.52), 0.0, _M5020_PAIR),
)
_LEFT_ARM = (
    _Row("left_shoulder_pitch", "waist_pitch", "y", (0.0039563, 0.10022, 0.24778), (0.27931, 0), 0.718,
         (0, 0.035892, -0.011628), (0.0004291, 0.000453, 0.000423, -9.2e-06, 6.4e-06, 2.26e-05),
         (-3.0892, 2.6704), 0.2, _M5020),
    _Row("left_shoulder_roll", "left_shoulder_pitch", "x", (0, 0.038, -0.013831), (-0.27925, 0), 0.643,
         (-0.000227, 0.00727, -0.063243), (0.0006177, 0.0006912, 0.0003894, -1e-06, 8.7e-06, -5.3e-06),
         (-1.5882, 2.2515), 0.2, _M5020),
    _Row("left_shoulder_yaw", "left_shoulder_roll", "z", (0, 0.00624, -0.1032), (0, 0), 0.734,
         (0.010773, -0.002949, -0.072009), (0.0009988, 0.0010605, 0.0004354, 7.9e-06, 0.0001412, -2.86e-05),
         (-2.618, 2.618), 0.0, _M5020),
    _Row("left_elbow", "left_shoulder_yaw", "y", (0.015783, 0, -0.080518), (0, 0), 0.6,
         (0.064956, 0.004454, -0.010062), (0.0002891, 0.0004152, 0.0004197, 6.53e-05, 1.72e-05, -5.6e-06),
         (-1.0472, 2.0944), 0.6, _M5020),
    _Row("left_wrist_roll", "left_elbow", "x", (0.1, 0.00188791, -0.01), (0, 0), 0.085445,
         (0.0171394, 0.000537591, 4.8864e-07), (4.822e-05, 3.723e-05, 5.482e-05, -4.245e-06, 0, 0),
         (-1.97222, 1.97222), 0.0, _M5020),
    _Row("left_wrist_pitch", "left_wrist_roll", "y", (0.038, 0, 0), (0, 0), 0.48405,
         (0.0229999, -0.00111685, -0.00111658), (0.0001658, 0.00042954, 0.00042954, -1.231e-05, 1.232e-05, 8.1e-07),
         (-1.61443, 1.61443), 0.0, _M4010),
    _Row("left_wrist_yaw", "left_wrist_pitch", "z", (0.046, 0, 0), (0, 0), 0.08457647,
         (0.02200382, 0.00049485, 0.00053861), (4.929e-05, 5.973e-05, 3.928e-05, -4.574e-07, 4.4587e-06, 4.322e-07),
         (-1.61443, 1.61443), 0.0, _M4010),
)
# Primitive shapes, and few: what software rendering pays for is geometry. Thick enough to look like the robot, thin
# enough not to touch the neighbouring links in ordinary poses.
_TRUNK_CAPSULES = (
    Capsule("pelvis", (0, 0.03, -0.07), (0, -0.03, -0.07), 0.07, _DARK, "trunk"),
    Capsule("waist_pitch", (0.01, 0.05, 0.09), (0.01, -0.05, 0.09), 0.075, _LIGHT, "trunk"),
    Capsule("waist_pitch", (0.01, 0.05, 0.22), (0.01, -0.05, 0.22), 0.085, _LIGHT, "trunk"),
    Capsule("waist_pitch", (0.0, 0, 0.38), (0.0, 0, 0.44), 0.055, _DARK, "trunk"),
)
_LEFT_CAPSULES = (
    Capsule("left_hip_roll", (0.02, 0, 0), (0.02, 0, -0.08), 0.06, _DARK, "trunk"),
    Capsule("left_hip_yaw", (0, 0, -0.03), (-0.06, 0, -0.17), 0.055, _LIGHT, "trunk"),
    Capsule("left_knee", (0.01, 0, 0), (0.01, 0, -0.15), 0.045, _LIGHT, "trunk"),
    Capsule("left_knee", (0.01, 0, -0.15), (0.01, 0, -0.28), 0.03, _DARK, "trunk"),
    Capsule("left_shoulder_roll", (0, 0.006, 0), (0, 0.006, -0.05), 0.042, _DARK, "upper_arm"),
    Capsule("left_shoulder_yaw", (0, 0, -0.06), (0, 0, 0.03), 0.035, _LIGHT, "upper_arm"),
    Capsule("left_elbow", (0.0, 0, -0.01), (0.09, 0, -0.01), 0.033, _LIGHT, "forearm"),
    Capsule("left_wrist_roll", (0.0, 0, 0), (0.06, 0, 0), 0.03, _DARK, "forearm"),
)
# fmt: on

# Right gripper in front of the chest, fingers ahead, behind the front edge of furniture; the left arm stays out of the
# way. Joints that are not listed keep their default angle.
_MANIPULATION_RAD = {
    "left_shoulder_pitch": 0.55,
    "left_shoulder_roll": 0.25,
    "left_elbow": 0.45,
    "right_shoulder_pitch": 0.843,
    "right_shoulder_roll": -0.335,
    "right_shoulder_yaw": -0.094,
    "right_elbow": -0.588,
    "right_wrist_roll": 0.396,
    "right_wrist_pitch": -0.231,
    "right_wrist_yaw": 0.115,
}


def _mirrored_capsule(capsule: Capsule) -> Capsule:
    def mirror(point: Vector3) -> Vector3:
        return (point[0], -point[1], point[2])

    return capsule._replace(
        link=capsule.link.replace("left", "right"), start_m=mirror(capsule.start_m), end_m=mirror(capsule.end_m)
    )


def _mirrored(row: _Row) -> _Row:
    """The row of the right side: y changes sign, and with it rotations about x and z."""
    x, y, z = row.position
    center_x, center_y, center_z = row.center
    xx, yy, zz, xy, xz, yz = row.inertia
    turns = row.axis in ("x", "z")
    return row._replace(
        joint=row.joint.replace("left", "right"),
        parent=row.parent.replace("left", "right"),
        position=(x, -y, z),
        roll_pitch=(-row.roll_pitch[0], row.roll_pitch[1]),
        center=(center_x, -center_y, center_z),
        inertia=(xx, yy, zz, -xy, xz, -yz),
        limits=(-row.limits[1], -row.limits[0]) if turns else row.limits,
        default=-row.default if turns else row.default,
    )


def _link(row: _Row) -> Link:
    joint = Joint(
        name=row.joint,
        axis=row.axis,
        lower_rad=row.limits[0],
        upper_rad=row.limits[1],
        default_rad=row.default,
        motor=row.motor,
    )
    return Link(
        name=row.joint,
        parent=row.parent,
        joint=joint,
        position_m=row.position,
        roll_pitch_rad=row.roll_pitch,
        mass_kg=row.mass,
        com_position_m=row.center,
        inertia_kg_m2=row.inertia,
    )


_PELVIS = Link(
    name="pelvis",
    parent=None,
    joint=None,
    position_m=(0.0, 0.0, 0.793),
    mass_kg=3.813,
    com_position_m=(0.0, 0.0, -0.07605),
    inertia_kg_m2=(0.010549, 0.0093089, 0.0079184, 0.0, 2.1e-06, 0.0),
)
_RIGHT_GRIPPER = Gripper(
    side="right",
    link="right_wrist_yaw",
    palm_center_m=(0.055, 0.0, 0.0),
    palm_half_size_m=(0.02, 0.058, 0.02),
    palm_mass_kg=0.15,
    palm_rgba=_DARK,
    finger_center_m=(0.12, 0.0, 0.0),
    finger_half_size_m=(0.045, 0.006, 0.012),
    finger_mass_kg=0.04,
    finger_rgba=_ACCENT,
    finger_stroke_m=0.045,
    finger_force_n=30.0,
    grip_m=(0.135, 0.0, 0.0),
)
_RIGHT_WRIST_CAMERA = CameraMount(
    name="right_wrist",
    link="right_wrist_yaw",
    position_m=(0.035, 0.0, 0.09),
    pitch_down_rad=0.785,
    field_of_view_rad=1.396,
)

_LINKS = (
    _PELVIS,
    *(_link(row) for row in _LEFT_LEG),
    *(_link(_mirrored(row)) for row in _LEFT_LEG),
    *(_link(row) for row in _WAIST),
    *(_link(row) for row in _LEFT_ARM),
    *(_link(_mirrored(row)) for row in _LEFT_ARM),
)

UNITREE_G1 = Embodiment(
    name="unitree_g1",
    links=_LINKS,
    sole_links=("left_ankle_roll", "right_ankle_roll"),
    sole_corners_m=((0.12, 0.03, -0.035), (-0.05, 0.025, -0.035), (-0.05, -0.025, -0.035), (0.12, -0.03, -0.035)),
    sole_rgba=_DARK,
    standing_height_m=0.76,
    grippers=(replace(_RIGHT_GRIPPER, side="left", link="left_wrist_yaw"), _RIGHT_GRIPPER),
    cameras=(
        CameraMount(
            name="head",
            link="waist_pitch",
            position_m=(0.0576, 0.0175, 0.43),
            pitch_down_rad=0.83,
            field_of_view_rad=1.5,
        ),
        replace(_RIGHT_WRIST_CAMERA, name="left_wrist", link="left_wrist_yaw"),
        _RIGHT_WRIST_CAMERA,
    ),
    capsules=(*_TRUNK_CAPSULES, *_LEFT_CAPSULES, *(_mirrored_capsule(capsule) for capsule in _LEFT_CAPSULES)),
    poses=(
        Pose(
            "manipulation",
            tuple(
                _MANIPULATION_RAD.get(link.joint.name, link.joint.default_rad)
                for link in _LINKS
                if link.joint is not None
            ),
        ),
    ),
)
