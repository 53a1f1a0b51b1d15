/** Mistakes in Secrets. What they hold is never told. Follows ValidateSecret of Kubernetes' pkg/apis/core/validation. */
import { forbidden, immutable, invalidValue, requiredValue, tooLong } from '../../field-errors.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { configKeyMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import type { Secret } from './secret.ts';

/** The type of Secrets whose keys are nobody's business. */
export const OPAQUE = 'Opaque';
/** Of all values together, in bytes. */
const SIZE_MAX = 1024 * 1024;
const REDACTED = '<secret contents redacted>';
const SERVICE_ACCOUNT_ANNOTATION = 'kubernetes.io/service-account.name';

type Data = Readonly<Record<string, string>>;

export function validateSecret(secret: Secret, old: Secret | undefined): readonly Cause[] {
  const { data = {}, type = OPAQUE } = secret;
  const size = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0);
  return [
    ...Object.keys(data).flatMap((key) => mistakeIn(`data[${key}]`, key, configKeyMistake(key))),
    ...(size > SIZE_MAX ? [tooLong('data', SIZE_MAX)] : []),
    ...validateType(type, data, secret),
    ...(old === undefined ? [] : validateChange(secret, old)),
  ];
}

/** What Secrets of Kubernetes' own types must hold. */
function validateType(type: string, data: Data, { metadata }: Secret): readonly Cause[] {
  switch (type) {
    case 'kubernetes.io/service-account-token': {
      const field = `metadata.annotations[${SERVICE_ACCOUNT_ANNOTATION}]`;
      return metadata.annotations?.[SERVICE_ACCOUNT_ANNOTATION] ? [] : [requiredValue(field)];
    }
    case 'kubernetes.io/dockercfg':
      return validateJSON(data, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return validateJSON(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth': {
      const fields = ['username', 'password'];
      return fields.some((key) => Object.hasOwn(data, key)) ? [] : fields.map((key) => requiredValue(`data[${key}]`));
    }
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [requiredValue('data[ssh-privatekey]')];
    case 'kubernetes.io/tls':
      return ['tls.crt', 'tls.key'].flatMap((key) => (Object.hasOwn(data, key) ? [] : [requiredValue(`data[${key}]`)]));
    default:
      return [];
  }
}

function validateJSON(data: Data, key: string): readonly Cause[] {
  const text = Object.hasOwn(data, key) ? data[key] : undefined;
  if (text === undefined) return [requiredValue(`data[${key}]`)];
  return isJSON(Buffer.from(text, 'base64').toString('utf8'))
    ? []
    : [invalidValue(`data[${key}]`, REDACTED, 'must be a JSON object')];
}

function isJSON(text: string): boolean {
  try {
    return JSON.parse(text) instanceof Object;
  } catch {
    // Why not is not told: the parser's message quotes what it read.
    return false;
  }
}

function validateChange(secret: Secret, old: Secret): readonly Cause[] {
  const fixed = 'field is immutable when `immutable` is set';
  const isFixed = old.immutable === true;
  return [
    ...(secret.type === old.type ? [] : [immutable('type', secret.type)]),
    ...(isFixed && secret.immutable !== true ? [forbidden('immutable', fixed)] : []),
    ...(isFixed && !sameValue(secret.data ?? {}, old.data ?? {}) ? [forbidden('data', fixed)] : []),
  ];
}
