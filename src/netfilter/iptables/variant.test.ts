import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CommandError, type RunCommand } from '../../host/process.ts';
import { IptablesError } from './iptables.ts';
import { openIptables } from './kernel.ts';
import { findVariants, parseVersion } from './variant.ts';

const NFT = 'iptables v1.8.9 (nf_tables)';
const LEGACY = 'iptables v1.8.9 (legacy)';
const RULES = '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j THEIRS\nCOMMIT\n';
const NO_RULES = '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n';
const BOTH = { iptables: NFT, 'iptables-nft': NFT, 'iptables-legacy': LEGACY };

/** A host with these programs, each of which prints what stands here; whatever their arguments. */
function host(programs: Readonly<Record<string, string>>): RunCommand {
  return async (argv, { onOutput } = {}) => {
    const stdout = programs[argv[0] ?? ''];
    if (stdout === undefined) throw new CommandError(argv, 'cannot run: ENOENT', {});
    onOutput?.(stdout);
    return { stdout, stderr: '' };
  };
}

/** The names in the order in which they are to be used. */
async function found(programs: Readonly<Record<string, string>>, legacyTables = ''): Promise<readonly string[]> {
  const variants = await findVariants(host(programs), async () => legacyTables);
  return variants.map(({ variant, infix }) => `iptables${infix} ${variant}`);
}

describe('the variant of a host is', () => {
  test('the only one that has rules', async () => {
    const saves = { 'iptables-nft-save': NO_RULES, 'iptables-legacy-save': RULES };
    assert.deepEqual(await found({ ...BOTH, ...saves }, 'nat\n'), ['iptables-legacy legacy', 'iptables-nft nft']);
  });

  test('not legacy when it has no tables: asking for them would make them', async () => {
    const asked: string[] = [];
    const run = host({ ...BOTH, 'iptables-nft-save': NO_RULES });
    const listening: RunCommand = (argv) => {
      asked.push(argv.join(' '));
      return run(argv);
    };
    await findVariants(listening, async () => '');
    assert(!asked.includes('iptables-legacy-save'), asked.join(', '));
  });

  test('what the plain name stands for, when both have rules or none has', async () => {
    const both = { 'iptables-nft-save': RULES, 'iptables-legacy-save': RULES };
    assert.equal((await found({ ...BOTH, ...both }, 'nat\n'))[0], 'iptables-nft nft');
    const neither = { 'iptables-nft-save': NO_RULES, 'iptables-legacy-save': NO_RULES };
    assert.equal((await found({ ...BOTH, iptables: LEGACY, ...neither }, 'nat\n'))[0], 'iptables-legacy legacy');
  });

  test('the plain one, where it has no other name', async () => {
    assert.deepEqual(await found({ iptables: 'iptables v1.6.2' }), ['iptables legacy']);
  });
});

test('the version says which variant it is; before 1.8 there was one, and before 1.6.2 no lock to wait for', () => {
  assert.deepEqual(parseVersion(`${NFT}\n`, '-nft'), { variant: 'nft', infix: '-nft', version: '1.8.9' });
  assert.equal(parseVersion('iptables v1.6.2', '')?.variant, 'legacy');
  assert.equal(parseVersion('iptables v1.6.1', ''), undefined);
  assert.equal(parseVersion('iptables v1.4.21', ''), undefined);
  assert.equal(parseVersion('something else', ''), undefined);
});

test('a variant that the kernel does not serve is passed over, unless it is asked for', async () => {
  const saves = { 'iptables-nft-save': NO_RULES, 'iptables-legacy-save': NO_RULES };
  const programs = host({ ...BOTH, ...saves });
  const run: RunCommand = async (argv, options) => {
    if (argv.includes('-S') && argv[0] === 'iptables-nft') throw new CommandError(argv, 'exited with 3', { code: 3 });
    return programs(argv, options);
  };
  const [used, ...others] = await openIptables({ run });
  assert.equal(used.variant, 'legacy');
  assert.deepEqual(
    others.map(({ variant }) => variant),
    ['nft'],
  );
  await assert.rejects(openIptables({ run, variant: 'nft' }), /iptables-nft .*exited with 3/);
});

test('without iptables, or without the variant that was asked for, it says what there is', async () => {
  await assert.rejects(openIptables({ run: host({}) }), IptablesError);
  const run = host({ iptables: NFT });
  await assert.rejects(openIptables({ run, variant: 'legacy' }), /variant legacy is not installed; there is: nft/);
});
