/** What firewalld's signals say. */
import { DBUS, type Signal } from './bus.ts';
import { NAME } from './objects.ts';
import { isOurs } from './rules.ts';

/** What a signal of the bus says of firewalld. */
export type Happening =
  /** It came, and has the rules of its permanent configuration. */
  | 'came'
  | 'went'
  /** What was in force may be so no more. */
  | 'changed'
  /** Who may come in may be others than before. */
  | 'admits-otherwise'
  | { readonly kind: 'rule-removed'; readonly zone: string; readonly rule: string };

/** Signals after which rules may be gone, or have to be in another zone. */
const UPSETTING = new Set([
  ...['Reloaded', 'PanicModeDisabled', 'DefaultZoneChanged', 'ZoneUpdated'],
  ...['InterfaceAdded', 'InterfaceRemoved', 'ZoneChanged', 'ZoneOfInterfaceChanged'],
]);

/** Signals of services, ports, rules, sources, policies and entries of ipsets that come or go. */
const ADMITTING = /(Added|Removed|Updated)$/;

/** Reads a signal; undefined when it is of no consequence. */
export function happening({ interface: from, member, body }: Signal): Happening | undefined {
  if (from === DBUS.interface && member === 'NameOwnerChanged') {
    if (body[0] !== NAME) return undefined;
    return body[2] === '' ? 'went' : 'came';
  }
  if (from !== NAME && !from.startsWith(`${NAME}.`)) return undefined;
  if (member === 'RichRuleRemoved') return { kind: 'rule-removed', zone: String(body[0]), rule: String(body[1]) };
  if (UPSETTING.has(member)) return 'changed';
  if (member === 'RichRuleAdded' && isOurs(String(body[1]))) return undefined;
  return ADMITTING.test(member) ? 'admits-otherwise' : undefined;
}
