/**
 * The forms of names, labels and keys. Each check answers undefined when the text is well formed, else what is wrong
 * with it and what a good one looks like.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
import type { Kind } from './kind.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Length limits, in characters. RFC 1123 labels and subdomains. */
export const DNS_LABEL_MAX = 63;
export const DNS_SUBDOMAIN_MAX = 253;

const tooLong = (limit: number): string => `must be no more than ${limit} characters`;

export function dnsLabelMistake(text: string): string | undefined {
  if (text.length > DNS_LABEL_MAX) return tooLong(DNS_LABEL_MAX);
  if (LABEL.test(text)) return undefined;
  return 'a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \'-\', and must start and end with an alphanumeric character (e.g. "my-name" or "123-abc")';
}

export function dns1035LabelMistake(text: string): string | undefined {
  if (text.length > DNS_LABEL_MAX) return tooLong(DNS_LABEL_MAX);
  if (LABEL_1035.test(text)) return undefined;
  return 'a DNS-1035 label must consist of lower case alphanumeric characters or \'-\', start with an alphabetic character, and end with an alphanumeric character (e.g. "my-name" or "abc-123")';
}

export function dnsSubdomainMistake(text: string): string | undefined {
  if (text.length > DNS_SUBDOMAIN_MAX) return tooLong(DNS_SUBDOMAIN_MAX);
  if (text.split('.').every((part) => LABEL.test(part))) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \"example.com\")";
}

/** A name that can stand as one segment of a URL's path. */
export function pathSegmentMistake(text: string): string | undefined {
  if (text === '.' || text === '..') return `must not be ${JSON.stringify(text)}`;
  if (text.length > DNS_SUBDOMAIN_MAX) return tooLong(DNS_SUBDOMAIN_MAX);
  return /[/%]/.test(text) ? "must not contain '/' or '%'" : undefined;
}

/** The key of a label or annotation: `NAME` or `PREFIX/NAME`. */
export function labelKeyMistake(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix === '') return 'prefix part must be non-empty';
  const prefixMistake = prefix === undefined ? undefined : dnsSubdomainMistake(prefix);
  if (prefixMistake !== undefined) return `prefix part ${prefixMistake}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  if (QUALIFIED.test(name)) return undefined;
  return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \"MyName\" or \"my.name\")";
}

export function labelValueMistake(value: string): string | undefined {
  if (value.length > 63) return tooLong(63);
  if (value === '' || QUALIFIED.test(value)) return undefined;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \"MyValue\" or \"my_value\")";
}

/** The name of a container's port (RFC 6335 section 5.1): what `targetPort: http` may refer to. */
export function portNameMistake(text: string): string | undefined {
  if (text.length > 15) return 'must be no more than 15 characters';
  if (!/^[-a-z0-9]+$/.test(text)) {
    return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  }
  if (!/[a-z]/.test(text)) return 'must contain at least one letter (a-z)';
  if (text.includes('--')) return 'must not contain consecutive hyphens';
  return text.startsWith('-') || text.endsWith('-') ? 'must not begin or end with a hyphen' : undefined;
}

/** Checks a name in the form that a kind asks for. */
export function nameMistake(format: Kind['nameFormat'], name: string): string | undefined {
  switch (format) {
    case 'dns-label':
      return dnsLabelMistake(name);
    case 'dns-1035-label':
      return dns1035LabelMistake(name);
    case 'path-segment':
      return pathSegmentMistake(name);
    default:
      return dnsSubdomainMistake(name);
  }
}
