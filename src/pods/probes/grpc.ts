/**
 * A probe that gRPC's health service answers. https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 * The library is loaded with the first such probe: most nodes have none.
 */
import { hostPort } from './network-error.ts';
import { failure, type Result, SUCCESS } from './result.ts';

const METHOD = '/grpc.health.v1.Health/Check';
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const SERVING = 1;
const USER_AGENT = 'kube-probe/1.34';
/** What the library says of names besides: nothing, where an address is asked. */
const NOTE = /\. Resolution note: $/;

/** Tries once. `timeout` in milliseconds. Never rejects. */
export async function tryGrpc(
  host: string,
  { port, service = '' }: { readonly port: number; readonly service?: string },
  timeout: number,
  signal: AbortSignal,
): Promise<Result> {
  const { Client, credentials, Metadata, status } = await import('@grpc/grpc-js');
  const address = hostPort(host, port);
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.primary_user_agent': USER_AGENT,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': 4096,
    'grpc.use_local_subchannel_pool': 1,
  });
  return new Promise<Result>((done) => {
    const finish = (result: Result) => {
      signal.removeEventListener('abort', cancel);
      client.close();
      done(result);
    };
    const cancel = () => call.cancel();
    const deadline = { deadline: Date.now() + timeout };
    const call = client.makeUnaryRequest(
      METHOD,
      encodeRequest,
      decodeStatus,
      service,
      new Metadata(),
      deadline,
      (error, found) => {
        if (error === null) {
          const name = STATUSES[found ?? 0] ?? 'UNKNOWN';
          return finish(found === SERVING ? SUCCESS : failure(`service unhealthy (responded with "${name}")`));
        }
        finish(
          error.code === status.CANCELLED && signal.aborted
            ? { kind: 'error', message: 'context canceled' }
            : failure(explain(error.code, error.details, address, timeout, status)),
        );
      },
    );
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
  });
}

function explain(
  code: number,
  details: string,
  address: string,
  timeout: number,
  status: { readonly UNIMPLEMENTED: number; readonly DEADLINE_EXCEEDED: number; readonly UNAVAILABLE: number },
): string {
  const limit = `${timeout / 1000}s`;
  switch (code) {
    case status.UNIMPLEMENTED:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
    case status.DEADLINE_EXCEEDED:
      return `timeout: health rpc did not complete within ${limit}`;
    case status.UNAVAILABLE:
      return `error: failed to connect service "${address}" within ${limit}: ${details.replace(NOTE, '')}`;
    default:
      return `error: health rpc probe failed: ${details}`;
  }
}

/** HealthCheckRequest: field 1, the name of the service. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** HealthCheckResponse: field 1, a small number. What is anything else is no known status. */
function decodeStatus(message: Buffer): number {
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
