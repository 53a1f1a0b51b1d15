import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { instanceSpec } from '../testing/instance.ts';
import { qemuProgram } from './accelerator.ts';
import { type GuestParts, qemuArguments } from './arguments.ts';
import { planGuest } from './plan.ts';

const PARTS: GuestParts = {
  name: 'example-namespace/example-vm',
  uuid: '00000000-0000-8000-8000-000000000001',
  device: 'pst0',
  mac: '02:00:00:00:00:05',
  kernelFile: '/images/kernel',
  initrdFile: '/images/initrd',
  diskFiles: [],
  accelerator: 'tcg',
  runAs: { uid: 64000, gid: 64000 },
  directory: '/state/guests/uid',
};

function args(parts: Partial<GuestParts> = {}, spec = instanceSpec()): readonly string[] {
  const outcome = planGuest(spec, 'x64');
  assert.equal(outcome.kind, 'plan');
  return outcome.kind === 'plan' ? qemuArguments(outcome.plan, { ...PARTS, ...parts }) : [];
}

const optionOf = (list: readonly string[], option: string) => list[list.indexOf(option) + 1];

test('the guest’s own kernel arguments come first; under TCG the timer check is left out', () => {
  assert.equal(optionOf(args(), '-append'), 'console=ttyS0 quiet no_timer_check');
  assert.equal(optionOf(args({ accelerator: 'kvm' }), '-append'), 'console=ttyS0 quiet');
});

test('QEMU runs as the given user behind a filter, and its cache of translated code is bounded', () => {
  assert.equal(optionOf(args(), '-runas'), '64000:64000');
  assert.match(optionOf(args(), '-sandbox') ?? '', /^on,.*spawn=deny/);
  assert.equal(optionOf(args(), '-accel'), 'tcg,tb-size=64');
  const own = args({ runAs: undefined });
  assert.ok(!own.includes('-runas'));
  assert.match(optionOf(own, '-sandbox') ?? '', /elevateprivileges=deny/);
});

test('the network card tells the guest how long its packets may be, where that is not as usual', () => {
  const card = (mtu?: number) => args(mtu === undefined ? {} : { mtu }).find((text) => text.startsWith('virtio-net'));
  assert.match(card(1450) ?? '', /,host_mtu=1450/);
  for (const usual of [undefined, 1500]) assert.doesNotMatch(card(usual) ?? '', /mtu/);
});

test('a comma in a name or a path stays part of it', () => {
  const disk = { name: 'root', image: 'i', path: '/disk/', readonly: false, bootIndex: undefined };
  const list = args({ name: 'a,b', diskFiles: [{ disk, file: '/x,y', format: 'raw' }] });
  assert.equal(optionOf(list, '-name'), 'guest=a,,b');
  assert.match(optionOf(list, '-drive') ?? '', /file=\/x,,y,format=raw,snapshot=on/);
});

const noQemu = spawnSync(qemuProgram(process.arch), ['--version']).error !== undefined;

test('QEMU itself takes the command line', { skip: noQemu && 'QEMU is not installed' }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-args-'));
  try {
    const file = join(directory, 'disk,1');
    writeFileSync(file, Buffer.alloc(1024 * 1024));
    const disk = { name: 'root', image: 'i', path: '/disk/', readonly: false, bootIndex: 1 };
    const list = args({
      kernelFile: undefined,
      runAs: undefined,
      mtu: 1450,
      directory,
      diskFiles: [{ disk, file, format: 'raw' }],
    });
    // No tap without rights: a card without a network stands in. Paused, so that nothing runs.
    const judged = list.map((arg) => (arg.startsWith('tap,id=net0') ? 'user,id=net0,restrict=on' : arg));
    const child = spawn(qemuProgram('x64'), [...judged, '-S', '-qmp', 'stdio'], { cwd: directory });
    let said = '';
    child.stderr.on('data', (text) => {
      said += text;
    });
    child.stdin.end('{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, said);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
