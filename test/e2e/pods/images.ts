/** Images of the stories: small stand-ins, under the names that manifests use, for what cannot be pulled here. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TarEntry } from '../../../src/lib/tar/write.ts';
import { busyboxFiles, type ImageSpec } from '../../../src/pods/testing/images.ts';

/** Names of the guestbook's images, as its manifests have them. */
const GUESTBOOK = {
  leader: 'docker.io/redis:6.0.5',
  follower: 'us-docker.pkg.dev/google-samples/containers/gke/gb-redis-follower:v2',
  frontend: 'us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v5',
} as const;

/** Images of one web server that answers with its version and its pod's name, at port 80: `v1`, `v2`. */
export const WEB = (version: string): string => `postern.dev/web:${version}`;

/** Has curl besides busybox, whose static build cannot look up names. */
export const CURL_IMAGE = 'postern.dev/curl:1';

/** Everything that the stories run. */
export function storyImages(): readonly ImageSpec[] {
  const busybox = [...busyboxFiles(), ...linkedProgram('/usr/bin/curl')];
  const serving = (name: string, files: readonly string[], env: readonly string[]): ImageSpec => ({
    name,
    files: [...busybox, program('bin/serve'), ...files.map(program)],
    entrypoint: ['/bin/serve'],
    env: ['PATH=/bin:/usr/bin', ...env],
  });
  return [
    { name: CURL_IMAGE, files: busybox, cmd: ['sh'], env: ['PATH=/bin:/usr/bin'] },
    serving(GUESTBOOK.leader, ['www/cgi-bin/get', 'www/cgi-bin/set'], ['PORT=6379']),
    serving(GUESTBOOK.follower, ['www/cgi-bin/follow'], ['PORT=6379']),
    serving(GUESTBOOK.frontend, ['www/cgi-bin/guestbook'], ['PORT=80']),
    ...['v1', 'v2'].map((version) => serving(WEB(version), [], ['PORT=80', `VERSION=${version}`])),
  ];
}

/** A script of the folder `rootfs` beside this file, by its path in the image. */
function program(name: string): TarEntry {
  return { kind: 'file', name, data: readFileSync(new URL(`rootfs/${name}`, import.meta.url)), mode: 0o755 };
}

/** A program of this machine with the libraries that it is linked with, as ldd(1) tells them. */
function linkedProgram(path: string): readonly TarEntry[] {
  const libraries = execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm);
  return [path, ...[...libraries].flatMap(([, library = '']) => [library])].map((file) => ({
    kind: 'file',
    name: file.slice(1),
    data: readFileSync(file),
    mode: 0o755,
  }));
}
