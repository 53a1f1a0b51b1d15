/** Images made of Debian's static busybox: what sandboxes run where no registry is at hand, and what tests run. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { TarEntry } from '../../lib/tar/write.ts';
import type { ImageSpec } from './build.ts';

const BUSYBOX = '/bin/busybox';

/** The program itself. Throws when it is missing, or needs libraries that no image has. */
function staticBusybox(): Buffer {
  const remedy = 'Install: apt-get install -y --no-install-recommends busybox-static';
  if (!existsSync(BUSYBOX)) throw new Error(`${BUSYBOX} is missing, of which images are made. ${remedy}`);
  const program = readFileSync(BUSYBOX);
  // A program with libraries names their loader in its first page: elf(5), PT_INTERP.
  if (program.subarray(0, 4096).includes('/ld-'))
    throw new Error(`${BUSYBOX} needs libraries, which no image has. ${remedy}`);
  return program;
}

/** Debian's static busybox under /bin, with a link for every command it has; a /tmp; users root and nobody (65534). */
export function busyboxFiles(): readonly TarEntry[] {
  const program = staticBusybox();
  const applets = execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).split('\n');
  return [
    { kind: 'directory', name: 'bin' },
    { kind: 'file', name: 'bin/busybox', data: program, mode: 0o755 },
    ...applets
      .filter((applet) => applet !== '' && applet !== 'busybox')
      .map((applet): TarEntry => ({ kind: 'symlink', name: `bin/${applet}`, target: 'busybox' })),
    { kind: 'directory', name: 'tmp', mode: 0o1777 },
    { kind: 'directory', name: 'etc' },
    { kind: 'directory', name: 'root', mode: 0o700 },
    { kind: 'file', name: 'etc/passwd', data: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' },
    { kind: 'file', name: 'etc/group', data: 'root:x:0:\nnobody:x:65534:\n' },
  ];
}

/** What sandboxes run in labs and tests. */
export const PAUSE_IMAGE = 'postern.dev/pause:1';

/**
 * What runs in every sandbox and holds its namespaces open. As the first process of a shared PID namespace it also reaps what
 * others leave behind, which a shell does while it waits.
 */
export function pauseImage(): ImageSpec {
  const entrypoint = ['/bin/sh', '-c', 'while :; do sleep 2147483647; done'];
  return { name: PAUSE_IMAGE, files: busyboxFiles(), entrypoint };
}
