/** One try of a probe, of whichever kind it is. */
import type { Probe } from '../../api/core/v1/pod-spec.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { RunningContainer } from '../parts.ts';
import { tryExec } from './exec.ts';
import { tryGrpc } from './grpc.ts';
import { targetOf, tryHttp } from './http.ts';
import { portNumber } from './ports.ts';
import type { Result } from './result.ts';
import { tryTcp } from './tcp.ts';

/** Tries once. `timeout` in milliseconds. Never rejects. */
export type Attempt = (
  probe: Probe,
  running: RunningContainer,
  timeout: number,
  signal: AbortSignal,
) => Promise<Result>;

/** Tries over the network of this process, and by way of the runtime. */
export function attemptWith(runtime: Pick<ContainerRuntime, 'execSync'>): Attempt {
  return async (probe, running, timeout, signal) => {
    const [podIP = ''] = running.podIPs;
    const { exec, grpc, httpGet, tcpSocket } = probe;
    if (exec !== undefined) return tryExec(runtime, running.containerID, exec.command ?? [], timeout);
    if (grpc !== undefined) return tryGrpc(podIP, grpc, timeout, signal);
    const reference = httpGet?.port ?? tcpSocket?.port;
    const port = reference === undefined ? undefined : portNumber(reference, running.container);
    if (port === undefined) return { kind: 'error', message: `couldn't find port: ${reference} in container ports` };
    if (httpGet !== undefined) return tryHttp(targetOf(httpGet, podIP, port), timeout, signal);
    return tryTcp(tcpSocket?.host || podIP, port, timeout, signal);
  };
}
