/** batch/v1 Job: pods that run until so many of them have succeeded. https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
import { podTemplateSpec } from '../../core/v1/pod-spec.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { conditions, labelSelector } from '../../meta/v1.ts';
import { boolean, int32, int64, object, open, required, string, type TypeOf, time } from '../../schema.ts';
import { defaultJob, prepareJob, validateJob } from './job.admission.ts';
import { jobColumns } from './job.columns.ts';

const fields = object(
  {
    spec: required(
      object({
        parallelism: int32('How many pods may run at the same time. Default: 1.'),
        completions: int32('How many pods are to succeed. Absent: one, and the others go on.'),
        activeDeadlineSeconds: int64('Seconds after which the job has failed.'),
        backoffLimit: int32('Failed pods after which the job has failed. Default: 6.'),
        ttlSecondsAfterFinished: int32('Seconds after its end at which the job is deleted. Absent: it stays.'),
        suspend: boolean('While true, there are no pods.'),
        selector: labelSelector,
        manualSelector: boolean('Whether the selector is given, rather than made.'),
        completionMode: string('NonIndexed.'),
        podReplacementPolicy: string('TerminatingOrFailed or Failed: when a pod is replaced.'),
        template: required(podTemplateSpec),
      }),
    ),
    status: open(
      object({
        active: int32('Pods that are there and have not ended.'),
        ready: int32('Those of them that are ready.'),
        terminating: int32('Pods that are on their way out.'),
        succeeded: int32(),
        failed: int32(),
        startTime: time(),
        completionTime: time(),
        conditions,
      }),
    ),
  },
  'Pods that run until so many of them have succeeded.',
);
export type Job = Resource<TypeOf<typeof fields>>;
export type JobStatus = NonNullable<Job['status']>;

export const Job = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  status: true,
  schema: fields,
  age: false,
  columns: jobColumns,
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  defaults: defaultJob,
  prepare: prepareJob,
  validate: validateJob,
});
