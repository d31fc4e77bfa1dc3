// Run before anything else by the commands that use a browser or a Redis: names the browsers and servers that it found, gets a missing
// Chromium or Redis on a Debian where we are root (TEST_APT=0 leaves that out), and says what to run
// anywhere else. When both are there, nothing is fetched. Firefox and WebKit are used where they are,
// never installed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chromiumPath, firefoxPath, webkitPath, which } from './browsers.mjs';
import { redisPath } from './redis.mjs';

/** What the tests cannot do without. */
const NEEDED = [
  {
    name: 'Chromium',
    path: chromiumPath,
    debian: 'chromium',
    mac: '--cask google-chrome',
    variable: 'CHROMIUM_BIN',
  },
  {
    name: 'Redis',
    path: redisPath,
    debian: 'redis-server',
    mac: 'redis',
    variable: 'REDIS_BIN',
  },
];

const isDebian = () => {
  try {
    // Only Debian itself: Ubuntu's package `chromium` is an empty shell around a snap.
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
};

/** @param {string[]} packages */
function install(packages) {
  console.log(`${packages.join(' and ')} missing: root on Debian, getting it with apt-get ...`);
  /** @param {string[]} args */
  const aptGet = (...args) =>
    spawnSync('apt-get', args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    }).status === 0;
  return (
    aptGet('-qq', 'update') &&
    aptGet('-qq', 'install', '-y', '--no-install-recommends', ...packages)
  );
}

const missing = () => NEEDED.filter(({ path }) => !path());
const mayInstall =
  process.env.TEST_APT !== '0' && process.getuid?.() === 0 && isDebian() && which(['apt-get']);
if (missing().length > 0 && mayInstall && !install(missing().map(({ debian }) => debian))) {
  console.error('apt-get failed.');
}

for (const [name, path] of [
  ...NEEDED.map(({ name, path }) => [name, path() ?? 'NOT FOUND']),
  ['Firefox', firefoxPath() ?? 'not found: its tests are left out'],
  ['WebKit', webkitPath() ?? 'not found: its tests are left out'],
]) {
  console.log(`${name}: ${path}`);
}
for (const { name, debian, mac, variable } of missing()) {
  console.error(
    process.platform === 'darwin'
      ? `The tests need ${name}: brew install ${mac}`
      : `The tests need ${name}: sudo apt-get install --no-install-recommends ${debian}`,
  );
  console.error(`If it is somewhere unusual, name it in the environment: ${variable}=/path/to/it`);
  process.exitCode = 1;
}
