/** The manifests of `deploy/`: what a server takes, and command lines that the program understands. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { program } from '../../src/cli/program.ts';
import { PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { startServer, type TestServer } from '../e2e/server.ts';
import { BASES, kustomized, type Manifest, printed } from './kustomize.ts';

let server: TestServer;

before(async () => {
  server = await startServer(['--controllers', 'namespace,serviceaccounts']);
});
after(() => server?.stop());

/**
 * As our own server can take it: a DaemonSet as a Deployment, whose pods are the same; no PodDisruptionBudget, which it has none of;
 * and nothing is started.
 */
function servable(manifest: Manifest): readonly Manifest[] {
  const { kind } = manifest;
  if (kind === 'PodDisruptionBudget') return [];
  if (kind !== 'DaemonSet' && kind !== 'Deployment') return [manifest];
  const { updateStrategy: _, ...spec } = manifest['spec'];
  return [{ ...manifest, kind: 'Deployment', spec: { ...spec, replicas: 0 } }];
}

for (const base of BASES) {
  test(`deploy/${base} is taken by a server that knows every field of it, twice`, async () => {
    const objects = printed((await kustomized(base)).flatMap(servable));
    const apply = ['apply', '--server-side', '--validate=strict', '--force-conflicts', '-f', '-'];
    const { stderr } = await server.kubectl(apply, objects).catch((error: unknown) => {
      throw error instanceof CommandError ? new Error(error.stderr) : error;
    });
    assert.doesNotMatch(stderr, /Warning/);
    await server.kubectl(apply, objects);
  });

  test(`deploy/${base}: command lines are understood, accounts are there, and nobody has more rights than needed`, async () => {
    const objects = await kustomized(base);
    const workloads = objects.filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment');
    assert.ok(workloads.length > 0);
    for (const { metadata, spec } of workloads) {
      const pod = spec.template.spec;
      const account = (one: Manifest) => one.kind === 'ServiceAccount' && one.metadata.name === pod.serviceAccountName;
      assert.ok(objects.some(account), `${metadata.name}: its account`);
      assert.deepEqual(spec.selector.matchLabels, { 'app.kubernetes.io/name': metadata.name });
      for (const container of pod.containers) {
        understands(container.args);
        const { readOnlyRootFilesystem, privileged, ...rights } = container.securityContext;
        assert.equal(readOnlyRootFilesystem, true);
        // Guests need devices of the machine.
        if (metadata.name === 'postern-vm') assert.equal(privileged, true);
        else assert.deepEqual([rights.allowPrivilegeEscalation, rights.capabilities.drop], [false, ['ALL']]);
        assert.match(container.image, /^registry\.example\/postern(-vm)?:/);
        assert.ok(container.resources.requests.memory);
      }
    }
  });
}

/** What the program's own parser says of the words of a container. */
function understands([name = '', ...words]: readonly string[]): void {
  const found = program().commands.find((one) => one.name() === name);
  const inner = found?.commands.find((one) => one.name() === words[0]);
  const command = inner ?? found;
  assert.ok(command, name);
  const typed = words.slice(inner === undefined ? 0 : 1).map((word) => word.replace(/\$\((\w+)\)/g, 'node1'));
  assert.deepEqual(command.parseOptions([...typed]), { operands: [], unknown: [] });
}

test('a word that the program does not know would be noticed', () => {
  assert.throws(() => understands(['dns', '--no-such-option']));
  assert.throws(() => understands(['dns', '--listen', 'nowhere']));
});

test('the Containerfile copies what is there, and its program is what it starts', async () => {
  const file = await readFile(join(PROGRAM_DIR, 'deploy', 'Containerfile'), 'utf8');
  const copied = [...file.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
  assert.ok(copied.length > 3);
  assert.deepEqual(
    copied.filter((path) => !existsSync(join(PROGRAM_DIR, path))),
    [],
  );
  assert.match(file, /^ENTRYPOINT \["\/opt\/postern\/postern"\]$/m);
  const stages = [...file.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, stage]) => stage);
  assert.deepEqual(stages, ['modules', 'postern', 'vm']);
});

/** The kustomizations that the guides have readers write, by the guide. */
async function written(): Promise<readonly (readonly [guide: string, text: string])[]> {
  const pages = ['replace-kube-proxy', 'replace-metallb', 'replace-coredns', 'virtual-machines-on-kubernetes'];
  const guides = ['deploy/README.md', ...pages.map((page) => `docs/${page}.md`)];
  const all = guides.map(async (guide) => {
    const text = await readFile(join(PROGRAM_DIR, guide), 'utf8');
    return [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, file = '']) => [guide, file] as const);
  });
  return (await Promise.all(all)).flat();
}

test('the kustomizations of the guides work as they are', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
  try {
    await symlink(PROGRAM_DIR.replace(/\/$/, ''), join(dir, 'postern'));
    const files = await written();
    assert.equal(files.length, 6);
    for (const [guide, text] of files) {
      await mkdir(join(dir, 'mine'), { recursive: true });
      await writeFile(join(dir, 'mine', 'kustomization.yaml'), text);
      const { stdout } = await runCommand(['kubectl', 'kustomize', join(dir, 'mine')]);
      assert.match(stdout, /image: registry\.my\.example\/postern:/, guide);
      assert.doesNotMatch(stdout, /image: registry\.example/, guide);
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});
