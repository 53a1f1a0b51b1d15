/** Mistakes in what a pod says of the names that it resolves. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
import { ipMistake } from '../../../addresses.ts';
import { invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { dnsSubdomainMistake } from '../../../names.ts';
import type { Cause } from '../../../status.ts';
import type { PodDNSConfig, PodSpec } from '../pod-spec.ts';

const POLICIES = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
/** As many as a resolver reads: `MAXNS` of resolv.conf(5). */
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_LENGTH_MAX = 2048;

export function validateDNS(spec: PodSpec, field: string): readonly Cause[] {
  const { dnsPolicy = '', dnsConfig } = spec;
  const at = `${field}.dnsConfig`;
  const causes: Cause[] = [];
  if (dnsPolicy === '') causes.push(requiredValue(`${field}.dnsPolicy`));
  else if (!POLICIES.includes(dnsPolicy)) causes.push(notSupported(`${field}.dnsPolicy`, dnsPolicy, POLICIES));
  if (dnsPolicy === 'None' && dnsConfig === undefined) {
    causes.push(requiredValue(at, 'must provide `dnsConfig` when `dnsPolicy` is None'));
  }
  if (dnsPolicy === 'None' && dnsConfig !== undefined && (dnsConfig.nameservers ?? []).length === 0) {
    const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    causes.push(requiredValue(`${at}.nameservers`, why));
  }
  return dnsConfig === undefined ? causes : [...causes, ...validateConfig(dnsConfig, at)];
}

function validateConfig({ nameservers = [], searches = [], options = [] }: PodDNSConfig, at: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (nameservers.length > NAMESERVERS_MAX) {
    const why = `must not have more than ${NAMESERVERS_MAX} nameservers`;
    causes.push(invalidValue(`${at}.nameservers`, nameservers, why));
  }
  if (searches.length > SEARCHES_MAX) {
    causes.push(invalidValue(`${at}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`));
  }
  if (searches.join(' ').length > SEARCH_LENGTH_MAX) {
    const why = `must not have more than ${SEARCH_LENGTH_MAX} characters (including spaces) in the search list`;
    causes.push(invalidValue(`${at}.searches`, searches, why));
  }
  return [
    ...causes,
    ...nameservers.flatMap((ip, i) => mistakeIn(`${at}.nameservers[${i}]`, ip, ipMistake(ip))),
    ...searches.flatMap((search, i) => mistakeIn(`${at}.searches[${i}]`, search, searchMistake(search))),
    ...options.flatMap(({ name = '', value = '' }, i) => validateOption(name, value, `${at}.options[${i}]`)),
  ];
}

/** A search path may be the root, and have underscores, as in `_sip._tcp.example.com`. */
function searchMistake(search: string): string | undefined {
  if (search === '.') return undefined;
  return dnsSubdomainMistake(search.replace(/\.$/, '').replaceAll('_', '0'));
}

/** Each becomes a word of one line of a file: what would end the word or the line is not let in. */
function validateOption(name: string, value: string, at: string): readonly Cause[] {
  if (name === '') return [requiredValue(at, 'must not be empty')];
  const why = 'must not contain white space';
  return /\s/.test(name + value) ? [invalidValue(at, { name, value }, why)] : [];
}

export function validateHostAliases(aliases: NonNullable<PodSpec['hostAliases']>, field: string): readonly Cause[] {
  return aliases.flatMap(({ ip, hostnames = [] }, i) => [
    ...mistakeIn(`${field}[${i}].ip`, ip, ipMistake(ip)),
    ...hostnames.flatMap((name, j) => mistakeIn(`${field}[${i}].hostnames[${j}]`, name, dnsSubdomainMistake(name))),
  ]);
}
