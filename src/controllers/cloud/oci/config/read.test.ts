import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { OciConfig } from '../config.ts';
import { OciConfigError, readOciConfig } from './read.ts';

const PASSPHRASE = 'correct horse';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const ENCRYPTED = privateKey
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE })
  .toString();
const FINGERPRINT = fingerprintOf(PEM);
const OF = (type: string) => `ocid1.${type}.oc1..aaaaexample`;
const IN_REGION = (type: string, id: string) => `ocid1.${type}.oc1.phx.${id}`;

describe('the cloud provider configuration file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-oci-config-'));
  after(() => rmSync(directory, { recursive: true }));

  let files = 0;
  function file(text: string, mode = 0o600): string {
    const path = join(directory, `file-${++files}`);
    writeFileSync(path, text, { mode });
    return path;
  }
  const read = (text: string, mode?: number): Promise<OciConfig> => readOciConfig(file(text, mode));
  async function problemsOf(text: string, mode?: number): Promise<Readonly<Record<string, string>>> {
    const path = file(text, mode);
    const error = await readOciConfig(path).then(
      () => assert.fail('it was taken'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof OciConfigError, String(error));
    assert.ok(error.message.startsWith(`cloud config ${path}:\n`));
    assert.ok(!error.message.includes(PEM.slice(60, 90)), 'the message has a part of the key');
    return Object.fromEntries(error.problems.map(({ field, why }) => [field, why]));
  }

  it('has what the cloud controller manager of OCI has in its own', async () => {
    const config = await read(`
auth:
  region: us-phoenix-1
  tenancy: ${OF('tenancy')}
  user: ${OF('user')}
  key: |
${indented(ENCRYPTED, 4)}
  passphrase: ${PASSPHRASE}
  fingerprint: ${FINGERPRINT.toUpperCase()}
compartment: ${OF('compartment')}
vcn: ${IN_REGION('vcn', 'v')}
loadBalancer:
  subnet1: ${IN_REGION('subnet', 'a')}
  subnet2: ${IN_REGION('subnet', 'b')}
  securityListManagementMode: Frontend
  securityLists:
    ${IN_REGION('subnet', 'a')}: ${IN_REGION('securitylist', 'l')}
tags:
  loadBalancer:
    freeform: { cost: shop }
    defined: { ops: { team: '7' } }
nodePorts:
  networkSecurityGroups: ${IN_REGION('networksecuritygroup', 'g')}, ${IN_REGION('networksecuritygroup', 'h')}
rateLimiter:
  rateLimitQPSRead: 10.5
  rateLimitBucketWrite: 2
`);
    const { credentials, ...rest } = config;
    assert.deepEqual(rest, {
      region: 'us-phoenix-1',
      compartment: OF('compartment'),
      vcn: IN_REGION('vcn', 'v'),
      loadBalancer: {
        disabled: false,
        subnet1: IN_REGION('subnet', 'a'),
        subnet2: IN_REGION('subnet', 'b'),
        securityListManagementMode: 'Frontend',
        securityLists: { [IN_REGION('subnet', 'a')]: IN_REGION('securitylist', 'l') },
      },
      nodePorts: {
        networkSecurityGroups: [IN_REGION('networksecuritygroup', 'g'), IN_REGION('networksecuritygroup', 'h')],
      },
      tags: { freeform: { cost: 'shop' }, defined: { ops: { team: '7' } } },
      rateLimits: { read: { qps: 10.5, bucket: 5 }, write: { qps: 20, bucket: 2 } },
      endpoints: {
        core: undefined,
        loadBalancer: undefined,
        networkLoadBalancer: undefined,
        auth: undefined,
        metadata: undefined,
      },
      ca: undefined,
      warnings: [],
    });
    assert.ok(credentials.kind === 'api-key');
    assert.equal(credentials.user, OF('user'));
    assert.equal(credentials.tenancy, OF('tenancy'));
    assert.equal(credentials.fingerprint, FINGERPRINT);
    assert.equal(fingerprintOf(credentials.privateKey.reveal()), FINGERPRINT);
    assert.doesNotMatch(credentials.privateKey.reveal(), /ENCRYPTED/);
  });

  it('has the defaults of the cloud controller manager, in JSON as well', async () => {
    const config = await read(
      JSON.stringify({ useInstancePrincipals: true, compartment: OF('compartment'), vcn: OF('vcn') }),
    );
    assert.deepEqual(config.credentials, { kind: 'instance-principal' });
    assert.equal(config.region, undefined);
    assert.equal(config.loadBalancer.securityListManagementMode, 'All');
    assert.deepEqual(config.rateLimits?.write, { qps: 20, bucket: 5 });
  });

  it('takes what is deprecated, and says what is written instead', async () => {
    const config = await read(`
auth: { useInstancePrincipals: true, compartment: ${OF('compartment')}, regionKey: phx }
vcn: ${OF('vcn')}
loadBalancer: { disableSecurityListManagement: true }
rateLimiter: { disableRateLimiter: true }
metrics: { namespace: oke }
`);
    assert.equal(config.compartment, OF('compartment'));
    assert.equal(config.loadBalancer.securityListManagementMode, 'None');
    assert.equal(config.rateLimits, undefined);
    assert.deepEqual(config.warnings, [
      'metrics does nothing here',
      'auth.regionKey does nothing here',
      'auth.compartment is deprecated: write compartment',
      'auth.useInstancePrincipals is deprecated: write useInstancePrincipals',
      'loadBalancer.disableSecurityListManagement is deprecated: write loadBalancer.securityListManagementMode: None',
    ]);
  });

  it('names everything that is wrong at once, with what is allowed', async () => {
    const problems = await problemsOf(`
auth: { region: Frankfurt!, tenancy: acme, key: nonsense, fingerprint: ab }
compartment: ${OF('vcn')}
loadBalancer: { subnet3: x, securityListManagementMode: Some, disabled: perhaps, securityLists: { a: ${OF('vcn')} } }
nodePorts: { networkSecurityGroups: '${OF('vcn')}', groups: x }
rateLimiter: { rateLimitQPSRead: -1 }
endpoint: http://oci.example.com
endpoints: { core: https://user@host, metadata: ftp://host }
colour: red
`);
    assert.deepEqual(Object.keys(problems).sort(), [
      'auth.fingerprint',
      'auth.key',
      'auth.region',
      'auth.tenancy',
      'auth.user',
      'colour',
      'compartment',
      'endpoint',
      'endpoints.core',
      'endpoints.metadata',
      'loadBalancer.disabled',
      'loadBalancer.securityListManagementMode',
      'loadBalancer.securityLists.a',
      'loadBalancer.subnet3',
      'nodePorts.groups',
      'nodePorts.networkSecurityGroups',
      'rateLimiter.rateLimitQPSRead',
      'vcn',
    ]);
    assert.equal(
      problems['loadBalancer.securityListManagementMode'],
      'is "Some"; it must be one of All, Frontend, None',
    );
    assert.match(problems['auth.tenancy'] ?? '', /is "acme"; it must be the OCID of a tenancy: ocid1\.tenancy\./);
    assert.match(problems['loadBalancer.subnet3'] ?? '', /^is no field; there are .*subnet1, subnet2/);
  });

  it('does not show a line that cannot be read', async () => {
    const why = (await problemsOf(`auth:\n  key: "${PEM}\n vcn: [`))['the file'] ?? '';
    assert.match(why, /^is neither YAML nor JSON: line \d+, [A-Z_]+$/);
    assert.match((await problemsOf('a: &x 1\nb: *x'))['the file'] ?? '', /aliases/);
    assert.match((await problemsOf('- 1'))['the file'] ?? '', /must be a mapping/);
  });

  it('is not read when it holds a key that everyone on the machine can read', async () => {
    assert.match((await problemsOf(withKey(PEM), 0o644))['auth.key'] ?? '', /readable by everyone.*chmod 600/);
    const asInstance = `{ useInstancePrincipals: true, compartment: ${OF('compartment')}, vcn: ${OF('vcn')} }`;
    assert.equal((await read(asInstance, 0o644)).credentials.kind, 'instance-principal');
  });

  it('says what is wrong with a key', async () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pemOf = (key: typeof small) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.match((await problemsOf(withKey('secret')))['auth.key'] ?? '', /is no private key in PEM/);
    assert.match(
      (await problemsOf(withKey(pemOf(small))))['auth.key'] ?? '',
      /rsa key of 1024 bits.*2048 bits or more/,
    );
    assert.match((await problemsOf(withKey(pemOf(curve))))['auth.key'] ?? '', /is an ec key/);
    assert.match((await problemsOf(withKey(ENCRYPTED)))['auth.passphrase'] ?? '', /is missing: the key is encrypted/);
    const wrong = withKey(ENCRYPTED, 'passphrase: wrong');
    assert.equal((await problemsOf(wrong))['auth.passphrase'], 'does not open the key');
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    assert.match((await problemsOf(withKey(pemOf(other))))['auth.fingerprint'] ?? '', /but that of the key is /);
  });

  it('takes the user from a profile of the file that the command line has', async () => {
    const keyFile = file(`${ENCRYPTED}OCI_API_KEY\n`);
    const profiles = file(`# two of them
[DEFAULT]
user=${OF('user')}
tenancy=${OF('tenancy')}
region=us-ashburn-1
[PROD]
fingerprint = ${FINGERPRINT}
key_file = ${keyFile}
pass_phrase = ${PASSPHRASE}
region = eu-frankfurt-1
`);
    const config = await read(`
auth: { configFile: ${profiles}, profile: PROD }
compartment: ${OF('compartment')}
vcn: ${OF('vcn')}
`);
    assert.equal(config.region, 'eu-frankfurt-1');
    assert.equal(config.credentials.kind === 'api-key' && config.credentials.user, OF('user'));
    const moved = `auth: { configFile: ${profiles}, profile: PROD, region: uk-london-1 }`;
    assert.equal((await read(`${moved}\ncompartment: ${OF('compartment')}\nvcn: ${OF('vcn')}`)).region, 'uk-london-1');
    const elsewhere = `auth: { configFile: ${profiles}, profile: DEV }`;
    assert.match((await problemsOf(elsewhere))['auth.configFile'] ?? '', /has no profile DEV; it has: DEFAULT, PROD/);
    chmodSync(keyFile, 0o604);
    const open = await problemsOf(`auth: { configFile: ${profiles}, profile: PROD }`);
    assert.match(open[`${profiles} [PROD].key_file`] ?? '', /readable by everyone.*chmod 600/);
  });

  it('has one kind of credentials, not two and not none', async () => {
    const both = await problemsOf(`useInstancePrincipals: true\n${withKey(PEM)}`);
    for (const name of ['tenancy', 'user', 'key', 'fingerprint']) {
      assert.match(both[`auth.${name}`] ?? '', /is not used with useInstancePrincipals/);
    }
    assert.match((await problemsOf('vcn: x'))['auth'] ?? '', /is missing: set useInstancePrincipals/);
    assert.match((await problemsOf('useWorkloadIdentity: true'))['useWorkloadIdentity'] ?? '', /is not supported/);
  });

  it('reaches a private cloud by its own endpoints and authority', async () => {
    const rest = `useInstancePrincipals: true\ncompartment: ${OF('compartment')}\nvcn: ${OF('vcn')}\n`;
    const config = await read(`${rest}
endpoint: https://oci.example.com:8443
endpoints: { networkLoadBalancer: https://nlb.example.com/, metadata: http://192.0.2.1/opc/v2 }
`);
    assert.deepEqual(config.endpoints, {
      core: 'https://oci.example.com:8443',
      loadBalancer: 'https://oci.example.com:8443',
      networkLoadBalancer: 'https://nlb.example.com',
      auth: 'https://oci.example.com:8443',
      metadata: 'http://192.0.2.1/opc/v2',
    });
    assert.match((await problemsOf(`${rest}caFile: ${file('no')}`))['caFile'] ?? '', /holds no certificate in PEM/);
  });

  it('takes what docs/oci-credentials.md has', async () => {
    const docs = readFileSync(new URL('../../../../../docs/oci-credentials.md', import.meta.url), 'utf8');
    const examples = [...docs.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text ?? '');
    assert.equal(examples.length, 3);
    const profile = file(`[DEFAULT]\nuser=${OF('user')}\ntenancy=${OF('tenancy')}\nregion=us-ashburn-1
fingerprint=${FINGERPRINT}\nkey_file=${file(PEM)}\n`);
    for (const example of examples) {
      const mine = example
        .replace(/ *-----BEGIN.*?KEY-----\n.*?KEY-----/s, indented(PEM.trimEnd(), 4))
        .replace(/8c:bf[0-9a-f:]+/, FINGERPRINT)
        .replace('~/.oci/config', profile);
      assert.deepEqual((await read(mine)).warnings, []);
    }
  });

  it('says why it cannot be read', async () => {
    const missing = join(directory, 'missing');
    await assert.rejects(readOciConfig(missing), {
      message: `cloud config ${missing}:\n  the file: ${missing} cannot be read: ENOENT`,
    });
    await assert.rejects(readOciConfig(directory), /is no file/);
  });
});

function withKey(pem: string, more = ''): string {
  return `
auth:
  region: us-phoenix-1
  tenancy: ${OF('tenancy')}
  user: ${OF('user')}
  fingerprint: ${FINGERPRINT}
  key: |
${indented(pem, 4)}
  ${more}
compartment: ${OF('compartment')}
vcn: ${OF('vcn')}
`;
}

function indented(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

/** As `openssl rsa -pubout -outform DER | openssl md5 -c` has it. */
function fingerprintOf(pem: string): string {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return createHash('md5')
    .update(der)
    .digest('hex')
    .replaceAll(/(..)(?=.)/g, '$1:');
}
