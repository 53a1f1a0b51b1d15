/** Where a container runtime looks for its CNI plugins: in what it tells of itself when it is asked in detail. */
import type { RuntimeStatus } from '../cri/cri.ts';

/** Where a runtime looks for network plugins and for their configuration. */
export interface CNIDirectories {
  /** Of programs. */
  readonly binDir: string;
  /** Of configurations. */
  readonly confDir: string;
}

/** Those of every distribution of CNI, and of a runtime that does not tell. */
const USUAL: CNIDirectories = { binDir: '/opt/cni/bin', confDir: '/etc/cni/net.d' };

/**
 * containerd tells its whole configuration, as JSON; from 2.1 on with several folders of programs, of which the first that
 * has a program is the one.
 */
export function directoriesOf(status: RuntimeStatus): CNIDirectories {
  const { binDirs, binDir = binDirs?.[0], confDir } = cniOf(status.info['config']);
  return { binDir: binDir || USUAL.binDir, confDir: confDir || USUAL.confDir };
}

interface ToldConfig {
  readonly binDir?: string;
  readonly binDirs?: readonly string[];
  readonly confDir?: string;
}

function cniOf(text: string | undefined): ToldConfig {
  if (text === undefined) return {};
  try {
    return (JSON.parse(text) as { readonly cni?: ToldConfig }).cni ?? {};
  } catch (error) {
    // Another runtime's, in a form of its own.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
