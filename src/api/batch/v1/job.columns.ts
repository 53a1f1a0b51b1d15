/** Columns of `kubectl get jobs`, as Kubernetes prints them. */
import { ageColumn, printAge, printAgeSince } from '../../age.ts';
import { printSelector } from '../../apps/v1/replicas.ts';
import { templateColumns } from '../../core/v1/pod-template.ts';
import type { Column } from '../../kind.ts';
import { isTrue } from '../../meta/conditions.ts';
import type { Job } from './job.ts';

export const jobColumns: readonly Column<Job>[] = [
  { name: 'Status', type: 'string', value: printStatus },
  { name: 'Completions', type: 'string', value: printCompletions },
  { name: 'Duration', type: 'string', value: printDuration },
  ageColumn,
  ...templateColumns,
  { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => printSelector(spec.selector ?? {}) },
];

function printStatus({ metadata, status }: Job): string {
  const has = (type: string) => isTrue(status?.conditions, type);
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function printCompletions({ spec, status }: Job): string {
  const { completions, parallelism = 1 } = spec;
  const succeeded = status?.succeeded ?? 0;
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function printDuration({ status }: Job, now: number): string {
  const { startTime, completionTime } = status ?? {};
  if (startTime === undefined) return '';
  if (completionTime === undefined) return printAgeSince(startTime, now);
  return printAge(Date.parse(completionTime) - Date.parse(startTime));
}
