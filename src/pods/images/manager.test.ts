import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import { notFound } from '../../api/status.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { type CRICode, CRIError, type ImageInfo, type RegistryAuth } from '../cri/cri.ts';
import type { ImageManager } from '../parts.ts';
import { sandboxConfig } from '../testing/configs.ts';
import { imageManager } from './manager.ts';

/** A registry and a runtime in one: what can be pulled, what is there, and what was asked. */
class FakeImages {
  readonly present = new Map<string, ImageInfo>();
  readonly pulls: { readonly reference: string; readonly username: string | undefined }[] = [];
  /** Resolves or rejects each pull. */
  registry: (reference: string, auth: RegistryAuth | undefined) => Promise<void> = async () => {};

  async imageStatus(reference: string): Promise<ImageInfo | undefined> {
    return this.present.get(reference);
  }

  async pullImage(reference: string, auth: RegistryAuth | undefined): Promise<string> {
    this.pulls.push({ reference, username: auth?.username });
    await this.registry(reference, auth);
    return this.add(reference).id;
  }

  add(reference: string): ImageInfo {
    const image = {
      id: `sha256:${reference}`,
      repoTags: [reference],
      repoDigests: [],
      size: 1234,
      uid: 0,
      username: '',
    };
    this.present.set(reference, image).set(image.id, image);
    return image;
  }
}

const IMAGE = 'docker.io/library/web:1';
let images: FakeImages;
let secrets: Map<string, Secret>;
let events: string[];
let clock: FakeClock;
let manager: ImageManager;

beforeEach(() => {
  images = new FakeImages();
  secrets = new Map();
  events = [];
  clock = new FakeClock(1_000_000);
  manager = imageManager({
    runtime: images,
    client: {
      get: async (kind, { name }) => {
        const found = secrets.get(name);
        if (found === undefined) throw notFound(kind, name);
        return found as never;
      },
    },
    events: {
      event: (_, type, reason, message, container) => events.push(`${type} ${reason} ${container}: ${message}`),
    },
    log: silentLogger,
    clock,
  });
});

const pod = (uid = 'u1', secretNames: readonly string[] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid },
  spec: { containers: [], imagePullSecrets: secretNames.map((name) => ({ name })) },
});
const sandbox = sandboxConfig({ name: 'web', logDirectory: '/logs' });
const forever = new AbortController().signal;

const ensure = (container: Partial<Container>, of: Pod = pod(), signal: AbortSignal = forever) =>
  manager.ensure(of, { name: 'c', image: 'web:1', ...container }, sandbox, signal);

test('an image that is there is used, under every policy but Always', async () => {
  images.add(IMAGE);
  for (const imagePullPolicy of ['IfNotPresent', 'Never']) {
    const result = await ensure({ imagePullPolicy });
    assert.ok(result.kind === 'present');
    assert.equal(result.imageRef, `sha256:${IMAGE}`);
  }
  assert.deepEqual(images.pulls, []);
  assert.equal(events[0], 'Normal Pulled c: Container image "web:1" already present on machine');
});

test('with Always, and without a policy for the tag latest, an image is pulled though it is there', async () => {
  images.add(IMAGE);
  images.add('docker.io/library/web:latest');
  await ensure({ imagePullPolicy: 'Always' });
  await ensure({ image: 'web' });
  assert.deepEqual(
    images.pulls.map(({ reference }) => reference),
    [IMAGE, 'docker.io/library/web:latest'],
  );
});

test('with Always, an image that cannot be pulled is not used though it is there', async () => {
  images.add(IMAGE);
  images.registry = failing('unknown', 'no such host');
  assert.deepEqual(await ensure({ imagePullPolicy: 'Always' }), {
    kind: 'problem',
    reason: 'ErrImagePull',
    message: 'no such host',
    retryAfter: 2000,
  });
});

test('a pull is told with how long it took', async () => {
  images.registry = async () => clock.advance(1500);
  await ensure({});
  assert.deepEqual(events, [
    'Normal Pulling c: Pulling image "web:1"',
    'Normal Pulled c: Successfully pulled image "web:1" in 1.5s (1.5s including waiting). Image size: 1234 bytes.',
  ]);
});

test('with Never, an image that is not there is not pulled', async () => {
  const message = 'Container image "web:1" is not present with pull policy of Never';
  assert.deepEqual(await ensure({ imagePullPolicy: 'Never' }), {
    kind: 'problem',
    reason: 'ErrImageNeverPull',
    message,
  });
  assert.deepEqual(events, [`Warning ErrImageNeverPull c: ${message}`, 'Warning Failed c: Error: ErrImageNeverPull']);
  assert.deepEqual(images.pulls, []);
});

test('what is no name of an image is told as such', async () => {
  const message = `Failed to apply default image tag "Web:1": couldn't parse image name "Web:1": invalid reference format: repository name (library/Web) must be lowercase`;
  assert.deepEqual(await ensure({ image: 'Web:1' }), { kind: 'problem', reason: 'InvalidImageName', message });
  assert.deepEqual(events, [`Warning InspectFailed c: ${message}`, 'Warning Failed c: Error: InvalidImageName']);
});

