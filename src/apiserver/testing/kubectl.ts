/** For tests that run kubectl. */
import { execFileSync } from 'node:child_process';

/** The `skip` of such tests. */
export function skipWithoutKubectl(): string | false {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'kubectl is not installed';
  }
}
