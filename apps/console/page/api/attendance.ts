/** Whoever reads a page moves the pointer or a key within this time; what a page asks for later it asks for by itself. */
const attendedMs = 30_000;

let lastInputAt = performance.now();
for (const event of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'])
  addEventListener(event, () => void (lastInputAt = performance.now()), { capture: true, passive: true });

/** Whether nobody has touched this page lately: what it asks for then is no visit of whoever is signed in. */
export function isUnattended(): boolean {
  return performance.now() - lastInputAt > attendedMs;
}
