/** The data of `model.ts` as nftables scripts. The language: nft(8). */
import {
  type Atom,
  type Chain,
  type Concatenation,
  type DataType,
  type Element,
  type ElementValue,
  type Expression,
  isVerdict,
  type KeyType,
  type Match,
  type NamedSet,
  type Operation,
  type Placed,
  type Rule,
  SCRATCH,
  type Statement,
  type Table,
  type TableFamily,
  type TableName,
  type Transaction,
  type Verdict,
} from './model.ts';

/** A transaction as one script for `NftRunner.run`. */
export function printTransaction(transaction: Transaction): string {
  return [...printPieces(transaction)].join('');
}

/** The same in pieces, so that whoever prints a large load can pause between them. Each takes well under 10 ms. */
export function* printPieces(transaction: Transaction): Iterable<string> {
  for (const step of mergeRuns(transaction)) yield* printStep(step);
}

/** A table as `nft list table` would show it, with these elements besides its own. */
export function printTable(table: Table): string {
  const lines = [`table ${table.family} ${table.name} {`];
  for (const set of table.sets) lines.push(...printSet(table.family, set));
  for (const chain of table.chains) {
    lines.push(`  chain ${chain.name} {`, ...printChain(table.family, chain).map((line) => `    ${line}`), '  }');
  }
  return [...lines, '}'].join('\n');
}

/** One command for many elements: parsing is most of a large load's cost. */
type Step =
  | Exclude<Operation, { kind: 'add-element' | 'delete-element' }>
  | { readonly kind: 'elements'; verb: 'add' | 'delete'; table: TableName; set: string; elements: Element[] };

/** Joins neighbouring element operations on the same set. */
function mergeRuns(transaction: Transaction): Step[] {
  const steps: Step[] = [];
  for (const operation of transaction) {
    if (operation.kind !== 'add-element' && operation.kind !== 'delete-element') {
      steps.push(operation);
      continue;
    }
    const verb = operation.kind === 'add-element' ? 'add' : 'delete';
    const { table, placed } = operation;
    const last = steps.at(-1);
    const joins = last?.kind === 'elements' && last.verb === verb && last.set === placed.set && last.table === table;
    if (joins) last.elements.push(placed.element);
    else steps.push({ kind: 'elements', verb, table, set: placed.set, elements: [placed.element] });
  }
  return steps;
}

function* printStep(step: Step): Iterable<string> {
  switch (step.kind) {
    case 'replace-table':
      yield* printReplacement(step.table, step.elements);
      break;
    case 'delete-table':
      yield removal(step.table);
      break;
    case 'add-chain':
      yield `add chain ${printName(step.table)} ${step.chain.name}\n`;
      for (const rule of step.chain.rules) {
        yield `add rule ${printName(step.table)} ${step.chain.name} ${printRule(step.table.family, rule)}\n`;
      }
      break;
    case 'delete-chain':
      yield `delete chain ${printName(step.table)} ${step.chain}\n`;
      break;
    case 'elements': {
      // A key alone names an element.
      const print = step.verb === 'add' ? printElement : (element: Element) => printAtoms(element.key);
      yield elementCommand(step.verb, step.table, step.set, step.elements.map(print));
    }
  }
}

function* printReplacement(table: Table, elements: Iterable<Placed>): Iterable<string> {
  yield removal(table);
  yield `${printTable(table)}\n`;
  const bySet = new Map<string, string[]>();
  for (const { set, element } of elements) {
    const texts = bySet.get(set) ?? [];
    if (texts.push(printElement(element)) < ELEMENTS_PER_COMMAND) {
      bySet.set(set, texts);
    } else {
      yield elementCommand('add', table, set, texts);
      bySet.delete(set);
    }
  }
  for (const [set, texts] of bySet) yield elementCommand('add', table, set, texts);
}

/** One long command is the fastest to parse, and the slowest to print without a pause. */
const ELEMENTS_PER_COMMAND = 2000;

function elementCommand(verb: 'add' | 'delete', table: TableName, set: string, elements: readonly string[]): string {
  return `${verb} element ${printName(table)} ${set} {\n  ${elements.join(',\n  ')}\n}\n`;
}

/** `destroy` would say it in one line, from nftables 1.0.7 on. */
const removal = (table: TableName): string => `add table ${printName(table)}\ndelete table ${printName(table)}\n`;

const printName = (table: TableName): string => `${table.family} ${table.name}`;

function printSet(family: TableFamily, set: NamedSet): string[] {
  const key = printKeyType(family, set.key);
  const value = set.value === undefined ? '' : ` : ${printValueType(family, set.value)}`;
  const lines = [`  ${set.value === undefined ? 'set' : 'map'} ${set.name} {`, `    ${key}${value}`];
  if (set.interval) lines.push('    flags interval');
  if (set.dynamic) lines.push(`    size ${set.dynamic.size}`, '    flags dynamic,timeout');
  if (set.dynamic?.seconds !== undefined) lines.push(`    timeout ${set.dynamic.seconds}s`);
  if (set.timeout !== undefined) lines.push('    flags timeout', `    timeout ${set.timeout}s`);
  // Elements that are not one prefix alone cannot be merged.
  if (set.interval && componentCount(set.key) === 1) lines.push('    auto-merge');
  if (set.elements !== undefined && set.elements.length > 0) {
    lines.push(`    elements = { ${set.elements.map(printElement).join(', ')} }`);
  }
  return [...lines, '  }'];
}

const componentCount = (key: KeyType): number => (key.kind === 'types' ? key.types : key.expressions).length;

