/** `GET /containerLogs/NAMESPACE/POD/CONTAINER`: what `kubectl logs` shows. */
import { access, constants } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { failure } from '../../api/status.ts';
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import { messageOf } from '../../lib/errors.ts';
import { type ReadLogOptions, readLog } from '../logs/read.ts';
import type { FoundContainer, PodLookup } from '../parts.ts';
import { findLog } from './find.ts';
import type { PodPath } from './request.ts';

export interface LogRequest {
  readonly pod: PodPath;
  readonly container: string;
  readonly query: URLSearchParams;
}

/** Sends the log. Throws an ApiError until it has begun. */
export async function serveLogs(
  { pods, clock }: { readonly pods: PodLookup; readonly clock: Clock },
  { pod, container, query }: LogRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const found = await findLog(pods, pod, container, query.get('previous') === 'true');
  const running = () => stillRuns(pods, pod, container, found);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const lines = readLog(
    found.logPath,
    readOptions(query, clock.now(), running),
    AbortSignal.any([signal, gone.signal]),
  );
  // Before the answer begins, so that a log that is not there is told as such.
  await access(found.logPath, constants.R_OK).catch((cause: unknown) => {
    throw unreadable(container, cause);
  });
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  try {
    await pipeline(Readable.from(lines, { objectMode: false }), response);
  } catch (error) {
    // Who has seen enough goes away.
    if (!gone.signal.aborted) throw error;
  }
}

function readOptions(query: URLSearchParams, now: number, running: () => Promise<boolean>): ReadLogOptions {
  const number = (name: string) => (query.has(name) ? Number(query.get(name)) : undefined);
  const [tailLines, limitBytes, age] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')];
  const sinceTime = query.get('sinceTime');
  const since = sinceTime !== null ? Date.parse(sinceTime) : age === undefined ? undefined : now - seconds(age);
  const stream = query.get('stream')?.toLowerCase();
  return {
    timestamps: query.get('timestamps') === 'true',
    ...(query.get('follow') === 'true' ? { follow: running } : {}),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
    ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
  };
}

/** Whether the run is still that one, and goes on. */
async function stillRuns(pods: PodLookup, pod: PodPath, container: string, run: FoundContainer): Promise<boolean> {
  const { namespace, name } = pod;
  const now = await pods.container({ namespace, name }, container).catch(() => undefined);
  return now?.containerID === run.containerID && now.state === 'RUNNING';
}

function unreadable(container: string, cause: unknown) {
  const why = messageOf(cause);
  return failure(500, 'InternalError', `the log of container ${JSON.stringify(container)} cannot be read: ${why}`);
}
