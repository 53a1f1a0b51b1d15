/** Mistakes in probes and in what a container does when it has started and before it ends. */
import { forbidden, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { portMistake, targetPortMistake } from '../../../ports.ts';
import type { Cause } from '../../../status.ts';
import type { Container, HTTPGetAction, LifecycleHandler, Probe } from '../pod-spec.ts';

const SCHEMES = ['HTTP', 'HTTPS'];
const HEADER_NAME = /^[-A-Za-z0-9]+$/;
const HEADER_MISTAKE =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const NOT_NEGATIVE = 'must be greater than or equal to 0';
const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

/** The probes and the life cycle of a container that runs as long as its pod. */
export function validateProbes(container: Container, at: string, grace: number): readonly Cause[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  return [
    ...(lifecycle === undefined ? [] : validateLifecycle(lifecycle, `${at}.lifecycle`, grace)),
    ...(livenessProbe === undefined ? [] : validateProbe(livenessProbe, `${at}.livenessProbe`)),
    ...mustSucceedOnce(livenessProbe, `${at}.livenessProbe`),
    ...(readinessProbe === undefined ? [] : validateReadiness(readinessProbe, `${at}.readinessProbe`)),
    ...(startupProbe === undefined ? [] : validateProbe(startupProbe, `${at}.startupProbe`)),
    ...mustSucceedOnce(startupProbe, `${at}.startupProbe`),
  ];
}

function validateReadiness(probe: Probe, at: string): readonly Cause[] {
  const field = `${at}.terminationGracePeriodSeconds`;
  const { terminationGracePeriodSeconds: grace, ...rest } = probe;
  return [
    ...validateProbe(rest, at),
    ...(grace === undefined ? [] : [invalidValue(field, grace, 'must not be set for readinessProbes')]),
  ];
}

function mustSucceedOnce(probe: Probe | undefined, at: string): readonly Cause[] {
  const { successThreshold = 1 } = probe ?? {};
  return successThreshold === 1 ? [] : [invalidValue(`${at}.successThreshold`, successThreshold, 'must be 1')];
}

function validateProbe(probe: Probe, at: string): readonly Cause[] {
  const { terminationGracePeriodSeconds: grace } = probe;
  return [
    ...validateHandler(probe, at, undefined),
    ...COUNTS.flatMap((name) => {
      const count = probe[name] ?? 0;
      return count < 0 ? [invalidValue(`${at}.${name}`, count, NOT_NEGATIVE)] : [];
    }),
    ...(grace !== undefined && grace <= 0
      ? [invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')]
      : []),
  ];
}

function validateLifecycle(lifecycle: NonNullable<Container['lifecycle']>, at: string, grace: number) {
  const { postStart, preStop } = lifecycle;
  return [
    ...(postStart === undefined ? [] : validateHandler(postStart, `${at}.postStart`, grace)),
    ...(preStop === undefined ? [] : validateHandler(preStop, `${at}.preStop`, grace)),
  ];
}

type Handler = Omit<Probe, 'terminationGracePeriodSeconds'> & LifecycleHandler;

/** Exactly one of them. `grace`: seconds that the pod has to end; undefined where there is no sleeping. */
function validateHandler(handler: Handler, at: string, grace: number | undefined): readonly Cause[] {
  const kinds = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((kind) => handler[kind]);
  if (kinds.length === 0) return [requiredValue(at, 'must specify a handler type')];
  const more = kinds.slice(1).map((kind) => forbidden(`${at}.${kind}`, 'may not specify more than 1 handler type'));
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  return [
    ...more,
    ...(exec !== undefined && (exec.command ?? []).length === 0 ? [requiredValue(`${at}.exec.command`)] : []),
    ...(httpGet === undefined ? [] : validateHTTPGet(httpGet, `${at}.httpGet`)),
    ...(tcpSocket === undefined
      ? []
      : mistakeIn(`${at}.tcpSocket.port`, tcpSocket.port, targetPortMistake(tcpSocket.port))),
    ...(grpc === undefined ? [] : mistakeIn(`${at}.grpc.port`, grpc.port, portMistake(grpc.port))),
    ...(sleep === undefined || grace === undefined ? [] : validateSleep(sleep.seconds, `${at}.sleep.seconds`, grace)),
  ];
}

function validateSleep(seconds: number, field: string, grace: number): readonly Cause[] {
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return seconds < 0 || seconds > grace ? [invalidValue(field, seconds, why)] : [];
}

function validateHTTPGet({ path = '', port, scheme = '', httpHeaders = [] }: HTTPGetAction, at: string) {
  const causes: Cause[] = path === '' ? [requiredValue(`${at}.path`)] : [];
  causes.push(...mistakeIn(`${at}.port`, port, targetPortMistake(port)));
  if (!SCHEMES.includes(scheme)) causes.push(notSupported(`${at}.scheme`, scheme, SCHEMES));
  for (const { name } of httpHeaders) {
    if (!HEADER_NAME.test(name)) causes.push(invalidValue(`${at}.httpHeaders`, name, HEADER_MISTAKE));
  }
  return causes;
}
