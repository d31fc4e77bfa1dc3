// Where the time of a page goes: the sampling profiler of the browser, summed up by function.

/** Between two samples, in microseconds. */
const EVERY_US = 200;

/**
 * @param {import('puppeteer-core').Page} page
 * @param {() => Promise<unknown>} work
 * @returns {Promise<readonly { name: string, share: number }[]>} functions by their own time, the
 *   greatest first; `share` of 1 is all the time that was not idle
 */
export async function profile(page, work) {
  const devtools = await page.createCDPSession();
  await devtools.send('Profiler.enable');
  await devtools.send('Profiler.setSamplingInterval', { interval: EVERY_US });
  await devtools.send('Profiler.start');
  await work();
  const { nodes, samples = [] } = (await devtools.send('Profiler.stop')).profile;
  await devtools.detach();

  const names = new Map(nodes.map(({ callFrame, id }) => [id, describe(callFrame)]));
  /** @type {Map<string, number>} */
  const counts = new Map();
  let total = 0;
  for (const id of samples) {
    const name = names.get(id) ?? '';
    if (name === '(idle)' || name === '(program)' || name === '(root)') continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    total += 1;
  }
  return [...counts]
    .map(([name, count]) => ({ name, share: count / total }))
    .sort((a, b) => b.share - a.share);
}

/** @param {{ functionName: string, lineNumber: number }} frame of an unminified bundle */
const describe = ({ functionName, lineNumber }) =>
  functionName || `anonymous, line ${lineNumber + 1}`;
