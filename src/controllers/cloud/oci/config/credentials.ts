/** Who we are to OCI: a user with an API key, from the configuration itself or from a profile, or the instance that we run on. */
import { dirname } from 'node:path';
import type { OciCredentials } from '../config.ts';
import { Fields } from './fields.ts';
import { pathFrom, readSecretText, tooOpen } from './files.ts';
import { readPrivateKey } from './private-key.ts';
import { DEFAULT_PROFILE, readProfile } from './profile.ts';
import { Secret } from './secret.ts';

/** The file that the fields are from. */
export interface Source {
  readonly path: string;
  readonly isWorldReadable: boolean;
}

export interface Identity {
  readonly credentials: OciCredentials;
  readonly region: string | undefined;
}

const REGION = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/;
const FINGERPRINT = /^[0-9a-f]{2}(?::[0-9a-f]{2}){15}$/i;
const OF_A_USER = ['tenancy', 'user', 'key', 'fingerprint', 'passphrase', 'key_passphrase'] as const;
const OF_A_PROFILE = ['configFile', 'profile'] as const;

/** Undefined: what is wrong is among the problems of `auth`. */
export async function credentialsOf(auth: Fields, asInstance: boolean, source: Source): Promise<Identity | undefined> {
  auth.known('region', ...OF_A_USER, ...OF_A_PROFILE);
  if (asInstance) {
    refuse(auth, [...OF_A_USER, ...OF_A_PROFILE], 'is not used with useInstancePrincipals: remove one of the two');
    return { credentials: { kind: 'instance-principal' }, region: regionOf(auth) };
  }
  if (auth.has('configFile') || auth.has('profile')) {
    refuse(auth, OF_A_USER, 'is not used with auth.configFile: remove one of the two');
    return fromProfile(auth, source);
  }
  if (![...OF_A_USER, 'region'].some((name) => auth.has(name))) {
    const ways =
      'set useInstancePrincipals: true on an instance of OCI, auth.configFile to a file such as ~/.oci/config';
    auth.problems.push({ field: 'auth', why: `is missing: ${ways}, or region, tenancy, user, key and fingerprint` });
    return undefined;
  }
  if (source.isWorldReadable && auth.has('key')) return auth.wrong('key', tooOpen(source.path));
  const pem = auth.secret('key') ?? auth.wrong('key', 'is missing: it is the private key of the user, in PEM');
  const passphrase = auth.secret('passphrase') ?? auth.secret('key_passphrase');
  return ofUser(auth, regionOf(auth), { pem, passphrase, names: { key: 'key', passphrase: 'passphrase' } });
}

async function fromProfile(auth: Fields, { path }: Source): Promise<Identity | undefined> {
  const file = pathFrom(dirname(path), auth.text('configFile') ?? '~/.oci/config');
  const name = auth.text('profile') ?? DEFAULT_PROFILE;
  const read = await readSecretText(file);
  if (read.kind === 'unreadable') return auth.wrong('configFile', read.why);
  const profile = readProfile(read.text, name);
  if (profile.kind === 'mistake') return auth.wrong('configFile', `${file}: ${profile.why}`);
  const entries = new Fields(Object.fromEntries(profile.entries), `${file} [${name}]`, auth.problems);
  if (entries.has('security_token_file')) {
    return entries.wrong('security_token_file', 'is of a session, which ends within the hour: use an API key');
  }
  const keyFile = entries.text('key_file');
  if (keyFile === undefined) return entries.wrong('key_file', 'is missing: it is the path of the private key, in PEM');
  const key = await readSecretText(pathFrom(dirname(file), keyFile));
  if (key.kind === 'unreadable') return entries.wrong('key_file', key.why);
  const names = { key: 'key_file', passphrase: 'pass_phrase' };
  const passphrase = entries.secret(names.passphrase);
  // What the configuration says of the region goes before what the profile says.
  return ofUser(entries, regionOf(auth) ?? regionOf(entries), { pem: new Secret(key.text), passphrase, names });
}

interface Key {
  readonly pem: Secret | undefined;
  readonly passphrase: Secret | undefined;
  /** Of the fields that they are from. */
  readonly names: { readonly key: string; readonly passphrase: string };
}

/** The rest is called the same in both kinds of files. */
function ofUser(fields: Fields, region: string | undefined, { pem, passphrase, names }: Key): Identity | undefined {
  if (region === undefined) missing(fields, 'region', 'the name of a region, such as eu-frankfurt-1');
  const tenancy = fields.ocid('tenancy', 'tenancy') ?? missing(fields, 'tenancy', 'the OCID of the tenancy');
  const user = fields.ocid('user', 'user') ?? missing(fields, 'user', 'the OCID of the user');
  const said =
    fields.matching('fingerprint', FINGERPRINT, '16 bytes of two digits with colons between')?.toLowerCase() ??
    missing(fields, 'fingerprint', 'what OCI shows beside the key');
  if (pem === undefined) return undefined;
  const read = readPrivateKey(pem, passphrase);
  if (read.kind === 'mistake') return fields.wrong(names[read.of], read.why);
  const { privateKey, fingerprint } = read;
  if (said !== undefined && said !== fingerprint) {
    return fields.wrong(
      'fingerprint',
      `is ${said}, but that of the key is ${fingerprint}: one of them is of another key`,
    );
  }
  if (tenancy === undefined || user === undefined || said === undefined) return undefined;
  return { credentials: { kind: 'api-key', tenancy, user, fingerprint, privateKey }, region };
}

function regionOf(fields: Fields): string | undefined {
  return fields.matching('region', REGION, 'the name of a region, such as eu-frankfurt-1');
}

function missing(fields: Fields, name: string, what: string): undefined {
  if (!fields.has(name)) fields.wrong(name, `is missing: it is ${what}`);
}

function refuse(fields: Fields, names: readonly string[], why: string): void {
  for (const name of names) if (fields.has(name)) fields.wrong(name, why);
}
