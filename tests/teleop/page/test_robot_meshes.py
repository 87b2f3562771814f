"""The robot's triangles enclose its shapes, seen from outside."""

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.teleop.page.robot_meshes import _capsule, _fingers, robot_meshes


def volume_m3(vertices, faces):
    """Of a closed mesh whose faces are seen counter-clockwise from outside (divergence theorem)."""
    one, two, three = (vertices[faces[:, corner]] for corner in range(3))
    return np.einsum("ij,ij->", one, np.cross(two, three)) / 6.0


@pytest.mark.parametrize("capsule", UNITREE_G1.capsules[:6])
def test_a_capsule_has_its_volume(capsule):
    vertices, faces = _capsule(capsule)
    length = np.linalg.norm(np.subtract(capsule.start_m, capsule.end_m))
    exact = np.pi * capsule.radius_m**2 * (length + 4.0 / 3.0 * capsule.radius_m)
    assert exact > volume_m3(vertices, faces) > 0.9 * exact


@pytest.mark.parametrize("mesh", robot_meshes(UNITREE_G1), ids=lambda mesh: mesh.name)
def test_every_piece_is_seen_from_outside(mesh):
    assert volume_m3(mesh.vertices_m, mesh.faces) > 0.0
    assert mesh.faces.max() == len(mesh.vertices_m) - 1


def test_fingers_are_their_boxes_and_open_apart():
    gripper = UNITREE_G1.grippers[0]
    fingers = list(_fingers(gripper, 0, 0))
    exact = 8.0 * np.prod(gripper.finger_half_size_m)
    assert [volume_m3(one.vertices_m, one.faces) for one in fingers] == pytest.approx([exact, exact])
    assert fingers[0].opening_m[1] == -fingers[1].opening_m[1] == gripper.finger_stroke_m