function printKeyType(family: TableFamily, type: KeyType): string {
  if (type.kind === 'types') return `type ${type.types.map((t) => printDataType(family, t)).join(' . ')}`;
  return `typeof ${printConcatenation(family, type.expressions)}`;
}

/** After the colon, without the word `type` or `typeof`, which stands once before the key. */
function printValueType(family: TableFamily, type: KeyType | 'verdict'): string {
  return type === 'verdict' ? 'verdict' : printKeyType(family, type).replace(/^type(of)? /, '');
}

function printDataType(family: TableFamily, type: DataType): string {
  if (type !== 'address') return type;
  return family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
}

function printChain(family: TableFamily, chain: Chain): string[] {
  const { hook } = chain;
  const head =
    hook === undefined ? [] : [`type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`];
  return [...head, ...chain.rules.map((rule) => printRule(family, rule))];
}

function printRule(family: TableFamily, rule: Rule): string {
  const matches = rule.matches.map((match) => printMatch(family, match));
  return [...matches, printStatement(family, rule.statement)].join(' ');
}

function printMatch(family: TableFamily, match: Match): string {
  switch (match.kind) {
    case 'in-set':
      return `${printConcatenation(family, match.key)} @${match.set}`;
    case 'protocol':
      return `meta l4proto ${match.protocol}`;
    case 'invalid':
      return 'ct state invalid';
    case 'unknown':
      return 'ct state new,invalid';
    case 'mid-connection':
      return 'tcp flags & (fin | syn | rst | ack) != syn';
    case 'translated':
      return 'ct status dnat';
    case 'local':
      return `fib ${match.of} type local`;
    case 'within':
      return `${family} ${match.of} ${match.prefix}`;
    case 'through':
      return `iifname ${match.not ? '!= ' : ''}"${match.interface}"`;
    case 'bridged':
      return `iif 0 oifname "${match.interface}" fib saddr type != local`;
  }
}

function printStatement(family: TableFamily, statement: Statement): string {
  switch (statement.kind) {
    case 'verdict':
      return printVerdict(statement.verdict);
    case 'vmap':
      return `${printConcatenation(family, statement.key)} vmap @${statement.map}`;
    case 'dnat':
      return `dnat ${family} to ${printConcatenation(family, statement.key)} map @${statement.map}`;
    case 'draw':
      return `meta priority set numgen random mod ${statement.modulus}`;
    case 'load':
      return printLoad(family, statement);
    case 'recall':
      return `${printLoad(family, statement)} ${printRemember(family, statement)}`;
    case 'remember':
      return printRemember(family, statement);
    case 'forget':
      return `delete @${statement.map} { ${printConcatenation(family, statement.key)} : meta priority }`;
    case 'count':
      return `update @${statement.set} { ${printConcatenation(family, statement.key)} counter }`;
    case 'duplicate':
      return `dup to ${printConcatenation(family, statement.key)} map @${statement.map}`;
    case 'clear-scratch':
      return `meta priority ${printClassid(SCRATCH.first)}-${printClassid(SCRATCH.last)} meta priority set none`;
    case 'masquerade':
      // A random source port: two connections at once would otherwise race for the same one.
      return 'masquerade fully-random';
    case 'reject':
      if (statement.with === 'tcp-reset') return 'reject with tcp reset';
      return `reject with ${family === 'ip' ? 'icmp' : 'icmpv6'} port-unreachable`;
  }
}

/** As many as fit in 32 bits. */
const HASHES = 2 ** 32 - 1;

const printClassid = (value: number): string => `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;

function printLoad(family: TableFamily, { key, map }: Extract<Statement, { kind: 'load' | 'recall' }>): string {
  return `meta priority set ${printConcatenation(family, key)} map @${map}`;
}

function printRemember(
  family: TableFamily,
  { key, map, seconds }: Extract<Statement, { kind: 'remember' | 'recall' }>,
): string {
  return `update @${map} { ${printConcatenation(family, key)} timeout ${seconds}s : meta priority }`;
}

function printVerdict(verdict: Verdict): string {
  return verdict.kind === 'goto' || verdict.kind === 'jump' ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

function printConcatenation(family: TableFamily, expressions: Concatenation): string {
  return expressions.map((expression) => printExpression(family, expression)).join(' . ');
}

function printExpression(family: TableFamily, expression: Expression): string {
  switch (expression.kind) {
    case 'saddr':
    case 'daddr':
      return `${family} ${expression.kind}`;
    case 'l4proto':
      return 'meta l4proto';
    case 'dport':
      return `${expression.protocol ?? 'th'} dport`;
    case 'original-daddr':
      return `ct original ${family} daddr`;
    case 'original-dport':
      return 'ct original proto-dst';
    case 'reply-saddr':
      return `ct reply ${family} saddr`;
    case 'reply-sport':
      return 'ct reply proto-src';
    case 'direction':
      return 'ct direction';
    case 'random':
      return `numgen random mod ${expression.modulus}`;
    case 'hash':
      return `jhash ${printConcatenation(family, expression.of)} mod ${HASHES} seed ${expression.seed}`;
    case 'scratch':
      return 'meta priority';
  }
}

function printElement(element: Element): string {
  const key = printAtoms(element.key);
  return element.value === undefined ? key : `${key} : ${printValue(element.value)}`;
}

const printValue = (value: ElementValue): string => (isVerdict(value) ? printVerdict(value) : printAtoms(value));

const printAtoms = (atoms: readonly Atom[]): string => atoms.map(printAtom).join(' . ');

/** No port and no drawn number is as high as what the scratch register holds. */
const printAtom = (atom: Atom): Atom => (typeof atom === 'number' && atom >= SCRATCH.first ? printClassid(atom) : atom);
