import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { directoriesOf } from './directories.ts';
import { firstConfiguration, install, uninstall } from './install.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-cni-'));
const stateDir = join(dir, 'state');
const at = (name: string) => ({
  ...{ binDir: join(dir, name, 'bin'), confDir: join(dir, name, 'conf') },
  ...{ stateDir, socketPath: join(stateDir, 'cni.sock') },
});
const found = (name: string) => readdirSync(join(dir, name), { recursive: true }).sort();

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(stateDir, { recursive: true });
});
after(() => rmSync(dir, { recursive: true, force: true }));

const OURS = ['bin', 'bin/loopback', 'bin/postern', 'conf', 'conf/00-postern.conflist'];

test('what is there already is not written again, as runtimes read everything anew then', async () => {
  await install(at('here'));
  assert.deepEqual(found('here'), OURS);
  const conf = join(dir, 'here/conf/00-postern.conflist');
  const before = statSync(conf);
  await install(at('here'));
  assert.equal(statSync(conf).ino, before.ino);
  assert.equal(before.mode & 0o777, 0o600);
});

test('when the runtime looks elsewhere, what was put where it looked before goes', async () => {
  await install(at('here'));
  await install(at('there'));
  assert.deepEqual([found('here'), found('there')], [['bin', 'conf'], OURS]);
  await uninstall(stateDir);
  assert.deepEqual([found('there'), readdirSync(stateDir)], [['bin', 'conf'], []]);
});

test('programs and configurations of others stay, and the first configuration by name is the one', async () => {
  const here = at('here');
  for (const folder of [here.binDir, here.confDir]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(here.binDir, 'loopback'), 'of others');
  for (const name of ['10-other.conflist', 'README', '00-a.txt']) writeFileSync(join(here.confDir, name), '{}');
  assert.equal(await firstConfiguration(here.confDir), '10-other.conflist');
  await install(here);
  assert.equal(await firstConfiguration(here.confDir), '00-postern.conflist');
  await uninstall(stateDir);
  assert.deepEqual(found('here'), [
    'bin',
    'bin/loopback',
    'conf',
    'conf/00-a.txt',
    'conf/10-other.conflist',
    'conf/README',
  ]);
});

test('a runtime’s folders are those that it tells of; the usual ones where it does not', () => {
  const told = (cni: object) => directoriesOf({ conditions: [], info: { config: JSON.stringify({ cni }) } });
  const usual = { binDir: '/opt/cni/bin', confDir: '/etc/cni/net.d' };
  assert.deepEqual(told({ binDir: '/b', confDir: '/c' }), { binDir: '/b', confDir: '/c' });
  assert.deepEqual(told({ binDirs: ['/b1', '/b2'], confDir: '/c' }), { binDir: '/b1', confDir: '/c' });
  assert.deepEqual(told({}), usual);
  assert.deepEqual(directoriesOf({ conditions: [], info: { config: 'plain = true' } }), usual);
});