test('a pull that failed is tried again later and later, and the pod says what it waits for', async () => {
  images.registry = failing('not-found', 'web:1: not found');
  assert.equal((await ensure({})).kind, 'problem');
  assert.deepEqual(events.splice(0), [
    'Normal Pulling c: Pulling image "web:1"',
    'Warning Failed c: Failed to pull image "web:1": web:1: not found',
    'Warning Failed c: Error: ErrImagePull',
  ]);
  await clock.advance(2000);
  assert.deepEqual(await ensure({}), {
    kind: 'problem',
    reason: 'ImagePullBackOff',
    message: 'Back-off pulling image "web:1": ErrImagePull: web:1: not found',
    retryAfter: 8000,
  });
  assert.deepEqual(events, [
    'Normal BackOff c: Back-off pulling image "web:1"',
    'Warning Failed c: Error: ImagePullBackOff',
  ]);
  const pauses: number[] = [];
  let pause = 8000;
  for (let i = 0; i < 8; i++) {
    await clock.advance(pause);
    assert.equal(reasonOf(await ensure({})), 'ErrImagePull');
    pause = retryOf(await ensure({}));
    pauses.push(pause / 1000);
  }
  assert.deepEqual(pauses, [20, 40, 80, 160, 300, 300, 300, 300]);
  // Quiet for twice the longest: it begins anew.
  await clock.advance(601_000);
  await ensure({});
  assert.equal(retryOf(await ensure({})), 10_000);
});

test('the back-off is of one image of one pod, and ends with either', async () => {
  images.registry = failing('unknown', 'refused');
  await ensure({}, pod('u1'));
  assert.equal(reasonOf(await ensure({}, pod('u2'))), 'ErrImagePull');
  assert.equal(reasonOf(await ensure({ image: 'db:1' }, pod('u1'))), 'ErrImagePull');
  manager.forget('u1');
  assert.equal(reasonOf(await ensure({}, pod('u1'))), 'ErrImagePull');
  assert.equal(reasonOf(await ensure({}, pod('u2'))), 'ImagePullBackOff');
});

test('pods that want the same image at the same time share one pull, and others wait for their turn', async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  images.registry = (reference) => {
    const gate = Promise.withResolvers<void>();
    gates.set(reference.split('/').at(-1) ?? '', gate);
    return gate.promise;
  };
  const all = ['a:1', 'a:1', 'b:1', 'c:1'].map((image, i) => ensure({ image }, pod(`u${i}`)));
  await settle();
  assert.deepEqual([...gates.keys()], ['a:1', 'b:1']);
  gates.get('a:1')?.resolve();
  await settle();
  assert.deepEqual([...gates.keys()], ['a:1', 'b:1', 'c:1']);
  for (const gate of gates.values()) gate.resolve();
  assert.deepEqual(
    (await Promise.all(all)).map(({ kind }) => kind),
    ['present', 'present', 'present', 'present'],
  );
});

test('who gives up waiting is not kept, and the others get their image', async () => {
  const gate = Promise.withResolvers<void>();
  images.registry = () => gate.promise;
  const ends = new AbortController();
  const left = ensure({}, pod('u1'), ends.signal);
  const stays = ensure({}, pod('u2'));
  await settle();
  ends.abort();
  assert.equal((await left).kind, 'problem');
  gate.resolve();
  assert.equal((await stays).kind, 'present');
});

test('a runtime that is lost is no failure of the pull', async () => {
  images.registry = failing('unavailable', 'connection refused');
  await assert.rejects(ensure({}), CRIError);
  images.registry = async () => {};
  assert.equal((await ensure({})).kind, 'present');
});

test('the pod’s own credentials are tried one after the other', async () => {
  secrets.set('one', pullSecret({ 'docker.io': 'amy', 'example.com': 'bob' }));
  secrets.set('two', pullSecret({ 'docker.io': 'eve' }));
  images.registry = async (_, auth) => {
    if (auth?.username !== 'eve') throw new CRIError('PullImage', 'unknown', 'denied');
  };
  assert.equal((await ensure({}, pod('u1', ['one', 'two']))).kind, 'present');
  assert.deepEqual(
    images.pulls.map(({ username }) => username),
    ['amy', 'eve'],
  );
});

test('a Secret that is not there is told, and the pull is tried without', async () => {
  assert.equal((await ensure({}, pod('u1', ['absent']))).kind, 'present');
  assert.deepEqual(images.pulls, [{ reference: IMAGE, username: undefined }]);
  assert.match(
    events.join('\n'),
    /Warning FailedToRetrieveImagePullSecret c: Unable to retrieve some image pull secrets \(absent\)/,
  );
});

function failing(code: CRICode, message: string): () => Promise<void> {
  return () => Promise.reject(new CRIError('PullImage', code, message));
}

const reasonOf = (result: Awaited<ReturnType<ImageManager['ensure']>>): string =>
  result.kind === 'problem' ? result.reason : result.kind;
const retryOf = (result: Awaited<ReturnType<ImageManager['ensure']>>): number =>
  result.kind === 'problem' ? (result.retryAfter ?? 0) : 0;

/** Lets everything happen that waits for nothing. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function pullSecret(users: Readonly<Record<string, string>>): Secret {
  const auths = Object.fromEntries(
    Object.entries(users).map(([host, username]) => [host, { username, password: 'p' }]),
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull', namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
}
