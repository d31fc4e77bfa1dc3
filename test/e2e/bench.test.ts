// Every benchmark runs, with small numbers and without the peers. No figure is judged here.
import { expect, test } from 'vitest';
import { loadBenchmark, NAMES } from '../bench/benchmarks.mjs';

test.each(NAMES)('the benchmark %s gives its tables', async (name) => {
  const benchmark = await loadBenchmark(name);
  const { tables } = await benchmark({ smoke: true, peers: false, rounds: 1 });
  expect(tables.length).toBeGreaterThan(0);
  for (const { columns, rows } of tables) {
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).toHaveLength(columns.length);
      expect(row).not.toContain('–');
    }
  }
});
