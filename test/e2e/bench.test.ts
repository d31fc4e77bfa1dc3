// Every benchmark runs, with small numbers and without the peers. No figure is judged here.
import { expect, test } from 'vitest';
import { loadBenchmark, NAMES } from '../bench/benchmarks.mjs';

// Some open a page for every contender: on a busy machine that takes its time.
test.each(NAMES)('the benchmark %s gives its tables', { timeout: 60_000 }, async (name) => {
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
