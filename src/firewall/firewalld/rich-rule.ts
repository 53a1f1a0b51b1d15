/** Rich rules of the administrator's, as far as they decide who gets to a port: firewalld.richlanguage(5). */
/** An address or prefix that a rule is for, or for all but. Undefined: something else than a prefix, such as a MAC address. */
export interface End {
  readonly prefix: string | undefined;
  readonly ipset: string | undefined;
  readonly inverted: boolean;
}

/** What kind of traffic a rule is for. */
export type Element =
  | { readonly kind: 'port'; readonly port: string; readonly protocol: string }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'protocol'; readonly protocol: string }
  /** One that says nothing of who gets to a port, such as masquerading. */
  | { readonly kind: 'other' };

export interface RichRule {
  readonly text: string;
  readonly priority: number;
  readonly family: string | undefined;
  readonly source: End | undefined;
  readonly destination: End | undefined;
  readonly element: Element | undefined;
  /** Undefined: the rule only logs, or only marks. */
  readonly action: 'accept' | 'refuse' | undefined;
  /** Whether it is for only so many packets in a time. */
  readonly limited: boolean;
}

const OTHER_ELEMENTS = ['icmp-block', 'icmp-type', 'masquerade', 'forward-port', 'source-port', 'tcp-mss-clamp'];
const ACTIONS = ['accept', 'reject', 'drop', 'mark'];
const TOKEN = /([\w-]+)="?([^"\s]*)"?|([\w-]+)/g;

/** Reads a rule as firewalld prints it. */
export function parseRichRule(text: string): RichRule {
  const sections = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  let limited = false;
  let afterAction = false;
  for (const [, attribute, value = '', word] of unquoted(text).matchAll(TOKEN)) {
    if (attribute !== undefined) {
      current[attribute] = value;
    } else if (word === 'NOT') {
      current['NOT'] = 'yes';
    } else if (word === 'limit') {
      limited ||= afterAction;
      current = {};
    } else if (word !== undefined) {
      afterAction = ACTIONS.includes(word);
      current = {};
      sections.set(word, current);
    }
  }
  const rule = sections.get('rule') ?? {};
  return {
    text,
    priority: Number(rule['priority'] ?? 0),
    family: rule['family'],
    source: end(sections.get('source')),
    destination: end(sections.get('destination')),
    element: element(sections),
    action: sections.has('accept') ? 'accept' : sections.has('reject') || sections.has('drop') ? 'refuse' : undefined,
    limited,
  };
}

/** Without what logs say, which may be any words. */
function unquoted(text: string): string {
  return text.replace(/\bprefix="[^"]*"/g, '');
}

function end(section: Record<string, string> | undefined): End | undefined {
  if (section === undefined) return undefined;
  const inverted = section['NOT'] !== undefined || section['invert'] !== undefined;
  return { prefix: section['address'], ipset: section['ipset'], inverted };
}

function element(sections: ReadonlyMap<string, Record<string, string>>): Element | undefined {
  const port = sections.get('port');
  if (port !== undefined) return { kind: 'port', port: port['port'] ?? '', protocol: port['protocol'] ?? '' };
  const service = sections.get('service');
  if (service !== undefined) return { kind: 'service', name: service['name'] ?? '' };
  const protocol = sections.get('protocol');
  if (protocol !== undefined) return { kind: 'protocol', protocol: protocol['value'] ?? '' };
  return OTHER_ELEMENTS.some((name) => sections.has(name)) ? { kind: 'other' } : undefined;
}
