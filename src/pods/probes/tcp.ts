/** A probe that a connection answers. */
import { connect } from 'node:net';
import { afterLimit } from './limit.ts';
import { dialError, hostPort } from './network-error.ts';
import { failure, type Result, SUCCESS } from './result.ts';

/** Tries once. `timeout` in milliseconds. Never rejects. */
export function tryTcp(host: string, port: number, timeout: number, signal: AbortSignal): Promise<Result> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const finish = (result: Result) => {
      withdraw();
      signal.removeEventListener('abort', cancel);
      socket.destroy();
      done(result);
    };
    const address = hostPort(host, port);
    const cancel = () => finish({ kind: 'error', message: `dial tcp ${address}: operation was canceled` });
    const withdraw = afterLimit(timeout, () => finish(failure(`dial tcp ${address}: i/o timeout`)));
    socket.once('connect', () => finish(SUCCESS));
    socket.once('error', (error) => finish(failure(dialError(error, address))));
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
  });
}
