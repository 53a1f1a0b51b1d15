/** What is said of a node's firewall, for people. */
import type { Admission, Verdict } from '../../firewall/backend.ts';
import { admissionText } from '../../firewall/reasons.ts';
import { textTable } from '../output.ts';
import type { PlanReport, PodReport, PortStatus, StatusReport } from './report.ts';

export function planText(plan: PlanReport): string {
  const { toOpen, toClose, open, mistakes } = plan;
  const rows = [
    ...toClose.map((one) => ['-', admissionText(one), sourcesText(one), '', '']),
    ...toOpen.map((one) => ['+', admissionText(one), sourcesText(one), one.kind, one.owner]),
  ];
  return sections([
    heading(plan),
    ...(rows.length === 0 ? [] : [textTable(['', 'PORT', 'FROM', 'WHAT', 'FOR'], rows)]),
    ...(plan.pods === undefined ? [] : [podPlanText(plan.pods)]),
    `${toOpen.length} to open, ${toClose.length} to close, ${open.length} open as wanted.`,
    ...problems(mistakes.map(({ service, mistake }) => `${service}: ${mistake}`)),
  ]);
}

export function statusText(status: StatusReport): string {
  const { ports, pods, leftovers, mistakes } = status;
  const rows = ports.map(({ verdict, ...one }) => [
    ...[admissionText(one), sourcesText(one), one.kind, one.owner],
    ...[triedText(one.tried), STATES[verdict.kind], leftText(one) + because(verdict)],
  ]);
  return sections([
    heading(status),
    rows.length === 0 ? 'Nothing is exposed on this node.' : textTable(HEADER, rows),
    ...(pods === undefined ? [] : [`${podsText(pods)}: ${STATES[pods.verdict.kind]}, ${because(pods.verdict)}`]),
    ...problems([
      ...(pods?.verdict.kind === 'blocked' ? [`pods cannot reach each other or this node: ${pods.verdict.by}`] : []),
      ...ports.flatMap(problemOf),
      ...leftovers.map(
        (one) => `${admissionText(one)} is open and nobody exposes it: does the agent of this node run?`,
      ),
      ...mistakes.map(({ service, mistake }) => `${service}: ${mistake}`),
    ]),
  ]);
}

/** What is forwarded for pods, and what they ask this node. */
const podsText = ({ bridge, pods }: PodReport): string => `Pods of ${namedText(pods)}, here behind ${bridge}`;

const podPlanText = (report: PodReport): string =>
  `${podsText(report)}: ${report.verdict.kind === 'open-by-us' ? 'let by as wanted' : 'to be let by'}.`;

const HEADER = ['PORT', 'FROM', 'WHAT', 'FOR', 'TRIED', 'STATE', 'BY'];

const STATES: Readonly<Record<Verdict['kind'], string>> = {
  'open-by-us': 'open',
  'open-by-others': 'open',
  bypassed: 'bypassed',
  blocked: 'blocked',
  unknown: 'unknown',
};

function because(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'open-by-us':
      return 'Postern';
    case 'unknown':
      return verdict.why;
    default:
      return verdict.by;
  }
}

/** Whoever asked for that knows it; whoever did not wants to. */
const leftText = ({ policy }: Pick<PortStatus, 'policy'>): string => (policy === 'none' ? 'left alone: ' : '');

/** Short: why it is blocked stands among the problems. */
function triedText(tried: PortStatus['tried']): string {
  return tried.kind === 'not' ? '-' : `${tried.kind} from ${tried.by}, ${timeText(tried.at)}`;
}

/** Such as 12:03:44Z, with the day where that is another one. */
function timeText(at: number): string {
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  return time.slice(0, 10) === new Date().toISOString().slice(0, 10) ? time.slice(11) : time;
}

function problemOf(port: PortStatus): readonly string[] {
  const { tried, ...one } = port;
  const blocked = verdictProblem(port);
  if (tried.kind !== 'blocked') return blocked;
  return [...blocked, `${admissionText(one)} of ${one.owner} cannot be reached from node ${tried.by}: ${tried.why}`];
}

function verdictProblem({ verdict, ...one }: PortStatus): readonly string[] {
  if (one.policy === 'none') return [];
  const what = `${admissionText(one)} of ${one.owner}`;
  switch (verdict.kind) {
    case 'blocked':
      return one.policy === 'enforce' ? [] : [`${what} is blocked by ${verdict.by}`];
    case 'bypassed':
      return [`${what} is open although ${verdict.by} does not admit it: its address is translated before`];
    default:
      return [];
  }
}

/** Prefixes that are named in a table; output for programs has all. */
const NAMED = 2;

function sourcesText({ sources }: Pick<Admission, 'sources'>): string {
  return sources === undefined ? 'anyone' : namedText(sources);
}

function namedText(prefixes: readonly string[]): string {
  const others = prefixes.length - NAMED;
  return others > 0 ? `${prefixes.slice(0, NAMED).join(',')} and ${others} more` : prefixes.join(',');
}

const heading = ({ node, firewall }: { readonly node: string; readonly firewall: string }): string =>
  firewall === 'none' ? `Node ${node}: no firewall is in use.` : `Node ${node}: ${firewall}.`;

const problems = (lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [['Not as it should be:', ...lines].join('\n  ')];

const sections = (texts: readonly string[]): string => texts.join('\n\n');
