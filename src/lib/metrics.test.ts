import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, printMetrics } from './metrics.ts';

test('prints counters and gauges with their labels', () => {
  const text = printMetrics([
    {
      name: 'requests_total',
      help: 'Requests.',
      type: 'counter',
      samples: [{ labels: { code: '200', verb: 'get' }, value: 3 }],
    },
    {
      name: 'load',
      help: 'Load.',
      type: 'gauge',
      samples: [{ value: 0.25 }, { labels: { of: 'a' }, value: Infinity }],
    },
    { name: 'nothing_yet', help: 'Nothing.', type: 'gauge', samples: [] },
  ]);
  assert.equal(
    text,
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",verb="get"} 3
# HELP load Load.
# TYPE load gauge
load 0.25
load{of="a"} +Inf
# HELP nothing_yet Nothing.
# TYPE nothing_yet gauge
`,
  );
});

test('prints a histogram with cumulative buckets, its sum and its count', () => {
  const values = new Histogram([0.1, 1]);
  for (const value of [0.1, 0.5, 0.75, 4]) values.observe(value);
  const text = printMetrics([{ name: 'd', help: 'D.', type: 'histogram', series: [{ labels: { of: 'x' }, values }] }]);
  assert.deepEqual(text.split('\n').slice(2, -1), [
    'd_bucket{of="x",le="0.1"} 1',
    'd_bucket{of="x",le="1"} 3',
    'd_bucket{of="x",le="+Inf"} 4',
    'd_sum{of="x"} 5.35',
    'd_count{of="x"} 4',
  ]);
});

test('keeps hostile labels and help on their line', () => {
  const text = printMetrics([
    { name: 'm', help: 'a\nb\\', type: 'gauge', samples: [{ labels: { l: '"} 1\nm 2\\' }, value: 0 }] },
  ]);
  assert.deepEqual(text.split('\n'), ['# HELP m a\\nb\\\\', '# TYPE m gauge', 'm{l="\\"} 1\\nm 2\\\\"} 0', '']);
});
