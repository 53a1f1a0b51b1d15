/** Progress on standard error: silent for what is quick, alive for what is not. */

/** Milliseconds after which a step shows itself. */
const QUIET = 2000;
/** How often a step without a terminal says that it is still going. */
const PLAIN_INTERVAL = 15_000;

/** Does `work`, and says so with the elapsed time once it has taken two seconds. */
export async function step(name, work) {
  const started = Date.now();
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const live = process.stderr.isTTY === true && process.env.CI === undefined;
  let shown = false;
  let last = 0;
  const show = () => {
    const now = Date.now();
    if (now - started < QUIET || (!live && shown && now - last < PLAIN_INTERVAL)) return;
    shown = true;
    last = now;
    process.stderr.write(live ? `\r\x1b[K${name}: ${elapsed()}` : `${name}: ${elapsed()}\n`);
  };
  const timer = setInterval(show, live ? 250 : 500);
  try {
    const result = await work();
    if (shown) process.stderr.write(`${live ? '\r\x1b[K' : ''}${name}: done in ${elapsed()}\n`);
    return result;
  } catch (error) {
    if (shown && live) process.stderr.write('\n');
    throw error;
  } finally {
    clearInterval(timer);
  }
}
