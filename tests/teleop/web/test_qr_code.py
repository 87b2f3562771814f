import cv2
import numpy as np

from hlm.teleop.web.qr_code import qr_code

# What the characters of a compact code show, upper half first; 1 = light.
HALVES = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}


def test_a_camera_reads_the_address():
    text = "https://192.168.1.7:8080/headset/?token=abcdefghijklmnopqrstuvwxyz-0123456789_ABCDE"
    lines = [[HALVES[character] for character in line] for line in qr_code(text).splitlines() if line]
    width = max(map(len, lines))
    rows = np.array([line + [(0, 0)] * (width - len(line)) for line in lines]).transpose(0, 2, 1).reshape(-1, width)
    picture = np.kron(rows, np.ones((8, 8))).astype(np.uint8) * 255
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == text
