/** Whether a kernel has what the mode nftables needs. */

/** Look-ups with concatenated keys in maps of typeof, as our tables have them. */
const NEEDED = { major: 5, minor: 13 };

/** What is wrong with a kernel's release, such as `6.1.0-18-amd64`; undefined: nothing, or nobody can tell. */
export function kernelTooOld(release: string): string | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  const isOld = Number(major) < NEEDED.major || (Number(major) === NEEDED.major && Number(minor) < NEEDED.minor);
  if (!isOld) return undefined;
  return `the mode nftables needs Linux ${NEEDED.major}.${NEEDED.minor} or newer; this is Linux ${release}`;
}
