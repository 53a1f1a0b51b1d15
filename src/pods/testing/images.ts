/** The images that every world of tests has. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TarEntry } from '../../lib/tar/write.ts';
import { buildImage, type ImageSpec } from '../images/build.ts';
import { busyboxFiles, pauseImage } from '../images/busybox.ts';

export type { ImageSpec } from '../images/build.ts';
export { busyboxFiles, PAUSE_IMAGE } from '../images/busybox.ts';

/** Writes an archive of the image to `dir` and returns its path. */
export function writeImage(dir: string, fileName: string, spec: ImageSpec): string {
  const path = join(dir, fileName);
  writeFileSync(path, buildImage(spec), { mode: 0o600 });
  return path;
}

/** The names of the others. */
export const BUSYBOX_IMAGE = 'postern.dev/busybox:1';
/** Answers every GET of / on port 8080, or that of the variable PORT, with its host name and a newline. */
export const HTTP_IMAGE = 'postern.dev/http:1';

const HTTP_SCRIPT = `#!/bin/sh
mkdir -p /tmp/www && hostname > /tmp/www/index.html
exec httpd -f -p "\${PORT:-8080}" -h /tmp/www
`;

export function standardImages(): readonly ImageSpec[] {
  const busybox = busyboxFiles();
  const script = (name: string, data: string): TarEntry => ({ kind: 'file', name, data, mode: 0o755 });
  return [
    pauseImage(),
    { name: BUSYBOX_IMAGE, files: busybox, cmd: ['sh'] },
    { name: HTTP_IMAGE, files: [...busybox, script('bin/serve', HTTP_SCRIPT)], entrypoint: ['/bin/serve'] },
  ];
}
