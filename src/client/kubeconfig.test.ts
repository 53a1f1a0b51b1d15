import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KubeconfigError, loadKubeconfig, printKubeconfig } from './kubeconfig.ts';

const endpoint = {
  server: 'https://127.0.0.1:6443',
  caData: 'CA\n',
  clientCertificate: 'CERTIFICATE\n',
  clientKey: 'KEY\n',
};

describe('a kubeconfig', () => {
  let dir: string;
  let path: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'postern-kubeconfig-'));
    path = join(dir, 'config');
  });
  after(() => rm(dir, { recursive: true }));

  it('that was printed is read back', async () => {
    for (const each of [endpoint, { server: endpoint.server, token: 'a "token"' }, { server: 'https://[::1]:1' }]) {
      await writeFile(path, printKubeconfig({ endpoint: each, name: 'my: lab' }));
      assert.deepEqual(await loadKubeconfig(path), each);
      assert.deepEqual(await loadKubeconfig(path, 'my: lab'), each);
      await writeFile(path, printKubeconfig({ endpoint: each, name: 'my: lab', format: 'json' }));
      assert.deepEqual(await loadKubeconfig(path), each);
    }
    const yaml = printKubeconfig({ endpoint, name: 'lab' });
    assert.match(
      yaml,
      /^clusters:\n- name: "lab"\n {2}cluster:\n {4}server: "https:\/\/127.0.0.1:6443"\n {4}certificate/m,
    );
  });

  it('tells of the other servers of the cluster, in an extension that kubectl passes over', async () => {
    const several = { ...endpoint, otherServers: ['https://[fd00::2]:6443', 'https://three.example:6443'] };
    const text = printKubeconfig({ endpoint: several, name: 'a' });
    await writeFile(path, text);
    assert.deepEqual(await loadKubeconfig(path), several);
    const kubectl = spawnSync('kubectl', ['--kubeconfig', path, 'config', 'view', '--minify', '-o', 'json']);
    if (kubectl.error === undefined) {
      const [{ cluster }] = JSON.parse(String(kubectl.stdout)).clusters;
      assert.equal(cluster.server, endpoint.server);
      assert.deepEqual(cluster.extensions[0].extension.servers, [several.server, ...several.otherServers]);
    }
    await writeFile(path, text.replace('"https://[fd00::2]:6443"', '7'));
    await assert.rejects(loadKubeconfig(path), /postern.dev\/servers .* must hold a list "servers" of URLs/);
  });

  it('may name files, relative to itself', async () => {
    await writeFile(join(dir, 'ca.crt'), 'FROM FILE');
    const text = printKubeconfig({ endpoint, name: 'a' }).replace(
      /certificate-authority-data: .*/,
      'certificate-authority: ca.crt',
    );
    await writeFile(path, text);
    assert.equal((await loadKubeconfig(path)).caData, 'FROM FILE');
  });

  it('may name a file with a token, which is read again when it is renewed', async () => {
    const file = join(dir, 'token');
    await writeFile(file, 'from file');
    const text = printKubeconfig({ endpoint: { server: endpoint.server, token: 'x' }, name: 'a' });
    await writeFile(path, text.replace(/token: .*/, 'tokenFile: token'));
    assert.deepEqual(await loadKubeconfig(path), { server: endpoint.server, tokenFile: file });
  });

  const good = printKubeconfig({ endpoint, name: 'a' });
  const mistakes: [string, string, RegExp][] = [
    ['is no YAML', '{', /is not YAML/],
    ['is no mapping', '- a', /must be a mapping/],
    ['has no current context', good.replace(/current-context.*/, ''), /no current-context; name a context/],
    [
      'names a context that it lacks',
      good.replace('current-context: "a"', 'current-context: b'),
      /contexts has no entry "b"; it has: a/,
    ],
    ['has no URL', good.replace('https://127.0.0.1:6443', 'localhost'), /must be a URL such as https:\/\/HOST:PORT/],
    [
      'asks for no checks',
      good.replace('    server', '    insecure-skip-tls-verify: true\n    server'),
      /insecure-skip-tls-verify is not supported/,
    ],
    [
      'runs a program',
      good.replace('    client-key-data', '    exec: {}\n    client-key-data'),
      /exec is not supported; use a client certificate/,
    ],
    [
      'asks for a proxy',
      good.replace('    server', '    proxy-url: http://proxy\n    server'),
      /the cluster's proxy-url is not supported/,
    ],
    [
      'names a file that is not there',
      good.replace(/client-key-data: .*/, 'client-key: none.key'),
      /client-key: cannot read none\.key/,
    ],
  ];
  for (const [name, text, message] of mistakes) {
    it(`that ${name} is refused with the reason`, async () => {
      await writeFile(path, text);
      await assert.rejects(loadKubeconfig(path), (error) => {
        assert.ok(error instanceof KubeconfigError);
        assert.match(error.message, message);
        return error.message.includes(path);
      });
    });
  }

  it('that is not there is named', async () => {
    await assert.rejects(loadKubeconfig(join(dir, 'none')), /none: cannot be read: ENOENT/);
  });
});
