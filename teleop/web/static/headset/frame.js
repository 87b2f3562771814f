// What one frame of a session knows: head, controllers or hands, joints of the body; null where nothing is seen.

// Those that become keypoints; hlm/teleop/keypoints/webxr_body.py has the same.
export const JOINTS = [
  "hips", "chest", "head",
  "left-upper-leg", "right-upper-leg", "left-lower-leg", "right-lower-leg",
  "left-foot-ankle", "right-foot-ankle", "left-foot-ball", "right-foot-ball",
  "left-arm-upper", "right-arm-upper", "left-arm-lower", "right-arm-lower",
  "left-hand-wrist", "right-hand-wrist", "left-hand-palm", "right-hand-palm",
];

const rounded = (value) => Math.round(value * 1e5) / 1e5;

// Seven numbers: position in m, quaternion xyzw. A position that the headset only guesses is not seen.
function numbers(pose) {
  if (!pose || pose.emulatedPosition) {
    return null;
  }
  const { position, orientation } = pose.transform;
  return [position.x, position.y, position.z, orientation.x, orientation.y, orientation.z, orientation.w].map(rounded);
}

function bareHand(frame, hand, space) {
  const wrist = numbers(frame.getJointPose(hand.get("wrist"), space));
  const thumb = frame.getJointPose(hand.get("thumb-tip"), space);
  const index = frame.getJointPose(hand.get("index-finger-tip"), space);
  if (!wrist || !thumb || !index) {
    return null;
  }
  const [a, b] = [thumb.transform.position, index.transform.position];
  return { wrist, pinch_m: rounded(Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z)) };
}

function controller(frame, source, space) {
  const wrist = source.gripSpace && numbers(frame.getPose(source.gripSpace, space));
  if (!wrist || !source.gamepad) {
    return null;
  }
  const buttons = source.gamepad.buttons.map((button) => rounded(button.value));
  return { wrist, buttons, axes: source.gamepad.axes.map(rounded) };
}

function joints(frame, space) {
  const body = frame.body;
  const seen = {};
  for (const name of body ? JOINTS : []) {
    const joint = body.get(name);
    const pose = joint && numbers(frame.getPose(joint, space));
    if (pose) {
      seen[name] = pose;
    }
  }
  return seen;
}

export function message(time, frame, space, world) {
  const said = {
    type: "frame",
    stamp_ms: time,
    world,
    head: numbers(frame.getViewerPose(space)),
    left: null,
    right: null,
    joints: joints(frame, space),
  };
  for (const source of frame.session.inputSources) {
    if (source.handedness === "left" || source.handedness === "right") {
      const hand = source.hand ? bareHand(frame, source.hand, space) : controller(frame, source, space);
      said[source.handedness] = hand ?? said[source.handedness];
    }
  }
  return said;
}
