// An immersive session: through the headset's cameras if it can, else before an empty ground.

const MODES = ["immersive-ar", "immersive-vr"];
const FEATURES = {
  requiredFeatures: ["local-floor"],
  optionalFeatures: ["hand-tracking", "body-tracking"],
};

// The mode that this browser offers; null where there is none.
export async function offeredMode() {
  for (const mode of navigator.xr ? MODES : []) {
    if (await navigator.xr.isSessionSupported(mode)) {
      return mode;
    }
  }
  return null;
}

// Start; onFrame(time, frame, space, world) comes at the session's own rate. To be called from a click.
// Each world has a name of its own: where its origin is put elsewhere, poses of before mean nothing any more.
export async function start(mode, onFrame) {
  const session = await navigator.xr.requestSession(mode, FEATURES);
  try {
    await run(session, mode, onFrame);
  } catch (error) {
    await session.end();
    throw error;
  }
  return session;
}

async function run(session, mode, onFrame) {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { xrCompatible: true });
  if (!gl) {
    throw new Error("this browser has no WebGL");
  }
  await gl.makeXRCompatible();
  session.updateRenderState({ baseLayer: new XRWebGLLayer(session, gl) });
  const space = await session.requestReferenceSpace("local-floor");
  let world = crypto.randomUUID();
  space.addEventListener("reset", () => {
    world = crypto.randomUUID();
  });
  const opaque = mode === "immersive-ar" ? 0 : 1;

  function each(time, frame) {
    session.requestAnimationFrame(each);
    gl.bindFramebuffer(gl.FRAMEBUFFER, session.renderState.baseLayer.framebuffer);
    gl.clearColor(0.08, 0.09, 0.11, opaque);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    onFrame(time, frame, space, world);
  }
  session.requestAnimationFrame(each);
}
