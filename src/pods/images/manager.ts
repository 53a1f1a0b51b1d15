/** Sees to it that the images of containers are there, with the events, reasons and messages of the kubelet. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import type { Client } from '../../client/client.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { type ContainerRuntime, CRIError, type ImageInfo, type SandboxConfig } from '../cri/cri.ts';
import type { ImageManager, PodEvents, Problem } from '../parts.ts';
import { failedAgain, type PullBackOff, pauseOf } from './back-off.ts';
import { credentialsFor } from './credentials.ts';
import { decidePull } from './pull-policy.ts';
import { pullSecretsOf } from './pull-secrets.ts';
import { type PulledImage, Puller } from './puller.ts';
import { type ImageReference, parseReference } from './reference.ts';

export interface ImageManagerOptions {
  readonly runtime: Pick<ContainerRuntime, 'imageStatus' | 'pullImage'>;
  /** Reads the Secrets that pods name in imagePullSecrets, when an image of theirs is pulled. */
  readonly client: Pick<Client, 'get'>;
  readonly events: PodEvents;
  readonly log: Logger;
  readonly clock?: Clock;
}

type Ensured = Awaited<ReturnType<ImageManager['ensure']>>;

/** Makes the part that sees to images. */
export function imageManager({ clock = systemClock, ...options }: ImageManagerOptions): ImageManager {
  return new Images({ ...options, clock });
}

class Images implements ImageManager {
  readonly #options: Required<ImageManagerOptions>;
  readonly #puller: Puller;
  /** By the pod's UID, then by the image's name. */
  readonly #backOffs = new Map<string, Map<string, PullBackOff>>();

  constructor(options: Required<ImageManagerOptions>) {
    this.#options = options;
    this.#puller = new Puller(options.runtime, options.clock);
  }

  async ensure(pod: Pod, container: Container, sandbox: SandboxConfig, signal: AbortSignal): Promise<Ensured> {
    const { image = '' } = container;
    const record = this.#recorder(pod, container);
    const reference = parseReference(image);
    if (reference.kind === 'invalid') {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${reference.why}`;
      return record.problem('InspectFailed', { reason: 'InvalidImageName', message });
    }
    const present = await this.#inspect(reference);
    if (present instanceof CRIError) {
      const message = `Failed to inspect image "${image}": ${present.message}`;
      return record.problem('InspectFailed', { reason: 'ImageInspectError', message });
    }
    const decision = decidePull(container, reference, present !== undefined);
    if (decision === 'use' && present !== undefined) {
      record.event('Normal', 'Pulled', `Container image "${image}" already present on machine`);
      return { kind: 'present', imageRef: present.id, image: present };
    }
    if (decision === 'refuse') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      return record.problem('ErrImageNeverPull', { reason: 'ErrImageNeverPull', message });
    }
    return this.#pull({ pod, container, reference, sandbox, signal });
  }

  forget(podUID: string): void {
    this.#backOffs.delete(podUID);
  }

  async #inspect({ name }: ImageReference): Promise<ImageInfo | CRIError | undefined> {
    try {
      return await this.#options.runtime.imageStatus(name);
    } catch (error) {
      // A runtime that is gone says nothing about the image.
      if (!(error instanceof CRIError) || error.code === 'unavailable') throw error;
      return error;
    }
  }

  async #pull(request: PullRequest): Promise<Ensured> {
    const { pod, container, reference, signal } = request;
    const { image = '' } = container;
    const record = this.#recorder(pod, container);
    const backOffs = this.#backOffs.get(uidOf(pod));
    const before = backOffs?.get(reference.name);
    const pause = pauseOf(before, this.#options.clock.now());
    if (before !== undefined && pause > 0) {
      record.event('Normal', 'BackOff', `Back-off pulling image "${image}"`);
      record.event('Warning', 'Failed', 'Error: ImagePullBackOff');
      const message = `Back-off pulling image "${image}": ErrImagePull: ${before.message}`;
      return { kind: 'problem', reason: 'ImagePullBackOff', message, retryAfter: pause };
    }
    record.event('Normal', 'Pulling', `Pulling image "${image}"`);
    const pulled = await this.#pullNow(request, record);
    if (pulled.kind === 'aborted') return { kind: 'problem', reason: 'ErrImagePull', message: 'pull was abandoned' };
    if (pulled.kind === 'failed') return this.#failed(request, pulled.message, before);
    backOffs?.delete(reference.name);
    if (!signal.aborted) record.event('Normal', 'Pulled', pulledMessage(image, pulled));
    return { kind: 'present', imageRef: pulled.image.id, image: pulled.image };
  }

  async #pullNow({ pod, reference, sandbox, signal }: PullRequest, record: Recorder) {
    const { credentials, unread } = await pullSecretsOf(pod, this.#options.client, this.#options.log);
    if (unread.length > 0) {
      const names = unread.join(', ');
      const outcome = 'attempting to pull the image may not succeed.';
      const message = `Unable to retrieve some image pull secrets (${names}); ${outcome}`;
      record.event('Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return this.#puller.pull({ reference, auths: credentialsFor(reference, credentials), sandbox }, signal);
  }

  #failed({ pod, container, reference }: PullRequest, message: string, before: PullBackOff | undefined): Problem {
    const backOff = failedAgain(before, message, this.#options.clock.now());
    const backOffs = this.#backOffs.get(uidOf(pod)) ?? new Map<string, PullBackOff>();
    this.#backOffs.set(uidOf(pod), backOffs.set(reference.name, backOff));
    const record = this.#recorder(pod, container);
    record.event('Warning', 'Failed', `Failed to pull image "${container.image}": ${message}`);
    record.event('Warning', 'Failed', 'Error: ErrImagePull');
    // At once: what is to be seen until the pull is tried again is ImagePullBackOff.
    return { kind: 'problem', reason: 'ErrImagePull', message, retryAfter: SHOW_BACK_OFF_AFTER };
  }

  #recorder(pod: Pod, container: Container): Recorder {
    const event: Recorder['event'] = (type, reason, message) =>
      this.#options.events.event(pod, type, reason, message, container.name);
    const problem: Recorder['problem'] = (reason, what) => {
      event('Warning', reason, what.message);
      event('Warning', 'Failed', `Error: ${what.reason}`);
      return { kind: 'problem', ...what };
    };
    return { event, problem };
  }
}

/** Milliseconds for which ErrImagePull is shown: a kubelet's next look at the pod comes about then. */
const SHOW_BACK_OFF_AFTER = 2000;

interface PullRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly reference: ImageReference;
  readonly sandbox: SandboxConfig;
  readonly signal: AbortSignal;
}

interface Recorder {
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  /** Records what a container waits for, and returns it. */
  readonly problem: (reason: string, what: { readonly reason: string; readonly message: string }) => Problem;
}

const uidOf = ({ metadata }: Pod): string => metadata.uid ?? '';

function pulledMessage(image: string, { took, waited, image: { size } }: PulledImage): string {
  return `Successfully pulled image "${image}" in ${goDuration(took)} (${goDuration(waited)} including waiting). Image size: ${size} bytes.`;
}

/** Milliseconds as Go prints durations: `850ms`, `1.25s`, `2m3.5s`. */
function goDuration(duration: number): string {
  const ms = Math.round(duration);
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ''}${(ms % 60_000) / 1000}s`;
}
