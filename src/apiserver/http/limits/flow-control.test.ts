import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../host/clock.ts';
import { printMetrics } from '../../../lib/metrics.ts';
import type { User } from '../../auth/user.ts';
import { ANONYMOUS } from '../../auth/user.ts';
import { route } from '../route.ts';
import { classify, type RequestClass } from './classify.ts';
import { FlowControl, type Place } from './flow-control.ts';

const alice: User = { name: 'alice', groups: ['system:authenticated'] };
const node: User = { name: 'system:node:n1', groups: ['system:nodes'] };
const admin: User = { name: 'admin', groups: ['system:masters'] };
const never = () => new Promise<void>(() => {});
const busy = { code: 429, message: 'Too many requests, please try again later.' };

const of = (method: string, path: string, user = alice): RequestClass => {
  const [bare = '', query] = path.split('?');
  const asked = new URLSearchParams(query);
  return classify({ route: route(method, bare, asked), path: bare, query: asked }, user);
};

describe('a request is', () => {
  const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1';
  const cases: [string, string, User, string, boolean][] = [
    ['GET', '/api/v1/namespaces/a/pods/b', alice, 'reads users', false],
    ['GET', '/api/v1/pods', alice, 'lists users', false],
    ['GET', '/api/v1/pods?watch=true', node, 'lists nodes', true],
    ['GET', '/api/v1/pods?watch=true&resourceVersion=7', node, 'reads nodes', true],
    ['PUT', lease, node, 'leases nodes', false],
    ['PUT', lease, alice, 'writes users', false],
    ['POST', '/api/v1/namespaces/a/pods', alice, 'writes users', false],
    ['DELETE', '/api/v1/namespaces/a/pods', alice, 'lists users', false],
    ['GET', '/api/v1/pods', admin, 'exempt exempt', false],
    ['GET', '/livez', ANONYMOUS, 'exempt exempt', false],
    ['GET', '/openapi/v3', alice, 'lists users', false],
    ['GET', '/version', ANONYMOUS, 'reads anonymous', false],
    ['GET', '/api/v1/namespaces/a/pods/b/log', alice, 'reads users', true],
  ];
  for (const [method, path, user, expected, isLong] of cases) {
    it(`${expected} when ${user.name} asks ${method} ${path}`, () => {
      const found = of(method, path, user);
      assert.deepEqual([`${found.level} ${found.schema}`, found.isLong, found.flow], [expected, isLong, user.name]);
    });
  }
});

describe('flow control', () => {
  const list = of('GET', '/api/v1/pods');

  /** As many places with a seat as there are. */
  function fill(flows: FlowControl, request: RequestClass, count: number): Place[] {
    const places = Array.from({ length: count }, () => flows.place(request));
    for (const place of places) assert.equal(place.enter(never), undefined);
    return places;
  }

  it('lets one client make two lists at a time; others are not held up, nor is anything else of its own', async () => {
    const flows = new FlowControl(new FakeClock());
    const places = fill(flows, list, 2);
    const third = flows.place(list);
    const waiting = third.enter(never);
    assert.ok(waiting);
    fill(flows, of('GET', '/api/v1/pods', node), 1);
    fill(flows, of('GET', '/api/v1/namespaces/a/pods/b'), 1);
    places[0]?.end();
    await waiting;
  });

  it('refuses who waited for too long, or has gone, and does not count them any more', async () => {
    const clock = new FakeClock();
    const flows = new FlowControl(clock);
    const places = fill(flows, list, 2);
    const [late, gone] = [flows.place(list), flows.place(list)];
    const left = Promise.withResolvers<void>();
    const refused = [
      assert.rejects(late.enter(never) ?? never(), busy),
      assert.rejects(gone.enter(() => left.promise) ?? never(), busy),
    ];
    left.resolve();
    await refused[1];
    await clock.advance(15_000);
    await refused[0];
    for (const place of [...places, late, gone]) place.end();
    fill(flows, list, 2);
    const text = printMetrics(flows.metrics());
    assert.match(text, /rejected_requests_total\{priority_level="lists",flow_schema="users",reason="time-out"\} 1/);
    assert.match(text, /rejected_requests_total\{priority_level="lists",flow_schema="users",reason="cancelled"\} 1/);
    assert.match(text, /current_executing_requests\{priority_level="lists",flow_schema="users"\} 2/);
    assert.match(text, /current_inqueue_requests\{priority_level="lists",flow_schema="users"\} 0/);
    assert.match(text, /dispatched_requests_total\{priority_level="lists",flow_schema="users"\} 4/);
  });

  it('lets administrators, signs of life and health checks through, whatever else there is of whom', () => {
    const flows = new FlowControl(new FakeClock());
    fill(flows, of('GET', '/api/v1/namespaces/a/pods/b', node), 32);
    fill(flows, of('POST', '/api/v1/namespaces/a/pods', node), 32);
    fill(flows, of('PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1', node), 2);
    fill(flows, of('GET', '/livez', node), 1000);
    fill(flows, of('GET', '/api/v1/pods', admin), 1000);
  });

  it('bounds the watches of a client, and takes new ones as others end; administrators have no bound', () => {
    const flows = new FlowControl(new FakeClock());
    const watch = of('GET', '/api/v1/pods?watch=1');
    const places = Array.from({ length: 250 }, () => flows.place(watch));
    assert.throws(() => flows.place(watch), busy);
    flows.place(of('GET', '/api/v1/pods?watch=1', node));
    places[0]?.end();
    flows.place(watch).end();
    for (let i = 0; i < 3000; i++) flows.place(of('GET', '/api/v1/pods?watch=1', admin));
  });

  it('bounds requests whose bodies have not come, as they take memory', () => {
    const flows = new FlowControl(new FakeClock());
    for (let i = 0; i < 500; i++) flows.place(of('POST', '/api/v1/namespaces/a/pods'));
    assert.throws(() => flows.place(list), busy);
  });

  it('costs less than five microseconds a request', () => {
    const flows = new FlowControl(new FakeClock());
    const path = '/api/v1/namespaces/a/pods/b';
    const query = new URLSearchParams();
    const found = { route: route('GET', path, query), path, query };
    const take = (count: number) => {
      for (let i = 0; i < count; i++) {
        const place = flows.place(classify(found, alice));
        place.enter(never);
        place.end();
      }
    };
    take(20_000);
    const used = process.cpuUsage();
    take(50_000);
    const { user, system } = process.cpuUsage(used);
    assert.ok((user + system) / 50_000 < 5, `${(user + system) / 50_000} µs`);
  });
});
