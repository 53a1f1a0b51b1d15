/** For tests that run a whole pod network in namespaces of their own. */
import { spawnSync } from 'node:child_process';

/** With a PID namespace, whose processes all end with the first of them, however that ends. */
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** Arguments of unshare(1). */
export const UNSHARE = [...NAMESPACES, ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];

/** What is missing to run a pod network here; undefined when nothing is. */
export function missingForNetwork(): string | undefined {
  const absent = ['dnsmasq', 'nft', 'ip'].filter((name) =>
    spawnSync(name, ['--version']).error?.message.includes('ENOENT'),
  );
  if (absent.length > 0) return `needs ${absent.join(', ')}`;
  const tap = spawnSync('unshare', [...UNSHARE, 'ip', 'tuntap', 'add', 'dev', 't', 'mode', 'tap']);
  return tap.status === 0 ? undefined : 'needs the right to make network namespaces and taps';
}
