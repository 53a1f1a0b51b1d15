/**
 * The forms of names, labels and keys. Each check answers undefined when the text is well formed, else what is wrong
 * with it and what a good one looks like, in the words of k8s.io/apimachinery/pkg/util/validation.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
import type { Kind } from './kind.ts';

/** A form that texts must have: how it is told, and examples of it. */
interface Form {
  readonly pattern: RegExp;
  readonly mistake: string;
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const DNS_LABEL = form(
  LABEL,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  ['my-name', '123-abc'],
);
const DNS_1035_LABEL = form(
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  ['my-name', 'abc-123'],
);
const DNS_SUBDOMAIN = form(
  `${LABEL}(\\.${LABEL})*`,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  ['example.com'],
);
const NAME_PART = form(
  QUALIFIED,
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  ['MyName', 'my.name', '123-abc'],
);
const CONFIG_KEY = form(
  '[-._a-zA-Z0-9]+',
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  ['key.name', 'KEY_NAME', 'key-name'],
);
const LABEL_VALUE = form(
  `(${QUALIFIED})?`,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  ['MyValue', 'my_value', '12345'],
);

/** Length limits, in bytes. RFC 1123 labels and subdomains. */
const DNS_LABEL_MAX = 63;
const DNS_SUBDOMAIN_MAX = 253;

function form(pattern: string, must: string, examples: readonly string[]): Form {
  const list = examples.map((example) => `'${example}', `).join(' or ');
  return {
    pattern: new RegExp(`^${pattern}$`),
    mistake: `${must} (e.g. ${list}regex used for validation is '${pattern}')`,
  };
}

const tooLong = (limit: number): string => `must be no more than ${limit} bytes`;

/** A text that is too long is not matched against the form: that keeps hostile ones cheap. */
function mistakeOf(text: string, { pattern, mistake }: Form, limit: number): string | undefined {
  if (text.length > limit) return tooLong(limit);
  return pattern.test(text) ? undefined : mistake;
}

export function dnsLabelMistake(text: string): string | undefined {
  return mistakeOf(text, DNS_LABEL, DNS_LABEL_MAX);
}

function dns1035LabelMistake(text: string): string | undefined {
  return mistakeOf(text, DNS_1035_LABEL, DNS_LABEL_MAX);
}

export function dnsSubdomainMistake(text: string): string | undefined {
  return mistakeOf(text, DNS_SUBDOMAIN, DNS_SUBDOMAIN_MAX);
}

/** A domain of at least two labels, with or without the dot of the root. */
export function domainNameMistake(text: string): string | undefined {
  const name = text.replace(/\.$/, '');
  const mistake = dnsSubdomainMistake(name);
  if (mistake !== undefined) return mistake;
  return name.includes('.') ? undefined : 'should be a domain with at least two segments separated by dots';
}

/** A name that can stand as one segment of a URL's path. */
export function pathSegmentMistake(text: string): string | undefined {
  if (text === '.' || text === '..') return `may not be '${text}'`;
  if (text.length > DNS_SUBDOMAIN_MAX) return tooLong(DNS_SUBDOMAIN_MAX);
  const found = ['/', '%'].find((part) => text.includes(part));
  return found === undefined ? undefined : `may not contain '${found}'`;
}

/** The key of a label or annotation: `NAME` or `PREFIX/NAME`. */
export function labelKeyMistake(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (name.includes('/')) {
    return `a qualified name ${NAME_PART.mistake} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  if (prefix === '') return 'prefix part must be non-empty';
  const prefixMistake = prefix === undefined ? undefined : dnsSubdomainMistake(prefix);
  if (prefixMistake !== undefined) return `prefix part ${prefixMistake}`;
  if (name === '') return 'name part must be non-empty';
  const nameMistake = mistakeOf(name, NAME_PART, 63);
  return nameMistake === undefined ? undefined : `name part ${nameMistake}`;
}

export function labelValueMistake(value: string): string | undefined {
  return mistakeOf(value, LABEL_VALUE, 63);
}

/** A key of a Secret's data: it can be the name of a file. */
export function configKeyMistake(key: string): string | undefined {
  if (key === '.' || key === '..') return `must not be '${key}'`;
  if (key.startsWith('..')) return "must not start with '..'";
  return mistakeOf(key, CONFIG_KEY, DNS_SUBDOMAIN_MAX);
}

/** The name of a container's port (RFC 6335 section 5.1): what `targetPort: http` may refer to. */
export function portNameMistake(text: string): string | undefined {
  if (text.length > 15) return tooLong(15);
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
