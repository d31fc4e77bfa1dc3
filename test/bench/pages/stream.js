/** A client, and how long it takes it to handle what its server publishes as fast as it can. */
export async function contender(open, url, options) {
  let handled = 0;
  let reached = () => undefined;
  let target = Infinity;
  const { ready } = open(
    url,
    () => {
      handled += 1;
      if (handled === target) reached();
    },
    options,
  );
  await ready;

  return async (count) => {
    target = handled + count;
    const done = new Promise((resolve) => (reached = resolve));
    const from = performance.now();
    await Promise.all([fetch(`/go?count=${count}`, { method: 'POST' }), done]);
    return { perSecond: count / ((performance.now() - from) / 1_000) };
  };
}
