// Processor time of a page's main thread. What else runs on the machine is not in it, as it is in the
// time of the clock.

/**
 * @param {import('puppeteer-core').Page} page
 * @returns a function that gives the milliseconds so far
 */
export async function threadTime(page) {
  const devtools = await page.createCDPSession();
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1_000;
  };
}
